"""Parameters of VRChat's avatars, read by python-osc."""

from __future__ import annotations

import socket

import pytest
from live_streams import named_frame

from talkinghead.live.receivers.sockets import Address
from talkinghead.live.receivers.vrchat import PARAMETERS, VrChat

osc_packet = pytest.importorskip("pythonosc.osc_packet")


def heard(ear: socket.socket) -> dict[str, float | bool]:
    """Parameters that have arrived, by their addresses."""
    found: dict[str, float | bool] = {}
    ear.settimeout(0.05)
    while True:
        try:
            content = ear.recv(65536)
        except TimeoutError:
            return {address.removeprefix("/avatar/parameters/"): value for address, value in found.items()}
        found |= {timed.message.address: timed.message.params[0] for timed in osc_packet.OscPacket(content).messages}


def test_another_library_reads_what_avatars_have(ear, default_head):
    sender = VrChat(Address(*ear.getsockname()), default_head)
    weights = {"jawOpen": 0.5, "mouthSmileLeft": 0.4, "eyeBlinkLeft": 0.8, "eyeLookInLeft": 0.3, "jawLeft": 0.2}
    assert sender.send(named_frame(default_head, **weights), 10.0)
    found = heard(ear)
    assert len(found) == len(PARAMETERS) + 3 and found["ExpressionTrackingActive"] is True
    expected = {
        "JawOpen": 0.5,
        "MouthCornerPullLeft": 0.4,
        "SmileFrown": 0.2,
        "EyeLidLeft": 0.15,
        "EyeLidRight": 0.75,
        "JawX": -0.2,
    }
    expected |= {"EyeLeftX": 0.3, "EyeRightX": 0.0, "EyeOpenLeft": 0.2}  # the left eye looks to the nose: to the right
    assert {name: found[f"v2/{name}"] for name in expected} == pytest.approx(expected, abs=1e-6)
    sender.send(named_frame(default_head, **weights | {"jawOpen": 0.6}), 10.02)
    assert heard(ear) == pytest.approx({"v2/JawOpen": 0.6})  # the rest is as it was
    sender.send(named_frame(default_head), 11.5)
    assert len(heard(ear)) == len(PARAMETERS) + 3  # of an avatar that was changed meanwhile
    sender.close()
    assert heard(ear) == dict.fromkeys(("EyeTrackingActive", "ExpressionTrackingActive", "LipTrackingActive"), False)
