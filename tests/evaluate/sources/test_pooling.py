"""Figures of sources: one lag, intervals over speakers, the mean of the sources."""

import pytest

from talkinghead.evaluate.sources.pooling import FIGURES, Pooled, drawn_from, mean_of, pool
from talkinghead.metrics import SOURCE_LAGS

MIDDLE = len(SOURCE_LAGS) // 2


def row(height: float, peak: int = MIDDLE) -> list[float]:
    return [height if i == peak else height - 0.3 for i in range(len(SOURCE_LAGS))]


def part(height: float, width: float | None = None, peak: int = MIDDLE) -> dict:
    return {"lags": {"aperture": row(height, peak), **({} if width is None else {"width": row(width)})}}


def pooled(parts: dict[str, dict], speakers: dict[str, str], source: int = 0) -> Pooled:
    found = pool(parts, speakers, [0, source])
    assert found is not None
    return found


def ends(found: Pooled | dict) -> tuple[float, float, float]:
    """Value, low and high of the aperture's correlation."""
    figure = (found.figures if isinstance(found, Pooled) else found)["aperture_r"].plain()
    value, low, high = figure["value"], figure["low"], figure["high"]
    assert value is not None and low is not None and high is not None
    return value, low, high


def test_one_lag_for_all_clips_and_the_width_at_that_lag():
    parts = {"a": part(0.8, 0.5, MIDDLE + 2), "b": part(0.6, 0.5, MIDDLE + 2), "c": part(0.9, 0.5, MIDDLE)}
    found = pooled(parts, dict.fromkeys(parts, "ann"))
    assert {key: figure.value for key, figure in found.figures.items()} == {
        "aperture_r": pytest.approx((0.8 + 0.6 + 0.6) / 3),
        "lag": 40,
        "aperture_r_0": pytest.approx((0.5 + 0.3 + 0.9) / 3),
        "width_r": pytest.approx(0.2),
    }
    assert found.clips["c"] == {"aperture_r": pytest.approx(0.6), "aperture_r_0": 0.9, "width_r": pytest.approx(0.2)}


def test_intervals_are_over_people_not_clips():
    """Ten clips of each of four people who differ, and whose own clips do not: forty clips tell no more than four people."""
    parts = {f"{who}{i}": part(r) for who, r in {"a": 0.2, "b": 0.4, "c": 0.6, "d": 0.8}.items() for i in range(10)}
    by_speaker = ends(pooled(parts, {clip: clip[0] for clip in parts}))
    alone = {f"{who}0": parts[f"{who}0"] for who in "abcd"}
    assert by_speaker == pytest.approx(ends(pooled(alone, {clip: clip[0] for clip in alone})))
    by_clip = ends(pooled(parts, dict.fromkeys(parts, "one")))
    assert by_clip[0] == pytest.approx(by_speaker[0]) == pytest.approx(0.5)
    assert by_speaker[2] - by_speaker[1] > 2 * (by_clip[2] - by_clip[1]) > 0
    assert drawn_from(["a", "b", "c"]) == "speakers" and drawn_from(["a", "b", "b"]) == "clips"


def test_who_speaks_more_counts_more_as_clips_do():
    parts = {"a0": part(0.2), "a1": part(0.2), "a2": part(0.2), "b0": part(1.0), "c0": part(1.0)}
    found = pooled(parts, {clip: clip[0] for clip in parts})
    assert found.figures["aperture_r"].value == pytest.approx(0.52)


def test_the_mean_counts_sources_alike():
    many, few = {f"m{i}": part(0.8) for i in range(9)}, {f"f{i}": part(0.4 + 0.1 * i) for i in range(3)}
    sources = [pooled(parts, {clip: clip for clip in parts}, i) for i, parts in enumerate((many, few))]
    found = mean_of(sources)
    assert set(found) == {"aperture_r", "aperture_r_0"} and found["aperture_r"].value == pytest.approx(0.65)
    (_, low, high), (_, own_low, own_high) = ends(found), ends(sources[1])
    assert high - low == pytest.approx((own_high - own_low) / 2)
    assert mean_of([sources[0], None]) == {}, "a system that lacks a source has no mean"


def test_still_and_unknown_lips():
    still = {"lags": {"aperture": [0.0] * len(SOURCE_LAGS)}}
    found = pooled({"a": still, "b": still}, {"a": "x", "b": "x"})
    assert found.figures["aperture_r"].plain() == {"value": 0.0, "low": None, "high": None} and "lag" not in found.figures
    lost = {"lags": {"aperture": [float("nan")] * len(SOURCE_LAGS)}}
    assert pool({"a": lost, "b": {"lags": {}}}, {"a": "x", "b": "x"}, [0, 0]) is None
    assert list(pooled({"a": lost, "b": part(0.5)}, {"a": "x", "b": "x"}).clips) == ["b"]


@pytest.mark.parametrize("key", FIGURES)
def test_every_figure_says_what_it_is(key):
    assert "Trap: " in FIGURES[key].definition and "Returned are" not in FIGURES[key].definition
