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

import numpy as np

from talkinghead.audio.prosody import Prosody
from talkinghead.audio.smoothing import smooth
from talkinghead.motion.easing import ease

NOD_GAP, RAISE_GAP = 0.45, 1.1  # least seconds between two nods, two raises
CHIN = np.radians(0.5)  # rad that the head lifts for each semitone [M]
POSTURE = np.radians([0.8, 1.7, 1.1])  # spread about x (nod), y (turn), z (tilt) of the posture at a phrase
TONE = 0.05  # weight of the slow motion of brows between events


def accents_of(rng: np.random.Generator, times: np.ndarray, speech: np.ndarray | None, voice: Prosody | None, fps: float):
    """(N, 2) accents, seconds and size: those of the voice, else peaks of `speech`, else none."""
    if voice is not None:
        return voice.accents
    out, moment = [], 0.0
    if speech is None:
        return np.zeros((0, 2))
    soft = smooth(speech, 0.15 * fps)
    while moment < times[-1]:
        moment += np.clip(1.3 * np.exp(0.4 * rng.standard_normal()), 0.6, 4)
        near = slice(*np.searchsorted(times, [moment - 0.3, moment + 0.3]))
        if near.start < near.stop:
            peak = near.start + soft[near].argmax()
            out.append((times[peak], soft[peak]))
    return np.array(out).reshape(-1, 2)


def nods(rng: np.random.Generator, times: np.ndarray, accents: np.ndarray) -> np.ndarray:
    """(T, 3) rad: short nods on accents, 0.7 to 3 degrees in 0.4 to 0.6 s, with a little turn of their own [G]."""
    out, last = np.zeros((len(times), 3)), -np.inf
    for at, size in accents:
        chance, lasts, depth, turn, tilt, late = rng.uniform([0, 0.4, 0.7, -0.4, -0.3, -0.04], [1, 0.6, 2.2, 0.4, 0.3, 0.08])
        if at - last < NOD_GAP or chance > 0.25 + 0.75 * size:
            continue
        last = at
        since = times - (at + late)
        span = slice(*np.searchsorted(since, [-lasts / 2, lasts / 2]))
        bump = min(1.4 * size, 1.3) * np.cos(np.pi * since[span] / lasts) ** 2
        out[span] += np.radians(depth) * bump[:, None] * [1.0, turn, tilt]
    return out


def postures(rng: np.random.Generator, times: np.ndarray, voice: Prosody) -> np.ndarray:
    """(T, 3) rad: posture of the head. It changes as a phrase begins [H], returns in long pauses, lifts with the pitch [M]."""
    out, before = np.zeros((len(times), 3)), np.zeros(3)

    def go(start: float, lasts: float, target: np.ndarray) -> None:
        nonlocal before
        first, last = np.searchsorted(times, [start, start + lasts])
        out[first:last] += ease((times[first:last] - start) / lasts)[:, None] * (target - before)
        out[last:] += target - before
        before = target

    end = -np.inf
    for start, stop, asks in voice.phrases:
        draw, how = rng.standard_normal(3), rng.uniform([0.6, -0.3, 0, 0.5], [1.1, 0.1, 1, 1])
        if start - end > 1.2 and np.isfinite(end):
            go(end + 0.2, 0.9, 0.3 * before)
        if how[2] < 0.75:
            go(start + how[1], how[0], POSTURE * draw.clip(-2, 2))
        if asks:
            up = ease((times - stop + 0.55) / 0.4) * (1 - ease((times - stop - 0.3) / 0.7))
            out[:, 0] -= np.radians(3.0) * how[3] * up
        end = stop
    rise = np.interp(times, voice.times, smooth(voice.rise, 50))
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

    def move(start: float, rises: float, held: float, falls: float, height: float, form: np.ndarray) -> None:
        span = slice(*np.searchsorted(times, [start, start + rises + held + falls]))
        since = times[span] - start
        shape = np.minimum(ease(since / rises), 1 - ease((since - rises - held) / falls))
        out[span] = np.maximum(out[span], height * shape[:, None, None] * form)

    phrases = np.zeros((0, 3)) if voice is None else voice.phrases
    last = -np.inf
    for at, size in accents:
        draw = on_accents.uniform(size=9)
        first = bool((np.abs(at - 0.4 - phrases[:, 0]) < 0.5).any())
        if at - last < RAISE_GAP or draw[0] > (0.04 + 0.28 * size) * (1.6 if first else 1):
            continue
        last, rises = at, 0.13 + 0.09 * draw[2]
        height = (0.18 + 0.42 * size) * (0.6 + 0.7 * draw[3]) * (0.6 if draw[1] < 0.12 else 1)
        move(
            at - 0.06 - 0.6 * rises,
            rises,
            0.05 + 0.25 * draw[4],
            0.25 + 0.25 * draw[5],
            height,
            _form(draw[6:], draw[1] < 0.12),
        )
    end = -np.inf
    for start, stop, asks in phrases:
        draw = at_phrases.uniform(size=6)
        if np.isfinite(end) and start - end > 0.5 and draw[0] < 0.25:  # looking for words
            move(end - 0.1, 0.3, max(0.0, start - end - 0.5), 0.5, 0.12 + 0.15 * draw[1], _form(draw[3:], False))
        if asks:
            move(stop - 0.6, 0.25, 0.5, 0.5, 0.4 + 0.3 * draw[2], _form(draw[3:], False))
        end = stop
    moment = 0.0
    while speech is None and moment < times[-1]:  # without speech raises are rare and small
        draw = listening.uniform(size=6)
        moment += 4 - 9 * np.log(1 - draw[0])
        move(moment, 0.25, 0.3 + draw[1], 0.6, 0.08 + 0.15 * draw[2], _form(draw[3:], False))
    rates, phases = between.uniform(0.06, 0.45, (2, 5)), between.uniform(0, 2 * np.pi, (2, 5))
    wander = np.sin(2 * np.pi * times[:, None, None] * rates + phases).mean(-1)  # (T, 2): inner, outer
    tone = TONE * (1 + wander) * (0.6 if speech is None else 0.5 + 0.7 * smooth(speech, 1.0 * fps)[:, None])
    out[..., :2] = np.maximum(out[..., :2], tone[:, None])
    return out


def _form(draw: np.ndarray, frown: bool) -> np.ndarray:
    """(2, 3) how much of a movement each part does, from three numbers in [0, 1]; faces are never quite even."""
    even = np.array([1.0, 0.75 + 0.25 * draw[0]])[:: 1 if draw[1] < 0.5 else -1, None]
    return even * (np.array([0.0, 0.0, 0.7]) if frown else np.array([1.0, 0.5 + 0.45 * draw[2], 0.0]))
