"""Packets of Epic's app Live Link Face, version 6: Unreal lists whoever sends them as a subject.

All numbers are big-endian, as Unreal's plugin AppleARKitFaceSupport reads them from UDP port 11111:

* uint8 6; int32 length and UTF-8 of the id of the device; int32 length and UTF-8 of the subject's name;
* the time: int32 frame since midnight, float32 share of a frame, int32 numerator and int32 denominator of the rate;
* uint8 61; 61 float32: 52 weights in the order of Unreal's EARFaceBlendShape, then yaw, pitch and roll of the head, of the
  left and of the right eye, with the signs of `export.csv`.
"""

from __future__ import annotations

import struct
import time
import uuid
from fractions import Fraction

import numpy as np

from talkinghead.audio.clock import exact_rate
from talkinghead.errors import InputError
from talkinghead.export.csv import LIVE_LINK, eye_turns, head_turns
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.head import Head
from talkinghead.live.frames import Frame, to_arkit_of, with_gaze
from talkinghead.live.receivers.sockets import Address, Udp

VERSION, VALUES = 6, 61
PORT = 11111
LONGEST = 64  # characters of a subject's name
_SWAPPED = {"JawRight": "JawLeft", "JawLeft": "JawRight", "MouthRight": "MouthLeft", "MouthLeft": "MouthRight"}
SHAPES = tuple(_SWAPPED.get(name, name) for name in LIVE_LINK)  # packets have left before right, tables right before left
ORDER = [{name.lower(): row for row, name in enumerate(ARKIT)}[name.lower()] for name in SHAPES]


class LiveLink:
    """A subject of Live Link Face. Raises InputError for a head whose shapes are none of ARKit's, and for a bad name."""

    def __init__(self, to: Address, head: Head, fps: float, subject: str = "talkinghead") -> None:
        if not subject or len(subject) > LONGEST or not subject.isprintable():
            raise InputError(f"--subject {subject!r}: choose a name of 1 to {LONGEST} characters")
        self._arkit, self._weights = to_arkit_of(head, "livelink"), with_gaze(head)
        self._eyes = eye_turns(np.eye(len(head.names), dtype=np.float32), head)  # (K, 6) rad at weight 1
        self._rate = exact_rate(fps)
        self._who = device_id(subject), subject
        self._socket = Udp(to)
        self.about = f"livelink {to} as {subject}"

    def send(self, frame: Frame, heard: float) -> bool:
        weights = self._weights(frame)
        angles = head_turns(frame.rotation[None])[0], weights @ self._eyes
        values = np.concatenate([self._arkit(weights)[ORDER], *angles])
        return self._socket.send(packet(*self._who, since_midnight(heard), self._rate, values))

    def close(self) -> None:
        self._socket.close()


def packet(device: str, subject: str, seconds: float, rate: Fraction, values: np.ndarray) -> bytes:
    """One packet. seconds: since midnight. values: (61,)."""
    frames = seconds * rate
    whole = int(frames)
    stamp = struct.pack(">ifii", whole, float(frames - whole), rate.numerator, rate.denominator)
    return bytes([VERSION]) + _text(device) + _text(subject) + stamp + struct.pack(f">B{VALUES}f", VALUES, *values.tolist())


def _text(text: str) -> bytes:
    content = text.encode()
    return struct.pack(">i", len(content)) + content


def device_id(subject: str) -> str:
    """36 characters, the same for a subject of this machine whenever it sends, as those of a phone."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_OID, f"talkinghead {uuid.getnode()}"), subject)).upper()


def since_midnight(moment: float) -> float:
    """Seconds of the local day at a moment of the epoch, as the app's time stamps count."""
    local = time.localtime(moment)
    return local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec + moment % 1
