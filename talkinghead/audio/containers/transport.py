"""Where the sound of an MPEG transport stream (ISO/IEC 13818-1) becomes another: recordings joined by `cat`, or a channel that
changes its codec or its tracks. FFmpeg keeps the codec that it found at the beginning, and takes what follows for damage.

A packet has 188 bytes, of which the first is 0x47; a program association table (PAT, stream 0) names the streams of program
maps (PMT), each of which lists the streams of a program with their kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np

SIZES = (188, 192, 204)  # bytes from one packet to the next: plain, of Blu-ray and cameras, with error correction
SYNC = 0x47
SURE = 5  # packets in a row that make a transport stream
BLOCK = 1 << 20  # bytes that are looked at in one go
MOST_PROGRAMS = 256
# Kinds of sound by stream type; MPEG-1 and MPEG-2 audio have one decoder. 6 is private: descriptors tell.
SOUND = {3: 3, 4: 3} | {kind: kind for kind in (0x0F, 0x11, 0x1C, *range(0x80, 0x88), 0x8A, 0xA1, 0xA2)}
DESCRIBED = (0x6A, 0x7A, 0x7B, 0x7C)  # AC-3, E-AC-3, DTS, AAC (ETSI EN 300 468)
REGISTERED = (b"Opus", b"AC-3", b"EAC3", b"BSSD", b"DTS1", b"DTS2", b"DTS3")  # of sound, in a descriptor 5
Kinds = dict[int, object]  # number of a stream -> kind of its sound


def changes(file: BinaryIO, stop: int) -> list[int]:
    """Bytes of a file at which a transport stream's sound becomes another; [] also for what is none.

    Streams that come in addition change nothing: the one that is heard goes on.
    """
    head = _read(file, 0, SIZES[-1] * (SURE + 1))
    size, first = next(((s, at) for s in SIZES for at in range(s) if _is_sync(head, at, s, SURE)), (0, 0))
    places: list[int] = []
    if not size:
        return places
    programs: dict[int, Kinds | None] = {}  # stream of a PMT -> the sound of its program since the last change
    table = first
    for place, stream, section in _sections(file, first, stop, size, programs):
        if stream == 0:
            table, named = place, _programs(section)
            changed = any(kinds and gone not in named for gone, kinds in programs.items())
            found: dict[int, Kinds | None] = {number: None if changed else programs.get(number) for number in named}
        else:
            kinds, before = _kinds(section), programs.get(stream)
            changed = before is not None and any(kinds.get(number) != kind for number, kind in before.items())
            found = dict.fromkeys(programs) if changed else dict(programs)
            found[stream] = kinds if changed or before is None else before
        if changed:
            places.append(table)
        programs.clear()
        programs.update(found)
    return places


def _sections(
    file: BinaryIO, at: int, stop: int, size: int, programs: Mapping[int, Kinds | None]
) -> Iterator[tuple[int, int, bytes]]:
    """Yield the place, the stream and the content of each PAT and of each PMT of `programs`, as far as one packet has it."""
    while at + 188 <= stop:
        block = _read(file, at, min(BLOCK // size * size, stop - at))
        if len(block) < 188:  # the file has become shorter
            return
        count = (len(block) - 188) // size + 1
        rows = np.frombuffer(block, np.uint8)
        heads = np.stack([rows[i : i + (count - 1) * size + 1 : size] for i in range(4)], 1).astype(np.int32)
        good = heads[:, 0] == SYNC
        whole = count if good.all() else int(good.argmin())
        streams = (heads[:whole, 1] & 0x1F) << 8 | heads[:whole, 2]
        begins = (heads[:whole, 1] & 0x40 > 0) & (heads[:whole, 3] & 0x10 > 0)
        for i in np.flatnonzero(begins):
            if (number := int(streams[i])) == 0 or number in programs:
                packet = block[i * size : i * size + 188]
                skip = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
                if skip < 188 and (section := packet[skip + 1 + packet[skip] :])[:1] == (b"\2" if number else b"\0"):
                    yield at + int(i) * size, number, section
        at += whole * size
        if whole < count:  # out of step: bytes are missing, or there are more
            at = _next(file, at + 1, stop, size)


def _next(file: BinaryIO, at: int, stop: int, size: int) -> int:
    """The place from `at` on where packets begin again."""
    while at < stop:
        block = _read(file, at, BLOCK + 2 * size)
        found = block.find(SYNC)
        while 0 <= found < BLOCK:
            if _is_sync(block, found, size, 3):
                return at + found
            found = block.find(SYNC, found + 1)
        at += BLOCK
    return stop


def _programs(section: bytes) -> list[int]:
    """Streams of the PMTs that a PAT names."""
    end = min(len(section), 3 + _twelve(section, 1) - 4)
    pairs = [(_sixteen(section, at), _sixteen(section, at + 2) & 0x1FFF) for at in range(8, end - 3, 4)]
    return [stream for program, stream in pairs if program and stream][:MOST_PROGRAMS]


def _kinds(section: bytes) -> Kinds:
    """The sound of a PMT."""
    end, kinds = min(len(section), 3 + _twelve(section, 1) - 4), {}
    at = 12 + _twelve(section, 10)
    while at + 5 <= end:
        kind, stream, length = section[at], _sixteen(section, at + 1) & 0x1FFF, _twelve(section, at + 3)
        sound = SOUND.get(kind) if kind != 6 else _described(section[at + 5 : at + 5 + length])
        if sound:
            kinds[stream] = sound
        at += 5 + length
    return kinds


def _described(descriptors: bytes) -> object:
    """The kind of a private stream if it is sound."""
    while len(descriptors) >= 2:
        tag, length = descriptors[:2]
        content = descriptors[2 : 2 + length]
        if tag in DESCRIBED or (tag == 5 and content[:4] in REGISTERED):
            return tag, content[:4] if tag == 5 else b""
        descriptors = descriptors[2 + length :]
    return None


def _is_sync(data: bytes, at: int, size: int, count: int) -> bool:
    return all(place < len(data) and data[place] == SYNC for place in range(at, at + count * size, size))


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _sixteen(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _twelve(data: bytes, at: int) -> int:
    return _sixteen(data, at) & 0xFFF
