"""Figures as text."""

from __future__ import annotations

from talkinghead.evaluate.table import METRICS

ARROWS = {"lower": "↓", "higher": "↑", "one": "→ 1", "zero": "→ 0"}  # by `Metric.better`


def cell(key: str, figure: dict | None) -> tuple[str, str]:
    """A figure and its interval as text; "–" where there is none."""
    if figure is None:
        return "–", ""
    ends = [number(key, end) for end in (figure["low"], figure["high"]) if end is not None]
    return number(key, figure["value"]), " … ".join(ends) if len(set(ends)) > 1 else ""


def number(key: str, value: float) -> str:
    """With as many digits as its metric's unit deserves."""
    metric = METRICS[key]
    if metric.unit == "m²":
        return "0" if value == 0 else f"{value:.2e}"
    return f"{value:.{metric.digits}f}"


def best_of(key: str, results: dict[str, dict]) -> set[str]:
    """The systems with the best figure, the truth left out; none where nothing is better, or where all are alike."""
    aim = {"lower": lambda v: v, "higher": lambda v: -v, "zero": abs, "one": lambda v: abs(v - 1)}.get(METRICS[key].better)
    values = {name: row[key]["value"] for name, row in results.items() if name != "truth" and key in row}
    if key.endswith("_recall"):  # lips that never open shut at every closure: no merit
        values = {name: value for name, value in values.items() if key.replace("recall", "precision") in results[name]}
    if aim is None or len(values) < 2 or key in ("aperture_lag", "sync_lag"):
        return set()
    top = min(map(aim, values.values()))
    best = {name for name, value in values.items() if aim(value) <= top + 1e-12}
    return best if len(best) < len(values) else set()
