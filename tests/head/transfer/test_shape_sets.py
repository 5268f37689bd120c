from __future__ import annotations

import numpy as np
import pytest

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.spec import read_head
from talkinghead.head.transfer.shape_sets import SETS, set_of
from talkinghead.head.visemes import NAMES, viseme_matrix


def test_shapes_of_a_set_are_mixtures_of_the_heads_own(default_head):
    visemes = default_head.with_shapes("oculus")
    assert visemes.names == tuple(f"viseme_{name}" for name in NAMES)
    expected = np.tensordot(viseme_matrix(default_head), default_head.basis, 1)
    np.testing.assert_allclose(visemes.basis, expected, atol=1e-7)
    np.testing.assert_array_equal(visemes.template, default_head.template)
    assert visemes.topology != default_head.topology
    assert default_head.with_shapes("arkit") is default_head
    assert {"aa", "ih", "ou", "ee", "oh", "blinkLeft", "happy"} <= set(default_head.with_shapes("vrm").names)


def test_heads_are_named_with_their_shapes():
    head = read_head("default:shapes=oculus,seed=3")
    assert head is not None and head.names == tuple(SETS["oculus"])
    np.testing.assert_array_equal(head.template, Head.default(seed=3).template)
    with pytest.raises(InputError, match="shapes 'visemes': there are oculus, vrm"):
        read_head("default:shapes=visemes")


def test_a_head_without_arkits_shapes_is_told(default_head):
    with pytest.raises(InputError, match="the head has none of these"):
        default_head.with_shapes("vrm").with_shapes("oculus")


def test_sets_are_known_by_their_names():
    assert set_of(["viseme_aa", "viseme_PP"]) == "oculus" and set_of(["happy", "aa"]) == "vrm"
    assert set_of(["aa", "viseme_aa"]) is None and set_of([]) is None
