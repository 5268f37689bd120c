"""Jobs as tasks of a Ray cluster."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any

from talkinghead.errors import InputError
from talkinghead.parallel.jobs import KILLED, RETRIES, Failed, attempt_in_worker


def run_on_ray(task: Callable, jobs: Sequence[tuple], workers: int) -> Generator[tuple[str, Any], None, None]:
    """Ray tells which job was at work in a worker that was killed, or on a node that was lost: only that is run again."""
    ray, own = connect(workers)
    remote = ray.remote(max_retries=0)(attempt_in_worker)  # Ray's own retries never end for want of memory
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


def connect(workers: int) -> tuple[Any, bool]:
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
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"engine ray: {address} cannot be reached ({' '.join(str(error).split())[:200]})") from None
    finally:
        # Ray sets a handler that ends with status 15; that of the program cleans up, and ends with 143.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
    return ray, True
