from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flames import collapsed

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.transfer.correspondence import correspondence


@pytest.fixture(scope="module")
def pair(default_head) -> tuple[Head, Head, np.ndarray]:
    """The default head, a person on a mesh of half as many vertices, and where on the default head each of these is."""
    person = Head.default(seed=5)
    first, second, faces = collapsed(person.faces[slice(*person.parts[0].faces)])
    names = ("lip_upper_inner", "lip_lower_inner", "lip_corner_left", "lip_corner_right")
    nearest = {name: np.linalg.norm(person.template[first] - person.landmark(name), axis=1).argmin() for name in names}
    rows = {name: np.argwhere(faces == vertex)[0] for name, vertex in nearest.items()}
    other = Head(
        "other",
        (person.template[first] + person.template[second]) / 2 * 3 + [0, 1, 0],  # in other units, elsewhere
        faces.astype(np.int32),
        np.zeros((1, len(first), 3), np.float32),
        ("jawOpen",),
        landmarks={name: np.array([row, corner == 1, corner == 2], np.float32) for name, (row, corner) in rows.items()},
        joints={name: place * 3 + [0, 1, 0] for name, place in person.joints.items()},
    )
    jaw = person.basis[person.index("jawOpen")]
    other = replace(other, basis=((jaw[first] + jaw[second]) / 2 * 3)[None].astype(np.float32))
    return default_head, other, (default_head.template[first] + default_head.template[second]) / 2


def test_places_of_another_person_on_another_mesh_are_found(pair):
    default, other, true = pair
    found = correspondence(default, other)
    assert found.scale == pytest.approx(3, rel=0.1)
    places = np.einsum("mcx,mc->mx", default.template[found.corners], found.shares)
    error = np.linalg.norm(places - true[found.vertices], axis=1)
    face = np.linalg.norm(true[found.vertices] - default.landmark("lip_upper_inner"), axis=1) < 0.05
    assert face.sum() > 300
    assert np.median(error[face]) < 0.003 and np.quantile(error[face], 0.95) < 0.008  # metres


def test_lips_are_not_mistaken_for_each_other(pair):
    """The default head's jawOpen, sampled: what belongs to the lower lip goes down, what belongs to the upper one stays."""
    default, other, _ = pair
    found = correspondence(default, other)
    down = -found.sample(default.basis[default.index("jawOpen")])[:, 1] / 3
    true = -other.basis[0, found.vertices, 1] / 3
    lips = np.linalg.norm(other.template[found.vertices] - other.landmark("lip_upper_inner"), axis=1) < 3 * 0.02
    assert np.abs(down - true)[lips].max() < 0.006 and np.abs(down - true)[lips].mean() < 0.0015  # of 20 mm


def test_vertices_of_one_mesh_are_their_own_counterparts(default_head):
    person = Head.default(seed=3)
    found = correspondence(default_head, person)
    np.testing.assert_array_equal(found.vertices, np.arange(len(person.template)))
    moved = found.sample(default_head.basis[:2])
    np.testing.assert_allclose(moved, default_head.basis[:2] * found.scale, rtol=1e-5)


def test_a_head_without_landmarks_is_told(pair):
    default, other, _ = pair
    with pytest.raises(InputError, match="cannot be laid over each other: too few landmarks"):
        correspondence(default, replace(other, landmarks={}, joints={}))
