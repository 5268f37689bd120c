"""Lines of JSON for a program that reads a pipe."""

from __future__ import annotations

import os
from typing import TextIO

from talkinghead.live.frames import Frame
from talkinghead.live.receivers.messages import END, frame_message


class Lines:
    """A line for each message of `live.receivers.messages`, each flushed. Raises BrokenPipeError once nobody reads any more.

    What the file still holds then goes nowhere, as Python would complain of it at its end.
    """

    about = "json on the standard output"

    def __init__(self, file: TextIO, start: str) -> None:
        self._file, self._broken = file, False
        self._write(start)

    def _write(self, text: str) -> None:
        try:
            self._file.write(text + "\n")
            self._file.flush()
        except BrokenPipeError:
            self._broken = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._file.fileno())
            os.close(nowhere)
            raise

    def send(self, frame: Frame, heard: float) -> bool:
        self._write(frame_message(frame, heard))
        return True

    def close(self) -> None:
        if not self._broken:
            self._write(END)
