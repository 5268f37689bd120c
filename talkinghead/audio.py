"""Sound in, and the one frame clock."""

from __future__ import annotations

from math import ceil
from pathlib import Path

import numpy as np

RATE = 16000


def frame_count(seconds: float, fps: float) -> int:
    """Frames that cover `seconds`: the last one may reach beyond the end by less than a frame."""
    return max(1, ceil(seconds * fps - 1e-6))


def frame_times(frames: int, fps: float) -> np.ndarray:
    """(T,) seconds at which frames are shown: frame t at (t + 0.5) / fps. Everything in the package uses this clock."""
    return (np.arange(frames) + 0.5) / fps


def load_audio(path: str | Path, rate: int = RATE) -> np.ndarray:
    import av
    with av.open(str(path)) as c:
        r = av.AudioResampler(format="flt", layout="mono", rate=rate)
        out = [f.to_ndarray()[0] for frame in c.decode(audio=0) for f in r.resample(frame)]
        out += [f.to_ndarray()[0] for f in r.resample(None)]
    return np.concatenate(out)
