"""From records of clips to the figures of a table: which metrics there are, how clips are pooled, what is how certain.

A record is what one system did on one clip: name of a metric -> (numerator, denominator). The figure of a set of clips is
the sum of numerators over the sum of denominators, so frames, events or clips count alike, as the metric's definition says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import getdoc

import numpy as np

from talkinghead import metrics
from talkinghead.metrics import emotion_classifier

Record = dict[str, tuple[float, float]]
Lags = dict[str, list[float]]  # name of a curve -> correlation at each of metrics.LAGS
RESAMPLES = 1000
LEVEL = 95.0  # per cent
FEWEST = 3  # clips, or speakers, that have an interval


@dataclass(frozen=True)
class Metric:
    """One column: its name, unit ("" for a plain number), what is better, and the function whose docstring defines it.

    better: lower, higher, zero, one, or "" where neither is. root: the figure is the square root of the pooled ratio.
    lags: the curve whose best constant lag it uses. of_truth: the recorded motion has a figure of its own.
    """

    name: str
    unit: str
    better: str
    function: Callable
    scale: float = 1.0
    root: bool = False
    lags: str | None = None
    of_truth: bool = False
    digits: int = 3

    @property
    def definition(self) -> str:
        """The docstring in plain words, less what only callers of the function want to know."""
        text = " ".join((getdoc(self.function) or "").split())
        return text.split(" (Returned are")[0]


METRICS: dict[str, Metric] = {
    "lve_mm": Metric("LVE", "mm", "lower", metrics.lve_mm),
    "lve": Metric("LVE squared", "m²", "lower", metrics.lve),
    "lve_rms_mm": Metric("LVE (RMS)", "mm", "lower", metrics.lve_rms_mm, scale=1000, root=True),
    "mve": Metric("MVE", "mm", "lower", metrics.mve),
    "mhd": Metric("MHD", "mm", "lower", metrics.mhd, scale=1000, root=True),
    "eve": Metric("EVE", "mm", "lower", metrics.eve),
    "mod": Metric("MOD", "mm", "lower", metrics.mod),
    "coefficient_mse": Metric("coefficient MSE", "", "lower", metrics.coefficient_mse, digits=5),
    "aperture_r": Metric("aperture r", "", "higher", metrics.aperture_r, of_truth=True),
    "aperture_r_lag": Metric("aperture r at best lag", "", "higher", metrics.aperture_r_lag, lags="aperture", of_truth=True),
    "aperture_lag": Metric("best lag", "ms", "zero", metrics.aperture_lag, digits=0, of_truth=True),
    "width_r": Metric("width r", "", "higher", metrics.width_r, of_truth=True),
    "width_r_lag": Metric("width r at best lag", "", "higher", metrics.width_r_lag, lags="width", of_truth=True),
    "sync_likeness": Metric("sync likeness", "", "higher", metrics.sync_likeness, lags="sync", of_truth=True),
    "sync_confidence": Metric("sync confidence", "", "higher", metrics.sync_confidence, of_truth=True),
    "sync_lag": Metric("sync lag", "ms", "zero", metrics.sync_lag, digits=0, of_truth=True),
    "closure_recall": Metric("closure recall", "", "higher", metrics.closure_recall),
    "closure_precision": Metric("closure precision", "", "higher", metrics.closure_precision),
    "bilabial_recall": Metric("p b m recall", "", "higher", metrics.bilabial_recall, of_truth=True),
    "bilabial_precision": Metric("p b m precision", "", "higher", metrics.bilabial_precision, of_truth=True),
    "labiodental_miss": Metric("f v lip to teeth", "mm", "lower", metrics.labiodental_miss, of_truth=True, digits=2),
    "fdd": Metric("FDD", "m²", "zero", metrics.fdd),
    "fdd_abs": Metric("FDD absolute", "m²", "lower", metrics.fdd_abs),
    "velocity_ratio": Metric("velocity ratio", "", "one", metrics.velocity_ratio, root=True),
    "jitter_ratio": Metric("jitter ratio", "", "one", metrics.jitter_ratio, root=True),
    "stillness": Metric("silence motion", "mm/s", "", metrics.stillness, of_truth=True, digits=2),
    "beat_consistency": Metric("beat consistency", "", "", metrics.beat_consistency, of_truth=True),
    "coverage_error": Metric("CE", "m²", "lower", metrics.coverage_error),
    "mean_estimate_error": Metric("MEE", "m²", "lower", metrics.mean_estimate_error),
    "diversity": Metric("diversity", "mm", "", metrics.diversity),
    "emotion_accuracy": Metric("emotion accuracy", "", "higher", emotion_classifier.accuracy, of_truth=True),
}
FAMILIES = {
    "Distance": "lve_mm lve lve_rms_mm mve mhd eve mod coefficient_mse",
    "Lips in time": "aperture_r aperture_r_lag aperture_lag width_r width_r_lag sync_likeness sync_confidence sync_lag",
    "Lip closure": "closure_recall closure_precision bilabial_recall bilabial_precision labiodental_miss",
    "Dynamics": "velocity_ratio jitter_ratio fdd fdd_abs stillness beat_consistency",
    "Samples and emotion": "coverage_error mean_estimate_error diversity emotion_accuracy",
}
HEADLINE = ("lve_mm", "aperture_r_lag", "width_r_lag", "closure_recall", "closure_precision", "velocity_ratio", "jitter_ratio")


def figures(records: dict[str, Record], lags: dict[str, Lags], seed: int = 0) -> dict[str, dict]:
    """All figures of one system from its clips' records: {metric: {value, low, high, clips}}.

    Metrics that no clip has are left out. low and high bound the 95 % percentile interval of `RESAMPLES` bootstrap resamples
    of the clips (None for fewer than 3), at the best lag of all clips. The seed decides the resamples; systems with the same
    clips get the same ones, so that intervals can be compared.
    """
    best, values = _at_best_lag(records, lags)
    pooled = {}
    for key, metric in METRICS.items():
        if key in ("aperture_lag", "sync_lag"):
            curve = key.removesuffix("_lag")
            if curve in best and any(any(curves.get(curve, ())) for curves in lags.values()):  # it moves at all
                lag = round(float(metrics.LAGS[best[curve]]) * 1000, 3)
                pooled[key] = {"value": lag, "low": None, "high": None, "clips": len(lags)}
            continue
        pairs = [record[key] for record in values.values() if key in record and np.isfinite(record[key]).all()]
        if pairs and sum(den for _, den in pairs) > 0:
            pooled[key] = bootstrap(np.array(pairs, np.float64), seed, metric.root, metric.scale)
    return pooled


def bootstrap(pairs: np.ndarray, seed: int = 0, root: bool = False, scale: float = 1.0) -> dict:
    """(clips, 2) numerators and denominators -> value, low, high and how many clips; see `figures`."""

    def ratio(sums: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = sums[..., 0] / sums[..., 1]
        return scale * (np.sqrt(value) if root else value)

    out: dict = {"value": float(ratio(pairs.sum(0))), "low": None, "high": None, "clips": len(pairs)}
    if len(pairs) >= FEWEST:
        out |= interval(ratio(resampled(pairs, seed)))
    return out


def resampled(pairs: np.ndarray, seed: int | list[int]) -> np.ndarray:
    """(`RESAMPLES`, 2) sums of as many pairs, drawn with replacement, as there are."""
    drawn = np.random.default_rng(seed).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    return pairs[drawn].sum(1)


def interval(values: np.ndarray) -> dict[str, float]:
    """low and high of the `LEVEL` per cent of values in the middle."""
    half = (100 - LEVEL) / 2
    low, high = np.nanpercentile(values, [half, 100 - half])
    return {"low": float(low), "high": float(high)}


def clip_values(records: dict[str, Record], lags: dict[str, Lags]) -> dict[str, dict[str, float | None]]:
    """{clip: {metric: its figure on this clip alone}}, at the lag that suits all; None if it has no such event."""
    _, values = _at_best_lag(records, lags)
    out: dict[str, dict[str, float | None]] = {}
    for clip, record in values.items():
        out[clip] = {}
        for key, (num, den) in record.items():
            good = np.isfinite(num) and den > 0
            value = num / den if good else None
            metric = METRICS[key]
            out[clip][key] = None if value is None else float(metric.scale * (np.sqrt(value) if metric.root else value))
    return out


def _at_best_lag(records: dict[str, Record], lags: dict[str, Lags]) -> tuple[dict[str, int], dict[str, Record]]:
    """Index of the best constant lag of each curve over all clips, and the records with the correlations at it."""
    best: dict[str, int] = {}
    values = {clip: dict(record) for clip, record in records.items()}
    for key, metric in METRICS.items():
        if metric.lags is None:
            continue
        table = {clip: curves[metric.lags] for clip, curves in lags.items() if metric.lags in curves}
        table = {clip: row for clip, row in table.items() if np.isfinite(row).all()}
        if table:
            best[metric.lags] = metrics.constant_lag(np.array(list(table.values())))
            for clip, row in table.items():
                values[clip][key] = (row[best[metric.lags]], 1.0)
    return best, values
