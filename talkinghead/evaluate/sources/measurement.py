"""Lips of every system on the clips of a source: correlations at lags, and the curves behind them, measured or kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from talkinghead import metrics
from talkinghead.audio.clock import frame_times
from talkinghead.errors import InputError
from talkinghead.evaluate.cache import Cache, clip_state
from talkinghead.evaluate.measures.clip import CURVE, Recorded, correlations, has, read_recorded_lips, rebase
from talkinghead.evaluate.result import TRUTH
from talkinghead.evaluate.sources.source import Source
from talkinghead.evaluate.systems import System
from talkinghead.motion.animation import Animation

VERSION = 1  # goes up when the same motion would give other figures
Parts = dict[str, dict[str, dict]]  # system, clip -> {"lags", "times", "aperture", "film"}


def measure_source(source: Source, cache: Cache, step: Callable[[], None] = lambda: None) -> Parts:
    """{system or truth: {clip: part}}; `step` is called after each clip of each. Raises InputError.

    A part: "lags", {curve: correlation at each of `SOURCE_LAGS`}; "times" and "aperture", the curve for plots in seconds and
    in the unit that the lips have; "film", whether the truth's are tracked in a film. The truth of a film has lags, too:
    those of the recorded motion, which was solved from it.
    """
    parts: Parts = {name: {} for name in (TRUTH, *(system.name for system in source.systems))}
    for clip in source.clips:
        common = f"sources {VERSION} {clip_state(source.folder, clip)}"
        recorded: Recorded | None = None
        for name, system in ((TRUTH, None), *((system.name, system) for system in source.systems)):
            identity = "" if system is None else system.identity(clip.id)
            key, place = None if identity is None else f"{common} {identity}", f"{source.name}/{clip.id}"
            part = cache.get(f".sources {name}", place, key)
            if part is None:
                recorded = recorded or read_recorded_lips(source.folder, clip)
                part = _measured(system, recorded, f"{source.name}, {name}, clip {clip.id}")
                cache.put(f".sources {name}", place, key, part)
            parts[name][clip.id] = part
            step()
    return parts


def _measured(system: System | None, recorded: Recorded, where: str) -> dict:
    if not has(recorded.motion.head, "aperture"):
        raise InputError(f"{where}: head {recorded.motion.head.name} has no landmarks of the inner lips to measure")
    if system is None:
        return _truth(recorded)
    try:
        motions = [rebase(motion, recorded.motion) for motion in system.motions(recorded)]
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    rows = [correlations(motion, recorded, metrics.SOURCE_LAGS) for motion in motions]
    lags = {name: np.mean([row[name] for row in rows], axis=0).tolist() for name in rows[0]}
    return {"lags": lags, **_curve(_times(motions[0]), motions[0].lip_aperture()), "film": False}


def _truth(recorded: Recorded) -> dict:
    motion, real = recorded.motion, recorded.real
    if real is None:  # it would be compared with itself
        return {"lags": {}, **_curve(_times(motion), motion.lip_aperture()), "film": False}
    return {"lags": correlations(motion, recorded, metrics.SOURCE_LAGS), **_curve(real.times, real.aperture), "film": True}


def _times(animation: Animation) -> np.ndarray:
    return frame_times(len(animation), animation.fps)


def _curve(times: np.ndarray, aperture: np.ndarray) -> dict[str, list[float]]:
    shown = times <= CURVE
    return {"times": np.round(times[shown], 4).tolist(), "aperture": np.round(aperture[shown], 6).tolist()}
