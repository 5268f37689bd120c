"""What lip nets say, as weights of shapes, and rules where film shows little. T frames at 50 a second, K shapes."""

from __future__ import annotations

import numpy as np
from lip_nets import LipNets
from scipy.ndimage import gaussian_filter1d

from talkinghead.audio.clock import FPS, frame_times
from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import MILLIMETRES, lip_gap
from talkinghead.motion.easing import smoothstep
from talkinghead.motion.lip_closure import PARTING, close_lips
from talkinghead.speech.coarticulation import BITE, TONGUE, TUNING, Segments, contact, rounding
from talkinghead.speech.phonemes import BILABIALS, LABIODENTALS, SILENCE

PRESSED = -0.5  # mm: lips that the nets press together overlap by this at most
TOLERANCE = 0.05  # mm by which lips may be too far apart before they are moved
ROUNDING = 0.8  # share of the rounding that phonemes ask for which the lips have at least
UNSPREAD = 0.6  # mouthPucker at which the corners of the mouth are not drawn out any more
BITING = TUNING.teeth + 0.02  # jawOpen that mouthClose leaves while the lower lip is under the teeth
# Seconds, of pauses: the least length, from the end of the voice to where lips begin to close, from where they have parted to
# the next voice, and what closing and parting take. At the ends of a recording every pause counts.
PAUSE, AFTER, BEFORE, MOVING = 0.35, 0.12, 0.08, 0.12
STILL = 0.7  # share by which shapes are reduced at rest, beyond closing the lips
# Nets give the mean of what lips may do, which is slower: on average the lips of 251 voices moved by 0.76 mm a frame, with this
# by 0.83, those of filmed addresses by 0.88. Share, and deviation in frames, of what a Gaussian filter takes away.
SHARPENING, SMOOTHED = 0.25, 8
TEETH_APART = 0.05  # jawOpen from which the tongue shows whole


class Mouth:
    """The shapes of nets on the default head, whose weights are columns of (T, K) arrays."""

    def __init__(self, shapes: list[str]) -> None:
        self.shapes, self.head = shapes, Head.default()
        moved, rest = lip_gap(self.head)
        self.parts = moved[[self.head.index(name) for name in shapes]] * MILLIMETRES  # (K,) mm between the lips
        self.rest = rest * MILLIMETRES
        self.jaw, self.close = self.at("jawOpen")[0], self.at("mouthClose")[0]

    def at(self, *names: str) -> list[int]:
        """Columns of shapes, of both sides where a name has two."""
        wanted = {name + side for name in names for side in ("", "Left", "Right")}
        return [i for i, name in enumerate(self.shapes) if name in wanted]

    def gap(self, weights: np.ndarray) -> np.ndarray:
        """(T,) mm between the lips, below 0 where they overlap."""
        return weights @ self.parts + self.rest

    def opened(self, weights: np.ndarray, aperture: np.ndarray) -> np.ndarray:
        """The weights with lips that are (T,) `aperture` mm apart: the jaw is moved, then the lips where that is not enough."""
        out, openers = weights.copy(), self.at(*PARTING)
        for _ in range(2):
            out[:, self.close] = np.minimum(out[:, self.close], out[:, self.jaw])
            out[:, self.jaw] = np.clip(out[:, self.jaw] + (aperture - self.gap(out)) / self.parts[self.jaw], 0, 1)
            out[:, self.close] = np.minimum(out[:, self.close], out[:, self.jaw])
            missing = aperture - self.gap(out)
            parted = np.maximum(out[:, openers] @ self.parts[openers], 1e-6)
            out[:, openers] *= np.clip(1 + np.where(missing < -TOLERANCE, missing, 0) / parted, 0, 1)[:, None]
        return out

    def closed(self, weights: np.ndarray, level: np.ndarray) -> np.ndarray:
        """The weights with the lips closed by (T,) `level`, see `motion.lip_closure.close_lips`."""
        whole = close_lips(self.head.scatter_coefficients(weights, self.shapes), level, self.head)
        return whole[:, [self.head.index(name) for name in self.shapes]]


def average(nets: list[LipNets], features: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What several folders of nets say of their features: (T, K) weights, and (T, 2) aperture and width in mm."""
    told = [one(heard) for one, heard in zip(nets, features, strict=True)]
    frames = min(len(weights) for weights, _ in told)
    return tuple(np.mean([pair[i][:frames] for pair in told], 0) for i in (0, 1))  # type: ignore[return-value]


def sharpened(values: np.ndarray) -> np.ndarray:
    """(T, N) values with faster changes, see `SHARPENING`."""
    return values + SHARPENING * (values - gaussian_filter1d(values, SMOOTHED, axis=0, mode="nearest"))


def label(
    mouth: Mouth, weights: np.ndarray, aperture: np.ndarray, segments: Segments | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """(T, K) weights with that (T,) aperture in mm, and (T,) weight of tongueOut; None, and no rules, without phonemes."""
    aperture = np.maximum(aperture, PRESSED)
    weights = mouth.opened(weights, aperture)
    if segments is None:
        return weights, None
    times = frame_times(len(weights), FPS)
    weights = bitten(mouth, mouth.opened(rounded(mouth, weights, segments, times), aperture), segments, times)
    still = rest(segments, times)
    level = np.maximum(contact(segments, BILABIALS, times, 1 / FPS), smoothstep(still))
    weights = mouth.closed(weights, level) * (1 - STILL * still)[:, None]
    kinds = {weight: tuple(phone for phone in TONGUE if TONGUE[phone] == weight) for weight in TONGUE.values()}
    tongue = np.max([weight * contact(segments, phones, times, 1 / FPS) for weight, phones in kinds.items()], 0)
    return weights, tongue * np.clip(weights[:, mouth.jaw] / TEETH_APART, 0, 1)


def rounded(mouth: Mouth, weights: np.ndarray, segments: Segments, times: np.ndarray) -> np.ndarray:
    """The weights with the least rounding that the phonemes ask for."""
    out = weights.copy()
    pucker, funnel = rounding(segments, times)
    for name, least in (("mouthPucker", pucker), ("mouthFunnel", funnel)):
        column = mouth.at(name)[0]
        out[:, column] = np.maximum(out[:, column], ROUNDING * least)
    out[:, mouth.at("mouthStretch", "mouthSmile")] *= (1 - np.minimum(pucker / UNSPREAD, 1))[:, None]
    return out


def bitten(mouth: Mouth, weights: np.ndarray, segments: Segments, times: np.ndarray) -> np.ndarray:
    """The weights with the lower lip under the upper teeth at /f v/."""
    out, bite = weights.copy(), contact(segments, LABIODENTALS, times, 1 / FPS, begin=0.25)
    goals = {**BITE, "mouthClose": np.maximum(out[:, mouth.jaw] - BITING, 0)}
    for name, goal in goals.items():
        for column in mouth.at(name):
            out[:, column] = out[:, column] * (1 - bite) + goal * bite
    return out


def rest(segments: Segments, times: np.ndarray) -> np.ndarray:
    """(T,) degree of rest in pauses: lips part later than those of people on film, who breathe before they speak."""
    out, last = np.zeros(len(times)), len(segments.phones) - 1
    for i, (phone, start, end) in enumerate(zip(segments.phones, segments.start, segments.end, strict=True)):
        if phone != SILENCE or (end - start <= PAUSE and i not in (0, last)):
            continue
        closed = np.inf if i == 0 else (times - start - AFTER) / MOVING
        parted = np.inf if i == last else (end - BEFORE - times) / MOVING
        out = np.maximum(out, np.clip(np.minimum(closed, parted), 0, 1))
    return out
