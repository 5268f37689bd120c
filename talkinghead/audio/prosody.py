"""What a voice does beside its sounds: pitch, loudness, accents and phrases, for brows, lids and head to follow.

n samples at 16 kHz; M moments, 100 a second, moment i at (i + 0.5) / 100 s like frames. All is judged against the seconds
around it and not against the whole recording, so a longer recording begins like a shorter one. Nothing here is learned.

[Y] de Cheveigne, Kawahara 2002, YIN, a fundamental frequency estimator for speech and music. JASA 111.
[T] 't Hart, Collier, Cohen 1990, A perceptual study of intonation (accents are heard from about 3 semitones).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkinghead.audio.activity import FLOOR, speaking_moments, without_short_runs
from talkinghead.audio.clock import MOMENTS, RATE, frame_times
from talkinghead.audio.curves import find_peaks, smooth
from talkinghead.audio.waveform import Waveform
from talkinghead.blocks import spans

HOP = RATE // MOMENTS  # samples from one moment to the next
LOWEST, HIGHEST = 65.0, 480.0  # Hz: voices of men to those of children
WINDOW = 560  # samples that are compared with those one period later, 35 ms
DIP, VOICED = 0.15, 0.3  # how periodic [Y]: a period that is taken at once; a voice at all
BLOCK = 512  # moments at a time
AROUND = 2.5  # seconds on either side that the usual pitch and loudness are taken of
ACCENT = 0.3  # smallest accent that counts, of a strong one
QUESTION = 2.5  # semitones that the voice rises at the end of a question


@dataclass(frozen=True, eq=False)
class Prosody:
    """times (M,) seconds; pitch (M,) Hz, 0 without voice; level (M,) decibels of full scale; speaking (M,) in [0, 1];
    rise, strength (M,): semitones above, decibels over the usual around, 0 in silence; accents (N, 2): seconds, and how strong
    in (0, 1]; phrases (P, 3): first and last second, and 1 for a voice that rises like a question's.
    """

    times: np.ndarray
    pitch: np.ndarray
    level: np.ndarray
    speaking: np.ndarray
    rise: np.ndarray
    strength: np.ndarray
    accents: np.ndarray
    phrases: np.ndarray


def prosody(wave: np.ndarray | Waveform) -> Prosody:
    """The prosody of (n,) samples at 16 kHz of one voice; quick: a minute of sound takes half a second."""
    sound = Waveform.of(wave)
    mean = np.float32(sound.mean())
    count = max(1, -(-len(sound) // HOP))
    times = frame_times(count, MOMENTS)
    pitch, level = _pitch(sound, mean, count), _level(sound, mean, count)
    speaking = speaking_moments(pitch, level)
    voiced = (pitch > 0) & speaking
    semitones = 12 * np.log2(np.where(voiced, pitch, 100.0) / 100)
    usual = _mean_around(semitones, voiced, AROUND)
    voiced &= np.abs(semitones - usual) < 10  # an octave off is the estimator's mistake
    pitch = np.where(voiced | ~speaking, pitch, 0.0)
    usual = _mean_around(semitones, voiced, AROUND)
    rise = np.where(speaking, _mean_around(np.clip(semitones - usual, -8, 8), voiced, 0.06), 0.0)
    strength = np.where(speaking, np.clip(level - _mean_around(level, speaking, AROUND), -15, 12), 0.0)
    phrases = _phrases(speaking, rise, voiced)
    soft = smooth(speaking.astype(float), 0.1 * MOMENTS)
    return Prosody(times, pitch, level, soft, rise, strength, _accents(rise, strength, voiced), phrases)


def _centred(sound: Waveform, mean: np.float32, start: int, stop: int) -> np.ndarray:
    """(stop - start,) samples less their mean; 0 before the first and after the last."""
    out, inside = np.zeros(stop - start, np.float32), slice(max(0, -start), max(0, len(sound) - start))
    out[inside] = sound.samples(start, stop)[inside] - mean
    return out


def _pitch(sound: Waveform, mean: np.float32, count: int) -> np.ndarray:
    """(M,) Hz by YIN [Y], 0 where there is no voice: the cumulative mean normalised difference and its first deep dip."""
    first, last = int(RATE / HIGHEST), int(np.ceil(RATE / LOWEST)) + 1
    span, size = WINDOW + last, 1 << (WINDOW + last - 1).bit_length()
    side = (span - HOP) // 2 + 1
    lags = np.arange(1, last + 1)
    out = np.zeros(count)
    for block in spans(count, BLOCK):
        around = _centred(sound, mean, block.start * HOP - side, (block.stop - 1) * HOP - side + span)
        x = np.lib.stride_tricks.sliding_window_view(around, span)[::HOP].astype(np.float64)
        spectrum = np.fft.rfft(x, size) * np.fft.rfft(x[:, :WINDOW], size).conj()
        energy = np.cumsum(np.pad(x**2, ((0, 0), (1, 0))), 1)
        moved = energy[:, WINDOW + lags.clip(max=span - WINDOW)] - energy[:, lags]
        difference = np.maximum(energy[:, [WINDOW]] + moved - 2 * np.fft.irfft(spectrum, size)[:, 1 : last + 1], 0)
        ratio = difference * lags / np.maximum(np.cumsum(difference, 1), 1e-12)
        inner = ratio[:, first - 1 : last - 1]  # of the lags from `first` on
        before, after = ratio[:, first - 2 : last - 2], ratio[:, first:last]
        dips = (inner <= before) & (inner < after)
        deep = dips & (inner < DIP)
        best = np.where(deep.any(1), deep.argmax(1), np.where(dips, inner, 9.0).argmin(1))
        row = np.arange(len(x))
        low, mid, high = before[row, best], inner[row, best], after[row, best]
        shift = 0.5 * (low - high) / np.maximum(low - 2 * mid + high, 1e-9)  # the bottom of the parabola through three
        hertz = RATE / (first + best + np.clip(shift, -0.5, 0.5))
        loud = energy[:, -1] / span > 10 ** (FLOOR / 10)
        out[block] = np.where(dips.any(1) & (mid < VOICED) & loud, hertz, 0)
    return np.where(without_short_runs(out > 0, 1, 4), out, 0)


def _level(sound: Waveform, mean: np.float32, count: int) -> np.ndarray:
    """(M,) decibels of full scale, of about 50 ms."""
    power = np.zeros(count)
    for block in spans(count, BLOCK):
        samples = _centred(sound, mean, block.start * HOP, block.stop * HOP)
        power[block] = np.square(samples, dtype=np.float64).reshape(-1, HOP).mean(1)
    return 10 * np.log10(smooth(power, 3) + 1e-10)


def _mean_around(values: np.ndarray, counted: np.ndarray, seconds: float) -> np.ndarray:
    """(M,) mean with a raised cosine of the values that are counted; what is nearest where none is within reach."""
    mass = smooth(counted.astype(float), seconds * MOMENTS)
    mean = smooth(np.where(counted, values, 0.0), seconds * MOMENTS) / np.maximum(mass, 1e-6)
    known = np.flatnonzero(mass > 1e-4)
    if not len(known):
        return np.zeros(len(values))
    return np.interp(np.arange(len(values)), known, mean[known])


def _phrases(speaking: np.ndarray, rise: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], speaking, [False]])))
    out = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        heard = start + np.flatnonzero(voiced[start:end])
        late, before = heard[-8:], heard[-70:-30]
        asks = len(before) > 10 and rise[late].mean() > max(1.0, QUESTION + rise[before].mean())
        out.append((start / MOMENTS, end / MOMENTS, float(asks)))
    return np.array(out).reshape(-1, 3)


def _accents(rise: np.ndarray, strength: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """(N, 2): where pitch and loudness together stand out, at least 0.2 s apart; 3 semitones or 6 dB are an accent [T]."""
    salience = smooth(np.where(voiced, rise / 5 + strength / 12, 0.0).clip(-1, None), 0.09 * MOMENTS)
    peaks = find_peaks(salience, height=ACCENT, prominence=0.15, distance=round(0.2 * MOMENTS))
    return np.stack([(peaks + 0.5) / MOMENTS, np.clip(salience[peaks], 0, 1)], 1)
