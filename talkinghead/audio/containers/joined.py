"""Where recordings begin in a file that holds several, one after the other: a recorder that was restarted, files put together
by `cat`, chained Ogg, the sentences of a speech service. A demuxer that reads on past a join takes the second for damage, for
time that was heard already, or for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from talkinghead.audio.containers import transport

# What is searched for, and the pattern that has to be there. Sound that looks like one by chance is out of question: each fixes
# about 64 bits. Formats without a beginning (MPEG, ADTS, MP3) need no entry: FFmpeg reads on, and `decode` sees clocks jump.
FIRST = b"[" + b"".join(re.escape(bytes([byte])) for byte in range(256) if byte & 8) + b"]"  # of a WavPack block's flags
WAVE = rb"(RI(FF|FX).{4}|(RF64|BW64)\xff{4})(WAVE|AVI )[ -~]{4}"
BEGINNINGS: tuple[tuple[tuple[bytes, ...], bytes], ...] = (
    ((b"RIFF", b"RIFX", b"RF64", b"BW64"), WAVE),
    ((b"FORM",), rb"FORM.{4}AIF[FC][ -~]{4}"),
    ((b"riff\x2e\x91\xcf\x11",), rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00.{8}wave"),
    ((b"caff\x00\x01",), rb"caff\x00\x01..desc"),
    ((b".snd\x00\x00",), rb"\.snd\x00\x00[\x00-\x0f].{5}\x00\x00\x00[\x01-\x1b]\x00[\x00-\x0b]..\x00\x00\x00[\x01-\x40]"),
    ((b"fLaC",), rb"fLaC[\x00\x80]\x00\x00\x22.{10}"),
    ((b"OggS\x00",), rb"OggS\x00[\x02\x03\x06\x07]\x00{8}"),
    ((b"\x1a\x45\xdf\xa3",), rb"\x1a\x45\xdf\xa3.{1,64}\x42\x82.{1,8}(webm|matroska)"),
    ((b"ftyp",), rb"\x00\x00[\x00-\x0f].ftyp[ -~]{4}"),
    ((b"#!AMR",), rb"#!AMR(-WB)?\n"),
    ((b"FLV\x01",), rb"FLV\x01[\x01\x04\x05]\x00\x00\x00\x09\x00{4}"),
    ((b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",), rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"),
    ((b"TTA1",), rb"TTA1[\x01\x02]\x00[\x01-\x40]\x00[\x08\x10\x18\x20]\x00..[\x00-\x0b]\x00"),
    ((b"wvpk",), rb"wvpk.{5}\x04.{6}\x00{4}(?!\x00{4}).{4}." + FIRST),
    ((b"MAC ",), rb"MAC [\x80-\xff]\x0f\x00\x00.{44}"),
)
Kind = tuple[tuple[bytes, ...], re.Pattern]
KINDS: tuple[Kind, ...] = tuple((marks, re.compile(pattern, re.DOTALL)) for marks, pattern in BEGINNINGS)
OGG = (b"OggS\x00",)
PLAIN = tuple(marks for marks, _ in BEGINNINGS[:5])  # samples as they are, in which no other file lies
# A WAV with coded sound, which may be a file of its own: its format is neither PCM (1), floats (3) nor extensible (0xFFFE).
CODED = re.compile(rb"WAVE.{0,64}fmt .{4}(?!\x01\x00|\x03\x00|\xfe\xff|\x00\x01|\x00\x03|\xff\xfe)", re.DOTALL)
BEFORE = {b"ftyp": 4}  # bytes between the beginning and what is searched for
LONGEST = 128  # bytes that a pattern looks at
BLOCK = 1 << 20  # bytes that are searched at a time


def recordings(path: Path) -> list[tuple[int, int]]:
    """First and one past the last byte of each recording in a file that is not empty; mostly there is one."""
    status = path.stat()
    return list(_recordings(path, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=64)  # a file is opened again for each pass over its sound
def _recordings(path: Path, size: int, changed: int) -> list[tuple[int, int]]:
    """The same of a file as it was at the time `changed`."""
    with path.open("rb") as file:
        first = _tag_size(_at(file, 0, 10))
        beginning = _at(file, first, LONGEST)
        for kind in KINDS:
            if kind[1].match(beginning):
                plain = kind[0] in PLAIN and not CODED.search(beginning)
                found = _all(file, KINDS if plain else (kind,), first)
                pages = [start for start, marks in found.items() if marks == OGG]
                starts = sorted({start for start, marks in found.items() if marks != OGG} | set(_links(file, pages)))
                return list(zip([0, *starts[1:]], [*starts[1:], size], strict=True))
        starts = transport.changes(file, size)
    return list(zip([0, *starts], [*starts, size], strict=True))


def _all(file: BinaryIO, kinds: Sequence[Kind], first: int) -> dict[int, tuple[bytes, ...]]:
    """Where one of the marks of some kinds is with the pattern around it, from byte `first` on, in order -> these marks."""
    out: dict[int, tuple[bytes, ...]] = {}
    while block := _at(file, first, BLOCK + LONGEST):  # a mark across the end of one block is whole in the next
        for marks, begins in kinds:
            for mark in marks:
                before = BEFORE.get(mark, 0)
                at = block.find(mark, before, BLOCK + before + len(mark) - 1)
                while at >= 0:
                    if begins.match(block[at - before : at - before + LONGEST]):
                        out[first + at - before] = marks
                    at = block.find(mark, at + 1, BLOCK + before + len(mark) - 1)
        first += BLOCK
    return dict(sorted(out.items()))


def _at(file: BinaryIO, start: int, count: int) -> bytes:
    """`count` bytes of a file from `start` on, fewer at its end. A mapping of the whole file would count as memory."""
    file.seek(start)
    return file.read(count)


def _links(file: BinaryIO, pages: list[int]) -> list[int]:
    """Links of a chained Ogg: streams that run side by side have their first pages next to each other (RFC 3533, section 4)."""
    links, end = [], -1
    for start in pages:
        if start != end:
            links.append(start)
        page = _at(file, start, 27 + 255)
        count = page[26] if len(page) >= 27 else 0
        end = start + 27 + count + sum(page[27 : 27 + count])
    return links


def _tag_size(head: bytes) -> int:
    """Bytes of an ID3v2 tag in front, by its ten first; its size has seven bits a byte."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
