"""Head pose, gaze and blinks by emotion, and slow changes of a held emotion. T frames, E emotions.

The face itself is in `expressions`. Directions are from the literature; degrees were set by eye where it gives none:

[A] Adams, Kleck 2005, Effects of direct and averted gaze on the perception of facially communicated emotion. Emotion 5 (anger
    and joy look at you; fear and sadness look away).
[B] Busso, Deng, Grimm, Neumann, Narayanan 2007, Rigid head motion in expressive speech animation. IEEE Transactions on Audio,
    Speech, and Language Processing 15 (heads move differently with each emotion, further in happy and angry speech).
[D] Hess, Kleck 1990, Differentiating emotion elicited and deliberate emotional facial expressions. European Journal of Social
    Psychology 20 (onsets take 0.3 to 0.7 s).
[H] Harrigan, O'Connell 1996, How do you look when feeling anxious? Personality and Individual Differences 21 (more blinks).
[L] Livingstone, Palmer 2016, Head movements encode emotions during speech and song. Emotion 16 (raised in joy, low when sad).
[W] Wallbott 1998, Bodily expression of emotion. European Journal of Social Psychology 28 (postures of heads).
[Y] Lee, Badler, Badler 2002, Eyes alive. ACM Transactions on Graphics 21.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from talkinghead.audio.curves import smooth
from talkinghead.audio.prosody import Prosody
from talkinghead.blocks import spans
from talkinghead.motion.easing import Path, ease
from talkinghead.motion.emotions import EMOTIONS

# Of each emotion at full intensity. down, turn, tilt: degrees of the head downwards, to one side and to one shoulder (the seed
# decides the side). look: degrees of the eyes below the viewer. moves, brows, blinks: factors of the motion of head and brows
# in speech and of the rate of blinks. slow: factor of the length of a blink. darts: share of quick looks aside (DART).
AFFECT: dict[str, dict[str, float]] = {
    "happy": {"down": -2.5, "tilt": 2.5, "moves": 1.35, "brows": 1.1, "blinks": 1.1},  # [L][B]
    "sad": {"down": 7.0, "tilt": 2.0, "look": 10.0, "moves": 0.6, "brows": 0.5, "blinks": 0.85, "slow": 1.4},  # [L][W][A]
    "surprised": {"down": -4.0, "moves": 1.1, "brows": 0.5, "blinks": 0.5},
    "fearful": {"down": -3.0, "turn": 2.5, "moves": 1.1, "brows": 0.5, "blinks": 1.7, "darts": 1.0},  # [A][H]
    "disgusted": {"down": -2.0, "turn": 6.0, "tilt": 2.0, "moves": 0.9, "brows": 0.5},  # [W]
    "angry": {"down": 4.5, "moves": 1.35, "brows": 0.3, "blinks": 0.55},  # [B]; gaze stays on the viewer [A]
    "contempt": {"down": -5.0, "turn": 4.0, "moves": 0.8, "brows": 0.7, "blinks": 0.8, "slow": 1.2},
}
UNAFFECTED = {
    "down": 0.0,
    "turn": 0.0,
    "tilt": 0.0,
    "look": 0.0,
    "moves": 1.0,
    "brows": 1.0,
    "blinks": 1.0,
    "slow": 1.0,
    "darts": 0.0,
}
BEFORE_WORDS = 0.6  # share of a held emotion that is shown before the first words
ONSET, ONSET_AHEAD = 0.6, 0.2  # seconds in which the rest of it comes [D], and by which it is ahead of the voice
LATE = 0.5  # seconds by which head and gaze are smoothed: they follow the face late
BLOCK = 10_000  # frames at a time
SACCADE, SACCADE_SLOPE = 0.025, 0.0024  # seconds that a saccade lasts, and more for each degree, as measured of speakers [Y]
DART = (2.5, 7.0)  # degrees: smallest and largest quick look aside
WAVES, ACCENT, PAUSE, MOST = 0.09, 0.08, 0.05, 0.15  # shares of intensity: slow waves, on accents, less in pauses, limit of all


@dataclass(frozen=True)
class AffectMotion:
    """Changes of `nonverbal_motion` by emotion.

    posture: (T, 3) rad to add to the head's rotation. gaze: (T, 2) rad, yaw and pitch, to add to the gaze. moves, brows,
    blinks, slow: (T,) factors of head motion, brow motion, rate and length of blinks; 1 is without emotion.
    """

    posture: np.ndarray
    gaze: np.ndarray
    moves: np.ndarray
    brows: np.ndarray
    blinks: np.ndarray
    slow: np.ndarray


def affect_motion(curve: np.ndarray, times: np.ndarray, seed: int, fps: float) -> AffectMotion:
    """(T, E) curve at (T,) seconds -> its effects, weighted sums in a blend. The seed decides sides and a factor of posture."""
    rng = np.random.default_rng([seed & (2**64 - 1), 7])
    late = np.stack([smooth(column, LATE * fps) for column in np.asarray(curve, np.float64)[:, 1:].T], 1)

    own = own_posture(rng)

    def of(what: str) -> np.ndarray:
        return UNAFFECTED[what] + late @ full_affect(what)

    posture = np.radians(np.stack([of("down"), of("turn"), of("tilt")], 1)) * own
    gaze = np.radians(np.stack([0 * times, -of("look")], 1)) + of("darts")[:, None] * _darts(rng, times)
    return AffectMotion(posture, gaze, of("moves"), of("brows"), of("blinks"), of("slow"))


def full_affect(what: str) -> np.ndarray:
    """(E - 1,) what each emotion at full intensity changes of UNAFFECTED."""
    return np.array([AFFECT[name].get(what, UNAFFECTED[what]) - UNAFFECTED[what] for name in EMOTIONS[1:]])


def own_posture(rng: np.random.Generator) -> np.ndarray:
    """(3,) factors of the three angles of AFFECT: people hold their heads differently, and to different sides."""
    aside, shoulder = rng.choice([-1.0, 1.0], 2)
    return np.array([1.0, aside, shoulder]) * rng.uniform(0.75, 1.25, 3)


def fluctuation(times: np.ndarray, voice: Prosody | None, seed: int) -> np.ndarray:
    """(T,) factors within 1 - MOST to 1 + MOST of an emotion's intensity, so that a held emotion is not frozen.

    They follow slow waves and, with a `voice`, rise on accents and fall in pauses.
    """
    waves, change = fluctuation_waves(seed), np.zeros(len(times))
    for span in spans(len(times), BLOCK):
        change[span] = waves(times[span])
    if voice is not None:
        for at, size in voice.accents:
            around = slice(*np.searchsorted(times, [at - 0.6, at + 0.4]))
            change[around] += ACCENT * size * bump((times[around] - at + 0.1) / 0.5)
        change = change - PAUSE * (1 - np.interp(times, voice.times, smooth(voice.speaking, 50)))
    return 1 + change.clip(-MOST, MOST)


def onset(times: np.ndarray, voice: Prosody) -> np.ndarray:
    """(T,) factors in [BEFORE_WORDS, 1] of a held emotion, which comes with the first words; 1 where nobody speaks at all."""
    if not len(voice.phrases):
        return np.ones(len(times))
    begin = voice.phrases[0, 0] - ONSET_AHEAD
    return BEFORE_WORDS + (1 - BEFORE_WORDS) * ease((times - begin) / ONSET)


def fluctuate(curve: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """(T, E) curve times (T,) factors; 0 stays 0, a larger intensity stays larger, and no row's sum exceeds 1."""
    curve = np.asarray(curve, np.float64)
    sums = curve[:, 1:].sum(1)
    factor = np.minimum(factor, 1 / np.maximum(sums, 1e-9))
    out = curve * factor[:, None]
    out[:, 0] = curve[:, 0]
    return out


def fluctuation_waves(seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """What gives the slow waves of an intensity at (T,) seconds."""
    rng = np.random.default_rng([seed & (2**64 - 1), 8])
    rates, phases = rng.uniform(0.08, 0.5, 6), rng.uniform(0, 2 * np.pi, 6)
    return lambda times: WAVES * np.sqrt(2 / 6) * np.sin(2 * np.pi * times[:, None] * rates + phases).sum(1)


def bump(phase: np.ndarray) -> np.ndarray:
    """0 at -1, 1 at 0 and 0 at 1."""
    return np.cos(np.pi / 2 * np.clip(phase, -1, 1)) ** 2


def _darts(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """(T, 2) rad: quick looks to either side and back, 0.35 to 1.3 s apart."""
    path, moment, before = Path(times, 2), 0.0, np.zeros(2)
    while moment < times[-1]:
        wait, target = draw_dart(rng)
        moment += wait
        path.go(moment, saccade_seconds(target - before), target - before)
        before = target
    return path.whole()


def draw_dart(rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """Seconds until the next quick look, and (2,) rad of where it goes: aside, or back to the viewer."""
    wait, angle, far, back = rng.uniform([0.35, -0.45, DART[0], 0], [1.3, 0.45, DART[1], 1])
    side = rng.choice([-1.0, 1.0])
    return wait, np.zeros(2) if back < 0.35 else np.radians(far) * np.array([side * np.cos(angle), np.sin(angle)])


def saccade_seconds(step: np.ndarray) -> float:
    """Seconds that a saccade of (2,) rad lasts."""
    return SACCADE + SACCADE_SLOPE * float(np.degrees(np.hypot(*step)))
