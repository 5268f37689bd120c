"""Sound to FLAC."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.files import replacing


def write_audio(path: Path, wave: np.ndarray) -> None:
    """(n,) samples at 16 kHz -> FLAC, 16 bits; made quieter as a whole if it would clip."""
    import av

    with replacing(path) as fresh, av.open(str(fresh.absolute()), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono", format="s16")
        wave = wave / max(1.0, np.abs(wave).max(initial=0))  # lossy sources overshoot 1
        samples = np.clip(np.round(wave * 32768), -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
