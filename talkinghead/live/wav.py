"""Samples on a pipe, which cannot be wound back: the header of a WAV as it comes, and bytes -> samples.

Format: Microsoft, Multiple Channel Audio Data and WAVE Files. Programs that write to a pipe do not know lengths: they make up
large ones, or say 0.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from talkinghead.errors import InputError

FORMS = {(1, 8): "u8", (1, 16): "s16le", (1, 24): "s24le", (1, 32): "s32le", (3, 32): "f32le", (3, 64): "f64le"}  # (tag, bits)
EXTENSIBLE = 0xFFFE
MADE_UP = 0x7F000000  # bytes of sound from which on a length is one that nobody knew; so is 0
LONGEST = 1 << 20  # bytes before the sound


@dataclass(frozen=True)
class Layout:
    """How samples lie in bytes. length: bytes of sound, None for all that come."""

    rate: int
    encoding: str = "s16le"
    channels: int = 1
    length: int | None = None

    def __str__(self) -> str:
        return f"{self.encoding}, {self.rate} Hz, {self.channels} channel{'s' * (self.channels > 1)}"

    @property
    def frame(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * (int(self.encoding[1:].removesuffix("le")) // 8)

    def samples(self, content: bytes) -> tuple[np.ndarray, bytes]:
        """(n, channels) float32 in [-1, 1], and the bytes of a sample that is not whole yet. What is not finite becomes 0."""
        whole = len(content) - len(content) % self.frame
        flat, kind = content[:whole], self.encoding
        if kind == "u8":
            values = (np.frombuffer(flat, np.uint8).astype(np.float32) - 128) / 128
        elif kind == "s24le":
            thrice = np.frombuffer(flat, np.uint8).reshape(-1, 3).astype(np.int32)
            values = (thrice[:, 0] << 8 | thrice[:, 1] << 16 | thrice[:, 2] << 24) / np.float32(2**31)
        elif kind.startswith("s"):
            bits = int(kind[1:3])
            values = np.frombuffer(flat, f"<i{bits // 8}") / np.float32(2 ** (bits - 1))
        else:
            values = np.nan_to_num(np.frombuffer(flat, f"<f{int(kind[1:3]) // 8}"), posinf=0, neginf=0)
        return values.astype(np.float32).reshape(-1, self.channels), content[whole:]


def read_layout(read: Callable[[int], bytes], told: Layout) -> tuple[Layout, bytes]:
    """The layout that a header tells, else `told`; and the bytes of sound that were read on the way.

    read: as `os.read`. Raises InputError for a WAV that is no plain one, and for a pipe that ends before its sound.
    """
    first = _exactly(read, 4)
    if first not in (b"RIFF", b"RF64"):
        if not first:
            raise InputError("standard input: is empty; pipe sound into it")
        return told, first
    found, passed = None, 0
    _exactly(read, 8)
    while passed < LONGEST:
        head = _exactly(read, 8)
        if len(head) < 8:
            break
        name, size = struct.unpack("<4sI", head)
        if name == b"data" and found is not None:
            return Layout(*found, size if 0 < size < MADE_UP else None), b""
        passed += size
        content = _exactly(read, min(size + size % 2, LONGEST))
        if name == b"fmt " and len(content) >= 16:
            tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
            tag = struct.unpack("<H", content[24:26])[0] if tag == EXTENSIBLE and len(content) >= 26 else tag
            if (tag, bits) not in FORMS or not channels:
                raise InputError(f"standard input: a WAV of format {tag} with {bits} bits; send PCM or floats")
            found = rate, FORMS[tag, bits], channels
    raise InputError("standard input: a WAV that ends before its sound")


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    """`count` bytes, fewer where the pipe ends."""
    out = b""
    while len(out) < count and (more := read(count - len(out))):
        out += more
    return out
