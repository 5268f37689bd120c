"""Creases and blood follow the shapes, whatever the pose of the head."""

import numpy as np
import pytest
from pictures import pose

from talkinghead import Head
from talkinghead.head.looks.creases import creases
from talkinghead.head.looks.dressing import pose_between, skull


def drawn(head, rotation=(0.0, 0.0, 0.0), **weights):
    """(V, 2) depth of creases and blood of a pose."""
    vertices, still = pose(head, rotation=rotation, **weights).vertices(0, posed=True), skull(head)
    found = creases(head)
    assert found is not None
    return found.at(vertices, *pose_between(head.template[still], vertices[still]))


@pytest.fixture(scope="module")
def head(default_head):
    return default_head


@pytest.fixture(scope="module")
def places(head):
    """Vertices of the skin nearest to places of the face: +x is its own left."""
    skin = np.unique(head.faces[slice(*head.parts[0].faces)])

    def nearest(x, y, z):
        return skin[np.linalg.norm(head.template[skin] - (x, y, z), axis=1).argmin()]

    brow, smile = head.landmark("brow_left_middle"), head.landmark("lip_corner_left")
    return {
        "forehead": nearest(0.0, brow[1] + 0.025, 0.14),
        "between brows": nearest(0.0, brow[1], 0.137),
        "left cheek": nearest(0.041, 0.002, 0.12),
        "right cheek": nearest(-0.041, 0.002, 0.12),
        "left fold": nearest(smile[0] + 0.004, smile[1] + 0.012, smile[2]),
        "lips": nearest(0.0, head.landmark("lip_lower_outer")[1] + 0.006, 0.144),
    }


def test_each_muscle_draws_its_own_creases(head, places):
    assert np.abs(drawn(head)).max() < 1e-3
    raised = drawn(head, browInnerUp=1.0)
    assert raised[places["forehead"], 0] > 0.5 and raised[places["between brows"], 0] < 0.1
    frowning = drawn(head, browDownLeft=1.0, browDownRight=1.0)
    assert frowning[places["between brows"], 0] > 0.8 and frowning[places["forehead"], 0] < 0.1
    smiling = drawn(head, mouthSmileLeft=1.0)
    assert smiling[places["left cheek"], 1] > 0.4 and abs(smiling[places["right cheek"], 1]) < 0.05
    assert smiling[places["left fold"], 0] > 0.4
    assert drawn(head, mouthRollLower=1.0, mouthRollUpper=1.0)[places["lips"], 1] < -0.5


def test_a_turned_head_has_the_same(head):
    shapes = {"noseSneerLeft": 0.7, "eyeSquintRight": 0.9, "jawOpen": 0.5, "mouthClose": 0.3}
    assert np.abs(drawn(head, **shapes) - drawn(head, rotation=(0.2, -0.5, 0.1), **shapes)).max() < 1e-3


def test_people_have_them_and_other_heads_do_not(head, places):
    old = Head.default(seed=3, age=70)
    assert drawn(old, browInnerUp=1.0)[places["forehead"], 0] > 0.5
    assert creases(head.with_shapes("oculus")) is None
