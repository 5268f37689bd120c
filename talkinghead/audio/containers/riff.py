"""Lengths in the headers of WAV, AIFF, CAF, W64 and AU: what is believed, made up, more than there is, or less.

WAV and AIFF are chunks: four letters, a length, so many bytes, and one more if they are odd.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from talkinghead.errors import InputError, InputWarning
from talkinghead.io.media import FilePart

Order = Literal["little", "big"]
KINDS: dict[bytes, Order] = {b"RIFF": "little", b"RIFX": "big", b"RF64": "little", b"BW64": "little", b"FORM": "big"}
AU = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # encoding of Sun's .au -> bytes of a sample
SOUND = {b"WAVE": (b"data", 0), b"AIFF": (b"SSND", 8), b"AIFC": (b"SSND", 8)}  # form -> its chunk of sound, bytes before sound
SLACK = 1024  # bytes: some programs count their own padding
STREAMED = 0x7FFF0000  # bytes from which a length means "unknown": it was written to a pipe
ROUND = 1_000_000  # bytes or frames of which a length is a whole multiple: somebody wrote a number down, no recorder counted
MOST_CHUNKS = 10_000  # before the sound, and behind it; a file may consist of empty ones
LONGEST = 4 * 3600  # seconds of sound; a length beyond it was made up, too
TAG = re.compile(rb"TAG|ID3|APETAGEX|LYRICS")
NAME = re.compile(rb"[ -~]{4}")


@dataclass(frozen=True)
class Layout:
    """What a header says: where the sound begins and how many bytes it has; bytes of one sample of all channels, and a second.

    whole: bytes of all but the first eight. skip: bytes of the chunk of sound before the sound itself. sizes: places of four
    bytes from the first byte on that say how long the sound is, and how many bytes their unit has. bits: place of the bits of a
    sample and what they have to be, where the header contradicts itself.
    """

    start: int
    size: int
    frame: int
    rate: int
    whole: int
    skip: int
    sizes: tuple[tuple[int, int], ...]
    bits: tuple[int, int] | None = None


def made_up(size: int, frame: int, rate: int) -> bool:
    """Whether a length of `size` bytes of sound was written down before there was any, as programs do that stream.

    A file that was cut short has the length of a recording: whole frames, of some hours at most, and no round number.
    """
    if size >= STREAMED or size % frame or size > LONGEST * rate:
        return True
    power = 1 << (size.bit_length() - 1)  # a power of two, or the next one, less a header
    return size % ROUND == 0 or (size // frame) % ROUND == 0 or (size > ROUND and min(size - power, 2 * power - size) <= 128)


def part(path: Path, start: int, stop: int, *, name: str | None = None, silently: bool = False) -> FilePart:
    """Bytes start..stop of a file; of a WAV, AIFF or AU with the length of its sound put right, which FFmpeg believes.

    name: how messages name it. Raises InputError for a file that is cut short.
    Warns of sound beyond the length, and of an unusual length that is made up.
    """
    name = name or str(path)
    with path.open("rb") as file:
        file.seek(start)
        head = file.read(12)
        if head[:4] in (b"caff", b"riff"):
            return _long(path, name, file, start, stop, silently)
        order, layout = KINDS.get(head[:4]), None
        if head[:4] == b".snd":
            order, layout = "big", _read_au(file, start)
        elif order and head[8:] in SOUND:
            layout = _read(file, start, stop, order, *SOUND[head[8:]])
        if order is None or layout is None:
            return FilePart(path, start, stop)
        there, sizes = stop - layout.start, layout.sizes
        if layout.size - there > SLACK:
            odd = _made_up_length(name, stop - start, there, layout)
        elif there - layout.size <= SLACK or _ends_well(file, layout.start + layout.size, stop, order):
            if layout.bits is None:
                return FilePart(path, start, stop)
            odd, sizes = "", ()
        else:
            odd = layout.size and f"its header promises {layout.size} bytes of sound, {there} are there; all of it is used"
        if odd and not silently:
            warnings.warn(f"{name}: {odd}", InputWarning, stacklevel=2)
        file.seek(start)
        header = bytearray(file.read(layout.start - start))
    for at, unit in sizes:
        most = min((there + layout.skip * (unit == 1)) // unit, 0x7FFFFFFF) if head[:4] == b"FORM" else 0xFFFFFFFF
        header[at : at + 4] = most.to_bytes(4, order)
    if layout.bits is not None:
        header[layout.bits[0] : layout.bits[0] + 2] = layout.bits[1].to_bytes(2, order)
    if sizes and head[:4] in (b"RF64", b"BW64"):  # whose long length is elsewhere
        header[:4] = b"RIFF"
    return FilePart(path, layout.start, stop, bytes(header))


def _long(path: Path, called: str, file: BinaryIO, start: int, stop: int, silently: bool) -> FilePart:
    """A CAF or W64, whose lengths have eight bytes: of all that is there if its sound goes on behind the length that it has.

    Formats: Apple Core Audio Format Specification 1.0, where -1 is not known; Sony's Wave64, where a length counts its own
    header and the next chunk begins at a multiple of eight bytes.
    """
    file.seek(start)
    caf = file.read(4) == b"caff"
    name_bytes, counted, at = (4, 0, start + 8) if caf else (16, 24, start + 40)
    for _ in range(MOST_CHUNKS):
        if at + name_bytes + 8 > stop:
            break
        file.seek(at)
        name = file.read(name_bytes)[:4]
        size = int.from_bytes(file.read(8), "big" if caf else "little", signed=True) - counted
        at += name_bytes + 8
        if name == b"data" and size != -1:
            file.seek(min(at + max(size, 0) + (0 if caf else -size % 8), stop))
            more = stop - at - size
            if 0 < size and (more <= SLACK or NAME.fullmatch(file.read(4))) and size <= 1 << 40:
                break  # FFmpeg reads to the end of a file that is shorter; beyond 2^40 it does not read at all
            if 0 < size < stop - at and not silently:
                odd = f"its header promises {size} bytes of sound, {stop - at} are there; all of it is used"
                warnings.warn(f"{called}: {odd}", InputWarning, stacklevel=3)
            file.seek(start)
            header = file.read(at - 8 - start)
            return FilePart(path, at, stop, header + (b"\xff" * 8 if caf else (stop - at + counted).to_bytes(8, "little")))
        if size < 0:
            break
        at += size + (0 if caf else -size % 8)
    return FilePart(path, start, stop)


def _made_up_length(name: str, length: int, there: int, layout: Layout) -> str:
    """What is odd about a length that is more than there is. Raises InputError unless it was made up."""
    if layout.size >= STREAMED:
        return ""  # so common that nothing needs to be said
    whole = layout.whole in (0, 0xFFFFFFFF) or layout.whole + 8 <= length
    if not whole and not made_up(layout.size, layout.frame, layout.rate):
        what = f"its header promises {layout.size} bytes of sound, {there} are there"
        raise InputError(f"{name}: is cut short: {what}; copy it again")
    there_are = f"the {there / layout.rate:.2f} s that are there are used"
    return f"its header has a made-up length, {layout.size} bytes of sound; {there_are}"


def _read(file: BinaryIO, start: int, stop: int, order: Order, sound: bytes, skip: int) -> Layout | None:
    """The layout; None if there is no chunk of sound."""
    file.seek(start + 4)
    whole = int.from_bytes(file.read(4), order)
    frame = rate = 1
    long, at, sizes, bits = 0, start + 12, [(4, 1)], None
    for _ in range(MOST_CHUNKS):
        if at + 8 > stop:
            break
        file.seek(at)
        name, size, fields = file.read(4), int.from_bytes(file.read(4), order), file.read(28)
        if name == sound:
            size = long if long and size == 0xFFFFFFFF else size
            sizes.append((at + 4 - start, 1))
            return Layout(at + 8 + skip, max(0, size - skip), max(1, frame), max(1, rate), whole, skip, tuple(sizes), bits)
        if name == b"fmt " and len(fields) >= 16:
            rate, frame = int.from_bytes(fields[8:12], order), int.from_bytes(fields[12:14], order)
            width = _width(
                *(int.from_bytes(fields[i:j], order) for i, j in ((0, 2), (2, 4), (4, 8), (8, 12), (12, 14), (14, 16)))
            )
            bits = None if width is None else (at + 22 - start, width)
        elif name == b"COMM" and len(fields) >= 18:
            frame = int.from_bytes(fields[:2], "big") * -(-int.from_bytes(fields[6:8], "big") // 8)
            power = min(int.from_bytes(fields[8:10], "big") & 0x7FFF, 16383 + 63) - 16383 - 63  # of an 80-bit float
            rate = round(frame * int.from_bytes(fields[10:18], "big") * 2.0**power)
            sizes.append((at + 10 - start, max(1, frame)))
        elif name == b"ds64" and len(fields) >= 16:
            whole, long = int.from_bytes(fields[:8], "little"), int.from_bytes(fields[8:16], "little")
        at += 8 + size + size % 2
    return None


def _width(form: int, channels: int, rate: int, speed: int, frame: int, bits: int) -> int | None:
    """Bits of a sample by the bytes of all channels and of a second, where both contradict the bits that a header says.

    Samples of 24 bits that lie in 32 are written so, though they should have the extensible form. FFmpeg believes the bits.
    """
    if form != 1 or not channels or frame % channels or not 1 <= frame // channels <= 4 or speed != rate * frame:
        return None
    width = frame // channels * 8
    return None if width == -(-bits // 8) * 8 else width


def _read_au(file: BinaryIO, start: int) -> Layout | None:
    """The layout of Sun's .au, which says the length of its sound once; None where it says none, or no known encoding."""
    file.seek(start + 4)
    first, size, encoding, rate, channels = (int.from_bytes(file.read(4), "big") for _ in range(5))
    frame = AU.get(encoding, 0) * channels
    if size == 0xFFFFFFFF or not frame or not rate:
        return None
    return Layout(start + first, size, frame, frame * rate, 1 << 40, 0, ((8, 1),))


def _ends_well(file: BinaryIO, at: int, stop: int, order: Order) -> bool:
    """Whether what follows the sound is chunks to the end, a tag, or zeros: no sound."""
    file.seek(at)
    start = file.read(SLACK)
    if TAG.match(start) or not (start.strip(b"\0") or _any(file)):
        return True
    at += at % 2 if start[:1] == b"\0" else 0
    for _ in range(MOST_CHUNKS):
        if at + 8 > stop:
            break
        file.seek(at)
        name, size = file.read(4), int.from_bytes(file.read(4), order)
        if not NAME.fullmatch(name) or at + 8 + size > stop:
            return bool(TAG.match(name)) and stop - at < SLACK
        at += 8 + size + size % 2
    return True


def _any(file: BinaryIO) -> bool:
    """Whether the rest of a file has a byte that is not 0."""
    while block := file.read(1 << 20):
        if block.strip(b"\0"):
            return True
    return False
