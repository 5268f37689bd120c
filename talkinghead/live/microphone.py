"""Microphones, through PortAudio (the package sounddevice, extra `live`)."""

from __future__ import annotations

import queue
from typing import Any

import numpy as np

from talkinghead.audio.mix import Mix
from talkinghead.errors import InputError, brief
from talkinghead.live.clock import Clock
from talkinghead.live.sources import BLOCK, Block

WAITING = 100  # blocks that wait to be heard; the oldest goes if there are more
MOST_CHANNELS = 2  # that are opened where a device has no single one
PORTAUDIO = "PortAudio is missing; install it: apt install libportaudio2, or dnf install portaudio"


class Microphone:
    """An input device at its own rate, which never ends. device: its number or a part of its name; the default one if empty.

    Raises InputError without the packages, without such a device, for one that cannot be opened, and when it is unplugged.
    """

    ended = False

    def __init__(self, device: str = "") -> None:
        audio = _sounddevice()
        inputs = _inputs(audio)
        found = _chosen(audio, inputs, device)
        self.rate, self.lost, self.about = float(found["default_samplerate"]), 0.0, f"microphone {found['name']}"
        self._clock, self._mix = Clock(), Mix()
        self._blocks: queue.Queue[Block] = queue.Queue(WAITING)
        options = {"device": found["index"], "samplerate": self.rate, "dtype": "float32", "latency": "low"}
        options |= {"blocksize": round(BLOCK * self.rate), "callback": self._take}
        for channels in (1, min(MOST_CHANNELS, found["max_input_channels"])):
            try:
                self._stream = audio.InputStream(channels=channels, **options)
                return
            except audio.PortAudioError as error:
                reason = brief(error)
        raise InputError(f"{self.about}: cannot be opened ({reason}); see talkinghead live --devices")

    def start(self, clock: Clock) -> None:
        self._clock = clock
        self._stream.start()

    def _take(self, samples: np.ndarray, frames: int, times: Any, status: Any) -> None:
        """Called by PortAudio, in its thread, with (frames, channels) samples that are overwritten afterwards."""
        block = Block(self._mix(samples.copy()), self._clock.now())
        if status.input_overflow:
            self.lost += frames / self.rate  # at least one block
        try:
            self._blocks.put_nowait(block)
        except queue.Full:
            self.lost += frames / self.rate
            self._blocks.get_nowait()
            self._blocks.put_nowait(block)

    def next(self, timeout: float) -> Block | None:
        try:
            return self._blocks.get(timeout=timeout) if timeout > 0 else self._blocks.get_nowait()
        except queue.Empty:
            if not self._stream.active:
                raise InputError(f"{self.about}: gives no more sound; is it still plugged in?") from None
            return None

    def close(self) -> None:
        self._stream.close()


def devices() -> list[str]:
    """A line for each input device: a star at the default one, its number, name, channels and rate. Raises InputError."""
    audio = _sounddevice()
    inputs = _inputs(audio)
    default = _default(audio)
    return [
        f"{'*' if found['index'] == default else ' '} {found['index']:>3}  {found['name']}"
        f"  ({found['max_input_channels']} channels, {found['default_samplerate']:g} Hz)"
        for found in inputs
    ]


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise InputError("the microphone needs a package; install it with: pip install 'talkinghead[live]'") from None
    except OSError:
        raise InputError(f"the microphone needs a library: {PORTAUDIO}") from None
    return sounddevice


def _inputs(audio: Any) -> list[dict]:
    try:
        found = [device for device in audio.query_devices() if device["max_input_channels"] > 0]
    except audio.PortAudioError as error:
        raise InputError(f"no microphone: {brief(error)}") from None
    if not found:
        raise InputError("no microphone: this machine has no input device; give a file, or pipe sound to talkinghead live -")
    return found


def _default(audio: Any) -> int:
    """The number of the default input device, -1 if there is none."""
    try:
        return audio.query_devices(kind="input")["index"]
    except (audio.PortAudioError, ValueError):
        return -1


def _chosen(audio: Any, inputs: list[dict], wanted: str) -> dict:
    if not wanted:
        default = _default(audio)
        return next((found for found in inputs if found["index"] == default), inputs[0])
    for found in inputs:
        if wanted == str(found["index"]):
            return found
    named = [found for found in inputs if wanted.lower() in found["name"].lower()]
    if not named:
        raise InputError(f"--microphone {wanted}: there is no such input device; see talkinghead live --devices")
    return named[0]
