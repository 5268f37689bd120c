from __future__ import annotations

import pytest

from talkinghead.head.character.part_names import EYE, OTHER, kind_of


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (EYE, "N00_000_00_EyeIris_00_EYE N00_000_00_EyeWhite_00_EYE EyeLeft Std_Eye_L helper-l-eye left_eyeball Cornea"),
        (OTHER, "N00_000_00_FaceEyelash_00_FACE FaceEyeline Std_Eyelash CC_Base_TearLine EyeBrow Hair001 Glasses"),
        (0, "N00_000_00_Face_00_SKIN Wolf3D_Head Eyelid_upper chair Heyes FaceMouth Std_Skin_Head Body Wolf3D_Teeth"),
    ],
)
def test_parts_of_other_programs_are_known_by_their_names(kind, names):
    assert {name: kind_of(name) for name in names.split()} == dict.fromkeys(names.split(), kind)
