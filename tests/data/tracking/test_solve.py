"""The solve against motion that is known: the head's own tracker landmarks, seen by a camera, as the tracks."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from talkinghead import Animation
from talkinghead.data.tracking import landmarks, solve
from talkinghead.data.tracking.person import Person, fit_pose, head_points, tracker_names
from talkinghead.errors import InputError
from talkinghead.head.head import Head

FRAMES, FPS, SIZE = 60, 25.0, (640, 480)
TIME = np.arange(FRAMES)


@pytest.fixture(scope="module")
def head():
    return Head.default()


@pytest.fixture(scope="module")
def motion(head):
    """Two seconds: a rest, an open vowel, a closure, a rounded vowel, a smile and a blink."""

    def bump(centre, width):
        return np.exp(-(((TIME - centre) / width) ** 2))

    weights = np.zeros((FRAMES, 52), np.float32)
    for name, value in {
        "jawOpen": 0.4 * bump(18, 3) + 0.1 * bump(27, 3),
        "mouthClose": 0.1 * bump(27, 3),
        "mouthPucker": 0.7 * bump(36, 4),
        "mouthSmileLeft": 0.5 * bump(48, 4),
        "mouthSmileRight": 0.5 * bump(48, 4),
        "eyeBlinkLeft": bump(10, 2),
        "eyeBlinkRight": bump(10, 2),
    }.items():
        weights[:, head.index(name)] = value
    return weights


def see(head, weights, rotation=None, scale=2500.0, shift=(300.0, 200.0)):
    """The track that a perfect tracker makes of `weights` on `head` before a camera."""
    points = head.landmark(tracker_names(), head.template + np.einsum("tk,kvc->tvc", weights, head.basis))
    if rotation is not None:
        points = np.einsum("tij,tlj->tli", rotation, points)
    pixels = points * scale + [*shift, 0.0]
    return landmarks.Track((pixels / [SIZE[0], -SIZE[1], -SIZE[0]]).astype(np.float32), FPS, SIZE)


@pytest.fixture(scope="module")
def solved(head, motion):
    track = see(head, motion)
    return solve.solve(track, Person.estimate("p", [track], head), head)


def test_lips_follow_the_tracked_ones(head, motion, solved):
    true = Animation(motion, FPS, head).lip_aperture()
    assert np.corrcoef(true, solved.lip_aperture())[0, 1] > 0.98
    assert np.abs(true - solved.lip_aperture()).mean() < 0.5e-3
    assert solved.lip_aperture()[27] < 0.3e-3 and solved.lip_aperture()[18] > 8e-3
    assert np.corrcoef(Animation(motion, FPS, head).lip_width(), solved.lip_width())[0, 1] > 0.9


def test_corners_do_not_come_nearer_because_lips_part(head):
    """The head's opening shapes narrow its mouth. A person whose corners stay where they are is no wider or narrower."""
    weights = np.zeros((FRAMES, 52), np.float32)
    opening = np.abs(np.sin(TIME / 4))
    for name, value in {"jawOpen": 0.2, "mouthUpperUpLeft": 0.4, "mouthUpperUpRight": 0.4, "mouthFunnel": 0.3}.items():
        weights[:, head.index(name)] = value * opening
    track = see(head, weights)
    marks, corners = track.landmarks.copy(), list(landmarks.LIP_CORNERS)
    marks[:, corners] = marks[:1, corners]
    held = landmarks.Track(marks, FPS, SIZE)
    motion = solve.solve(held, Person.estimate("p", [held], head), head)
    narrowed = np.ptp(Animation(weights, FPS, head).lip_width())
    assert narrowed > 0.001 and np.ptp(motion.lip_width()) < 0.25 * narrowed


def test_shapes_are_the_right_ones(head, motion, solved):
    found = solved.coefficients
    for name, frame in (("jawOpen", 18), ("mouthPucker", 36), ("mouthSmileLeft", 48), ("eyeBlinkRight", 10)):
        assert found[frame, head.index(name)] > 0.6 * motion[frame, head.index(name)], name
    assert np.sqrt(np.mean((found - motion) ** 2)) < 0.05
    assert (found[:, head.index("mouthClose")] <= found[:, head.index("jawOpen")] + 1e-6).all()
    blink = found[:, head.index("eyeBlinkLeft")]
    assert blink[10] > 0.7 and blink[20:].max() < 0.1
    for name in ("tongueOut", "cheekPuff", "jawForward", "eyeLookUpLeft"):
        assert not found[:, head.index(name)].any()


def test_bounds_and_determinism(head, motion, solved):
    assert solved.coefficients.min() >= 0 and solved.coefficients.max() <= 1
    track = see(head, motion)
    again = solve.solve(track, Person.estimate("p", [track], head), head)
    for name in ("coefficients", "rotation", "translation", "gaze"):
        assert getattr(again, name).tobytes() == getattr(solved, name).tobytes()


def test_pose_is_recovered_and_kept_out_of_the_face(head, motion):
    angles = np.radians(np.stack([6 * np.sin(TIME / 9), 10 * np.sin(TIME / 11 + 1), 4 * np.sin(TIME / 13)], 1))
    turns = Rotation.from_rotvec(angles)
    track = see(head, motion, turns.as_matrix())
    pose = fit_pose(track.pixels()[..., :2], head_points(head))
    error = (Rotation.from_matrix(pose.rotation).inv() * turns).magnitude()
    assert np.degrees(error).max() < 1.0
    animation = solve.solve(track, Person.estimate("p", [track], head), head)
    relative = turns.mean().inv() * turns
    error = (Rotation.from_rotvec(animation.rotation).inv() * relative).magnitude()
    assert np.degrees(error).mean() < 1.0
    true = Animation(motion, FPS, head).lip_aperture()
    assert np.corrcoef(true, animation.lip_aperture())[0, 1] > 0.98


def test_translation_is_in_metres(head):
    weights = np.zeros((FRAMES, 52), np.float32)
    track = see(head, weights)
    moved = track.landmarks + np.float32(0.05) * np.sin(TIME / 10)[:, None, None].astype(np.float32) * [1, 0, 0]
    track = landmarks.Track(moved.astype(np.float32), FPS, SIZE)
    animation = solve.solve(track, Person.estimate("p", [track], head), head)
    assert np.ptp(animation.translation[:, 0]) == pytest.approx(0.1 * SIZE[0] / 2500, rel=0.05)
    assert np.abs(animation.translation[:, 1:]).max() < 1e-3
    assert animation.lip_aperture().max() < 1e-3


def test_gaze_follows_the_irises(head):
    weights = np.zeros((FRAMES, 52), np.float32)
    track = see(head, weights)
    irises = [*landmarks.IRISES[0], *landmarks.IRISES[1]]
    step = solve.EYE_RADIUS * np.sin(np.radians(10)) * 2500 / SIZE[0]
    track.landmarks[30:, irises, 0] += np.float32(step)  # to the viewer's right: the head's own left
    gaze = np.degrees(solve.solve(track, Person.estimate("p", [track], head), head).gaze)
    assert (gaze[40:, :, 0].mean() - gaze[:20, :, 0].mean()) == pytest.approx(10, abs=0.5)
    assert np.abs(gaze[..., 1]).max() < 0.5


def test_noise_of_the_tracker_hardly_moves_a_resting_face(head):
    track = see(head, np.zeros((FRAMES, 52), np.float32))
    track.landmarks[...] += np.random.default_rng(0).normal(0, 0.2 / SIZE[0], track.landmarks.shape)  # 0.2 pixels, as in video
    animation = solve.solve(track, Person.estimate("p", [track], head), head)
    assert animation.coefficients.max() < 0.12
    assert animation.lip_aperture().max() < 1e-3


def test_another_persons_face_is_no_expression(head, motion):
    """A face that is longer, wider in the mouth and crooked moves as the head does."""
    track = see(head, motion)
    pixels = track.pixels()
    pixels[..., 1] *= 1.06
    mouth = [*landmarks.LIPS_UPPER, *landmarks.LIPS_LOWER, *landmarks.LIP_CORNERS]
    pixels[:, mouth] += [4.0, -6.0, 0.0]
    other = landmarks.Track((pixels / [SIZE[0], -SIZE[1], -SIZE[0]]).astype(np.float32), FPS, SIZE)
    animation = solve.solve(other, Person.estimate("q", [other], head), head)
    assert animation.coefficients[:5].max() < 0.1  # at rest
    assert np.corrcoef(Animation(motion, FPS, head).lip_aperture(), animation.lip_aperture())[0, 1] > 0.97


def test_person_is_written_and_read(tmp_path, head, motion):
    person = Person.estimate("p", [see(head, motion)], head)
    person.save(tmp_path / "p.npz")
    read = Person.load(tmp_path / "p.npz")
    assert read.name == "p"
    np.testing.assert_allclose(read.neutral, person.neutral, atol=1e-6)
    np.testing.assert_allclose(person.neutral, head_points(head), atol=1.5e-3)


def test_what_cannot_be_solved_says_so(head):
    nothing = landmarks.Track(np.full((10, 478, 3), np.nan, np.float32), FPS, SIZE)
    with pytest.raises(InputError, match="person p"):
        Person.estimate("p", [nothing], head)
    from dataclasses import replace

    with pytest.raises(InputError, match="head_landmarks"):
        head_points(replace(head, landmarks={}))


def test_one_frame_is_enough(head, motion):
    track = see(head, motion[18:19])
    animation = solve.solve(track, Person.estimate("p", [see(head, motion)], head), head)
    assert len(animation) == 1 and animation.lip_aperture()[0] > 8e-3
