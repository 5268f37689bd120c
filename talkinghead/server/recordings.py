"""Whole recordings: one at a time, in a process of its own, which yields to live streams and which a strange file may break."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from talkinghead.animate.settings import AnimateSettings
from talkinghead.animate.talker import Talker
from talkinghead.audio.load import open_audio
from talkinghead.errors import InputError
from talkinghead.export import save_one
from talkinghead.head.spec import read_head
from talkinghead.parallel.processes import prepare_worker
from talkinghead.server.limits import WORK

NICENESS = 10  # a tenth of the time of what is live, where both want the processor
_loaded: list[Talker] = []  # in the process that works


class Recordings:
    """The process, which is started when it is needed. model: as `Talker.from_pretrained` takes it."""

    def __init__(self, model: str | None = None, seconds: float = WORK) -> None:
        self._model, self._seconds = model, seconds
        self._turn = asyncio.Lock()
        self._pool: Executor | None = None

    async def animate(self, source: Path, output: Path, settings: AnimateSettings, head: str, longest: float) -> Path:
        """Animate a recording into a file of any format, or a .zip of several files; its path.

        Raises InputError for what is no recording or lasts longer than `longest` seconds, and TimeoutError if the work does.
        """
        async with self._turn:
            loop = asyncio.get_running_loop()
            if self._pool is None:
                self._pool = self._made()
                await loop.run_in_executor(self._pool, os.getpid)  # a process that cannot begin is not the recording's fault
            work = loop.run_in_executor(self._pool, animate, source, output, settings, head, longest)
            try:
                async with asyncio.timeout(self._seconds):
                    return await work
            except BrokenProcessPool:
                self.close()
                raise InputError("the recording: broke the process that read it") from None
            except BaseException:  # whoever asked has gone, or waited too long
                if not work.done() or work.cancelled():
                    self.close()
                raise

    def close(self) -> None:
        """End the process, and what it does."""
        pool, self._pool = self._pool, None
        if isinstance(pool, ProcessPoolExecutor):
            processes = list((getattr(pool, "_processes", None) or {}).values())
            for process in processes:
                process.kill()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _made(self) -> Executor:
        return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=begin, initargs=(self._model,))


def begin(model: str | None) -> None:
    """Make this process ready to animate."""
    prepare_worker()
    os.nice(NICENESS)
    _loaded[:] = [Talker.from_pretrained(model)]


def animate(source: Path, output: Path, settings: AnimateSettings, head: str, longest: float) -> Path:
    """What the process does with one recording."""
    with open_audio(source) as recording:
        if recording.seconds > longest:
            raise InputError(f"{source}: lasts {recording.seconds:.0f} s; at most {longest:g} s are taken here")
        animation = _loaded[0].animate(recording, head=read_head(head), settings=settings)
    return save_one(animation, output)
