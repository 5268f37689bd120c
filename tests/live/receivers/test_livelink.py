"""Packets of Live Link Face, read by PyLiveLinkFace and by their documented bytes."""

from __future__ import annotations

import struct
import time
from fractions import Fraction

import numpy as np
import pytest
from live_streams import named_frame

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.live.receivers.livelink import LiveLink, device_id, packet, since_midnight
from talkinghead.live.receivers.sockets import Address

pylivelinkface = pytest.importorskip("pylivelinkface")


def test_another_library_reads_every_shape(ear, default_head):
    sender = LiveLink(Address(*ear.getsockname()), default_head, 60.0, "Ada")
    weights = {name: (i + 1) / 100 for i, name in enumerate(default_head.names)}
    sender.send(named_frame(default_head, rotation=(0.1, 0.0, 0.0), **weights), 0.0)
    content = ear.recv(2048)
    sender.close()
    found, face = pylivelinkface.PyLiveLinkFace.decode(content)
    assert found and face.name == "Ada" and face.fps == 60 and face._version == 6 and face._denominator == 1
    for name, weight in weights.items():
        shape = pylivelinkface.FaceBlendShape[name[0].upper() + name[1:]]
        assert face.get_blendshape(shape) == pytest.approx(weight), name
    angles = [face.get_blendshape(pylivelinkface.FaceBlendShape[f"Head{name}"]) for name in ("Yaw", "Pitch", "Roll")]
    assert angles == pytest.approx([0.0, 0.1, 0.0], abs=1e-6)


def test_eyes_turn_as_the_apps_do(ear, default_head):
    """In takes of the app yaw falls, and pitch rises, where the gaze goes to the own left and down."""
    sender = LiveLink(Address(*ear.getsockname()), default_head, 30.0)
    sender.send(
        named_frame(default_head, eyeLookOutLeft=0.5, eyeLookInRight=0.5, eyeLookDownLeft=0.5, eyeLookDownRight=0.5), 0.0
    )
    face = pylivelinkface.PyLiveLinkFace.decode(ear.recv(2048))[1]
    sender.close()
    for side in ("Left", "Right"):
        assert face.get_blendshape(pylivelinkface.FaceBlendShape[f"{side}EyeYaw"]) < -0.05
        assert face.get_blendshape(pylivelinkface.FaceBlendShape[f"{side}EyePitch"]) > 0.05


def test_gaze_beside_the_weights_turns_the_eyes_and_is_in_the_shapes(ear, default_head):
    sender = LiveLink(Address(*ear.getsockname()), default_head, 30.0)
    gaze = np.array([[0.1, -0.05], [0.1, -0.05]], np.float32)  # to the own left, and down
    sender.send(named_frame(default_head)._replace(gaze=gaze), 0.0)
    face = pylivelinkface.PyLiveLinkFace.decode(ear.recv(2048))[1]
    sender.close()
    for side, look in (("Left", "Out"), ("Right", "In")):
        assert face.get_blendshape(pylivelinkface.FaceBlendShape[f"{side}EyeYaw"]) == pytest.approx(-0.1, abs=1e-3)
        assert face.get_blendshape(pylivelinkface.FaceBlendShape[f"{side}EyePitch"]) == pytest.approx(0.05, abs=1e-3)
        assert face.get_blendshape(pylivelinkface.FaceBlendShape[f"EyeLook{look}{side}"]) > 0.1


def test_bytes_are_those_that_unreal_reads():
    device, subject = device_id("Ü"), "Ü"
    content = packet(device, subject, 1.5 + 0.25 / 30, Fraction(30000, 1001), np.arange(61) / 61)
    assert len(device) == 36 and device == device_id("Ü") != device_id("U")
    assert content[:5] == b"\x06\x00\x00\x00\x24" and content[5:41].decode() == device
    assert content[41:47] == b"\x00\x00\x00\x02" + "Ü".encode()
    number, share, above, below, count = struct.unpack(">ifiiB", content[47:64])
    assert (above, below, count) == (30000, 1001, 61)
    assert (number + share) * 1001 / 30000 == pytest.approx(1.5 + 0.25 / 30, abs=1e-6) and 0 <= share < 1
    assert struct.unpack(">61f", content[64:]) == pytest.approx(np.arange(61) / 61)


def test_time_is_that_of_the_local_day():
    noon = time.mktime((2026, 11, 30, 12, 0, 0, 0, 0, -1))
    assert since_midnight(noon + 0.25) == pytest.approx(12 * 3600 + 0.25, abs=1e-4)


def test_it_refuses_a_head_without_such_shapes_and_a_bad_name(default_head):
    empty = np.zeros((0, 3), np.float32)
    other = Head("odd", empty, empty.astype(np.int32), np.zeros((1, 0, 3), np.float32), ("wobble",))
    with pytest.raises(InputError, match="none of ARKit's"):
        LiveLink(Address("127.0.0.1", 9), other, 30.0)
    with pytest.raises(InputError, match="--subject"):
        LiveLink(Address("127.0.0.1", 9), default_head, 30.0, "a\nb")
