"""The mouth in pauses: it rests where nobody speaks; with an emotion, anger presses the lips and sadness sighs.

T frames, K shapes of a head, E emotions, P phrases. Rest is by the encoder's phoneme probabilities, lips that are pressed and
sighs are by the phrases of the sound, so these need no model that has learnt them.

People on film part their lips long before they speak, and films begin in the middle of words. A model that learnt from them
opens the mouth of a recording before its voice begins. Seconds, probabilities and weights were set by hand: the correlation
with filmed lips of strangers is 0.606 with a `SURE` of 0.9 as with one of 0.97, and 0.619, 0.622 and 0.621 with a `BEFORE` of
0.6, 0.3 and 0.2.

[E] Ekman, Friesen 1978, Facial Action Coding System (lips that are pressed, 23 and 24, are a sign of anger).
[V] Vlemincx et al. 2011, Sigh rate and respiratory variability during mental load and sustained attention. Psychophysiology 48
    (a sigh is a breath of more than twice the usual depth).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from talkinghead.audio.activity import runs
from talkinghead.audio.clock import frame_times
from talkinghead.head.head import Head
from talkinghead.motion.easing import ease, smoothstep
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.lip_closure import PARTING, close_lips

SURE = 0.9  # probability of silence above which nobody speaks: of the shipped encoder, in digital silence before a voice, 0.95
# Seconds.
SHORTEST, SHORTEST_EDGE = 1.0, 0.08  # of a silence in which the mouth rests: within a recording, and at its ends
UNSURE = 0.1  # at the ends of a recording: the encoder may miss silence there; a long one beside it reaches the end
AFTER = 0.4  # from the end of the voice to where lips begin to close
BEFORE = 0.2  # from where lips have parted to the next voice
BEFORE_FIRST = -0.05  # the same where a recording begins shortly before the voice: lips part with it
CLOSING, OPENING = 0.2, 0.1  # that lips take to close and to part

# With an emotion
ANGRY, SAD = EMOTIONS.index("angry"), EMOTIONS.index("sad")
# Seconds of a pause: the least in which lips are pressed; from the end of a phrase to where they close, from where they part to
# the next; that they take to close and to part.
PRESS_LEAST, PRESS_AFTER, PRESS_BEFORE, PRESS_CLOSING, PRESS_PARTING = 0.5, 0.15, 0.15, 0.2, 0.12
PRESSED = {"mouthRollLower": 0.6, "mouthRollUpper": 0.55, "mouthShrugLower": 0.35}
# Seconds of a sigh: the least pause with one; from the end of a phrase to its beginning; breath in and breath out; from its end
# to the next phrase.
SIGH_LEAST, SIGH_AFTER, SIGH_IN, SIGH_OUT, SIGH_BEFORE = 1.1, 0.1, 0.45, 0.75, 0.1
SIGH_CHANCE = 0.7  # share of such pauses
SIGHED = {"jawOpen": 0.06, "mouthFunnel": 0.1, "cheekPuff": 0.2, "browInnerUp": 0.1, "mouthShrugLower": 0.1}  # breath out
DRAWN = {"noseSneer": 0.06, "browInnerUp": 0.1}  # breath in
LIFT, SINK = np.radians(-1.5), np.radians(2.5)  # rad that the head nods at the height of the breath in, and out


def rest_level(silence: np.ndarray, fps: float) -> np.ndarray:
    """(T,) probability of silence -> (T,) degree of rest in [0, 1].

    A recording that is silent throughout has 0: it may be a voice that the encoder does not know.
    """
    level, times = np.zeros(len(silence)), frame_times(len(silence), fps)
    for start, end in runs(silence > SURE):
        first, last = start / fps < UNSURE, (len(silence) - end) / fps < UNSURE
        at_edge = start == 0 or end == len(silence)
        if (end - start) / fps < (SHORTEST_EDGE if at_edge else SHORTEST) or (first and last):
            continue
        before = BEFORE_FIRST if first and end / fps < CLOSING else BEFORE
        span = slice(0 if first else start, len(silence) if last else int(np.searchsorted(times, end / fps - before)))
        closed = np.inf if first else (times[span] - start / fps - AFTER) / CLOSING
        parted = np.inf if last else (end / fps - before - times[span]) / OPENING
        level[span] = np.maximum(level[span], np.minimum(closed, parted))
    return smoothstep(level)


def rest_mouth(coefficients: np.ndarray, level: np.ndarray, head: Head) -> np.ndarray:
    """(..., K) weights of ARKit's shapes with jaw and lips at rest by (...) `level`: 0 unchanged, 1 shut."""
    out = coefficients.copy()
    opening = [head.names.index(name) for name in ("jawOpen", "mouthClose", *PARTING) if name in head.names]
    out[..., opening] *= (1 - level)[..., None]
    return close_lips(out, level, head)


def pauses(phrases: np.ndarray, end: float) -> np.ndarray:
    """(P + 1, 2): first and last second of the silences before, between and after (P, 3) phrases of `end` seconds."""
    return np.stack([np.append(0.0, phrases[:, 1]), np.append(phrases[:, 0], end)], 1)


def pressing(curve: np.ndarray, times: np.ndarray, phrases: np.ndarray) -> np.ndarray:
    """(T, E) curve at (T,) seconds -> (T,) how far lips are pressed, 0 to 1; nowhere if no voice is heard at all."""
    level, last = np.zeros(len(times)), len(phrases)
    if not last:
        return level
    for i, (start, end) in enumerate(pauses(phrases, float(times[-1]))):
        if end - start < PRESS_LEAST:
            continue
        span = slice(*np.searchsorted(times, [start, end], side="left" if i < last else "right"))
        closed = (times[span] - start - PRESS_AFTER) / PRESS_CLOSING if i else np.inf
        parted = (end - PRESS_BEFORE - times[span]) / PRESS_PARTING if i < last else np.inf
        level[span] = np.minimum(closed, parted)
    return smoothstep(level) * np.clip(curve[:, ANGRY], 0, 1)


def sighs(curve: np.ndarray, times: np.ndarray, phrases: np.ndarray, seed: int) -> np.ndarray:
    """(T, E) curve at (T,) seconds -> (T, 2) how far a sigh is drawn and let out, 0 to 1, by sadness.

    The seed decides which pauses have one, and how deep it is.
    """
    rng, out = np.random.default_rng([seed & (2**64 - 1), 9]), np.zeros((len(times), 2))
    for start, end in pauses(phrases, float(times[-1]))[1:]:
        chance, depth = rng.uniform([0, 0.7], 1)
        if end - start < SIGH_LEAST or chance > SIGH_CHANCE:
            continue
        begin = start + SIGH_AFTER
        turn = begin + SIGH_IN
        stop = min(turn + SIGH_OUT, end - SIGH_BEFORE)
        for column, (first, last, rises) in enumerate(((begin, turn + 0.2, 0.7), (turn, stop, 0.3))):
            phase = (times - first) / (last - first)
            out[:, column] += depth * np.minimum(ease(phase / rises), 1 - ease((phase - rises) / (1 - rises)))
    return out * np.clip(curve[:, [SAD]], 0, 1)


def sigh_rotation(sigh: np.ndarray) -> np.ndarray:
    """(T, 2) sighs -> (T, 3) rad to add to the head's rotation: it rises with the breath and sinks."""
    return (sigh @ [LIFT, SINK])[:, None] * [1.0, 0.0, 0.0]


def show_pauses(weights: np.ndarray, press: np.ndarray, sigh: np.ndarray, head: Head) -> np.ndarray:
    """(..., K) weights with lips pressed by (...) `press` and (..., 2) `sigh`; where both are 0 nothing changes."""
    out = rest_mouth(weights, press, head) if press.any() else weights.copy()
    pressed, drawn, sighed = _shown(tuple(head.names))
    out[...] = np.maximum(out, pressed * press[..., None])
    out += (drawn * sigh[..., :1] + sighed * sigh[..., 1:]) * (1 - out)
    return out


@lru_cache(maxsize=8)
def _shown(names: tuple[str, ...]) -> np.ndarray:
    """(3, K) how far each shape goes with pressed lips, with breath in and with breath out."""
    stems = [name.removesuffix("Left").removesuffix("Right") for name in names]
    return np.array([[table.get(stem, 0.0) for stem in stems] for table in (PRESSED, DRAWN, SIGHED)])
