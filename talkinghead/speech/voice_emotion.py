"""Emotion of a voice from its prosody, not from its words: `--emotion auto`.

Ten cues of a few seconds of voice are compared with those of 231 people who read plainly, and with the effects of emotions on
them. Plain speech gives the mean and the covariance (measured); each emotion is a shift of the mean (PROFILES, from
the literature) times its intensity. Bayes' rule over emotion and intensity then gives the expected intensity of each: a voice
within the spread of plain readers stays near neutral. Arousal is estimated well, valence badly, as by listeners who do not know
the language [S]. n samples, M moments (100 a second), N windows, C cues, E emotions, S intensities.

[B] Banse, Scherer 1996, Acoustic profiles in vocal emotion expression. J. Personality and Social Psychology 70.
[E] Eyben et al. 2016, The Geneva minimalistic acoustic parameter set (GeMAPS). IEEE Trans. Affective Computing 7.
[J] Juslin, Laukka 2003, Communication of emotions in vocal expression and music performance. Psychological Bulletin 129.
[M] Murray, Arnott 1993, Toward the simulation of emotion in synthetic speech. JASA 93.
[S] Scherer 2003, Vocal communication of emotion. Speech Communication 40.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from talkinghead.audio.clock import MOMENTS, RATE
from talkinghead.audio.curves import convolved, smooth
from talkinghead.audio.prosody import HOP, Prosody, prosody
from talkinghead.audio.waveform import Waveform
from talkinghead.blocks import spans
from talkinghead.files import asset
from talkinghead.motion.emotion_curve import AUTO, EmotionCurve
from talkinghead.motion.emotions import EMOTIONS

CUES = ("pitch", "span", "trend", "tilt", "effort", "clear", "level", "dynamics", "rate", "accents")
LEVEL = CUES.index("level")
STRENGTHS = np.linspace(0.2, 1.0, 5)  # intensities that Bayes' rule sums over
BLOCK = 2048  # moments at a time


@dataclass(frozen=True)
class VoiceEmotionTuning:
    """Numbers of the estimate. Set by hand where no source is named; a test or an ablation replaces `TUNING`."""

    window: float = 3.0  # seconds: half width of a window
    step: float = 0.5  # seconds from one window to the next
    usual: float = 20.0  # seconds on either side over which a voice's usual cues are averaged
    familiar: float = 8.0  # seconds of speech after which half of `offset_removed` applies
    offset_removed: float = 0.5  # share of a speaker's lasting offset that is removed: it is the person or a lasting emotion
    enough: float = 0.8  # seconds of voice in a window for full confidence
    least: float = 0.3  # seconds of voice in a window below which intensities are reduced
    registers: tuple[float, float] = (3.1, 11.8)  # semitones over 100 Hz: mean pitch of male and female readers, 120 and 198 Hz
    doubt: float = 1.0  # factor of the covariance of plain readers; larger is more cautious
    plain_prior: float = 0.7  # prior probability of neutral speech


TUNING = VoiceEmotionTuning()

# Shifts of the cues at full intensity, in deviations of plain reading. Directions: [J] for anger, fear, happiness, sadness; [B]
# and [M] for disgust, contempt, surprise. Sizes are set by hand. Voices show disgust and contempt least [S].
#                pitch span trend tilt effort clear level dynamics rate accents
PROFILES = {
    "happy": (2.0, 1.8, 0.2, 0.6, 0.8, 0.4, 0.8, 0.5, 0.8, 1.2),
    "sad": (-1.2, -1.3, -0.4, -1.5, -1.3, -0.3, -1.2, -0.8, -1.3, -1.2),
    "surprised": (1.8, 2.6, 0.8, 0.2, 0.3, 0.3, 0.5, 0.5, 0.0, 0.8),
    "fearful": (2.2, -1.0, 0.5, -0.3, 0.5, -0.8, 0.0, 0.5, 1.3, -0.3),
    "disgusted": (-1.0, 0.5, -0.8, 0.3, 0.3, -1.3, -0.3, 0.3, -1.3, 0.3),
    "angry": (2.0, 0.4, 0.0, 2.4, 2.2, -0.6, 1.8, 0.8, 0.8, 1.0),
    "contempt": (-1.3, 0.6, -1.0, 0.3, 0.0, -0.5, -0.3, 0.3, -1.0, 0.0),
}
PRIORS = {"happy": 1.0, "sad": 1.0, "surprised": 0.4, "fearful": 0.5, "disgusted": 0.2, "angry": 1.0, "contempt": 0.2}
AROUSAL = {"happy": 0.6, "sad": -0.6, "surprised": 0.7, "fearful": 0.7, "disgusted": 0.1, "angry": 0.8, "contempt": -0.1}
VALENCE = {"happy": 0.8, "sad": -0.7, "surprised": 0.2, "fearful": -0.6, "disgusted": -0.7, "angry": -0.6, "contempt": -0.6}


@dataclass(frozen=True)
class Plain:
    """Statistics of plain readers: mean and deviation (C,) of the cues in their units, and correlation (C, C)."""

    mean: np.ndarray
    deviation: np.ndarray
    correlation: np.ndarray


@cache
def plain() -> Plain:
    """What tools/train/train_voice_emotion.py measured; a few numbers in JSON."""
    found = json.loads(asset("models/voice_emotion/plain.json").read_text(encoding="utf-8"))
    assert tuple(found["cues"]) == CUES, "the file and the code have the same cues"
    return Plain(*(np.array(found[name]) for name in ("mean", "deviation", "correlation")))


def emotion_of_voice(wave: np.ndarray | Waveform, voice: Prosody | None = None) -> EmotionCurve:
    """Emotion of (n,) samples at 16 kHz of one voice; `voice` saves its own work. Silence, noise and whispers are neutral.

    Features of the encoder are not used: it was trained to tell phonemes regardless of speaker and manner.
    meta["found"]: "emotions", mean weights while there is voice; "strongest" of them but neutral, however weak; "arousal" and
    "valence" in [-1, 1]; "cues", deviations from plain reading; "voiced", seconds. Time grows with the length.
    """
    voice = prosody(wave) if voice is None else voice
    raw, voiced = cues(wave, voice)
    shifts, odds = deviations(raw, voiced)
    values = _expected(shifts, odds) * np.clip(voiced / TUNING.least, 0, 1)[:, None]
    return EmotionCurve(
        _centres(len(voice.times)), values, {"spec": AUTO, "found": _found(values, shifts, odds, voiced, voice)}
    )


def cues(wave: np.ndarray | Waveform, voice: Prosody) -> tuple[np.ndarray, np.ndarray]:
    """(N, C) cues of each window in their units, and (N,) seconds of voice in it. Where nobody speaks the cues are neighbours'.

    pitch: mean, semitones over 100 Hz; span: deviation from the pitch of the seconds around, semitones; trend: semitones a
    second; tilt: decibels of 1 to 5 kHz over those below 1 kHz (the alpha ratio of [E]); effort: of 500 to 1500 Hz over those
    below 500 Hz; clear: harmonics to noise, decibels; level: decibels of full scale; dynamics: its deviation; rate: syllables
    a second; accents: their strength a second.
    """
    return windows(voice, spectrum_of(wave, voice))


def windows(voice: Prosody, spectrum: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The same of a voice and the three (M,) tracks of `spectrum_of`."""
    from scipy.signal import find_peaks

    speaking = voice.speaking > 0.5
    voiced = (voice.pitch > 0) & speaking
    semitones = 12 * np.log2(np.where(voiced, voice.pitch, 100.0) / 100)
    mass, spoken = _sum(voiced), _sum(speaking)
    often, long = np.maximum(mass, 1e-3), np.maximum(spoken, 1e-3)
    pitch, level = _sum(voiced * semitones) / often, _sum(speaking * voice.level) / long
    time = voice.times - voice.times.mean()
    when = _sum(voiced * time) / often
    slope = (_sum(voiced * time * semitones) / often - when * pitch) / np.maximum(_sum(voiced * time**2) / often - when**2, 0.1)
    peaks, _ = find_peaks(smooth(voice.level, 4), prominence=2.5, distance=9, wlen=MOMENTS + 1)
    syllables, accents = np.zeros(len(time)), np.zeros(len(time))
    syllables[peaks] = speaking[peaks]
    accents[(voice.accents[:, 0] * MOMENTS).astype(int)] = voice.accents[:, 1]
    around = [smooth(x * voiced, 1.5 * MOMENTS) for x in (semitones, np.ones(len(time)))]
    moves = semitones - around[0] / np.maximum(around[1], 1e-3)  # from the pitch around: to begin to shout is not lively
    span = np.sqrt(_sum(voiced * moves**2) / often)
    dynamics = np.sqrt(np.maximum(_sum(speaking * voice.level**2) / long - level**2, 0))
    rates = [MOMENTS * _sum(x) / np.maximum(spoken, 20) for x in (syllables, accents)]
    means = [_sum(voiced * x) / often for x in spectrum]
    found = np.stack([pitch, span, slope, *means, level, dynamics, *rates], 1)
    known = np.flatnonzero(mass > 0.1 * MOMENTS)
    if not len(known):
        return np.zeros_like(found), np.zeros(len(found))
    later = known[np.searchsorted(known, np.arange(len(found))).clip(max=len(known) - 1)]
    return found[later], mass / MOMENTS


def deviations(raw: np.ndarray, voiced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2, N, C) cues in deviations of plain reading, from -5 to 5, of a voice of either register; (2, N) how likely each is.

    Deviations are less where little is voiced, for little varies more.
    """
    usual, known = usual_around(raw, voiced)
    sure = np.clip(voiced / TUNING.enough, 0, 1)[:, None]
    reader = plain()
    both = [(relative(raw, usual, known, centre, reader.mean) - reader.mean) / reader.deviation for centre in TUNING.registers]
    likely = np.stack([-np.square((raw[:, :1] - centre) / reader.deviation[0]) / 2 for centre in TUNING.registers])
    settled = np.stack([usual_around(np.maximum(x, -8.0), voiced)[0][:, 0] for x in likely])  # by the voice around, too
    odds = np.exp((settled - settled.max(0)) * known / (known + 1))
    return np.stack([np.clip(x, -5, 5) * sure for x in both]), odds / odds.sum(0)


def relative(raw: np.ndarray, usual: np.ndarray, known: np.ndarray, centre: float, mean: np.ndarray) -> np.ndarray:
    """(N, C) cues less what is usual: pitch is over the register's centre, level over that of the 20 seconds around.

    Of the others, `offset_removed` of a lasting offset from the (C,) mean of plain readers is removed, as it may be personal.
    """
    x, usual = raw.copy(), usual.copy()
    x[:, 0] -= centre
    usual[:, 0] -= centre
    x -= (TUNING.offset_removed * known / (known + TUNING.familiar))[:, None] * (usual - mean)
    x[:, LEVEL] = raw[:, LEVEL] - usual[:, LEVEL]
    return x


def usual_around(x: np.ndarray, voiced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, C) means of the cues around each window, and (N,) seconds of voice they are of."""
    from scipy.ndimage import convolve1d

    half = round(TUNING.usual / TUNING.step)
    kernel = 1 + np.cos(np.pi * np.arange(-half, half + 1) / (half + 1))
    mass = convolve1d(voiced, kernel, mode="constant")
    mean = convolve1d(x * voiced[:, None], kernel, axis=0, mode="constant") / np.maximum(mass, 1e-9)[:, None]
    mean = np.where(mass[:, None] > 1e-6, mean, x)
    return mean, mass * TUNING.step / TUNING.window  # windows overlap: each counts `window` seconds in all


def _expected(shifts: np.ndarray, registers: np.ndarray) -> np.ndarray:
    """(2, N, C) deviations, (2, N) odds -> (N, E) expected intensities: Bayes' rule over emotion x intensity x register."""
    names, prior = list(PROFILES), np.array([PRIORS[name] for name in PROFILES])
    passing = STRENGTHS[:, None, None] * np.array([PROFILES[name] for name in names])
    means = np.stack([passing, np.where(np.arange(len(CUES)) == LEVEL, 0, passing)])  # one that lasts is as loud as usual
    precision = np.linalg.inv(plain().correlation) / TUNING.doubt
    weights = means @ precision  # (2, S, E, C)
    plainly = np.log(registers + 1e-9) - np.einsum("gnc,cd,gnd->gn", shifts, precision, shifts) / 2
    plainly -= plainly.max(0)
    ratio = np.einsum("gnc,lsec->gnlse", shifts, weights) - (weights * means).sum(-1) / 2
    odds = np.einsum("gnlse,gn->nse", np.exp(np.minimum(ratio, 50)), np.exp(plainly))
    odds *= (1 - TUNING.plain_prior) * prior / prior.sum() / (2 * len(STRENGTHS))
    total = TUNING.plain_prior * np.exp(plainly).sum(0) + odds.sum((1, 2))
    expected = np.einsum("nse,s->ne", odds, STRENGTHS) / total[:, None]
    values = np.zeros((len(expected), len(EMOTIONS)))
    values[:, [EMOTIONS.index(name) for name in names]] = expected
    return values


def _found(values: np.ndarray, shifts: np.ndarray, odds: np.ndarray, voiced: np.ndarray, voice: Prosody) -> dict:
    """The summary for `meta`: means over the windows, weighted by how much voice is in them."""
    weight = voiced / max(voiced.sum(), 1e-9)
    cue = np.einsum("gnc,gn,n->c", shifts, odds, weight)
    mean: dict[str, float] = dict(zip(EMOTIONS, (weight @ values).tolist(), strict=True))
    mean["neutral"] = 1 - sum(mean.values())
    rounded = {name: round(value, 3) for name, value in mean.items()}
    return {
        "emotions": rounded,
        "strongest": max(PROFILES, key=mean.__getitem__) if mean["neutral"] < 1 - 1e-6 else "neutral",
        "arousal": round(sum(AROUSAL[name] * mean[name] for name in PROFILES), 3),
        "valence": round(sum(VALENCE[name] * mean[name] for name in PROFILES), 3),
        "cues": {name: round(float(x), 2) for name, x in zip(CUES, cue, strict=True)},
        "voiced": round(float(((voice.pitch > 0) & (voice.speaking > 0.5)).sum() / MOMENTS), 2),
    }


def _centres(count: int) -> np.ndarray:
    """(N,) seconds of the windows' centres in `count` moments."""
    return np.arange(max(1, round(count / (TUNING.step * MOMENTS)))) * TUNING.step + TUNING.step / 2


def _sum(values: np.ndarray) -> np.ndarray:
    """(M,) -> (N,) sums over each window, weighted with a raised cosine whose middle counts 1."""
    half = round(TUNING.window * MOMENTS)
    kernel = (1 + np.cos(np.pi * np.arange(-half, half + 1) / (half + 1))) / 2
    padded = np.pad(values.astype(np.float64), half)
    at = (_centres(len(values)) * MOMENTS).astype(int).clip(max=len(values) - 1)
    return convolved(padded, kernel)[at]


def spectrum_of(wave: np.ndarray | Waveform, voice: Prosody) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(M,) tilt, effort and clear in decibels, less the noise of moments without speech.

    clear is the autocorrelation at one period against the rest, corrected for the window (P. Boersma 1993).
    """
    size, count = 640, len(voice.times)  # 40 ms
    window = np.hanning(size)
    hertz = np.fft.rfftfreq(2 * size, 1 / RATE)
    edges = ((50, 500), (500, 1000), (1000, 1500), (1500, 5000), (0, RATE))
    masks = np.stack([(hertz >= low) & (hertz < high) for low, high in edges], 1).astype(float)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * size)) ** 2)[:size]
    side, sound = (size - HOP) // 2, Waveform.of(wave)
    lags = np.round(RATE / np.maximum(voice.pitch, 60)).astype(int)
    bands, periodic = np.zeros((count, len(edges))), np.zeros(count)
    for block in spans(count, BLOCK):
        around = sound.samples(block.start * HOP - side, (block.stop - 1) * HOP - side + size)
        frames = np.lib.stride_tricks.sliding_window_view(around, size)[::HOP]
        power = np.abs(np.fft.rfft(frames * window, 2 * size, axis=1)) ** 2
        bands[block] = power @ masks
        lag = lags[block]
        again = np.fft.irfft(power, axis=1)[:, :size] / (own / own[0])
        row = np.arange(len(lag))
        periodic[block] = np.max([again[row, lag + i] for i in (-1, 0, 1)], 0) / np.maximum(again[:, 0], 1e-12)
    quiet = (voice.speaking <= 0.5).astype(float)
    mass = smooth(quiet, 10.0 * MOMENTS)
    whole = bands[:, 4].copy()
    for band in bands.T:  # one at a time, in place: they are large
        noise = np.exp(_mean_of_others(np.log(band + 1e-12), quiet, mass))
        band[:] = np.maximum(band - noise, 0.03 * band) + 1e-12
    low, first, second, high, left = bands.T
    harmonic = np.clip(periodic * whole / left, 0.02, 0.997)
    tilt = 10 * np.log10((second + high) / (low + first))
    return tilt, 10 * np.log10((first + second) / low), 10 * np.log10(harmonic / (1 - harmonic))


def _mean_of_others(values: np.ndarray, quiet: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """(M,) means of the moments around at which nobody speaks; hardly anything where there are none.

    quiet: 1 where nobody speaks, else 0; mass: how much of it is around.
    """
    return np.where(mass > 0.01, smooth(values * quiet, 10.0 * MOMENTS) / np.maximum(mass, 1e-9), -25.0)
