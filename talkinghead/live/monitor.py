"""What a session is doing, on a terminal, ten times a second; where there is no terminal, a line every five seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from talkinghead.live.meter import QUIETEST, Meter

if TYPE_CHECKING:
    from rich.table import Table

SHOWN, TOLD = 0.1, 5.0  # seconds between pictures, and between lines
BAR = 40  # characters of the level


class Monitor:
    """Shows a meter, and tells the sum at the end of its `with`. lines: what does not change, such as where frames are sent."""

    def __init__(self, file: TextIO, lines: list[str], now: Callable[[], float] = time.monotonic) -> None:
        self._file, self._lines, self._now = file, lines, now
        self._last, self._live, self._meter = -1e9, None, None

    def __enter__(self) -> Monitor:
        if self._file.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(file=self._file), auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()
        if self._meter is not None:
            print(self._meter.line(), file=self._file, flush=True)

    def __call__(self, meter: Meter) -> None:
        self._meter = meter
        now = self._now()
        if now - self._last < (TOLD if self._live is None else SHOWN):
            return
        self._last = now
        if self._live is not None:
            self._live.update(picture(meter, self._lines), refresh=True)
        elif meter.frames:
            print(meter.line(), file=self._file, flush=True)


def picture(meter: Meter, lines: list[str]) -> Table:
    """The meter as a table."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    share = (meter.level - QUIETEST) / -QUIETEST
    full = round(BAR * max(0.0, min(1.0, share)))
    colour = "red" if meter.level > -1 else "green"
    table.add_row("level", f"[{colour}]{'█' * full}[/]{'·' * (BAR - full)} {meter.level:.0f} dB")
    if (found := meter.latency()) is not None:
        table.add_row("latency", "{:.0f} ms, {:.0f} at 95 %, {:.0f} at most".format(*(1000 * value for value in found)))
    table.add_row("frames", f"{meter.frames} at {meter.fps:g} a second, {meter.late} late")
    table.add_row("sound", f"{meter.heard:.1f} s, {meter.lost:.2f} s lost")
    for name, count in meter.failed.items():
        table.add_row("lost", f"{count} packets: {name}")
    for line in lines:
        table.add_row("", line)
    return table
