"""Sync in mesh space: how alike an embedding of the lips and one of the sound are, for lips that are early and late."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from talkinghead.audio.activity import SILENT, quiet_frames
from talkinghead.audio.clock import FPS, RATE, frame_times
from talkinghead.audio.mel import log_mel
from talkinghead.head.landmark_maps import LIP_LANDMARKS
from talkinghead.metrics.lips import LAGS
from talkinghead.models.perceptual.sync import SyncNet
from talkinghead.motion.animation import Animation

SHORTEST = 25  # frames with speech, at 50 a second: means over fewer are noise


@lru_cache(maxsize=1)
def network() -> SyncNet:
    """The one that no model was trained with."""
    return SyncNet.from_pretrained("metric")


def likeness(animation: Animation, wave: np.ndarray, net: SyncNet | None = None) -> list[float] | None:
    """(len(LAGS),) mean cosine between the sound at speech and the lips `LAGS` seconds later, -1 to 1.

    wave: (n,) samples at 16 kHz. None for a head without lips' landmarks, or with less than half a second of speech.
    """
    import torch

    lips = lips_of(animation)
    if lips is None or np.abs(wave).max(initial=0) < SILENT:
        return None
    frames = max(1, round(len(wave) / RATE * FPS))
    times, edge = frame_times(frames, FPS), len(LAGS) // 2
    speech = ~quiet_frames(wave, RATE, frames, FPS)
    speech[:edge] = speech[frames - edge :] = False
    speech &= times < animation.duration - LAGS[-1]
    if speech.sum() < SHORTEST:
        return None
    moved = np.stack([np.interp(times, animation.times, column) for column in lips.T], 1).astype(np.float32)
    with torch.inference_mode():
        visual, audio, _ = (net or network())(
            torch.from_numpy(moved)[None], log_mel(torch.from_numpy(wave).float()[None])[:, :frames]
        )
    visual, audio = visual[0].numpy(), audio[0].numpy()
    frames_with_speech = np.flatnonzero(speech)
    return [
        float((visual[frames_with_speech + lag] * audio[frames_with_speech]).sum(1).mean()) for lag in range(-edge, edge + 1)
    ]


def lips_of(animation: Animation) -> np.ndarray | None:
    """(T, 12) mm: how far the four landmarks of an animation are from where they rest; None if its head does not name them."""
    head = animation.head
    if not all(name in head.landmarks for name in LIP_LANDMARKS):
        return None
    moved = [animation.landmark(name) - head.landmark(name) for name in LIP_LANDMARKS]
    return (np.concatenate(moved, 1) * 1000).astype(np.float32)
