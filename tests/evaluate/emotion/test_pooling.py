"""Figures of a model whose emotions are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from talkinghead.data.manifest import read_manifest
from talkinghead.evaluate.emotion.clip import NON_NEUTRAL, measure_clip
from talkinghead.evaluate.emotion.pooling import figures
from talkinghead.evaluate.output.emotions import HEADER, cells, rich_table, summary
from talkinghead.motion.emotions import EMOTIONS


@pytest.fixture
def clip(tiny_data):
    return replace(read_manifest(tiny_data)[0], phonemes=((0.4, 0.5, "B"),), emotion="sad", intensity=0.5)


def test_an_actor_who_shows_what_is_authored_is_read_and_leaves_the_lips_in_time(actor, clip, tiny_data):
    found = figures([measure_clip(actor, tiny_data, clip, (0.5, 1.0))], (0.5, 1.0))
    assert found["exact"] and found["clips"] == 1 and found["phonemes"] == ["data"]
    for emotion in NON_NEUTRAL:
        row = found["emotions"][emotion]
        assert row["seen"]["geometry"] == {"0.5": 1.0, "1": 1.0}, emotion
        assert row["displacement"]["1"] > row["displacement"]["0.5"] > 0.1
        assert row["spearman"] == row["monotone"] == 1.0
        assert row["neutral"]["lag_ms"] == 0 and row["neutral"]["r"] > 0.8
        assert row["content"]["aperture"]["r"] > 0.8
    assert found["all"]["seen"]["units"]["1"] > 0.8
    assert found["neutral"]["seen"]["geometry"] == 1.0 and found["neutral"]["content"]["aperture"] == {"r": 1.0, "mm": 0.0}
    assert found["own"]["clips"] == 1
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert rich_table("actor", found).title == f"actor: emotions\n{HEADER}"
    assert cells(found).keys() == {*EMOTIONS, "all"} and "neutral to the bit" in summary(found)


def test_one_who_ignores_the_emotion_is_not_seen_and_does_not_move(actor, clip, tiny_data):
    actor.shows = lambda speech, curve, names: speech
    found = figures([measure_clip(actor, tiny_data, clip, (1.0,))], (1.0,))
    assert found["all"]["seen"] == {"units": {"1": 0.0}, "geometry": {"1": 0.0}}
    assert found["all"]["displacement"]["1"] == found["all"]["spearman"] == found["all"]["monotone"] == 0


def test_one_who_parts_the_lips_fails_at_closures_and_one_who_is_late_has_a_lag(actor, clip, tiny_data):
    def parted(speech, curve, names):
        out = speech.copy()
        out[:, names.index("mouthLowerDownLeft")] += curve.sum(1)
        out[:, names.index("mouthLowerDownRight")] += curve.sum(1)
        return out

    actor.shows = parted
    rows = figures([measure_clip(actor, tiny_data, clip, (1.0,))], (1.0,))
    assert rows["neutral"]["closures"] == 1.0 and rows["emotions"]["happy"]["closures"] == 0.0
    assert rows["emotions"]["happy"]["bilabials"] == 1
    actor.shows = lambda speech, curve, names: np.roll(speech, 2, 0) if curve.any() else speech
    rows = figures([measure_clip(actor, tiny_data, clip, (1.0,))], (1.0,))
    assert rows["emotions"]["happy"]["neutral"]["lag_ms"] == 40


def test_intensity_0_must_be_neutral_to_the_bit(actor, clip, tiny_data):
    part = measure_clip(actor, tiny_data, clip, (1.0,))
    assert part["exact"]
    calls = actor.animate
    actor.animate = lambda *a, **k: replace(m := calls(*a, **k), coefficients=m.coefficients + 1e-7 * (k["intensity"] == 0))
    assert not measure_clip(actor, tiny_data, clip, (1.0,))["exact"]
    assert "NOT neutral" in summary(figures([{**part, "exact": False}], (1.0,)))
