"""Each method of Animation against numbers worked out by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from heads import BALL, EYES, LOOK, tiny_head
from scipy.spatial.transform import Rotation

from talkinghead import Animation
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.motion.animation import eye_shapes

HEAD = tiny_head()
FRONT = {"left_eye": 14, "right_eye": 20}  # the vertex of each eyeball that looks forward


def still(frames: int = 1, **fields) -> Animation:
    return Animation(np.zeros((frames, len(HEAD.names))), 30.0, HEAD, **fields)


def jaw(values: list[float], fps: float = 30.0) -> Animation:
    weights = np.zeros((len(values), len(HEAD.names)))
    weights[:, HEAD.index("jawOpen")] = values
    return Animation(weights, fps, HEAD)


def test_frames_are_shown_in_the_middle_of_their_time():
    animation = still(3)
    assert len(animation) == 3
    assert animation.duration == pytest.approx(0.1)
    np.testing.assert_allclose(animation.times, [1 / 60, 3 / 60, 5 / 60])


def test_offsets_are_weights_times_shapes_plus_residual():
    residual = np.zeros((2, 22, 3), np.float32)
    residual[1, 0] = [1, 2, 3]
    animation = replace(jaw([0.5, 1.0]), residual=residual)
    expected = np.zeros((2, 22, 3))
    expected[:, 7:10, 1] = [[-0.01] * 3, [-0.02] * 3]
    expected[1, 0] = [1, 2, 3]
    np.testing.assert_allclose(animation.offsets(), expected, atol=1e-9)
    np.testing.assert_allclose(animation.offsets(1), expected[1], atol=1e-9)
    np.testing.assert_allclose(animation.vertices(slice(0, 1)), (HEAD.template + expected)[:1], atol=1e-7)


def test_posing_turns_about_the_neck_and_then_moves():
    animation = still(rotation=[[0, np.pi / 2, 0]], translation=[[0.1, 0.2, 0.3]])
    arm = HEAD.template - HEAD.joints["neck"]
    turned = np.stack([arm[:, 2], arm[:, 1], -arm[:, 0]], 1)  # a quarter turn to the left takes z to x and x to -z
    expected = turned + HEAD.joints["neck"] + [0.1, 0.2, 0.3]
    np.testing.assert_allclose(animation.vertices(posed=True)[0], expected, atol=1e-6)
    np.testing.assert_allclose(animation.vertices(0, posed=True), expected, atol=1e-6)
    np.testing.assert_array_equal(animation.vertices()[0], HEAD.template)


@pytest.mark.parametrize(
    ("gaze", "direction"),
    [((0.2, 0.0), (np.sin(0.2), 0, np.cos(0.2))), ((0.0, 0.2), (0, np.sin(0.2), np.cos(0.2)))],
    ids=["to the own left, +x", "up, +y"],
)
@pytest.mark.parametrize("eye", [0, 1])
def test_gaze_turns_one_eyeball_about_its_centre(eye, gaze, direction):
    turns = np.zeros((1, 2, 2))
    turns[0, eye] = gaze
    joint, other = list(EYES)[eye], list(EYES)[1 - eye]
    moved = still(gaze=turns).vertices()[0]
    np.testing.assert_allclose(moved[FRONT[joint]] - EYES[joint], BALL * np.array(direction), atol=1e-7)
    np.testing.assert_allclose(moved[FRONT[other]], HEAD.template[FRONT[other]], atol=1e-7)


def test_gaze_needs_eyeballs():
    with pytest.raises(InputError, match="no eyeballs"):
        Animation(np.zeros((1, 11)), 30, replace(HEAD, regions={}), gaze=np.zeros((1, 2, 2))).vertices()


def test_eye_shapes_tell_how_far_they_turn():
    shapes = eye_shapes(HEAD)
    assert len(shapes) == 8
    assert {name: (eye, axis) for name, (eye, axis, _) in shapes.items()}["eyeLookUpRight"] == (1, 1)
    signs = {
        "OutLeft": 1,
        "InLeft": -1,
        "OutRight": -1,
        "InRight": 1,
        "UpLeft": 1,
        "UpRight": 1,
        "DownLeft": -1,
        "DownRight": -1,
    }
    for name, sign in signs.items():
        assert shapes[f"eyeLook{name}"][2] == pytest.approx(sign * LOOK, rel=1e-4), name


def test_gaze_as_shapes_looks_the_same_way():
    gaze = np.array([[[0.5, -1.0], [-1.0, 0.5]]]) * LOOK
    folded = still(gaze=gaze).with_gaze_as_shapes()
    assert folded.gaze is None
    weights = dict(zip(HEAD.names, folded.coefficients[0].round(4).tolist(), strict=True))
    expected = {"eyeLookOutLeft": 0.5, "eyeLookDownLeft": 1.0, "eyeLookOutRight": 1.0, "eyeLookUpRight": 0.5}
    assert {name: value for name, value in weights.items() if value} == pytest.approx(expected, abs=1e-3)
    np.testing.assert_allclose(folded.vertices(), still(gaze=gaze).vertices(), atol=0.03 * BALL)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("angle", np.radians([-6.0, 6.0]))
def test_gaze_as_shapes_on_the_default_head(axis, angle):
    head = Head.default()
    gaze = np.zeros((1, 2, 2))
    gaze[..., axis] = angle
    folded = Animation(np.zeros((1, 52)), 30, head, gaze=gaze).with_gaze_as_shapes()
    for side in (1, -1):
        ball = (head.regions["eyeballs"] > 0.5) & (head.template[:, 0] * side > 0)
        before, after = head.template[ball], folded.vertices()[0, ball]
        turn = Rotation.align_vectors(after - after.mean(0), before - before.mean(0))[0].as_rotvec()
        expected = [0, angle] if axis == 0 else [-angle, 0]  # about x, positive is down
        np.testing.assert_allclose(turn[:2], expected, atol=np.radians(0.3))


def test_lips():
    animation = jaw([0.0, 1.0])
    np.testing.assert_allclose(animation.landmark("lip_lower_inner"), [[0, -0.03, 0.05], [0, -0.05, 0.05]], atol=1e-7)
    np.testing.assert_allclose(animation.lip_aperture(), [0, 0.02], atol=1e-7)
    np.testing.assert_allclose(animation.lip_width(), [0.04, 0.04], atol=1e-7)
    np.testing.assert_array_equal(jaw([-0.5]).lip_aperture(), [0])  # lips through each other are closed lips
    with pytest.raises(InputError, match="no landmark 'nose'"):
        animation.landmark("nose")


def test_resample_interpolates_on_the_frame_clock():
    twice = jaw([0.0, 1.0], 10).resample(20)
    assert (len(twice), twice.fps, twice.duration) == (4, 20.0, 0.2)
    # frames stand at 0.025, 0.075, 0.125, 0.175 s; the old ones at 0.05 and 0.15 s, held outside
    np.testing.assert_allclose(twice.coefficients[:, 0], [0, 0.25, 0.75, 1], atol=1e-6)
    assert jaw([0.0, 1.0], 10).resample(10).coefficients[1, 0] == 1


def test_resample_turns_the_short_way_at_even_speed():
    angles = np.array([[0, np.radians(170), 0], [0, np.radians(-170), 0]])
    turned = replace(still(2, rotation=angles, translation=[[0, 0, 0], [4, 0, 0]]), fps=10.0).resample(20)
    expected = np.radians([170, 175, 185, 190])
    np.testing.assert_allclose(turned.rotation[:, 1] % (2 * np.pi), expected, atol=1e-5)
    np.testing.assert_allclose(turned.translation[:, 0], [0, 1, 3, 4], atol=1e-6)


def test_on_another_face_of_the_same_mesh():
    other = replace(HEAD, name="other", template=HEAD.template * 2)
    assert jaw([1.0]).on(other).vertices()[0, 0, 0] == pytest.approx(-0.2)


def test_on_another_mesh_by_the_names_of_its_shapes():
    """Other vertices, another order, `jaw_open` for jawOpen: the jaw opens as far in widths of the mouth."""
    order = np.arange(len(HEAD.names))[::-1]
    names = tuple("blendShape1." + re.sub(r"([A-Z])", r"_\1", HEAD.names[k]).lower() for k in order)
    other = replace(HEAD, names=names, basis=HEAD.basis[order], template=HEAD.template * 2)
    moved = jaw([0.0, 0.4]).on(replace(other, basis=2 * other.basis))
    np.testing.assert_allclose(moved.coefficients[:, names.index("blendShape1.jaw_open")], [0, 0.4], atol=1e-6)
    assert np.count_nonzero(moved.coefficients) == 1
    weak = jaw([0.0, 0.4]).on(other)  # its jaw opens half as far for its mouth
    np.testing.assert_allclose(weak.coefficients[:, names.index("blendShape1.jaw_open")], [0, 0.8], atol=1e-6)


def test_on_another_mesh_that_neither_names_nor_surfaces_tell():
    nameless = replace(HEAD, names=tuple(f"pca{k}" for k in range(len(HEAD.names))), faces=HEAD.faces[:-1], landmarks={})
    with pytest.raises(InputError, match=r"another mesh and has no shapes that are known by name.* too few landmarks"):
        jaw([1.0]).on(nameless)


def test_on_other_shapes_of_the_same_mesh():
    """Mixed shapes without known names, and a residual: the vertices stay where they are."""
    mixed = replace(HEAD, names=tuple(f"a{k}" for k in range(len(HEAD.names))), basis=HEAD.basis[::-1] * 0.5)
    move = jaw([0.0, 0.4])
    np.testing.assert_allclose(move.on(mixed).vertices(), move.vertices(), atol=1e-6)
    as_residual = replace(move, coefficients=0 * move.coefficients, residual=move.offsets())
    found = as_residual.on(mixed)
    assert found.residual is None
    np.testing.assert_allclose(found.vertices(), move.vertices(), atol=1e-6)
    np.testing.assert_allclose(as_residual.as_weights().coefficients, move.coefficients, atol=1e-4)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"coefficients": np.zeros((0, 11))}, "no frames"),
        ({"coefficients": np.zeros((2, 10))}, r"shape \(2, 10\), this head needs \(2, 11\)"),
        ({"coefficients": np.full((2, 11), np.nan)}, "not finite"),
        ({"coefficients": np.full((2, 11), 2e6)}, "beyond"),
        ({"fps": 0.0}, "must be positive"),
        ({"fps": float("inf")}, "must be positive"),
        ({"rotation": np.zeros((3, 3))}, "rotation has shape"),
        ({"gaze": np.full((2, 2, 2), np.inf)}, "gaze has values"),
        ({"residual": np.zeros((2, 21, 3))}, "residual has shape"),
    ],
)
def test_bad_fields_are_refused(fields, complaint):
    with pytest.raises(InputError, match=complaint):
        Animation(**({"coefficients": np.zeros((2, 11)), "fps": 30.0, "head": HEAD} | fields))
