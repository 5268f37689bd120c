"""The verb as a user runs it, with a stand-in for the network."""

from __future__ import annotations

import io
import json
import os
import socket
import struct

import numpy as np
import pytest
from characters import character, write_glb
from sounds import wav_bytes
from stand_in import StandIn

from talkinghead.animate.talker import Talker
from talkinghead.cli import main
from talkinghead.errors import InputError
from talkinghead.live.control import follow_lines
from talkinghead.live.meter import Meter
from talkinghead.live.monitor import Monitor
from talkinghead.live.receivers.sockets import Address, read_address
from talkinghead.live.targets import read_targets

RATE = 16000


@pytest.fixture(autouse=True)
def talker(monkeypatch):
    """Every command gets a stand-in for the network."""
    talker = Talker(StandIn())
    monkeypatch.setattr(Talker, "for_streams", classmethod(lambda cls, *_: talker))


@pytest.fixture
def recording(tmp_path):
    """A quarter of a second of sound."""
    path = tmp_path / "sound.wav"
    path.write_bytes(wav_bytes((np.sin(np.arange(RATE // 4) / 9) * 16000).astype("<i2"), RATE, form=1, bits=16))
    return path


def told(capfd) -> list[dict]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_lines_of_json(recording, capfd):
    assert main(["live", str(recording), "--to", "json", "--fast", "--fps", "60"]) == 0
    first, *frames, last = told(capfd)
    assert first["type"] == "ready" and first["fps"] == 60 and last == {"type": "finished"}
    assert [frame["time"] for frame in frames] == pytest.approx([(i + 0.5) / 60 for i in range(15)], abs=1e-5)
    most = dict(zip(first["names"], np.max([frame["weights"] for frame in frames], 0), strict=True))
    assert most["jawOpen"] > 0.2 and all(len(frame["rotation"]) == 3 for frame in frames)


def test_several_at_once_paced_and_watched(recording, capfd):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for ear in (one, other):
            ear.bind(("127.0.0.1", 0))
            ear.settimeout(5)
        places = [f"{kind}=:{ear.getsockname()[1]}" for kind, ear in (("livelink", one), ("vmc", other))]
        words = ["live", str(recording), "--to", places[0], "--to", places[1], "--to", "websocket=:0", "--monitor"]
        assert main([*words, "--subject", "Ada"]) == 0
        assert b"Ada" in one.recv(2048) and other.recv(2048).startswith(b"#bundle")
    told = capfd.readouterr().err
    assert "to livelink 127.0.0.1:" in told and "ws://127.0.0.1:" in told
    assert "8 frames, latency " in told and " late" in told and "level -6 dB" in told


def test_heads_without_arkits_shapes(recording, tmp_path, capfd):
    """Programs of one's own get weights of its shapes; receivers that know ARKit's names get those of the default head."""
    head = write_glb(tmp_path / "a.glb", *character(["aa", "ih", "ou", "ee", "oh", "blink"]))
    words = ["live", str(recording), "--fast", "--head", str(head)]
    assert main([*words, "--to", "json"]) == 0
    first, *frames, _ = told(capfd)
    most = dict(zip(first["names"], np.max([frame["weights"] for frame in frames], 0), strict=True))
    assert "jawOpen" not in most and most["aa"] > 0.2
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        assert main([*words, "--to", f"livelink=:{ear.getsockname()[1]}"]) == 0
        packets = [ear.recv(2048) for _ in frames]
    assert max(struct.unpack(">61f", packet[-244:])[17] for packet in packets) > 0.2  # JawOpen


def test_the_standard_input(recording, capfd, monkeypatch):
    with recording.open("rb") as file:
        monkeypatch.setattr("sys.stdin", file)
        assert main(["live", "-", "--to", "json", "--fast"]) == 0
    assert len(told(capfd)) == 2 + 8


def test_whoever_has_read_enough_ends_it_without_a_word(recording, tmp_path, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as broken:
        monkeypatch.setattr("sys.stdout", broken)
        assert main(["live", str(recording), "--to", "json", "--fast"]) == 0


def test_emotions_are_read_line_by_line(capfd):
    found = []
    reading, writing = os.pipe()
    os.write(writing, b"happy:0.5\n\nhapy\nsad")
    os.close(writing)
    follow_lines(reading, found.append).join()
    os.close(reading)
    assert found == ["happy:0.5", "sad"] and "hapy" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "say what to listen to"),
        (["missing.wav"], "no such file"),
        (["SOUND", "--to", "vcm"], "did you mean 'vmc'"),
        (["SOUND", "--to", "vmc=host:port"], "write HOST"),
        (["SOUND", "--to", "json=:5"], "no address"),
        (["SOUND", "--to", "vmc", "--to", "vmc"], "twice"),
        (["SOUND", "--to", "vmc=no.such.host.invalid"], "not found"),
        (["SOUND", "--emotion", "auto"], "auto"),
        (["SOUND", "--head", "auto"], "auto"),
        (["mic", "--fast"], "--fast"),
        (["-", "--control"], "--control"),
    ],
)
def test_it_refuses_in_one_line(recording, capfd, words, line):
    assert main(["live", *(str(recording) if word == "SOUND" else word for word in words)]) == 2
    out, err = capfd.readouterr()
    assert not out and line in err.splitlines()[-1]


def test_addresses():
    assert read_address("", 5) == Address("127.0.0.1", 5) and read_address("10.0.0.7", 5) == Address("10.0.0.7", 5)
    assert read_address(":9", 5) == Address("127.0.0.1", 9) and str(read_address("[::1]:9", 5)) == "[::1]:9"
    assert read_address("::1", 5) == Address("::1", 5)
    for wrong in ("a:", "a:b", "a:70000", "[::1]9", "a:b:c", ":0"):
        with pytest.raises(InputError):
            read_address(wrong, 5)
    assert [target.address for target in read_targets(["livelink=phone", "websocket=:0", "json"])] == [
        ("phone", 11111),
        ("127.0.0.1", 0),
        None,
    ]


def test_the_monitor_shows_levels_on_a_terminal():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    meter, shown = Meter(30.0), Terminal()
    meter.block(np.full(160, 0.5, np.float32), RATE)
    meter.frame(0.14, 0.1)
    with Monitor(shown, ["from here"]) as monitor:
        monitor(meter)
    text = shown.getvalue()
    assert "-6 dB" in text and "140 ms" in text and "1 late" in text and "from here" in text
