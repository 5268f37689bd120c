"""The level at which an encoder hears a recording, of a recording in parts. N frames of 20 ms, levels in dB of full scale.

With one gain for a whole recording, lips hardly move for a second speaker who is 20 dB softer. The gain therefore follows a
running level: the loudest frame near by, within bounds, smoothed. The numbers were set by hand on uneven recordings, on steady
noise and on pauses. `input_level` has the same of tensors, for batches of training.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d, maximum_filter1d

from talkinghead.audio.clock import FRAME
from talkinghead.audio.waveform import Waveform

# Frames on either side.
REACH = 25  # 0.5 s: the loudest frame in it is the level, so that pauses between words do not raise the gain
NOISE_REACH = 60  # 1.2 s: the faintest frame in it is the noise; speech has a pause as often
SMOOTHING = 15  # 0.3 s, standard deviation of the Gaussian that smooths the level: gain changes slower than syllables
# Decibels.
SPEECH_OVER_NOISE = 22.0  # the level is at least so far above the noise: steady noise is not amplified like speech
SPAN = 32.0  # the level is at most so far below the loudest frame of the recording: what is fainter is no second speaker
CREST = 1.5  # of the loudest frame of a second over the RMS of its speech, which is brought to 1
# Amplitude, full scale 1.
SILENCE_RMS = 1e-3  # -60 dBFS: quieter input is not amplified up to speech level
FAINTEST = 1e-12  # energy of digital silence, so that it has a level


class LevelTrack:
    """What `input_level.normalise_level` has to know of a whole recording, so that any part can then be normalised alone."""

    def __init__(self, recording: Waveform) -> None:
        self.recording, self.mean = recording, np.float32(recording.mean())
        self.rms = speech_rms(np.concatenate([frame_level(block - self.mean) for block in recording.blocks()]))

    def part(self, start: int, stop: int) -> np.ndarray:
        """(stop - start,) float32 samples of `normalise_level`; 0 before the first and after the last."""
        first, last = max(0, start), min(stop, len(self.recording))
        gain = np.interp((np.arange(first, last) + 0.5) / FRAME - 0.5, *self._near(first, last)).astype(np.float32)
        heard = (self.recording.samples(first, last) - self.mean) / gain
        return np.pad(heard, (first - start, stop - last))

    def _near(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers and gains of the frames around some samples: a gain lies between those of two frames."""
        lowest = max(0, first // FRAME - 1)
        near = self.rms[lowest : last // FRAME + 2]
        return np.arange(lowest, lowest + len(near)), near


def frame_level(wave: np.ndarray) -> np.ndarray:
    """(n,) samples of zero mean -> (N,) levels; the last frame may be shorter."""
    edges = np.arange(0, len(wave), FRAME)
    energy = np.add.reduceat(np.square(wave), edges) / np.diff(edges, append=len(wave)).astype(np.float32)
    return 10 * np.log10(np.maximum(energy, FAINTEST))


def speech_rms(level: np.ndarray) -> np.ndarray:
    """(N,) levels of the frames -> (N,) amplitude of the speech around each, which is brought to 1."""
    return np.maximum(10 ** ((running_level(level) - CREST) / 20), SILENCE_RMS)


def running_level(level: np.ndarray) -> np.ndarray:
    """(N,) levels of the frames -> (N,) level of the speech around each."""
    highest, noise = level.max(), -maximum_filter1d(-level, 2 * NOISE_REACH + 1, mode="nearest")
    lowest = np.maximum(highest - SPAN, noise + SPEECH_OVER_NOISE)
    near = np.minimum(np.maximum(maximum_filter1d(level, 2 * REACH + 1, mode="nearest"), lowest), highest)
    bell = np.exp(-0.5 * (np.arange(-3 * SMOOTHING, 3 * SMOOTHING + 1) / SMOOTHING) ** 2)
    return correlate1d(near, bell / bell.sum(), mode="nearest")  # the first and the last level go on beyond the ends
