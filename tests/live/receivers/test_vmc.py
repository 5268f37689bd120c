"""VMC, read by python-osc."""

from __future__ import annotations

import socket

import numpy as np
import pytest
from live_streams import Frame, named_frame

from talkinghead.live.receivers.osc import LARGEST
from talkinghead.live.receivers.sockets import Address
from talkinghead.live.receivers.vmc import Vmc, unity_quaternion

osc_packet = pytest.importorskip("pythonosc.osc_packet")


def received(sender: Vmc, ear: socket.socket, frame: Frame) -> list[tuple]:
    """(address, parameters) of all messages that a frame became."""
    sender.send(frame, 0.0)
    out: list[tuple] = []
    while not out or out[-1][0] != "/VMC/Ext/Blend/Apply":
        content = ear.recv(65536)
        assert len(content) <= LARGEST
        out += [(timed.message.address, *timed.message.params) for timed in osc_packet.OscPacket(content).messages]
    return out


def test_another_library_reads_shapes_vowels_and_the_head(ear, default_head):
    sender = Vmc(Address(*ear.getsockname()), default_head)
    found = received(sender, ear, named_frame(default_head, 1.25, (0.0, 0.2, 0.0), jawOpen=0.55, eyeBlinkLeft=0.75))
    assert found[0] == ("/VMC/Ext/OK", 1) and found[1] == ("/VMC/Ext/T", 1.25)
    name, *place = found[2][1:]
    assert found[2][0] == "/VMC/Ext/Bone/Pos" and name == "Head" and place[:3] == [0, 0, 0]
    assert place[3:] == pytest.approx([0, -np.sin(0.1), 0, np.cos(0.1)], abs=1e-6)
    values = {label: value for address, label, value in found[3:-1] if address == "/VMC/Ext/Blend/Val"}
    assert len(values) == 52 + 2 * 11
    assert values["JawOpen"] == pytest.approx(0.55) and values["EyeBlinkLeft"] == pytest.approx(0.75)
    assert values["Blink_L"] == values["blinkLeft"] == pytest.approx(0.75, abs=0.01) and values["Blink_R"] < 0.01
    assert values["A"] == values["aa"] > 0.7 > 0.3 > values["U"]
    sender.close()
    assert osc_packet.OscPacket(ear.recv(64)).messages[0].message.params == [0]


@pytest.mark.parametrize(("names", "count", "without"), [(("arkit",), 52, "A"), (("vrm",), 22, "JawOpen")])
def test_one_family_of_names(ear, default_head, names, count, without):
    sender = Vmc(Address(*ear.getsockname()), default_head, names)
    labels = [message[1] for message in received(sender, ear, named_frame(default_head)) if message[0] == "/VMC/Ext/Blend/Val"]
    sender.close()
    assert len(labels) == len(set(labels)) == count and without not in labels


def test_a_head_with_visemes_speaks_with_arkits_names(ear, default_head):
    """Its shapes are told by what they do."""
    head = default_head.with_shapes("oculus")
    sender = Vmc(Address(*ear.getsockname()), head, ("arkit",))
    values = {
        message[1]: message[2] for message in received(sender, ear, named_frame(head, viseme_aa=1.0)) if len(message) == 3
    }
    sender.close()
    assert values["JawOpen"] == pytest.approx(0.55, abs=1e-3)


def test_turns_are_unitys():
    """x to the own right, y up, z forward, left-handed: down is positive about x, to the own left negative about y."""
    assert unity_quaternion(np.array([0.2, 0.0, 0.0]))[0] > 0
    assert unity_quaternion(np.array([0.0, 0.2, 0.0]))[1] < 0
    assert unity_quaternion(np.array([0.0, 0.0, 0.2]))[2] < 0
    assert unity_quaternion(np.zeros(3)) == (0, 0, 0, 1)
