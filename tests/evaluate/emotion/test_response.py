"""Emotions of a model, measured on one whose emotions are known: the authored layer on a talker's neutral motion."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.data.manifest import read_manifest
from talkinghead.errors import InputError
from talkinghead.evaluate import evaluate
from talkinghead.evaluate.emotion import readers
from talkinghead.evaluate.emotion.clip import NON_NEUTRAL, displacement, measure_clip, preserved
from talkinghead.evaluate.emotion.pooling import figures
from talkinghead.evaluate.emotion.response import emotion_clips
from talkinghead.evaluate.emotion.sheets import authored, box, faces, sheet, spoken, strip
from talkinghead.evaluate.output.emotions import HEADER, cells, summary
from talkinghead.head.head import Head
from talkinghead.motion.emotion_curve import read_emotion
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner, layer, pose


@pytest.fixture
def actor(tiny_talker):
    """A talker that shows exactly what is authored, on lips that open and shut evenly; `actor.shows` replaces it."""
    talker = copy.deepcopy(tiny_talker)
    talker.config.emotions = list(EMOTIONS)

    def speech(head: Head, frames: int) -> np.ndarray:
        out = np.zeros((frames, len(head.names)), np.float32)
        out[:, head.index("jawOpen")] = 0.2 * np.clip(np.sin(np.arange(frames) * 0.25), 0, 1)
        return out

    def animate(audio, *, emotion="neutral", intensity=1.0, head=None, fps=30.0, **_):
        head = head or Head.default()
        plain = Animation(speech(head, 50), fps, head)
        curve = read_emotion(emotion, intensity).at(plain.times)
        return replace(plain, coefficients=talker.shows(plain.coefficients, curve, head.names))

    talker.animate = animate
    talker.shows = layer
    return talker


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


def test_readers_know_authored_faces_of_people_they_have_not_seen():
    head, rng = Head.default(seed=5), np.random.default_rng(0)
    for i, emotion in enumerate(EMOTIONS):
        curve = np.zeros((1, len(EMOTIONS)))
        curve[:, i] = 0.8
        seen = readers.descriptors(Animation(pose(curve, head.names, Manner.draw(rng)), 1.0, head))
        assert readers.geometry()(seen) == [emotion]
        assert readers.by_units(seen[0]) == emotion
    assert readers.readable(head) and not readers.readable(replace(head, landmarks={}))


def test_displacement_and_content_are_what_they_say():
    head = Head.default()
    weights = np.zeros((30, len(head.names)), np.float32)
    plain = Animation(weights, 50.0, head)
    moved = weights.copy()
    moved[:, head.index("jawOpen")] = 0.5
    face = np.maximum(head.regions["upper_face"], head.regions["lower_face"]) > 0.5
    wanted = 500 * np.linalg.norm(head.basis[head.index("jawOpen"), face], axis=1).mean()
    assert displacement(Animation(moved, 50.0, head), plain) == pytest.approx(wanted, rel=1e-4)
    wave = np.sin(np.arange(50) / 3)
    assert preserved(3 + wave, wave) == (pytest.approx(1), pytest.approx(0, abs=1e-9))  # an emotion may hold an offset
    assert preserved(2 * wave, wave)[1] == pytest.approx(wave.std(), rel=1e-6)


def test_half_of_the_clips_have_a_recorded_emotion(tiny_data):
    clips = read_manifest(tiny_data)
    mixed = [replace(clip, emotion="happy" if i < 2 else None) for i, clip in enumerate(clips)]
    assert [clip.emotion for clip in emotion_clips(mixed, 4)].count("happy") == 2
    assert [clip.emotion for clip in emotion_clips(mixed, 2)].count("happy") == 1
    assert len(emotion_clips(clips, 3)) == 3 and len(emotion_clips(clips, 99)) == len(clips)


def test_a_sheet_has_a_face_for_each_emotion_intensity_and_sound(actor, sample):
    shown = authored(Head.default(), intensities=(0.5, 1.0), sounds=("m", "u"))
    assert len(shown) == 8 * 2 * 2
    shut = [shown["m", emotion, 1.0].lip_aperture()[0] * 1000 for emotion in EMOTIONS]
    assert max(shut) < 1.0, dict(zip(EMOTIONS, shut, strict=True))
    small = {key: motion for key, motion in shown.items() if key[0] == "u"}
    picture = np.asarray(sheet(small, 24))
    assert picture.shape[2] == 3 and picture[80:, 130:].std() > 20
    assert strip(small, "u", 400).width <= 400
    spoke = spoken(actor, [sample], intensities=(1.0,), sounds=("m", "a"))  # knows no phonemes: by its motion
    assert len(spoke) == 16
    assert spoke["a", "neutral", 1.0].lip_aperture() > 0.005 > spoke["m", "neutral", 1.0].lip_aperture()
    assert spoke["a", "happy", 1.0].lip_width() > spoke["a", "neutral", 1.0].lip_width() + 0.002


def test_a_face_fills_its_cell():
    head = Head.default()
    left, top, wide, tall = box(head)
    assert 0 < left < left + wide < 1 and 0 < top < top + tall < 1
    assert box(replace(head, joints={})) == (0.2, 0.1, 0.6, 0.8)
    (one,) = faces([Animation(np.zeros((1, len(head.names)), np.float32), 30.0, head)], 60)
    assert one.width == 60 and np.asarray(one)[20:40, 20:40].std() > 5


def test_the_report_has_a_section_of_its_own(actor, tiny_data, tmp_path, monkeypatch):
    how = {"split": "test", "videos": 0, "emotions": 1}
    few = authored(Head.default(), intensities=(1.0,), sounds=("m",))
    monkeypatch.setattr("talkinghead.evaluate.emotion.sheets.spoken", lambda *a, **k: few)
    report = evaluate({"actor": actor}, tiny_data, out=tmp_path, **how)
    assert report["emotions"]["actor"]["emotions"]["happy"]["seen"]["geometry"]["1"] == 1.0
    assert json.loads((tmp_path / "report.json").read_text())["emotions"] == report["emotions"]
    page = (tmp_path / "index.html").read_text()
    assert "Emotions of actor" in page and "data:image/jpeg" in page
    assert f"<caption>{HEADER}</caption>" in page


def test_a_model_that_speaks_neutrally_only_is_told_before_the_work(tiny_talker, tiny_data):
    neutral = copy.deepcopy(tiny_talker)
    neutral.config.emotions = []
    with pytest.raises(InputError, match="can be told an emotion"):
        evaluate({"neutral": neutral}, tiny_data, emotions=1)
