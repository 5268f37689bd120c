"""One job: what a worker calls, and what comes back from it."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from talkinghead.errors import InputError, InputWarning, OutputError

RETRIES = 2  # of a job that was at work when a worker was killed
KILLED = "its worker was killed (memory?); run it again with fewer workers"


class WorkerEnded(BaseException):
    """Raised in a worker that is to end."""


@dataclass(frozen=True)
class Failed:
    """The result of a job that has none, and why: one line for the user."""

    reason: str
    output: bool = False  # the job could not write what it made


@dataclass(frozen=True)
class WorkerResult:
    """What comes back from a worker: a result, and the warnings that are for the user."""

    result: Any
    warnings: tuple[str, ...]


def attempt(task: Callable, job: tuple) -> Any:
    """The task's result; `Failed` where it raised InputError or lacked memory."""
    try:
        return task(*job)
    except InputError as error:
        return Failed(str(error), isinstance(error, OutputError))
    except MemoryError:
        return Failed("not enough memory for it; run it again with fewer workers")
    except WorkerEnded:  # what the task had begun is removed by now
        os._exit(128 + signal.SIGTERM)


def attempt_in_worker(task: Callable, job: tuple) -> WorkerResult:
    """`attempt` in another process, whose own warnings reach no terminal."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", InputWarning)
        result = attempt(task, job)
    return WorkerResult(result, tuple(str(warning.message) for warning in caught))


def attempt_here(task: Callable, job: tuple) -> Any:
    """`attempt` in this process. Any other exception gets the job's name as a note."""
    try:
        return attempt(task, job)
    except Exception as error:
        error.add_note(f"in the job {job[0]}")
        raise


def repeat_warnings(done: tuple[str, Any]) -> tuple[str, Any]:
    """(name, result), once the warnings of a `WorkerResult` were raised again in this process."""
    name, result = done
    if not isinstance(result, WorkerResult):
        return done
    for text in result.warnings:
        warnings.warn(text, InputWarning, stacklevel=2)
    return name, result.result
