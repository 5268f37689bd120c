"""Open Sound Control 1.0: messages and bundles as bytes. Specification: https://opensoundcontrol.stanford.edu/spec-1_0.html."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

HEAD = b"#bundle\0" + struct.pack(">Q", 1)  # time tag 1: at once
LARGEST = 1400  # bytes of a packet, so that networks of 1500 do not cut it


def message(address: str, *values: str | int | float) -> bytes:
    """A message with texts, int32, float32, true and false."""
    tags, content = ",", b""
    for value in values:
        if isinstance(value, str):
            tags, content = tags + "s", content + text(value)
        elif isinstance(value, bool):
            tags += "T" if value else "F"
        elif isinstance(value, int):
            tags, content = tags + "i", content + struct.pack(">i", value)
        else:
            tags, content = tags + "f", content + struct.pack(">f", value)
    return text(address) + text(tags) + content


def text(value: str) -> bytes:
    """UTF-8 and one to four zeros, so that the length is a multiple of 4."""
    content = value.encode()
    return content + bytes(4 - len(content) % 4)


def bundles(messages: Iterable[bytes]) -> Iterator[bytes]:
    """Packets of at most `LARGEST` bytes that carry the messages in their order."""
    packet = HEAD
    for content in messages:
        if len(packet) > len(HEAD) and len(packet) + 4 + len(content) > LARGEST:
            yield packet
            packet = HEAD
        packet += struct.pack(">i", len(content)) + content
    if len(packet) > len(HEAD):
        yield packet
