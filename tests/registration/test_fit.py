"""A person of the default head whose shapes are known, given as a mesh without them."""

from __future__ import annotations

import numpy as np
import pytest

from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.landmark_maps import lip_distance
from talkinghead.head.visemes import VISEMES
from talkinghead.motion.animation import Animation


def pose(head, weights):
    return head.template + sum(value * head.basis[head.index(name)] for name, value in weights.items())


def test_the_vertices_are_the_users_own_in_metres_with_y_up(case):
    count = len(case.order)
    assert np.abs(case.head.template[:count] - case.person.template[case.order]).max() < 1e-5
    assert case.report.unit.startswith("cm") and case.report.axes == "z is up, -y is to the front"
    assert {tuple(sorted(f)) for f in case.mesh.faces} == {tuple(sorted(f)) for f in case.head.faces if (f < count).all()}


def test_shapes_are_those_that_are_known(case):
    """Where the face moves by more than half a millimetre; the figure for whole heads is in the README."""
    count = len(case.order)
    truth = case.person.basis[:, case.order]
    moved = np.linalg.norm(truth, axis=2)
    error = np.linalg.norm(case.head.basis[:, :count] - truth, axis=2)
    moving = moved > 0.0005
    assert set(case.head.names) == set(ARKIT)
    assert error[moving].mean() < 0.0010 < 0.3 * moved[moving].mean()


def test_lips_meet_at_p_and_part_at_ah_and_lids_shut(case):
    assert case.report.closure is not None and case.report.closure < 0.3
    assert lip_distance(case.head, pose(case.head, VISEMES["PP"])) < 0.0015
    assert lip_distance(case.head, pose(case.head, {"jawOpen": 1.0})) > 0.015
    for side in ("left", "right"):
        pair = [f"eye_{side}_upper", f"eye_{side}_lower"]
        shut = pose(case.head, {f"eyeBlink{side.capitalize()}": 1.0})
        rest, left = (np.diff(case.head.landmark(pair, v)[:, 1])[0] for v in (case.head.template, shut))
        assert abs(left) < 0.1 * abs(rest)


def test_the_eyes_are_found_and_turn_and_teeth_and_tongue_are_added(case):
    assert case.report.pieces["left eye"] == case.report.pieces["right eye"] > 100
    assert {p.name for p in case.head.parts} == {"skin", "eyes", "teeth", "gums", "tongue"}
    for side, sign in (("left", 1), ("right", -1)):
        near = np.linalg.norm(case.head.joints[f"{side}_eye"] - case.person.joints[f"{side}_eye"])
        assert near < 0.002
        ball = (case.head.regions["eyeballs"] > 0.5) & (sign * case.head.template[:, 0] > 0)
        look = case.head.basis[case.head.index("eyeLookUp" + side.capitalize())][ball]
        front = case.head.template[ball][:, 2].argmax()
        assert look[front, 1] > 0.002


def test_a_head_that_was_fitted_speaks(case, tmp_path):
    """It has the landmarks that the models and the closure of lips ask for, and is a file like others."""
    from talkinghead.head.head import Head
    from talkinghead.head.landmark_maps import emotion_map, lip_map

    assert emotion_map(case.head) is not None and lip_map(case.head) is not None
    case.head.save(tmp_path / "head.npz")
    head = Head.load(tmp_path / "head.npz")
    weights = np.zeros((2, len(head.names)), np.float32)
    weights[1, head.index("jawOpen")] = 0.5
    aperture = Animation(weights, 30.0, head).lip_aperture()
    assert aperture[1] - aperture[0] > 0.005


def test_the_report_says_what_was_found(case):
    text = "\n".join(case.report.lines())
    assert "468 of 468" in text and "teeth and tongue of the default head" in text
    assert case.report.residual_median == pytest.approx(0.3, abs=0.3)
