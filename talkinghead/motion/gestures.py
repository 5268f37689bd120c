"""Motion of brows and head with the voice: raises and nods on accents, postures at phrases, head pitch that follows the voice.

T frames, N accents, P phrases. Events belong to accents and phrases in seconds, each with random numbers of its own, so a
later event changes nothing before it. Sources of the figures:

[C] Cave et al. 1996, About the relationship between eyebrow movements and F0 variations. ICSLP (most raises go with the pitch).
[F] Flecha-Garcia 2010, Eyebrow raises in dialogue and their relation to discourse structure, utterance function and pitch
    accents in English. Speech Communication 52 (raises begin 60 ms before an accent; more of them where something new begins).
[G] Graf, Cosatto, Strom, Huang 2002, Visual prosody: facial movements accompanying speech. Face and Gesture (nods on accents).
[H] Hadar, Steiner, Grant, Rose 1983, Kinematics of head movements accompanying speech. Human Movement Science 2.
[M] Munhall et al. 2004, Visual prosody and speech intelligibility. Psychological Science 15 (the head goes with pitch, level).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from talkinghead.audio.curves import smooth
from talkinghead.audio.prosody import Prosody
from talkinghead.blocks import spans
from talkinghead.motion.easing import Path, ease

BLOCK = 10_000  # frames at a time

# Accents where only voice activity is known. Figures without a source were set by eye.
ACCENT, ACCENT_SPREAD, ACCENT_RANGE = 1.3, 0.4, (0.6, 4)  # seconds between accents: median, sigma of the logarithm, limits
ACCENT_SMOOTH, ACCENT_REACH = 0.15, 0.3  # seconds over which activity is averaged, and within which its peak is the accent

# Nods, 0.7 to 3 degrees in 0.4 to 0.6 s [G]. Ranges of: chance in [0, 1], seconds, degrees, turn and tilt as shares of the nod,
# seconds after the accent
NOD_LOW, NOD_HIGH = (0, 0.4, 0.7, -0.4, -0.3, -0.04), (1, 0.6, 2.2, 0.4, 0.3, 0.08)
NOD_GAP = 0.45  # least seconds between two nods
NOD_CHANCE, NOD_CHANCE_SLOPE = 0.25, 0.75  # chance of a nod on an accent of size 0, and more for each 1 of its size
NOD_SIZE, NOD_MOST = 1.4, 1.3  # size of a nod for each 1 of its accent's, and the largest

# Posture of the head
POSTURE, POSTURE_MOST = (
    np.radians([0.8, 1.7, 1.1]),
    2,
)  # spread about x (nod), y (turn), z (tilt) at a phrase; its limit in spreads
# Ranges of: seconds of a change, its start after the phrase's, chance in [0, 1], size of the lift at a question's end
POSTURE_LOW, POSTURE_HIGH = (0.6, -0.3, 0, 0.5), (1.1, 0.1, 1, 1)
POSTURE_CHANCE = 0.75  # share of phrases that begin with a new posture [H]
LONG_PAUSE, RETURN_DELAY, RETURN, RETURN_SHARE = (
    1.2,
    0.2,
    0.9,
    0.3,
)  # seconds: pause, start and length of a return; what is left
CHIN = np.radians(0.5)  # rad that the head lifts for each semitone [M]
QUESTION_LIFT = np.radians(3.0)  # rad that the head lifts at most at the end of a question
LIFT_START, LIFT, LIFT_END, LIFT_FALL = -0.55, 0.4, 0.3, 0.7  # seconds from that end: start, then its length; fall, its length
PITCH_SMOOTH = 50  # samples of the prosody, 100 a second, over which pitch is averaged

# Raises of brows. `draw`: numbers in [0, 1)
RAISE_GAP = 1.1  # least seconds between two raises
RAISE_CHANCE, RAISE_CHANCE_SLOPE, NEW_PHRASE = 0.04, 0.28, 1.6  # as of nods; factor where something new begins [F]
PHRASE_BEGIN = (-0.1, 0.9)  # seconds after a phrase's begin in which an accent is taken for its first
RAISE, RAISE_RANGE = 0.13, 0.09  # seconds in which a brow rises: least, and more by a draw; so are the next four
RAISE_HELD, RAISE_HELD_RANGE = 0.05, 0.25
RAISE_FALL, RAISE_FALL_RANGE = 0.25, 0.25
RAISE_HEIGHT, RAISE_HEIGHT_SLOPE = 0.18, 0.42  # weight on an accent of size 0, and more for each 1 of its size
RAISE_VARIES, RAISE_VARIES_RANGE = 0.6, 0.7  # factor of that weight
RAISE_AHEAD, RAISE_SHARE_AHEAD = 0.06, 0.6  # seconds [F] and share of the rise before the accent
FROWNS, FROWN_HEIGHT = 0.12, 0.6  # share of raises that are a frown instead, and its factor of height
HESITATION, HESITATION_CHANCE = 0.5, 0.25  # seconds from which on a pause may have a raise, and the share of those that do
LISTENING_LEAST, LISTENING_MEAN = 4, 9  # seconds between raises without speech: least, and mean of what is added
TONE = 0.05  # weight of the slow motion of brows between events
TONE_BAND, TONE_WAVES = (0.06, 0.45), 5  # Hz and number of its waves
TONE_UNKNOWN, TONE_SILENT, TONE_SPEAKING, TONE_SMOOTH = (
    0.6,
    0.5,
    1.2,
    1.0,
)  # its factor by voice activity; seconds of its change


def accents_of(rng: np.random.Generator, times: np.ndarray, speech: np.ndarray | None, voice: Prosody | None, fps: float):
    """(N, 2) accents, seconds and size: those of the voice, else peaks of `speech`, else none."""
    if voice is not None:
        return voice.accents
    out, moment = [], 0.0
    if speech is None:
        return np.zeros((0, 2))
    soft = smooth(speech, ACCENT_SMOOTH * fps)
    while moment < times[-1]:
        moment += np.clip(ACCENT * np.exp(ACCENT_SPREAD * rng.standard_normal()), *ACCENT_RANGE)
        near = slice(*np.searchsorted(times, [moment - ACCENT_REACH, moment + ACCENT_REACH]))
        if near.start < near.stop:
            peak = near.start + soft[near].argmax()
            out.append((times[peak], soft[peak]))
    return np.array(out).reshape(-1, 2)


def nods(rng: np.random.Generator, times: np.ndarray, accents: np.ndarray) -> np.ndarray:
    """(T, 3) rad: short nods on accents, with a little turn of their own."""
    out, last = np.zeros((len(times), 3)), -np.inf
    for at, size in accents:
        lasts, late, shape = draw_nod(rng, size)
        if at - last < NOD_GAP or shape is None:
            continue
        last = at
        span = slice(*np.searchsorted(times, [at + late - lasts / 2, at + late + lasts / 2]))
        out[span] += shape(times[span] - (at + late))
    return out


def draw_nod(rng: np.random.Generator, size: float) -> tuple[float, float, Callable[[np.ndarray], np.ndarray] | None]:
    """Of a nod on an accent of `size`: its seconds, seconds from the accent to its middle, and what gives its (n, 3) rad at
    (n,) seconds from the middle; None for no nod.
    """
    chance, lasts, depth, turn, tilt, late = rng.uniform(NOD_LOW, NOD_HIGH)

    def shape(since: np.ndarray) -> np.ndarray:
        bump = min(NOD_SIZE * size, NOD_MOST) * np.cos(np.pi * since / lasts) ** 2
        return np.radians(depth) * bump[:, None] * [1.0, turn, tilt]

    return lasts, late, None if chance > NOD_CHANCE + NOD_CHANCE_SLOPE * size else shape


def postures(rng: np.random.Generator, times: np.ndarray, voice: Prosody) -> np.ndarray:
    """(T, 3) rad: posture of the head. It changes as a phrase begins [H], returns in long pauses, lifts with the pitch [M]."""
    path, before = Path(times, 3), np.zeros(3)

    def go(start: float, lasts: float, target: np.ndarray) -> None:
        nonlocal before
        path.go(start, lasts, target - before)
        before = target

    end = -np.inf
    for start, stop, asks in voice.phrases:
        draw, how = rng.standard_normal(3), rng.uniform(POSTURE_LOW, POSTURE_HIGH)
        if start - end > LONG_PAUSE and np.isfinite(end):
            go(end + RETURN_DELAY, RETURN, RETURN_SHARE * before)
        if how[2] < POSTURE_CHANCE:
            go(start + how[1], how[0], POSTURE * draw.clip(-POSTURE_MOST, POSTURE_MOST))
        if asks:
            begin, end_of_lift = stop + LIFT_START, stop + LIFT_END + LIFT_FALL
            near = times[slice(*np.searchsorted(times, [begin, end_of_lift]))]
            up = ease((near - stop - LIFT_START) / LIFT) * (1 - ease((near - stop - LIFT_END) / LIFT_FALL))
            path.add(begin, end_of_lift, -QUESTION_LIFT * how[3] * up[:, None] * [1.0, 0.0, 0.0])
        end = stop
    out = path.whole()
    rise = np.interp(times, voice.times, smooth(voice.rise, PITCH_SMOOTH))
    out[:, 0] -= CHIN * rise
    return out


def brows(
    rng: np.random.Generator,
    times: np.ndarray,
    accents: np.ndarray,
    speech: np.ndarray | None,
    voice: Prosody | None,
    fps: float,
) -> np.ndarray:
    """(T, 2, 3) weights of the left and right brow: inner end up, outer end up, down.

    Raises on accents [C][F], likelier and higher the stronger they are and where a phrase begins; held at the end of questions;
    soft ones now and then in pauses; sometimes a frown instead. Between them the brows are nearly, but not quite, at rest.
    """
    on_accents, at_phrases, listening, between = (np.random.default_rng(rng.integers(2**63)) for _ in range(4))
    out = np.zeros((len(times), 2, 3))

    def move(start: float, raised: Raise) -> None:
        span = slice(*np.searchsorted(times, [start, start + raised.lasts]))
        out[span] = np.maximum(out[span], raised.shape(times[span] - start))

    phrases = np.zeros((0, 3)) if voice is None else voice.phrases
    last = -np.inf
    for at, size in accents:
        since = at - phrases[:, 0]
        first = ((since > PHRASE_BEGIN[0]) & (since < PHRASE_BEGIN[1])).any()
        raised = draw_raise(on_accents, size, bool(first))
        if at - last < RAISE_GAP or raised is None:
            continue
        last = at
        move(at - RAISE_AHEAD - RAISE_SHARE_AHEAD * raised.rises, raised)
    end = -np.inf
    for start, stop, asks in phrases:
        draw = at_phrases.uniform(size=6)
        pause = start - end
        if np.isfinite(end) and pause > HESITATION and draw[0] < HESITATION_CHANCE:
            move(end - 0.1, Raise(0.3, max(0.0, pause - 0.5), 0.5, 0.12 + 0.15 * draw[1], brow_form(draw[3:], False)))
        if asks:
            move(stop - 0.6, Raise(0.25, 0.5, 0.5, 0.4 + 0.3 * draw[2], brow_form(draw[3:], False)))
        end = stop
    moment = 0.0
    while speech is None and moment < times[-1]:  # without speech raises are rare and small
        draw = listening.uniform(size=6)
        moment += LISTENING_LEAST - LISTENING_MEAN * np.log(1 - draw[0])
        move(moment, Raise(0.25, 0.3 + draw[1], 0.6, 0.08 + 0.15 * draw[2], brow_form(draw[3:], False)))
    waves, wander = tone_waves(between), np.zeros((len(times), 2))  # inner, outer
    for part in spans(len(times), BLOCK):
        wander[part] = waves(times[part])
    voiced = TONE_UNKNOWN
    if speech is not None:
        voiced = TONE_SILENT + (TONE_SPEAKING - TONE_SILENT) * smooth(speech, TONE_SMOOTH * fps)[:, None]
    out[..., :2] = np.maximum(out[..., :2], (TONE * (1 + wander) * voiced)[:, None])
    return out


@dataclass(frozen=True)
class Raise:
    """One movement of the brows. rises, held, falls: seconds. height: weight. form: (2, 3) share of each part."""

    rises: float
    held: float
    falls: float
    height: float
    form: np.ndarray

    @property
    def lasts(self) -> float:
        """Seconds."""
        return self.rises + self.held + self.falls

    def shape(self, since: np.ndarray) -> np.ndarray:
        """(n, 2, 3) weights at (n,) seconds since it began."""
        risen = np.minimum(ease(since / self.rises), 1 - ease((since - self.rises - self.held) / self.falls))
        return self.height * risen[:, None, None] * self.form


def draw_raise(rng: np.random.Generator, size: float, first: bool) -> Raise | None:
    """A raise, or a frown, on an accent of `size`, which may be the `first` of a phrase; None for none."""
    draw = rng.uniform(size=9)
    if draw[0] > (RAISE_CHANCE + RAISE_CHANCE_SLOPE * size) * (NEW_PHRASE if first else 1):
        return None
    frown, rises = bool(draw[1] < FROWNS), RAISE + RAISE_RANGE * draw[2]
    height = (RAISE_HEIGHT + RAISE_HEIGHT_SLOPE * size) * (RAISE_VARIES + RAISE_VARIES_RANGE * draw[3])
    held, falls = RAISE_HELD + RAISE_HELD_RANGE * draw[4], RAISE_FALL + RAISE_FALL_RANGE * draw[5]
    return Raise(rises, held, falls, height * (FROWN_HEIGHT if frown else 1), brow_form(draw[6:], frown))


def tone_waves(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """What gives the (T, 2) slow motion of brows, inner and outer ends, from -1 to 1 at (T,) seconds."""
    rates, phases = rng.uniform(*TONE_BAND, (2, TONE_WAVES)), rng.uniform(0, 2 * np.pi, (2, TONE_WAVES))
    return lambda times: np.sin(2 * np.pi * times[:, None, None] * rates + phases).mean(-1)


def brow_form(draw: np.ndarray, frown: bool) -> np.ndarray:
    """(2, 3) how much of a movement each part does, from three numbers in [0, 1]; faces are never quite even."""
    even = np.array([1.0, 0.75 + 0.25 * draw[0]])[:: 1 if draw[1] < 0.5 else -1, None]
    return even * (np.array([0.0, 0.0, 0.7]) if frown else np.array([1.0, 0.5 + 0.45 * draw[2], 0.0]))
