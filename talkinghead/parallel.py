"""Many independent jobs in several processes, here or on a Ray cluster; a job that kills its worker fails alone.

A job is a tuple (name, ...) and its result is `task(name, ...)`, where `task` is a function of a module, and what goes in and
comes out can be pickled. Jobs must be safe to run again: one whose worker was killed is run again, at most `RETRIES` times.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import Any

from talkinghead.errors import InputError, InputWarning
from talkinghead.progress import progress_bar

ENGINES = ("local", "ray")
RETRIES = 2  # of a job that was at work when a worker was killed
GRACE = 5.0  # seconds that a worker has to remove what it has half done
KILLED = "its worker was killed (memory?); run it again with fewer workers"


class _Ended(BaseException):
    """Raised in a worker that is to end."""


@dataclass(frozen=True)
class Failed:
    """The result of a job that has none, and why: one line for the user."""

    reason: str


def check(engine: str, workers: int) -> None:
    """Raises InputError, before any work, if jobs could not be run like this."""
    from importlib.util import find_spec

    if engine not in ENGINES:
        raise InputError(f"engine {engine!r} is not known: choose {' or '.join(ENGINES)}")
    if workers < 1:
        raise InputError(f"workers is {workers}: choose 1 or more")
    if engine == "ray" and find_spec("ray") is None:
        raise InputError("engine ray needs Ray: pip install 'talkinghead[ray]'")


def run(
    task: Callable,
    jobs: Sequence[tuple],
    *,
    workers: int = 1,
    engine: str = "local",
    title: str | None = None,
    isolate: bool = False,
) -> Generator[tuple[str, Any], None, None]:
    """(name, result) of every job as it is done; `Failed` is the result where the task raised InputError or was killed.

    engine: local, `workers` processes of this machine (none but this one if `workers` is 1, unless `isolate`); ray, as many
    tasks at a time on the cluster that this process is connected to, that RAY_ADDRESS names, or that is started here.
    title: of a progress bar, None for no bar. Any other exception of a task ends the run, with the job's name as a note.
    When the run ends early (an exception, Ctrl-C, the iterator closed), no worker goes on.
    """
    check(engine, workers)
    if not jobs:
        return
    workers = min(workers, len(jobs))
    if engine == "ray":
        results = _on_ray(task, jobs, workers)
    elif workers == 1 and not isolate:
        results = ((job[0], _noted(task, job)) for job in jobs)
    else:
        results = _in_processes(task, jobs, workers)
    try:
        with progress_bar(title is not None) as bar:
            yield from bar.track(map(_tell, results), len(jobs), description=title or "")
    finally:
        results.close()  # now, not when it is collected: its workers end with it


def _attempt(task: Callable, job: tuple) -> Any:
    """What a worker does."""
    try:
        return task(*job)
    except InputError as error:
        return Failed(str(error))
    except MemoryError:
        return Failed("not enough memory for it; run it again with fewer workers")
    except _Ended:  # what the task had begun is removed by now
        os._exit(128 + signal.SIGTERM)


@dataclass(frozen=True)
class _Apart:
    """What comes back from a worker: a result, and the warnings that are for the user."""

    result: Any
    told: tuple[str, ...]


def _attempt_apart(task: Callable, job: tuple) -> _Apart:
    """`_attempt` in another process, whose warnings nobody sees."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", InputWarning)
        result = _attempt(task, job)
    return _Apart(result, tuple(str(warning.message) for warning in caught))


def _tell(done: tuple[str, Any]) -> tuple[str, Any]:
    """A name and a result, once the warnings that came with it were repeated here."""
    name, result = done
    if not isinstance(result, _Apart):
        return done
    for text in result.told:
        warnings.warn(text, InputWarning, stacklevel=2)
    return name, result.result


def _noted(task: Callable, job: tuple) -> Any:
    try:
        return _attempt(task, job)
    except Exception as error:
        error.add_note(f"in the job {job[0]}")
        raise


def _in_processes(task: Callable, jobs: Sequence[tuple], workers: int) -> Generator[tuple[str, Any], None, None]:
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
    pool = ProcessPoolExecutor(min(workers, len(waiting)), mp_context=get_context("spawn"), initializer=_prepare_worker)
    at_work: dict[Future, tuple] = {}
    broken = False
    try:
        _start(pool)
        while at_work or (waiting and not broken):
            while waiting and not broken and len(at_work) < workers:
                try:
                    future = pool.submit(_attempt_apart, task, waiting[0])
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


def _prepare_worker() -> None:
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
    raise _Ended


def _on_ray(task: Callable, jobs: Sequence[tuple], workers: int) -> Generator[tuple[str, Any], None, None]:
    """Ray tells which job was at work in a worker that was killed, or on a node that was lost: only that is run again."""
    ray, own = _connect(workers)
    remote = ray.remote(max_retries=0)(_attempt_apart)  # Ray's own retries never end for want of memory
    waiting = deque((job, RETRIES) for job in jobs)
    at_work: dict[Any, tuple[tuple, int]] = {}
    try:
        while waiting or at_work:
            while waiting and len(at_work) < workers:
                job, left = waiting.popleft()
                at_work[remote.remote(task, job)] = job, left
            for reference in ray.wait(list(at_work), num_returns=1)[0]:
                job, left = at_work.pop(reference)
                try:
                    yield job[0], ray.get(reference)
                except ray.exceptions.RayTaskError as error:
                    cause = error.cause if isinstance(error.cause, BaseException) else error
                    if isinstance(cause, ray.exceptions.RaySystemError):  # a worker could not even import the task
                        first = (str(cause).splitlines() or [""])[0].removeprefix("System error: ")
                        raise InputError(f"engine ray: {first}; every node needs the same talkinghead") from None
                    cause.add_note(f"in the job {job[0]}")
                    raise cause from None
                except ray.exceptions.RayError:  # the worker crashed, memory, a node that went away
                    if left:
                        waiting.append((job, left - 1))
                    else:
                        yield job[0], Failed(KILLED)
    finally:
        for reference in at_work:
            ray.cancel(reference, force=True)
        if own:
            ray.shutdown()


def _connect(workers: int) -> tuple[Any, bool]:
    """The module `ray`, connected, and whether the connection is ours to close."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        return ray, False
    address = os.environ.get("RAY_ADDRESS") or "local"
    # Workers of this machine import from where this process does; elsewhere talkinghead must be installed.
    path = {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}}
    local = {"num_cpus": workers, "include_dashboard": False, "runtime_env": path} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"engine ray: {address} cannot be reached ({' '.join(str(error).split())[:200]})") from None
    return ray, True
