"""Every system on one clip, measured or taken from the cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkinghead.data.manifest import Clip
from talkinghead.errors import InputError
from talkinghead.evaluate.cache import Cache, clip_state, state
from talkinghead.evaluate.measures.clip import Recorded, curves, measure, measure_samples, measure_truth, read_recorded, rebase
from talkinghead.evaluate.result import TRUTH
from talkinghead.evaluate.selection import VertexSets
from talkinghead.evaluate.settings import EvaluateSettings
from talkinghead.evaluate.systems import System
from talkinghead.evaluate.table import Record
from talkinghead.metrics import emotion_classifier


@dataclass
class Measurement:
    """What is the same for every clip. folder: of the data set."""

    folder: Path
    systems: list[System]
    sets: VertexSets
    cache: Cache
    settings: EvaluateSettings

    def of(self, clip: Clip) -> Iterator[tuple[str, dict]]:
        """(name, part of its `Result`) of the truth and of every system on a clip."""
        how = self.settings
        common = f"{how.samples} {how.seed} {state(how.lips)} {state(how.upper)} {clip_state(self.folder, clip)}"
        recorded: Recorded | None = None
        for system in (None, *self.systems):
            name, identity = (TRUTH, "") if system is None else (system.name, system.identity(clip.id))
            key = None if identity is None else f"{common} {identity}"
            part = self.cache.get(name, clip.id, key)
            if part is None:
                recorded = recorded or read_recorded(self.folder, clip, *self.sets.of(clip).values())
                try:
                    part = _truth(recorded) if system is None else _predicted(system, recorded, how.samples, how.seed)
                except InputError as error:
                    raise InputError(f"{name}, clip {clip.id}: {error}") from None
                self.cache.put(name, clip.id, key, part)
            yield name, part


def _truth(recorded: Recorded) -> dict:
    record, lags = measure_truth(recorded)
    motion = recorded.motion
    features = emotion_classifier.features(motion.coefficients, motion.fps).tolist()
    return {"record": record, "lags": lags, "curves": curves(motion), "features": features, "short": 0.0}


def _predicted(system: System, recorded: Recorded, samples: int, seed: int) -> dict:
    motions = [rebase(motion, recorded.motion) for motion in system.motions(recorded)]
    measured = [measure(motion, recorded) for motion in motions]
    record: Record = {}
    for one, _ in measured:  # several conditions of one clip count as several motions
        for key, (num, den) in one.items():
            before = record.get(key, (0.0, 0.0))
            record[key] = (before[0] + num, before[1] + den)
    lags = {name: np.mean([each[name] for _, each in measured], axis=0).tolist() for name in measured[0][1]}
    if samples > 1 and (not system.deterministic or len(motions) > 1):
        record |= measure_samples(system.samples(recorded, samples), recorded, seed)
    first = motions[0]
    features = emotion_classifier.features(first.coefficients, first.fps).tolist()
    short = max(recorded.motion.duration - motion.duration for motion in motions)
    return {"record": record, "lags": lags, "curves": curves(first), "features": features, "short": short}
