"""Clips of sources pooled to figures, with intervals over speakers, and the mean of the sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from talkinghead import metrics
from talkinghead.evaluate.table import FEWEST, Metric, interval, resampled

FIGURES: dict[str, Metric] = {
    "aperture_r": Metric("aperture r", "", "higher", metrics.source_aperture_r),
    "lag": Metric("lag", "ms", "zero", metrics.source_lag, digits=0),
    "aperture_r_0": Metric("aperture r without a lag", "", "higher", metrics.source_aperture_r_0),
    "width_r": Metric("width r", "", "higher", metrics.source_width_r),
}


@dataclass(frozen=True, eq=False)
class Figure:
    """A value and how certain it is. draws: (R,) the same of bootstrap resamples; None of too few clips."""

    value: float
    draws: np.ndarray | None = None

    def plain(self) -> dict[str, float | None]:
        """value, low and high; these are None without an interval."""
        ends = {"low": None, "high": None} if self.draws is None else interval(self.draws)
        return {"value": self.value, **ends}


@dataclass(frozen=True, eq=False)
class Pooled:
    """One system in one source. figures: by the keys of `FIGURES`; clips: {clip: {figure: value}}; lag: in seconds."""

    figures: dict[str, Figure]
    clips: dict[str, dict[str, float]]
    lag: float


def drawn_from(speakers: Sequence[str]) -> str:
    """What intervals are over: the speakers of clips, or the clips of fewer than `FEWEST` speakers."""
    return "speakers" if len(set(speakers)) >= FEWEST else "clips"


def pool(parts: dict[str, dict], speakers: dict[str, str], seed: list[int]) -> Pooled | None:
    """The figures of one system from the parts of its clips (see `measurement`); None if no clip has real lips that move.

    speakers: {clip: who speaks}. The seed decides the resamples, which are the same for systems with the same clips.
    """
    rows = {clip: np.array(part["lags"]["aperture"]) for clip, part in parts.items() if part["lags"]}
    rows = {clip: row for clip, row in rows.items() if np.isfinite(row).all()}
    if not rows:
        return None
    table = np.array(list(rows.values()))
    best, middle = metrics.constant_lag(table), table.shape[1] // 2
    values = {
        "aperture_r": dict(zip(rows, metrics.source_aperture_r(table), strict=True)),
        "aperture_r_0": dict(zip(rows, metrics.source_aperture_r_0(table), strict=True)),
        "width_r": _widths({clip: parts[clip]["lags"].get("width", []) for clip in rows}, best),
    }
    figures = {key: _figure(some, speakers, seed) for key, some in values.items() if some}
    if best != middle or table.any():  # it moves at all
        figures["lag"] = Figure(metrics.source_lag(table))
    clips = {clip: {key: float(some[clip]) for key, some in values.items() if clip in some} for clip in rows}
    return Pooled({key: figures[key] for key in FIGURES if key in figures}, clips, float(metrics.SOURCE_LAGS[best]))


def mean_of(sources: Sequence[Pooled | None]) -> dict[str, Figure]:
    """The mean of the sources of those figures that all have; intervals from the means of their resamples."""
    out = {}
    for key in FIGURES:
        figures = [pooled.figures[key] for pooled in sources if pooled is not None and key in pooled.figures]
        if key != "lag" and figures and len(figures) == len(sources):
            draws = [figure.draws for figure in figures if figure.draws is not None]
            whole = len(draws) == len(figures)
            out[key] = Figure(float(np.mean([f.value for f in figures])), np.mean(draws, axis=0) if whole else None)
    return out


def _widths(rows: dict[str, list[float]], lag: int) -> dict[str, float]:
    found = {clip: np.array(row) for clip, row in rows.items() if len(row) and np.isfinite(row).all()}
    if not found:
        return {}
    return dict(zip(found, metrics.source_width_r(np.array(list(found.values())), lag), strict=True))


def _figure(values: dict[str, float], speakers: dict[str, str], seed: list[int]) -> Figure:
    """The mean over clips; speakers with all of their clips are drawn, where there are enough of them."""
    groups: dict[str, list[float]] = {}
    by_speaker = drawn_from([speakers[clip] for clip in values]) == "speakers"
    for clip, value in values.items():
        groups.setdefault(speakers[clip] if by_speaker else clip, []).append(float(value))
    pairs = np.array([(sum(some), len(some)) for some in groups.values()])
    if len(pairs) < FEWEST:
        return Figure(float(pairs[:, 0].sum() / pairs[:, 1].sum()))
    sums = resampled(pairs, seed)
    return Figure(float(pairs[:, 0].sum() / pairs[:, 1].sum()), sums[:, 0] / sums[:, 1])
