"""Each check with a recording that is wrong in one way, next to one that is right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import toyset

from talkinghead.data.convert.checks import FARTHEST, check_recording
from talkinghead.data.convert.recording import Recording
from talkinghead.errors import InputError

T, FPS = 50, 25.0


def vertices(**change) -> Recording:
    rng = np.random.default_rng(0)
    face = toyset.template()
    moving = face + 0.005 * np.sin(np.arange(T))[:, None, None] * np.array([0, 1, 0])
    given = {"wave": rng.normal(0, 0.1, 32000).astype(np.float32), "fps": FPS, "vertices": moving, "template": face}
    return Recording(**{**given, **change})


def weights(values=None, names=("jawOpen", "mouthPucker"), **change) -> Recording:
    values = np.linspace(0, 1, 2 * T).reshape(T, 2).astype(np.float32) if values is None else values
    return replace(vertices(), vertices=None, template=None, coefficients=values, names=names, **change)


def changed(array, where, value):
    array = np.array(array, np.float32)
    array[where] = value
    return array


def test_what_is_right_is_left_as_it_is():
    for recording, annotation in ((vertices(), "square"), (weights(), "arkit")):
        found = check_recording(recording, annotation)
        assert len(found.wave) == 32000
        for name in ("vertices", "coefficients"):
            before, after = getattr(recording, name), getattr(found, name)
            assert before is after is None or np.array_equal(before, after)


FACE, MOVING, WAVE = toyset.template(), vertices().vertices, vertices().wave


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fps": 3.0}, "3 frames a second, 5 to 240 are expected"),
        ({"fps": 1000.0}, "give --fps"),
        ({"fps": float("nan")}, "nan frames"),
        ({"vertices": MOVING[:12]}, r"only 12 frames \(0.48 s\); 0.5 s"),
        ({"vertices": MOVING[:0]}, "no frames"),
        ({"vertices": changed(MOVING, (17, 3, 1), np.nan)}, r"vertices not finite in frame 17 \(0.68 s\)"),
        ({"vertices": changed(MOVING, (slice(20, 23), 0, 0), np.inf)}, "in frame 20 .*the first of 3 such frames"),
        ({"template": changed(FACE, (0, 0), np.nan)}, "template has values that are not finite"),
        ({"rotation": np.full((T, 3), np.nan)}, "rotation not finite in frame 0"),
        ({"rotation": np.zeros((T - 1, 3))}, r"rotation has shape \(49, 3\), \(50, 3\)"),
        ({"template": FACE[:20]}, r"vertices has shape \(50, 25, 3\), \(50, 20, 3\)"),
        ({"template": None}, "no template"),
        ({"wave": np.zeros(0, np.float32)}, "no sound"),
        ({"wave": np.zeros(32000, np.float32)}, "no sound: its loudest"),
        ({"wave": changed(WAVE, 8000, np.nan)}, "sound not finite at 0.50 s"),
        ({"wave": WAVE[:27000]}, "2.00 s of motion, 1.69 s of sound: more than 0.25 s apart; 30 frames"),
        ({"wave": WAVE[:16000]}, "50 frames a second would fit"),
        ({"wave": np.tile(WAVE, 5)}, "2.00 s of motion, 10.00 s of sound: more than 0.25 s apart$"),
        ({"vertices": 1000 * MOVING, "template": 1000 * FACE}, "the head measures 200, .*give --unit mm"),
        ({"vertices": 100 * MOVING, "template": 100 * FACE}, "give --unit cm"),
        ({"vertices": 5 * MOVING, "template": 5 * FACE}, "no unit of length"),
        ({"vertices": 0.001 * MOVING, "template": 0.001 * FACE}, "0.1 to 0.7 metres"),
        ({"vertices": 0.2 * MOVING}, "the face measures 0.04 m, its template 0.2 m: wrong unit"),
        ({"vertices": 1000 * MOVING}, "the face measures 200 m, its template"),
        ({"vertices": np.repeat(MOVING[:1], T, 0)}, "all frames are the same"),
        ({"vertices": changed(MOVING, (30, 4, 0), 9.0)}, "vertex 4 is .* in frame 30; wrong template"),
        ({"vertices": MOVING + np.array([0, 0, 1.1 * FARTHEST])}, "head motion left in"),
    ],
)
def test_what_is_wrong_with_vertices_is_told(change, reason):
    with pytest.raises(InputError, match=reason) as raised:
        check_recording(vertices(**change), "square")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("recording", "reason"),
    [
        (weights(np.linspace(0, 97, 2 * T).reshape(T, 2)), "mouthPucker is 97 in frame 49.*percent"),
        (weights(np.linspace(-3, 1, 2 * T).reshape(T, 2)), "jawOpen is -3 in frame 0.*are these ARKit weights"),
        (weights(names=("jawOpen", "mouthPuker")), "'mouthPuker' is not one of ARKit's shapes"),
        (weights(names=("jawOpen",)), r"coefficients has shape \(50, 2\), \(50, 1\)"),
        (weights(np.ones((T, 2), np.float32)), "all frames are the same"),
    ],
)
def test_what_is_wrong_with_weights_is_told(recording, reason):
    with pytest.raises(InputError, match=reason):
        check_recording(recording, "arkit")
    if "percent" in reason:
        check_recording(recording, "flame")  # parameters of other models have no such range


def test_solvers_may_overshoot_a_little():
    check_recording(weights(np.linspace(-0.1, 1.2, 2 * T).reshape(T, 2)), "arkit")


@pytest.mark.parametrize(
    ("samples", "frames"), [(32000 - 3200, 45), (32000 - 3200 - 1, 45), (32000 + 3200, 50), (32000 - 100, 50)]
)
def test_sound_and_motion_end_together(samples, frames):
    """2 s of motion; sound that is up to 0.2 s shorter or longer. The last frame may reach beyond the sound by a part of it."""
    wave = np.resize(vertices().wave, samples)
    found = check_recording(vertices(wave=wave, rotation=np.zeros((T, 3)), missing=np.zeros(T, bool)), "square")
    assert len(found.vertices) == len(found.rotation) == len(found.missing) == frames
    assert len(found.wave) == frames * 640
    np.testing.assert_array_equal(found.wave[: min(samples, frames * 640)], wave[: frames * 640])
