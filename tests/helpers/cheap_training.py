"""Trainings without what takes most of their time and is seldom seen: sixty rooms, two dozen people, pictures, long films."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from unittest.mock import patch

from talkinghead.data.loading import feature_cache
from talkinghead.train import samples
from talkinghead.train.log import Log
from talkinghead.train.objective import geometry_terms

ROOMS, PEOPLE, SECONDS = 4, 3, 0.2  # the last of films of samples
all_people, plot = geometry_terms._people.__wrapped__, Log._plot


@lru_cache(maxsize=4)
def few_people(landmarks: tuple[str, ...]):
    """What `geometry_terms._people` gives, of a few: each person takes half a second."""
    with patch.object(geometry_terms, "PEOPLE", PEOPLE):
        return all_people(landmarks)


def shorten(put: Callable[[Any, str, Any], None], plots: bool = False) -> None:
    """`put(owner, name, value)` is setattr, or monkeypatch.setattr."""
    put(feature_cache, "SILENT_CLIPS", ROOMS)
    put(geometry_terms, "_people", few_people)
    put(samples, "SECONDS", SECONDS)
    put(Log, "_plot", plot if plots else lambda log: None)


def run(*commands: str, **environment: str) -> None:
    """Do one `talkinghead` command after the other and end with the worst of their statuses."""
    from talkinghead.cli import main

    os.environ.update(environment)
    shorten(setattr)
    sys.exit(max(main(words.split()) for words in commands))


def process(*commands: str, **environment: str):
    """A process that does `run`. It is forked from one that has imported what takes seconds, once for all such processes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["talkinghead.train.loop", "accelerate", "transformers", "tensorboard"])
    return context.Process(target=run, args=commands, kwargs=environment, daemon=True)
