"""Hair and clothes of people."""

import numpy as np
import pytest

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.looks.attire import hairstyles
from talkinghead.head.looks.dressing import dressed, with_garments


def test_the_mesh_that_speaks_is_the_same_with_and_without(default_head):
    full, count = dressed(default_head), len(default_head.template)
    assert len(full.template) > count and dressed(default_head) is full
    np.testing.assert_array_equal(full.template[:count], default_head.template)
    np.testing.assert_array_equal(full.faces[: len(default_head.faces)], default_head.faces)
    assert not full.basis[:, count:].any()


def test_hair_turns_with_the_skull_and_clothes_stay(default_head):
    turn = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32)  # a quarter to the left
    posed = with_garments(default_head, default_head.template @ turn.T + 0.5)[len(default_head.template) :]
    hair, jersey = default_head.garments
    np.testing.assert_allclose(posed[: len(hair.vertices)], hair.vertices @ turn.T + 0.5, atol=1e-5)
    np.testing.assert_array_equal(posed[len(hair.vertices) :], jersey.vertices)


def test_a_saved_person_keeps_hair_and_clothes(tmp_path):
    person = Head.default(hair="bun", hair_colour="auburn")
    person.save(tmp_path / "her.npz")
    again = Head.load(tmp_path / "her.npz")
    assert [(g.name, g.colour, g.still) for g in again.garments] == [(g.name, g.colour, g.still) for g in person.garments]
    np.testing.assert_array_equal(again.garments[0].vertices, person.garments[0].vertices)


def test_bald_is_a_style_and_unknown_ones_are_refused():
    assert [item.name for item in Head.default(hair="bald").garments] == ["collar"]
    with pytest.raises(InputError, match="hair is 'mullet', choose one of bald, buzz"):
        Head.default(hair="mullet")
    assert {"short", "bob", "long", "bun", "curly"} <= set(hairstyles())


def test_hair_greys_and_folds_come_with_age():
    young, old = (Head.default(age=age, gender="male", hair_colour="brown") for age in (25, 75))
    assert min(old.garments[0].colour) > 5 * max(young.garments[0].colour)
    assert (old.texture != young.texture).mean() > 0.1


def test_a_woman_has_no_beard_that_a_seed_drew_for_a_man():
    drawn, named = Head.default(seed=5, gender="female"), Head.default(seed=5, gender="female", beard=0.0)
    assert drawn.texture is not None and (drawn.texture == named.texture).all()
