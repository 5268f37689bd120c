"""Emotions of the model that ships, on the recording that ships."""

from __future__ import annotations

import numpy as np
import pytest

from talkinghead.animate.talker import Talker
from talkinghead.audio.load import load_audio
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.speech.phonemes import BILABIALS

FELT = EMOTIONS[1:]
CORNERS = ("lip_corner_left", "lip_corner_right")
MIDDLE = ("lip_upper_outer", "lip_lower_outer")


@pytest.fixture(scope="module")
def talker():
    return Talker.from_pretrained()


@pytest.fixture(scope="module")
def wave(sample):
    return load_audio(sample)


@pytest.fixture(scope="module")
def faces(talker, wave):
    return {name: talker.animate(wave, emotion=name, fps=50, idle=0) for name in EMOTIONS}


def mean(animation, *names):
    """Mean weight of shapes over time and sides."""
    columns = [i for i, name in enumerate(animation.head.names) if name.startswith(names)]
    return float(animation.coefficients[:, columns].mean())


def test_faces_do_what_the_action_units_say(faces):
    calm = faces["neutral"]

    def more(emotion, *shapes):
        return mean(faces[emotion], *shapes) - mean(calm, *shapes)

    assert more("happy", "mouthSmile") > 0.3 and more("happy", "cheekSquint") > 0.3
    assert more("sad", "browInnerUp") > 0.4 and more("sad", "mouthFrown") > 0.2
    assert (
        more("surprised", "browInnerUp") > 0.4 and more("surprised", "browOuterUp") > 0.4 and more("surprised", "eyeWide") > 0.3
    )
    assert more("fearful", "eyeWide") > 0.4 and more("fearful", "mouthStretch") > 0.2
    assert more("disgusted", "noseSneer") > 0.4
    assert more("angry", "browDown") > 0.5
    left, right = (mean(faces["contempt"], f"mouthDimple{side}") for side in ("Left", "Right"))
    assert abs(left - right) > 0.2, "contempt is of one corner"


def test_lips_meet_under_every_emotion(talker, wave, faces):
    heard = np.exp(talker.phoneme_posteriors(wave))[:, [talker.config.phones.index(p) for p in BILABIALS]].sum(1)
    shut = heard > 0.9
    assert shut.sum() > 5
    for name, animation in faces.items():
        assert animation.lip_aperture()[: len(shut)][shut].max() * 1000 < 1, name


def test_the_words_stay_the_same(faces):
    calm = faces["neutral"].lip_aperture()
    for name in FELT:
        assert np.corrcoef(calm, faces[name].lip_aperture())[0, 1] > 0.8, name


@pytest.mark.parametrize("emotion", FELT)
def test_more_is_more(talker, wave, faces, emotion):
    moved = [0.0]
    for intensity in (0.25, 0.5, 0.75, 1.0):
        animation = talker.animate(wave[:32000], emotion=emotion, intensity=intensity, fps=50, idle=0)
        calm = faces["neutral"].coefficients[: len(animation) - 30]
        change = (animation.coefficients[: len(calm)] - calm) @ animation.head.basis.reshape(len(animation.head.names), -1)
        moved.append(float(np.abs(change).mean()))
    assert np.diff(moved).min() > 0.02 * moved[-1], moved


def test_from_sad_to_happy_within_a_sentence(talker, wave):
    keys = [{"time": 1.0, "emotion": "sad"}, {"time": len(wave) / 16000 - 1.0, "emotion": "happy"}]
    animation = talker.animate(wave, emotion=keys, fps=50, idle=0)
    corners = np.mean([animation.landmark(name)[:, 1] for name in CORNERS], 0)
    height = 1000 * (corners - np.mean([animation.landmark(name)[:, 1] for name in MIDDLE], 0))
    assert height[-40:].mean() - height[:40].mean() > 3, "mm that the corners of the mouth rise against its middle"
    assert np.abs(np.diff(animation.coefficients, axis=0)).max() < 0.35, "no jumps"
