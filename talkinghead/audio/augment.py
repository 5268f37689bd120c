"""Bad rooms, microphones, noise and levels, so that a model trained on clean speech meets them. n samples at 16 kHz."""

from __future__ import annotations

import numpy as np

from talkinghead.audio.clock import RATE

LEVELS = (-26.0, 0.0)  # dB, of parts of a recording whose level changes


def coloured_noise(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n,) noise of unit RMS whose colour is drawn between white and brown."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, n)
    return noise / (noise.std() + 1e-9)


def level_changes(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n,) gain between 1 and -26 dB, as where a voice fades or turns away, or a softer voice takes over.

    Each level holds for 0.6 to 3 s. The changes last 20 to 100 ms (another voice) or 0.3 to 1.5 s (a fade), linear in decibels.
    """
    level, samples = (rng.uniform(*LEVELS) if rng.random() < 0.5 else 0.0), 0.0
    times, levels = [0.0], [level]
    while samples < n:
        change = rng.uniform(0.02, 0.1) if rng.random() < 0.6 else rng.uniform(0.3, 1.5)
        held = rng.uniform(0.6, 3)
        times += [samples + RATE * change, samples + RATE * (change + held)]
        levels += [level, level]
        samples = times[-1]
        level = 0.0 if level < -6 and rng.random() < 0.6 else rng.uniform(*LEVELS)
    return 10 ** (np.interp(np.arange(n), times, levels) / 20)


def augment(wave: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) recording as another room, microphone, noise (or the voice `other`) and level would have it; timing is kept."""
    n, loud = len(wave), wave.std() + 1e-6
    if rng.random() < 0.4:  # a room: exponentially decaying noise after the direct sound
        length = int(RATE * rng.uniform(0.1, 0.5))
        tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length) * rng.uniform(0.02, 0.15)
        tail[0] = 1
        wave = np.fft.irfft(np.fft.rfft(wave, 2 * n) * np.fft.rfft(tail, 2 * n), 2 * n)[:n]
    if rng.random() < 0.5:  # a microphone: a smooth random equaliser, sometimes the telephone's band
        spectrum = np.fft.rfft(wave)
        frequency = np.linspace(0, RATE / 2, len(spectrum))
        knots = rng.uniform(-12, 12, 8)
        gain = 10 ** (np.interp(frequency, np.linspace(0, RATE / 2, 8), knots) / 20)
        if rng.random() < 0.2:
            gain *= (frequency > 300) & (frequency < 3400)
        wave = np.fft.irfft(spectrum * gain, n)
    if rng.random() < 0.6:
        noise = coloured_noise(rng, n) if rng.random() < 0.6 else other / (other.std() + 1e-6)
        wave = wave + noise * loud * 10 ** (-rng.uniform(3, 30) / 20)
    if rng.random() < 0.1:
        wave = np.clip(wave, -2 * loud, 2 * loud)
    if rng.random() < 0.3:
        wave = wave * level_changes(rng, n)
    return wave * 10 ** (rng.uniform(-20, 6) / 20)
