"""Emotions of a model: measurements of clips pooled to figures. I intensities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from talkinghead import metrics
from talkinghead.evaluate.emotion import readers
from talkinghead.evaluate.emotion.clip import NON_NEUTRAL
from talkinghead.evaluate.emotion.sheets import INTENSITIES
from talkinghead.motion.emotions import EMOTIONS

PATHS = ("aperture", "width", "upper_lip", "lower_lip")
READERS = {
    "units": "action units, by the literature; knows no neutral",
    "geometry": "regression on geometry, trained on the authored expressions of other people; eight classes",
}
CAVEAT = (
    "Neither reader was used in training and neither sees pictures. The reader of action units tells whether the units move "
    "that the literature lists for an emotion; the trained one has the authored expressions as its reference, so it tells "
    "whether the model shows these, and not whether people would name them."
)


def figures(parts: list[dict], intensities: Sequence[float] = INTENSITIES) -> dict:
    """Clips pooled: {"clips", "exact", "neutral": row, "emotions": {emotion: row}, "all": row, "confusions", ...}.

    A row: "seen" {reader: {intensity: share}}, "displacement" {intensity: mm}, "spearman", "monotone", and, at the largest
    intensity, "closures", "bilabials", "recorded" and "neutral" {"r", "r_at_lag", "lag_ms"}, "content" {path: {"r", "mm"}}.
    """
    steps = [f"{intensity:g}" for intensity in intensities]
    rows = {}
    confusions: dict[str, dict[str, dict[str, int]]] = {name: {} for name in READERS}
    for emotion in NON_NEUTRAL:
        table = [[part["emotions"][emotion][step] for step in steps] for part in parts]
        row = _row([measured[-1] for measured in table])
        row |= _growth(np.array([[one["displacement"] for one in measured] for measured in table]), intensities)
        for name in READERS:
            labels = [_read(name, [measured[i] for measured in table]) for i in range(len(steps))]
            if labels[-1]:
                shares = {
                    step: round(float(np.mean([s == emotion for s in some])), 3)
                    for step, some in zip(steps, labels, strict=True)
                }
                row.setdefault("seen", {})[name] = shares
                confusions[name][emotion] = {other: labels[-1].count(other) for other in EMOTIONS if other in labels[-1]}
        rows[emotion] = row
    neutral = _row([part["neutral"] for part in parts])
    plain = _read("geometry", [part["neutral"] for part in parts])
    if plain:
        neutral["seen"] = {"geometry": round(float(np.mean([s == EMOTIONS[0] for s in plain])), 3)}
        confusions["geometry"] = {EMOTIONS[0]: {o: plain.count(o) for o in EMOTIONS if o in plain}} | confusions["geometry"]
    out = {
        "clips": len(parts),
        "intensities": list(intensities),
        "exact": all(part["exact"] for part in parts),
        "phonemes": sorted({part["phonemes"] for part in parts if part["phonemes"]}),
        "readers": READERS,
        "caveat": CAVEAT,
        "neutral": neutral,
        "emotions": rows,
        "all": _mean(list(rows.values())),
        "confusions": {name: table for name, table in confusions.items() if table},
    }
    own = [part["own"] for part in parts if "own" in part]
    return out | ({"own": _own(parts)} if own else {})


def _row(ones: list[dict]) -> dict:
    """Closures, lags and content of predictions of several clips."""
    out: dict = {}
    shut = np.array([one["closures"] for one in ones if "closures" in one]).reshape(-1, 2).sum(0)
    if shut[1]:
        out |= {"closures": round(float(shut[0] / shut[1]), 3), "bilabials": int(shut[1])}
    for name in ("recorded", "neutral"):
        lags = np.array([one[name] for one in ones if name in one and np.isfinite(one[name]).all()])
        if len(lags):
            mean, best = lags.mean(0), metrics.constant_lag(lags)
            values = {"r": mean[len(mean) // 2], "r_at_lag": mean[best]}
            out[name] = {key: round(float(v), 3) for key, v in values.items()} | {"lag_ms": round(1000 * metrics.LAGS[best])}
    for path in PATHS:
        pairs = [one["content"][path] for one in ones if path in one["content"]]
        rs = [r for r, _ in pairs if r is not None]
        if rs:
            far = float(np.sqrt(np.mean([mm**2 for _, mm in pairs])))
            out.setdefault("content", {})[path] = {"r": round(float(np.mean(rs)), 3), "mm": round(far, 3)}
    return out


def _growth(values: np.ndarray, intensities: Sequence[float]) -> dict:
    """Of (clips, I) displacements: their means, mean rank correlation with intensity, share of clips that only grow."""
    from scipy.stats import rankdata

    with_none = np.concatenate([np.zeros((len(values), 1)), values], 1)  # intensity 0 is neutral
    ranks = rankdata(with_none, axis=1)
    order = rankdata([0.0, *intensities])
    spread = ranks.std(1) * order.std()
    both = ((ranks - ranks.mean(1, keepdims=True)) * (order - order.mean())).mean(1)
    rho = np.where(spread > 0, both / np.maximum(spread, 1e-12), 0.0)
    return {
        "displacement": {f"{i:g}": round(float(mm), 3) for i, mm in zip(intensities, values.mean(0), strict=True)},
        "spearman": round(float(rho.mean()), 3),
        "monotone": round(float((np.diff(with_none, axis=1) > 0).all(1).mean()), 3),
    }


def _read(reader: str, ones: list[dict]) -> list[str]:
    """The emotion that a reader names for each prediction; [] where the head has too few landmarks."""
    if not all("descriptors" in one for one in ones):
        return []
    if reader == "units":
        return [readers.by_units(np.array(one["change"])) for one in ones]
    return readers.geometry()(np.array([one["descriptors"] for one in ones]))


def _own(parts: list[dict]) -> dict:
    """Of clips whose recorded emotion the model is given: correlation with the recorded lips, and readings of the recording."""
    some = [part for part in parts if "own" in part]
    lags = {
        name: [one["recorded"] for one in ones if "recorded" in one and np.isfinite(one["recorded"]).all()]
        for name, ones in (("told", [part["own"] for part in some]), ("neutral", [part["neutral"] for part in some]))
    }
    out: dict = {"clips": len(some)}
    middle = len(metrics.LAGS) // 2
    out |= {f"{name}_r": round(float(np.mean([row[middle] for row in rows])), 3) for name, rows in lags.items() if rows}
    readable = [part["own"] for part in some if "truth" in part["own"]]
    if readable:
        labels = readers.geometry()(np.array([own["truth"] for own in readable]))
        out["recorded_seen"] = round(float(np.mean([s == own["emotion"] for s, own in zip(labels, readable, strict=True)])), 3)
    return out


def _mean(rows: list) -> dict:
    """Means over emotions of nested dicts of numbers with the same keys; counts are left out."""
    out: dict = {}
    for key in rows[0]:
        values = [row[key] for row in rows if key in row]
        if key != "bilabials":
            out[key] = _mean(values) if isinstance(values[0], dict) else round(float(np.mean(values)), 3)
    return out
