"""Sounds of places in which nobody speaks, made up: music, hum, clicks, signals and wind. n samples at 16 kHz.

A model that has only heard speech and noise takes a chord for a vowel. These teach it that lips rest at them; none imitates a
voice. All is drawn from `rng`, and everything has unit RMS.
"""

from __future__ import annotations

import numpy as np

from talkinghead.audio.augment import coloured_noise
from talkinghead.audio.clock import RATE

CHORDS = ([0, 4, 7], [0, 3, 7], [0, 5, 7], [0, 4, 7, 11], [0, 3, 7, 10], [0, 4, 7, 10], [0, 3, 6], [0, 7, 12])  # semitones
SCALES = ([0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10], [0, 3, 5, 7, 10])


def music(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n,) chords with a bass, and often a melody or drums, on a beat. Equal temperament around A3 = 220 Hz."""
    beat = RATE * 60 / rng.uniform(55, 170)
    key, scale = rng.uniform(-12, 12), SCALES[rng.integers(len(SCALES))]
    pad, lead, loud = _timbre(rng), _timbre(rng), rng.uniform(0.3, 1.2, 3)
    out, bar = np.zeros(n), int(beat * rng.choice([1, 2, 4]))
    for start in range(-int(rng.integers(bar)), n, bar):
        root = key + rng.choice(scale)
        for step in CHORDS[rng.integers(len(CHORDS))]:
            _add(out, start, _tone(rng, root + step, int(bar * rng.uniform(0.7, 1.3)), *pad))
        _add(out, start, loud[0] * _tone(rng, root - 12, bar, *pad))
    if rng.random() < 0.6:  # a melody
        degree, start = int(rng.integers(7)), 0.0
        while start < n:
            lasts = beat * rng.choice([0.5, 0.5, 1, 2])
            degree = int(np.clip(degree + rng.integers(-2, 3), 0, 13))
            pitch = key + 12 + scale[degree % len(scale)] + 12 * (degree // len(scale))
            if rng.random() < 0.8:
                _add(out, int(start), 2 * loud[1] * _tone(rng, pitch, int(lasts), *lead))
            start += lasts
    if rng.random() < 0.5:  # drums
        for i, start in enumerate(np.arange(0, n, beat / 2)):
            _add(out, int(start), 2 * loud[2] * (_kick(rng) if i % 2 == 0 else _burst(rng, 0.03, 3000, 8000)))
            if i % 4 == 2:
                _add(out, int(start), 2 * loud[2] * _burst(rng, 0.08, 200, 6000))
    return _unit(out)


def hum(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n,) mains, motors and fans: steady harmonics over coloured noise."""
    times = np.arange(n) / RATE
    base = rng.choice([50.0, 60.0, 100.0, 120.0, rng.uniform(30, 300)]) * (1 + rng.uniform(0, 0.02) * np.sin(times))
    phase = 2 * np.pi * np.cumsum(base) / RATE
    tones = np.zeros(n)
    for k in range(1, 16):
        tones += np.sin(k * phase + rng.uniform(0, 6)) * rng.uniform(0, 1) / k ** rng.uniform(0.3, 1.5)
    return _unit(_unit(tones) + rng.uniform(0, 1) * coloured_noise(rng, n))


def clicks(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n,) typing, dishes, knocks, steps, clapping: short bursts at uneven moments, 1 to 30 a second."""
    out, start, rate = np.zeros(n), 0.0, np.exp(rng.uniform(0, np.log(30)))
    lasts, low = rng.uniform(0.003, 0.08), rng.uniform(50, 2000)
    while start < n:
        _add(
            out, int(start), rng.exponential(1) * _burst(rng, lasts * rng.uniform(0.6, 1.6), low, low + rng.uniform(800, 6000))
        )
        start += RATE * max(0.02, rng.gamma(2) / 2 / rate)
    return _unit(out)


def signals(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n,) telephones, alarms, sirens, birds: tones that jump or glide."""
    times = np.arange(n) / RATE
    low, high = np.sort(np.exp(rng.uniform(np.log(250), np.log(4000), 2)))
    pace = np.exp(rng.uniform(np.log(0.3), np.log(12)))
    wave = np.sin(2 * np.pi * pace * times + rng.uniform(0, 6))
    pitch = np.where(wave > 0, high, low) if rng.random() < 0.5 else np.exp(np.interp(wave, [-1, 1], np.log([low, high])))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    on = (np.sin(2 * np.pi * times * rng.uniform(0.2, 4) + rng.uniform(0, 6)) > rng.uniform(-1.2, 0.5)).astype(float)
    edge = np.ones(160) / 160  # 10 ms: a tone that is cut dead clicks
    return _unit((np.sin(phase) + rng.uniform(0, 0.5) * np.sin(2 * phase)) * np.convolve(on, edge)[:n])


def wind(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n,) wind, traffic and water: noise that swells and fades within seconds or faster."""
    knots = rng.uniform(-30, 0, 2 + int(n / RATE * np.exp(rng.uniform(np.log(0.3), np.log(6)))))
    gain = 10 ** (np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots) / 20)
    return _unit(coloured_noise(rng, n) * gain)


SOUNDS = {"music": music, "hum": hum, "clicks": clicks, "signals": signals, "wind": wind}
SHARES = {"music": 0.45, "hum": 0.12, "clicks": 0.18, "signals": 0.13, "wind": 0.12}  # music is what is most like a voice


def background(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n,) one of SOUNDS, drawn by SHARES, in a little noise."""
    name = rng.choice(list(SHARES), p=list(SHARES.values()))
    return _unit(SOUNDS[name](rng, n) + 10 ** rng.uniform(-3, -0.5) * coloured_noise(rng, n))


def _timbre(rng: np.random.Generator) -> tuple[float, float, float, float, float]:
    """(slope of the harmonics, strength of the even ones, attack in seconds, decay a second, vibrato in semitones)."""
    decay = 0.0 if rng.random() < 0.5 else rng.uniform(1, 8)  # held as by an organ, or plucked
    return rng.uniform(0.5, 2.5), rng.uniform(0, 1), np.exp(rng.uniform(-6, -1.5)), decay, rng.uniform(0, 0.2)


def _tone(
    rng: np.random.Generator, pitch: float, n: int, slope: float, even: float, attack: float, decay: float, vibrato: float
):
    """(n,) a note, `pitch` semitones above A3; harmonics end below the highest frequency there is."""
    times = np.arange(n) / RATE
    hertz = 220 * 2 ** ((pitch + vibrato * np.sin(2 * np.pi * 5.5 * times)) / 12)
    phase, wave = 2 * np.pi * np.cumsum(hertz) / RATE, np.zeros(n)
    for k in range(1, min(12, int(RATE / 2 / hertz.max(initial=1))) + 1):
        wave += np.sin(k * phase + rng.uniform(0, 6)) * k**-slope * (even if k % 2 == 0 else 1)
    return wave * np.minimum(times / attack, 1) * np.exp(-decay * times) * np.minimum((n / RATE - times) / 0.03, 1)


def _kick(rng: np.random.Generator) -> np.ndarray:
    times = np.arange(int(0.25 * RATE)) / RATE
    return np.sin(2 * np.pi * (rng.uniform(45, 70) * times + 2 * (1 - np.exp(-30 * times)))) * np.exp(-15 * times)


def _burst(rng: np.random.Generator, seconds: float, low: float, high: float) -> np.ndarray:
    """Noise between two frequencies in Hz that dies away."""
    n = max(8, int(4 * seconds * RATE))
    spectrum, frequency = np.fft.rfft(rng.standard_normal(n)), np.fft.rfftfreq(n, 1 / RATE)
    return np.fft.irfft(spectrum * ((frequency > low) & (frequency < high)), n) * np.exp(-np.arange(n) / (seconds * RATE))


def _add(out: np.ndarray, start: int, sound: np.ndarray) -> None:
    """Add what lies within `out`."""
    first, last = max(0, start), min(len(out), start + len(sound))
    if first < last:
        out[first:last] += sound[first - start : last - start]


def _unit(wave: np.ndarray) -> np.ndarray:
    return wave / (wave.std() + 1e-9)
