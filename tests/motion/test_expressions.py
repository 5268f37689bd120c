"""Expressions on the default head: what they are made of, and that words win at the lips, in millimetres."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.audio.clock import frame_times
from talkinghead.head.visemes import NAMES, viseme_matrix
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import UNITS, USUAL, Manner, draw_curve, layer, pose, used

FPS = 50.0
NOBODY = Manner()
MANNERS = (NOBODY, Manner(1, 1, 1), Manner(-1, -1, -1), Manner(0.5, 1, -1), Manner(-0.5, -1, 1))


def only(emotion: str, frames: int = 1, intensity: float = 1.0) -> np.ndarray:
    curve = np.zeros((frames, len(EMOTIONS)), np.float32)
    curve[:, EMOTIONS.index(emotion)] = intensity
    return curve


def shown(head, emotion: str, manner: Manner = NOBODY) -> dict[str, float]:
    """Shape -> weight at full intensity, of those above 0.02."""
    return {n: float(w) for n, w in zip(head.names, pose(only(emotion), head.names, manner)[0], strict=True) if w > 0.02}


@pytest.fixture(scope="module")
def spoken(default_head) -> tuple[np.ndarray, np.ndarray]:
    """(T, K) speech of visemes, 120 ms each with soft changes, and (T,) which of NAMES is at its height, else -1."""
    order = ["sil"] * 6 + "PP aa FF I PP U PP E SS O PP kk U FF aa PP RR I PP sil".split() + ["sil"] * 6
    matrix, each, half = viseme_matrix(default_head), 6, 2
    steps = np.repeat(matrix[[NAMES.index(v) for v in order]], each, 0)
    padded = np.pad(steps, ((half, half), (0, 0)), "edge")
    soft = sum(padded[i : i + len(steps)] for i in range(2 * half + 1)) / (2 * half + 1)
    where = np.full(len(steps), -1)
    for i, viseme in enumerate(order):
        where[i * each + half : (i + 1) * each - half] = NAMES.index(viseme)
    speech = soft.copy()
    speech[where >= 0] = steps[where >= 0]
    return speech.astype(np.float32), where


def aperture(head, weights: np.ndarray) -> np.ndarray:
    """(T,) mm."""
    return Animation(weights, FPS, head).lip_aperture() * 1000


def test_nothing_felt_changes_nothing(default_head, spoken):
    speech = spoken[0]
    for curve in (np.zeros((len(speech), 8)), only("neutral", len(speech))):
        for manner in MANNERS:
            np.testing.assert_array_equal(layer(speech, curve, default_head.names, manner), speech)
            assert not pose(curve, default_head.names, manner).any()


@pytest.mark.parametrize("emotion", EMOTIONS[1:])
def test_more_is_never_less(default_head, emotion):
    steps = np.linspace(0, 1, 21)
    curve = only(emotion, 21) * steps[:, None]
    for manner in MANNERS:
        weights = pose(curve, default_head.names, manner)
        assert (np.diff(weights, axis=0) >= 0).all()
        assert weights[0].max() == 0 and weights.max() <= 1
        assert weights[10].sum() > 0.55 * weights[-1].sum()  # half of it is to be seen


def test_each_is_made_of_the_units_of_the_literature(default_head):
    for emotion, units in {"happy": "6 12", "sad": "1 4 15", "surprised": "1 2 5 26", "fearful": "1 2 4 5 20 25"}.items():
        assert set(units.split()) <= set(USUAL[emotion])
    for emotion, units in {"disgusted": "9 10", "angry": "4 5 7", "contempt": "12 14"}.items():
        assert set(units.split()) <= set(USUAL[emotion])
    for unit in UNITS.values():
        assert all(any(name.startswith(shape) for name in default_head.names) for shape in unit)


def test_every_emotion_is_another_one(default_head):
    poses = {e: pose(only(e), default_head.names)[0] for e in EMOTIONS[1:]}
    for a, b in combinations(poses, 2):
        cosine = poses[a] @ poses[b] / np.linalg.norm(poses[a]) / np.linalg.norm(poses[b])
        assert cosine < 0.87, (a, b)
        half = 0.5 * (poses[a] + poses[b])
        blend = pose(0.5 * (only(a) + only(b)), default_head.names)[0]
        assert np.linalg.norm(blend - half) < 0.6 * np.linalg.norm(half)


def test_contempt_is_one_corner_of_the_mouth(default_head):
    def corners(manner: Manner) -> tuple[float, float]:
        found = shown(default_head, "contempt", manner)
        return tuple(sum(w for n, w in found.items() if n.startswith("mouth") and n.endswith(s)) for s in ("Left", "Right"))  # type: ignore[return-value]

    for manner in (Manner(), Manner(side=-0.3), Manner(side=-1)):
        assert corners(manner)[1] > 6 * corners(manner)[0]
    for manner in (Manner(side=0.13), Manner(side=1)):
        assert corners(manner)[0] > 6 * corners(manner)[1]
    rng = np.random.default_rng(0)
    for _ in range(50):
        drawn = Manner.draw(rng)
        for manner in (drawn, Manner(drawn.side / 2)):
            assert max(corners(manner)) > 6 * min(corners(manner))


def test_manners_differ_as_they_say(default_head):
    for emotion in EMOTIONS[1:-1]:
        left, right = (shown(default_head, emotion, Manner(side=side)) for side in (1, -1))
        assert left[
            "mouthFrownLeft" if "mouthFrownLeft" in left else "eyeWideLeft" if "eyeWideLeft" in left else "mouthSmileLeft"
        ]
        sides = [sum(w for n, w in found.items() if n.endswith("Left")) for found in (left, right)]
        assert sides[0] > 1.05 * sides[1], emotion
        wide, narrow = (aperture(default_head, pose(only(emotion), default_head.names, Manner(open=o)))[0] for o in (1, -1))
        assert wide > narrow + 1, emotion
    pressed, bared = (shown(default_head, "angry", Manner(open=o))["mouthRollLower"] for o in (-1, 1))
    assert pressed > bared + 0.5


@pytest.mark.parametrize("emotion", EMOTIONS[1:])
def test_words_win_at_the_lips(default_head, spoken, emotion):
    speech, where = spoken
    before = aperture(default_head, speech)
    for manner in MANNERS:
        felt = layer(speech, only(emotion, len(speech)), default_head.names, manner, FPS)
        assert felt.min() >= 0 and felt.max() <= 1
        after = aperture(default_head, felt)
        assert after[where == NAMES.index("PP")].max() < 0.5
        assert np.corrcoef(before[36:-36], after[36:-36])[0, 1] > 0.9
        assert after[where == NAMES.index("aa")].min() > 0.8 * before[where == NAMES.index("aa")].min()
        bitten = where == NAMES.index("FF")
        assert after[bitten].max() < before[bitten].max() + 0.7
        assert felt[bitten][:, default_head.index("mouthRollLower")].min() >= 0.44
        width, round_ = Animation(felt, FPS, default_head).lip_width() * 1000, where == NAMES.index("U")
        neutral = Animation(speech, FPS, default_head).lip_width() * 1000
        assert width[round_].max() < neutral[round_].max() + 5
        assert felt[round_][:, default_head.index("mouthPucker")].min() >= 0.79


def test_a_smile_widens_i_and_lips_at_rest_show_it_all(default_head, spoken):
    speech, where = spoken
    felt = layer(speech, only("happy", len(speech)), default_head.names, fps=FPS)
    widths = [Animation(w, FPS, default_head).lip_width()[where == NAMES.index("I")].mean() for w in (speech, felt)]
    assert widths[1] > widths[0] + 0.006
    np.testing.assert_allclose(felt[:6], pose(only("happy", 6), default_head.names), atol=1e-3)
    gasp = layer(speech, only("surprised", len(speech)), default_head.names, fps=FPS)
    assert aperture(default_head, gasp)[:6].min() > 8


def test_anger_and_disgust_are_far_apart_in_speech(default_head, spoken):
    speech = spoken[0]
    changes = [layer(speech, only(e, len(speech)), default_head.names, fps=FPS) - speech for e in ("angry", "disgusted")]
    cosine = (changes[0] * changes[1]).sum(1) / np.prod([np.linalg.norm(change, axis=1) for change in changes], axis=0)
    assert cosine.mean() < 0.65


def test_anger_presses_the_lips_in_a_pause_and_not_in_words(default_head, spoken):
    speech, where = spoken
    felt = layer(speech, only("angry", len(speech)), default_head.names, fps=FPS)
    rolled = felt[:, default_head.index("mouthRollLower")]
    assert rolled[:6].min() > 0.6 and rolled[where == NAMES.index("aa")].max() < 0.2
    assert aperture(default_head, felt)[:6].max() < 0.5


def test_expressions_on_speech_are_smooth(default_head, spoken):
    """Nothing jumps that did not jump before."""
    speech, _ = spoken
    most = np.abs(np.diff(aperture(default_head, speech))).max()
    for emotion in EMOTIONS[1:]:
        felt = layer(speech, only(emotion, len(speech)), default_head.names, fps=FPS)
        assert np.abs(np.diff(aperture(default_head, felt))).max() < 1.6 * most + 1, emotion
        assert np.abs(np.diff(felt, axis=0)).max() < 0.45, emotion


def test_shapes_that_are_missing_are_left_out(default_head):
    names = ("jawOpen", "mouthSmileLeft", "own")
    felt = layer(np.zeros((3, 3), np.float32), only("happy", 3), names)
    assert felt[0, 1] > 0.5 and felt[0, 2] == 0
    np.testing.assert_array_equal(used(names), [1, 1, 0])
    for emotion in EMOTIONS[1:]:
        moved = set(np.flatnonzero(pose(only(emotion), default_head.names)[0]))
        assert moved <= set(np.flatnonzero(used(default_head.names)))


def test_curves_to_train_with():
    times = frame_times(100, FPS)
    drawn = [draw_curve(np.random.default_rng(seed), times) for seed in range(200)]
    again = draw_curve(np.random.default_rng(7), times)
    np.testing.assert_array_equal(drawn[7], again)
    every = np.stack(drawn)
    assert every.shape == (200, 100, 8) and every.min() >= 0 and every.sum(-1).max() <= 1 + 1e-6 and not every[..., 0].any()
    assert (every[..., 1:].max((0, 1)) > 0.99).all()  # each at full strength some time
    assert np.abs(np.diff(every, axis=1)).max() < 0.15  # an onset takes 0.3 s at least
    steady = (np.ptp(every, axis=1).max(-1) < 1e-6).mean()
    assert 0.4 < steady < 0.75
    assert ((every > 0.05).any(1).sum(-1) == 2).mean() > 0.15
