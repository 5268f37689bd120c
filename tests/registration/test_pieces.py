"""What is in the mouth, told apart by its shape."""

from __future__ import annotations

import numpy as np

from talkinghead.head.character.part_names import EYE, OTHER
from talkinghead.registration.pieces import follow, sort_pieces
from talkinghead.registration.surface import Surface


def blob(points):
    """(points, faces): triangles that hold the points together."""
    return points, np.stack([np.arange(len(points) - 2), np.arange(1, len(points) - 1), np.arange(2, len(points))], 1)


def test_teeth_tongue_eyes_skin_and_hair_are_told_apart():
    angle = np.linspace(0.1, np.pi - 0.1, 30)
    arch = np.stack([0.02 * np.cos(angle), np.tile([0.0, 0.004], 15), 0.03 * np.sin(angle)], 1)
    turn = np.random.default_rng(0).normal(size=(60, 3))
    ball = turn / np.linalg.norm(turn, axis=1, keepdims=True) * 0.012
    tongue = np.random.default_rng(1).uniform(-1, 1, (60, 3)) * [0.012, 0.003, 0.018] + [0, -0.005, 0.012]
    marks = np.random.default_rng(2).uniform(-1, 1, (468, 3)) * [0.05, 0.08, 0.001] + [0, 0, 0.05]
    eye = np.array([0.03, 0.06, 0.03])
    parts = {"skin": marks[:200], "upper": arch - [0, -0.004, 0], "lower": arch - [0, 0.012, 0], "tongue": tongue}
    parts |= {"eye": ball + eye, "hair": ball * 5 + [0, 0.2, -0.05]}
    points, faces, piece, count = [], [], [], 0
    for number, part in enumerate(parts.values()):
        own, triangles = blob(part)
        points.append(own)
        faces.append(triangles + count)
        piece.append(np.full(len(own), number))
        count += len(own)
    label = np.concatenate(piece)
    roles = sort_pieces(
        Surface(np.concatenate(points), np.concatenate(faces)),
        label,
        marks,
        {"left": eye + 0.003, "right": eye * [-1, 1, 1]},
        {"upper": arch - [0, -0.005, 0], "lower": arch - [0, 0.01, 0], "tongue": tongue},
    )
    found = {"skin": roles.skin, "upper": roles.upper, "lower": roles.lower, "tongue": roles.tongue}
    found |= {"eye": roles.eyes["left"], "hair": roles.rest}
    for number, (name, mask) in enumerate(found.items()):
        assert set(label[mask]) == {number}, name
    assert not roles.eyes["right"].any()


def test_a_large_eyeball_that_carries_landmarks_is_no_skin():
    turn = np.random.default_rng(0).normal(size=(300, 3))
    ball = turn / np.linalg.norm(turn, axis=1, keepdims=True) * 0.03
    eye = np.array([0.035, 0.06, 0.03])
    marks = np.random.default_rng(2).uniform(-1, 1, (468, 3)) * [0.05, 0.08, 0.001] + [0, 0, 0.05]
    marks[:80] = (ball + eye)[:80]  # of the lids, which the tracker sees on the ball
    points = np.concatenate([marks[80:], ball + eye])
    faces = np.concatenate([blob(marks[80:])[1], blob(ball)[1] + len(marks) - 80])
    label = np.repeat([0, 1], [len(marks) - 80, len(ball)])
    places = {"left": eye + 0.006, "right": eye * [-1, 1, 1]}
    roles = sort_pieces(Surface(points, faces), label, marks, places, {"upper": ball[:5] - np.array([0, 1, 0])})
    assert set(label[roles.skin]) == {0} and set(label[roles.eyes["left"]]) == {1}


def test_an_eye_is_its_round_piece_with_what_lies_in_it_and_no_lash():
    """As of a drawn face: an iris as flat as a coin belongs to the eye, a lash across its edge does not; a fringe over the
    forehead that carries landmarks is no skin."""
    rng = np.random.default_rng(3)
    turn = rng.normal(size=(80, 3))
    eye = np.array([0.03, 0.05, 0.02])
    parts = {"skin": rng.uniform(-1, 1, (300, 3)) * [0.06, 0.09, 0.001] + [0, 0, 0.05]}
    parts["ball"] = turn / np.linalg.norm(turn, axis=1, keepdims=True) * 0.02 + eye
    parts["iris"] = rng.uniform(-1, 1, (40, 3)) * [0.01, 0.01, 0.0005] + eye + [0, 0, 0.018]
    parts["lash"] = rng.uniform(-1, 1, (40, 3)) * [0.02, 0.006, 0.008] + eye + [0, 0.02, 0.02]
    parts["fringe"] = rng.uniform(-1, 1, (80, 3)) * [0.05, 0.02, 0.002] + [0, 0.07, 0.065]
    marks = np.concatenate([parts["skin"], parts["fringe"], parts["skin"][:88]])
    groups = [blob(points) for points in parts.values()]
    starts = np.cumsum([0, *(len(points) for points, _ in groups)])
    surface = Surface(
        np.concatenate([points for points, _ in groups]),
        np.concatenate([faces + start for (_, faces), start in zip(groups, starts, strict=False)]),
    )
    label = np.repeat(np.arange(5), [len(points) for points, _ in groups])
    places = {"left": eye + 0.004, "right": eye * [-1, 1, 1]}
    inside = {"upper": parts["ball"][:5] - np.array([0, 1, 0])}
    roles = sort_pieces(surface, label, marks, places, inside)
    assert set(label[roles.eyes["left"]]) == {1, 2} and set(label[roles.skin]) == {0} and set(label[roles.rest]) == {3, 4}
    named = sort_pieces(surface, label, marks, places, inside, np.array([0, OTHER, EYE, 0, OTHER])[label])
    assert set(label[named.eyes["left"]]) == {2} and set(label[named.rest]) == {1, 3, 4}  # names are believed
    wrong = sort_pieces(surface, label, marks, places, inside, np.full(len(label), EYE))
    assert (wrong.skin == roles.skin).all()  # but not those that leave no skin


def test_hair_moves_as_the_skin_under_it():
    skin = np.stack([np.linspace(0, 0.1, 50), np.zeros(50), np.zeros(50)], 1)
    shapes = np.zeros((1, 50, 3), np.float32)
    shapes[0, :, 1] = np.linspace(0, 0.01, 50)
    moved = follow(np.array([[0.05, 0.003, 0.0], [0.1, 0.003, 0.0]]), skin, shapes)
    assert np.allclose(moved[0, :, 1], [0.005, 0.01], atol=5e-4)
