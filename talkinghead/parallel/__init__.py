"""Many independent jobs in several processes, here or on a Ray cluster; a job that kills its worker fails alone.

A job is a tuple (name, ...) and its result is `task(name, ...)`, where `task` is a function of a module, and what goes in and
comes out can be pickled. Jobs must be safe to run again: one whose worker was killed is run again, at most `RETRIES` times.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Generator, Sequence
from typing import Any

from talkinghead.errors import InputError
from talkinghead.parallel.jobs import Failed, attempt_here, repeat_warnings
from talkinghead.parallel.processes import run_in_processes
from talkinghead.parallel.ray_cluster import run_on_ray
from talkinghead.progress import progress_bar
from talkinghead.signals import raise_again

__all__ = ["ENGINES", "Failed", "check_engine", "run_jobs"]
ENGINES = ("local", "ray")


def check_engine(engine: str, workers: int) -> None:
    """Raises InputError, before any work, if jobs could not be run like this."""
    if engine not in ENGINES:
        raise InputError(f"engine {engine!r} is not known: choose {' or '.join(ENGINES)}")
    if workers < 1:
        raise InputError(f"workers is {workers}: choose 1 or more")
    if engine == "ray" and importlib.util.find_spec("ray") is None:
        raise InputError("engine ray needs Ray: pip install 'talkinghead[ray]'")


def run_jobs(
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
    check_engine(engine, workers)
    if not jobs:
        return
    workers = min(workers, len(jobs))
    if engine == "ray":
        results = run_on_ray(task, jobs, workers)
    elif workers == 1 and not isolate:
        results = ((job[0], attempt_here(task, job)) for job in jobs)
    else:
        results = run_in_processes(task, jobs, workers)
    try:
        with progress_bar(title is not None) as bar:
            for name, result in bar.track(map(repeat_warnings, results), len(jobs), description=title or ""):
                if isinstance(result, Failed):
                    raise_again()  # a library made a failure of the signal
                yield name, result
                raise_again()
    finally:
        results.close()  # now, not when it is collected: its workers end with it
