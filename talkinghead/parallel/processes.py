"""Jobs in processes of this machine."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import Any

from talkinghead.errors import InputError
from talkinghead.parallel.jobs import KILLED, RETRIES, Failed, WorkerEnded, attempt_in_worker

GRACE = 5.0  # seconds that a worker has to remove what it has half done


def run_in_processes(task: Callable, jobs: Sequence[tuple], workers: int) -> Generator[tuple[str, Any], None, None]:
    """As many jobs are handed out as there are workers: when one is killed, those that were handed out are the suspects.

    They are run again one at a time, which shows the guilty one; the others lose nothing but time.
    """
    waiting = deque(jobs)
    while waiting:
        suspects: list[tuple] = []
        with closing(_pool(task, waiting, workers)) as results:
            for job, result in results:
                if isinstance(result, BrokenProcessPool):
                    suspects.append(job)
                else:
                    yield job[0], result
        for job in suspects:
            yield job[0], _alone(task, job)


def _alone(task: Callable, job: tuple) -> Any:
    """The result of a suspect, in a process of its own."""
    for _ in range(RETRIES):
        ((_, result),) = _pool(task, deque([job]), 1)
        if not isinstance(result, BrokenProcessPool):
            return result
    return Failed(KILLED)


def _pool(task: Callable, waiting: deque[tuple], workers: int) -> Generator[tuple[tuple, Any], None, None]:
    """Take jobs from `waiting` until it is empty, or a worker is killed: BrokenProcessPool is the result of each job lost."""
    # Fresh processes: threads of libraries do not survive a fork.
    pool = ProcessPoolExecutor(min(workers, len(waiting)), mp_context=get_context("spawn"), initializer=prepare_worker)
    at_work: dict[Future, tuple] = {}
    broken = False
    try:
        _start(pool)
        while at_work or (waiting and not broken):
            while waiting and not broken and len(at_work) < workers:
                try:
                    future = pool.submit(attempt_in_worker, task, waiting[0])
                except BrokenProcessPool:
                    broken = True
                else:
                    at_work[future] = waiting.popleft()
            for future in wait(at_work, return_when=FIRST_COMPLETED).done:
                job, error = at_work.pop(future), future.exception()
                if isinstance(error, BrokenProcessPool):
                    broken = True
                    yield job, error
                elif error is not None:
                    error.add_note(f"in the job {job[0]}")
                    raise error
                else:
                    yield job, future.result()
    finally:
        # On success all are idle. If not, what they do is of no use any more: do not wait for it.
        processes = list((getattr(pool, "_processes", None) or {}).values())
        if at_work:
            _end(processes)
        pool.shutdown(cancel_futures=True)


def _end(processes: Sequence[BaseProcess]) -> None:
    """End workers; they have a while to remove what they have half done."""
    for process in processes:
        process.terminate()
    until = time.monotonic() + GRACE
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        process.kill()


def _start(pool: ProcessPoolExecutor) -> None:
    """Raise InputError if processes cannot even begin, so that no job is blamed for it."""
    try:
        pool.submit(os.getpid).result()
    except BrokenProcessPool:
        advice = "in a script of your own, call it below `if __name__ == '__main__':`, or use 1 worker"
        raise InputError(f"worker processes cannot start: {advice}") from None


def prepare_worker() -> None:
    """Make a fresh process one that works for its parent: one thread a library, ended by SIGTERM or with its parent, silent."""
    os.environ["OMP_NUM_THREADS"] = "1"  # one core a worker
    signal.signal(signal.SIGTERM, _raise_ended)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)  # logs of libraries written in C++; what matters comes back as a result
    warnings.simplefilter("ignore")


def _end_with_parent() -> None:
    """A parent that was killed cannot end its workers, which would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)


def _raise_ended(number: int, frame) -> None:
    raise WorkerEnded
