"""Sheets of emotions, intensities and sounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from talkinghead import Animation
from talkinghead.evaluate.emotion.sheets import authored, box, faces, sheet, spoken, strip
from talkinghead.head.head import Head
from talkinghead.motion.emotions import EMOTIONS


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
