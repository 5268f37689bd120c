"""The microphone, on a PortAudio that the test makes up."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from talkinghead.cli import main
from talkinghead.errors import InputError
from talkinghead.live.clock import Clock
from talkinghead.live.microphone import WAITING, Microphone


class PortAudioError(Exception):
    pass


class Device:
    """A stream of PortAudio as the test plays it."""

    def __init__(self, opened: dict, channels: int) -> None:
        if channels not in opened["fit"]:
            raise PortAudioError("Invalid number of channels [PaErrorCode -9998]")
        self.options, self.active = opened | {"channels": channels}, False

    def start(self) -> None:
        self.active = True

    def close(self) -> None:
        self.active = False

    def hear(self, samples: np.ndarray, overflow: bool = False) -> None:
        self.options["callback"](samples, len(samples), None, SimpleNamespace(input_overflow=overflow))


@pytest.fixture
def audio(monkeypatch):
    """`sounddevice` with three devices, the last of which is the default input. fit: numbers of channels that open."""
    names = (("Speakers", 0), ("Interface (hw:1)", 8), ("Webcam", 2))
    found = [
        {"index": i, "name": name, "max_input_channels": inputs, "default_samplerate": 48000.0}
        for i, (name, inputs) in enumerate(names)
    ]
    made = SimpleNamespace(PortAudioError=PortAudioError, found=found, fit=(1, 2))
    made.query_devices = lambda kind=None: found[-1] if kind else found
    made.InputStream = lambda channels, **options: Device(options | {"fit": made.fit}, channels)
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def test_blocks_come_as_they_are_heard(audio):
    microphone = Microphone()
    assert microphone.about == "microphone Webcam" and microphone.rate == 48000
    microphone.start(Clock(lambda: 5.0, print))
    samples = np.full((480, 1), 0.25, np.float32)
    microphone._stream.hear(samples)
    samples[:] = 0  # PortAudio writes over it
    block = microphone.next(1.0)
    assert block.samples.tolist() == [0.25] * 480 and block.arrived == 5.0
    assert microphone.next(0.0) is None and not microphone.ended
    microphone._stream.active = False
    with pytest.raises(InputError, match="plugged in"):
        microphone.next(0.0)
    microphone.close()


def test_what_nobody_takes_in_time_is_counted_as_lost(audio):
    microphone = Microphone("hw:1")
    microphone.start(Clock())
    for i in range(WAITING + 3):
        microphone._stream.hear(np.full((480, 1), i / 1000, np.float32), overflow=i == 0)
    assert microphone.lost == pytest.approx(0.04)
    assert microphone.next(0).samples[0] == pytest.approx(0.003)  # the latest sound counts


def test_a_device_without_a_single_channel_is_mixed(audio):
    audio.fit = (2,)
    microphone = Microphone("1")
    microphone.start(Clock())
    microphone._stream.hear(np.stack([np.full(480, 0.5), np.zeros(480)], 1).astype(np.float32))
    assert np.allclose(microphone.next(0).samples, 0.25)


def test_what_is_missing_is_one_line(audio, monkeypatch, capsys):
    for wanted, fit, told in (("Studio", (1,), "no such input device"), ("", (), "cannot be opened")):
        audio.fit = fit
        with pytest.raises(InputError, match=told):
            Microphone(wanted)
    audio.found[:] = audio.found[:1]
    assert main(["live", "mic"]) == 2 and "no input device" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert main(["live", "--devices"]) == 2 and "talkinghead[live]" in capsys.readouterr().err


def test_devices_are_listed(audio, capsys):
    assert main(["live", "--devices"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["1", "Interface"] and second.split()[:3] == ["*", "2", "Webcam"]
