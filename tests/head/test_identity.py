"""Many people on one mesh: the arguments, their errors, and that lips and lids still close on all of them."""

import json

import numpy as np
import pytest

from talkinghead.errors import InputError
from talkinghead.head.head import Head, seal_geometry
from talkinghead.head.identity import details
from talkinghead.head.visemes import VISEMES

PEOPLE = (
    {"age": 11},
    {"age": 90, "gender": "female"},
    {"gender": "male", "ancestry": "african"},
    {"gender": "female", "ancestry": "asian"},
    {"gender": "male", "ancestry": "caucasian", "age": 60},
    {"face": {"eye_scale": 1.0, "mouth_scale_vert": 0.5}},
    *({"seed": seed} for seed in range(5)),
)


@pytest.mark.parametrize("arguments", PEOPLE, ids=str)
def test_lids_and_lips_close_on_everybody(default_head, pose, arguments, seen):
    head = Head.default(**arguments)
    assert head.topology == default_head.topology and np.isfinite(head.template).all()
    blink = pose(head, eyeBlinkLeft=1, eyeBlinkRight=1)
    for side in ("left", "right"):
        assert seen(head, blink, head.joints[f"{side}_eye"], 0.05)["eyes"] <= 4  # pixels of 0.16 mm²
        assert seen(head, head.template, head.joints[f"{side}_eye"], 0.05)["eyes"] > 500
    middle = head.landmark("lip_upper_inner")
    for weights in ({}, VISEMES["PP"], {"jawOpen": 0.5, "mouthClose": 0.5}):
        front = seen(head, pose(head, **weights), middle - [0, 0.004, 0], 0.08)
        assert front["teeth"] + front["gums"] + front["tongue"] <= 8, (weights, front)
    _, heights = seal_geometry(head).slits(head.template)
    assert abs(heights).max() < 0.03  # mouth widths: about 1 mm


def test_nobody_in_particular(default_head):
    assert Head.default().name == "default" and "person" not in Head.default().provenance
    np.testing.assert_array_equal(Head.default().template, default_head.template)


def test_same_arguments_same_person_and_provenance_makes_it_again():
    first = Head.default(seed=3, age=40, gender="female", face={"nose_width2": 0.5})
    person = json.loads(json.dumps(first.provenance))["person"]
    again = Head.default(**person)
    np.testing.assert_array_equal(first.template, again.template)
    np.testing.assert_array_equal(first.basis, again.basis)
    assert first.name == again.name != "default" and first.parts == again.parts
    other = Head.default(seed=4, age=40, gender="female", face={"nose_width2": 0.5})
    assert abs(first.template - other.template).max() > 1e-3


def test_numpy_numbers_are_numbers():
    head = Head.default(seed=np.int64(2), age=np.float32(30))
    assert json.dumps(head.provenance)


def test_given_arguments_win_over_the_seed(default_head):
    plain = dict.fromkeys(details(default_head.identity), 0.0)
    fixed = Head.default(seed=1, face=plain, age=25, gender=0.5, ancestry={"african": 1, "asian": 1, "caucasian": 1})
    assert abs(fixed.template - default_head.template).max() < 2e-4  # the lips are shut anew


def test_joints_stay_in_the_eyes():
    head = Head.default(age=11, face={"eye_trans_out": 0.8})
    for side, sign in (("left", 1), ("right", -1)):
        ball = head.template[(head.regions["eyeballs"] > 0.5) & (np.sign(head.template[:, 0]) == sign)]
        radius = np.linalg.norm(ball - head.joints[f"{side}_eye"], axis=1)
        assert np.ptp(radius) < 1.2e-3  # a ball with its cornea


def test_ages_and_tones_change_what_they_should(default_head):
    child, dark = Head.default(age=11), Head.default(ancestry="african")
    chin = [h.joints["left_eye"][1] - h.landmark("chin")[1] for h in (default_head, child)]
    assert chin[1] < 0.95 * chin[0]
    assert dark.parts[0].colour[0] < 0.6 and default_head.parts[0].colour == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"age": 2}, "age is 2 years"),
        ({"age": 120}, "11 to 90"),
        ({"age": float("nan")}, "finite"),
        ({"age": "old"}, "must be a number"),
        ({"gender": "man"}, "'female', 'male'"),
        ({"gender": 1.5}, "from 0"),
        ({"ancestry": "martian"}, "unknown ancestry"),
        ({"ancestry": {"asian": -1}}, "not negative"),
        ({"ancestry": {}}, "not negative"),
        ({"ancestry": 3}, "must be a name"),
        ({"face": {"nose_widht2": 1}}, "did you mean 'nose_width2'"),
        ({"face": {"nose_width2": 9}}, "from -2 to 2"),
        ({"face": ["nose_width2"]}, "must be a dict"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message) as error:
        Head.default(**arguments)
    assert "\n" not in str(error.value)
