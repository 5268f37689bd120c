"""Emotions in a report: which clips and models, and what is on the page."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from talkinghead.data.manifest import read_manifest
from talkinghead.errors import InputError
from talkinghead.evaluate import evaluate
from talkinghead.evaluate.emotion.response import emotion_clips
from talkinghead.evaluate.emotion.sheets import authored
from talkinghead.evaluate.output.emotions import HEADER
from talkinghead.head.head import Head


def test_half_of_the_clips_have_a_recorded_emotion(tiny_data):
    clips = read_manifest(tiny_data)
    mixed = [replace(clip, emotion="happy" if i < 2 else None) for i, clip in enumerate(clips)]
    assert [clip.emotion for clip in emotion_clips(mixed, 4)].count("happy") == 2
    assert [clip.emotion for clip in emotion_clips(mixed, 2)].count("happy") == 1
    assert len(emotion_clips(clips, 3)) == 3 and len(emotion_clips(clips, 99)) == len(clips)


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
