"""The sound of a page: MP3, which every browser plays (Opus in Ogg is new to Safari, AAC is not in every build of Chromium).

Its tables say how many samples the encoder has put in front, and browsers leave these out.
"""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np

from talkinghead.rendering.output.sound import Sound

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # of MPEG-1, 2 and 2.5
PEAKS = 600  # columns of the picture of the wave
MEDIA_TYPE = "audio/mpeg"


def mp3(path: str | Path, track: int | None = None) -> tuple[bytes, float, list[int]]:
    """A recording as MP3, its seconds, and the loudness of PEAKS parts of it, 0 to 255. Raises InputError as `load_audio`."""
    sound = Sound(path, track, RATES)
    file, levels = io.BytesIO(), []
    with av.open(file, "w", format="mp3", options={"write_xing": "1"}) as out:
        stream = out.add_stream("libmp3lame", rate=sound.rate, layout=sound.layout)
        stream.bit_rate = (64_000 if sound.rate >= 32_000 else 40_000 if sound.rate >= 16_000 else 24_000) * sound.channels
        for frame in sound.frames():
            levels.append(np.abs(frame.to_ndarray()).max(axis=0))
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    loud = np.array([part.max() if len(part) else 0 for part in np.array_split(np.concatenate(levels), PEAKS)])
    return file.getvalue(), sound.seconds, np.round(255 * (loud / max(loud.max(), 1e-6)) ** 0.8).astype(int).tolist()
