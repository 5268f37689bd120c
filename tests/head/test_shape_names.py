from __future__ import annotations

import pytest

from talkinghead.head.character.controls import find_controls, speaks
from talkinghead.head.shape_names import expression, meaning

NAMES = {
    "eyeBlinkLeft": {"eyeBlinkLeft": 1.0},
    "Genesis8_1_jawOpen": {"jawOpen": 1.0},
    "browInnerUp_L": {"browInnerUp": 1.0},  # ICT
    "Cheek_Raise_R": {"cheekSquintRight": 1.0},  # Character Creator
    "Eye_L_Look_R": {"eyeLookInLeft": 1.0},
    "Mouth_L": {"mouthLeft": 1.0},
    "ウィンク２右": {"eyeBlinkRight": 1.0},  # MikuMikuDance, with a full-width digit
    "Face.M_F00_000_00_Fcl_EYE_Close_L": {"eyeBlinkLeft": 1.0},
    "corrective_jawOpen_mouthSmileLeft": None,
    "a": None,  # without the other vowels it says nothing
    "Head_Nod": None,
}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_name_means(name):
    found = meaning(name, [name])
    assert (found and found.recipe) == NAMES[name]


def test_vowels_of_a_letter_count_together():
    assert meaning("a", list("aiueo")) == expression("aa") == expression("A")


def test_arkit_is_preferred_and_one_other_set_stands_in_where_it_is_missing():
    visemes = ["viseme_aa", "viseme_O", "Fcl_MTH_A"]
    mouth = [
        "jawOpen",
        "mouthClose",
        "mouthFunnel",
        "mouthPucker",
        "mouthSmileLeft",
        "mouthSmileRight",
        "mouthLeft",
        "mouthRight",
    ]
    assert {control.name for control in find_controls([*mouth, *visemes])} == set(mouth)
    assert {control.name for control in find_controls(["mouthLeft", *visemes])} == {"mouthLeft", "viseme_aa", "viseme_O"}
    blinks = {"blink": {"lids": 1.0}, "blinkLeft": {"left": 1.0}, "blinkRight": {"right": 1.0}}
    assert {control.name for control in find_controls([], blinks.items())} == {"blinkLeft", "blinkRight"}
    assert not speaks(find_controls(["mouthLeft", "blink"]))
