"""Pooling over clips, lags and intervals."""

import inspect

import numpy as np
import pytest

from talkinghead.evaluate.output.format import best_of, cell
from talkinghead.evaluate.table import FAMILIES, HEADLINE, METRICS, bootstrap, clip_values, figures
from talkinghead.metrics.lips import LAGS


def test_frames_are_pooled_not_clips():
    records = {"a": {"lve": (4e-6, 1)}, "b": {"lve": (6e-6, 3)}}
    found = figures(records, {})
    assert found["lve"]["value"] == pytest.approx(2.5e-6) and found["lve"]["clips"] == 2 and found["lve"]["low"] is None
    assert clip_values(records, {}) == {"a": {"lve": pytest.approx(4e-6)}, "b": {"lve": pytest.approx(2e-6)}}


def test_roots_are_taken_of_the_pooled_figure():
    records = {"a": {"velocity_ratio": (9.0, 1.0), "lve_rms_mm": (9e-6, 1)}, "b": {"velocity_ratio": (0.0, 8.0)}}
    found = figures(records, {})
    assert found["velocity_ratio"]["value"] == pytest.approx(1.0)
    assert found["lve_rms_mm"]["value"] == pytest.approx(3.0)
    assert clip_values(records, {})["a"]["velocity_ratio"] == pytest.approx(3.0)


def test_the_lag_is_one_for_all_clips():
    def row(peak: int, height: float) -> list[float]:
        return [height if i == peak else 0.1 for i in range(len(LAGS))]

    lags = {"a": {"aperture": row(12, 0.9)}, "b": {"aperture": row(12, 0.5)}, "c": {"aperture": row(9, 0.95)}}
    records = {name: {"aperture_r": (0.1, 1)} for name in lags}
    found = figures(records, lags)
    assert found["aperture_lag"]["value"] == 40
    assert found["aperture_r_lag"]["value"] == pytest.approx((0.9 + 0.5 + 0.1) / 3)
    assert found["aperture_r"]["value"] == pytest.approx(0.1)
    assert clip_values(records, lags)["c"]["aperture_r_lag"] == pytest.approx(0.1)


def test_a_mouth_that_does_not_move_has_no_lag():
    found = figures({"a": {"aperture_r": (0.0, 1)}}, {"a": {"aperture": [0.0] * len(LAGS)}})
    assert "aperture_lag" not in found and found["aperture_r_lag"]["value"] == 0


def test_clips_without_an_event_do_not_count():
    records = {"a": {"closure_recall": (1, 2)}, "b": {"closure_recall": (0, 0)}, "c": {"aperture_r": (float("nan"), 1)}}
    found = figures(records, {})
    assert found["closure_recall"]["value"] == 0.5 and "aperture_r" not in found
    assert clip_values(records, {})["b"]["closure_recall"] is None and clip_values(records, {})["c"]["aperture_r"] is None


def test_intervals_are_seeded_and_cover_what_they_should():
    rng = np.random.default_rng(1)
    inside = 0
    for trial in range(60):
        pairs = np.stack([rng.normal(1, 1, 40), np.ones(40)], 1)
        found = bootstrap(pairs, seed=trial)
        inside += found["low"] <= 1 <= found["high"]
        assert found == bootstrap(pairs, seed=trial)
    assert 51 <= inside <= 60  # 95 % of 60 is 57
    assert bootstrap(pairs, 0) != bootstrap(pairs, 1)


def test_every_metric_has_its_place():
    placed = " ".join(FAMILIES.values()).split()
    assert sorted(placed) == sorted(METRICS) and set(HEADLINE) <= set(METRICS)


def test_best_is_by_what_the_metric_aims_at():
    def results(key, **values):
        return {name: {key: {"value": value, "low": None, "high": None}} for name, value in values.items()}

    assert best_of("lve", results("lve", a=2.0, b=1.0, truth=0.0)) == {"b"}
    assert best_of("aperture_r", results("aperture_r", a=0.2, b=0.1)) == {"a"}
    assert best_of("velocity_ratio", results("velocity_ratio", a=0.7, b=1.1)) == {"b"}
    assert best_of("fdd", results("fdd", a=-3.0, b=2.0)) == {"b"}
    assert best_of("diversity", results("diversity", a=1.0, b=2.0)) == set() == best_of("lve", results("lve", a=1.0, b=1.0))
    shut = results("closure_recall", a=0.5, b=0.4, still=1.0)
    for name in "ab":
        shut[name]["closure_precision"] = shut[name]["closure_recall"]
    assert best_of("closure_recall", shut) == {"a"}


def test_cells():
    assert cell("lve", None) == ("–", "")
    assert cell("lve_mm", {"value": 1.23456, "low": 1.1, "high": 1.4}) == ("1.235", "1.100 … 1.400")
    assert cell("lve", {"value": 1.2e-5, "low": None, "high": None}) == ("1.20e-05", "")
    assert cell("aperture_r", {"value": 0.0, "low": 0.0, "high": 0.0}) == ("0.000", "")


@pytest.mark.parametrize("key", METRICS)
def test_every_metric_says_what_it_is(key):
    metric = METRICS[key]
    assert len(metric.definition) > 60 and "Returned are" not in metric.definition
    text = inspect.getdoc(metric.function) or ""
    assert key in ("coefficient_mse", "width_r_lag", "aperture_lag", "bilabial_precision") or "rap" in text  # its traps
    assert metric.better in ("lower", "higher", "zero", "one", "")
