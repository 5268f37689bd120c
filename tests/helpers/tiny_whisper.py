"""A Whisper of random weights as a CTranslate2 file, so small that it hears a second of sound in milliseconds."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

WIDTH, MELS, LAYERS, POSITIONS = 64, 8, 2, 1500


def write_whisper(path: Path) -> None:
    """Write the encoder's arrays in float32, in the layout that `whisper_teacher.read_ctranslate2` reads."""
    rng = np.random.default_rng(0)
    shapes = {
        "conv1/weight": (WIDTH, MELS, 3),
        "conv1/bias": (WIDTH,),
        "conv2/weight": (WIDTH, WIDTH, 3),
        "conv2/bias": (WIDTH,),
    }
    shapes |= {"position_encodings/encodings": (POSITIONS, WIDTH)}
    for i in range(LAYERS):
        for part, inner in (("self_attention", 3 * WIDTH), ("ffn", 4 * WIDTH)):
            place, back = f"layer_{i}/{part}", WIDTH if part == "self_attention" else inner
            shapes |= {f"{place}/linear_0/weight": (inner, WIDTH), f"{place}/linear_0/bias": (inner,)}
            shapes |= {f"{place}/linear_1/weight": (WIDTH, back), f"{place}/linear_1/bias": (WIDTH,)}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) * 0.1 for name, shape in shapes.items()}
    for place in ("", *(f"layer_{i}/{part}/" for i in range(LAYERS) for part in ("self_attention", "ffn"))):
        arrays |= {
            f"{place}layer_norm/gamma": np.ones(WIDTH, np.float32),
            f"{place}layer_norm/beta": np.zeros(WIDTH, np.float32),
        }
    data = struct.pack("<I", 6) + _text("WhisperSpec") + struct.pack("<II", 3, len(arrays))
    for name, array in arrays.items():
        data += _text(f"encoder/{name}") + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        data += struct.pack("<BI", 0, array.nbytes) + array.tobytes()
    path.write_bytes(data)


def _text(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"
