from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import tiny_head

from talkinghead import Animation
from talkinghead.audio.clock import frame_times
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.motion.nonverbal import add_nonverbal_motion as add
from talkinghead.motion.nonverbal import lip_activity
from talkinghead.motion.nonverbal import nonverbal_motion as motion_of

FPS = 60.0


def starts(closed: np.ndarray, fps: float = FPS) -> np.ndarray:
    """Seconds at which a lid passes half way down."""
    return np.flatnonzero((closed[1:] > 0.5) & (closed[:-1] <= 0.5)) / fps


def phrases(seconds: int = 600) -> np.ndarray:
    """Two seconds of speech, then one of silence, and so on."""
    return (np.arange(int(seconds * FPS)) / FPS % 3 < 2).astype(float)


def test_the_same_seed_is_the_same_life():
    a, b, c = motion_of(300, 30, 7), motion_of(300, 30, 7), motion_of(300, 30, 8)
    for name in ("blinks", "gaze", "brows", "rotation"):
        assert a[name].tobytes() == b[name].tobytes()
        assert a[name].tobytes() != c[name].tobytes()
    shapes = {"blinks": (300, 2), "gaze": (300, 2, 2), "brows": (300, 2, 3), "rotation": (300, 3)}
    assert {name: value.shape for name, value in a.items()} == shapes


@pytest.mark.parametrize("speech", [None, np.ones])
def test_a_longer_clip_begins_like_a_shorter_one(speech):
    short = motion_of(300, 30, 7, speech=speech and speech(300))
    long = motion_of(900, 30, 7, speech=speech and speech(900))
    for name in ("blinks", "gaze", "brows", "rotation"):
        np.testing.assert_allclose(long[name][:270], short[name][:270], atol=1e-6, err_msg=name)


def test_the_frame_rate_does_not_change_the_person():
    slow, fast = motion_of(900, 30, 4), motion_of(1800, 60, 4)
    assert len(starts(slow["blinks"][:, 0], 30)) == len(starts(fast["blinks"][:, 0]))
    np.testing.assert_allclose(starts(slow["blinks"][:, 0], 30), starts(fast["blinks"][:, 0]), atol=0.05)
    between = [np.interp(frame_times(900, 30), frame_times(1800, 60), column) for column in fast["rotation"].T]
    np.testing.assert_allclose(np.stack(between, 1), slow["rotation"], atol=1e-4)


def test_blinks_are_those_of_people():
    """17 a minute at rest; closed in 80 to 100 ms, open again in 150 to 200 ms more, and both lids together."""
    closed = np.stack([motion_of(300 * 240, 240, seed)["blinks"][:, 0] for seed in range(4)])
    assert 14 < sum(len(starts(clip, 240)) for clip in closed) / 20 < 23
    gaps = np.concatenate([np.diff(starts(clip, 240)) for clip in closed])
    assert 2 < np.median(gaps) < 4 and gaps.min() > 0.35
    assert np.std(np.log(gaps)) > 0.4  # no metronome
    one = closed[0] > 0
    begin, end = np.flatnonzero(np.diff(one.astype(int)) == 1), np.flatnonzero(np.diff(one.astype(int)) == -1)
    lasts = (end - begin[: len(end)]) / 240
    assert 0.24 < np.median(lasts) < 0.38
    for first, last in zip(begin[:20], end[:20], strict=False):
        blink = closed[0, first : last + 2]
        shut = np.flatnonzero(blink > 0.9)
        assert 0.06 < shut[0] / 240 < 0.11
        assert 0.1 < (len(blink) - shut[-1]) / 240 < 0.21
    both = motion_of(600, 30, 3)["blinks"]
    np.testing.assert_array_equal(both[:, 0], both[:, 1])


def test_every_blink_closes_the_eyes_at_25_frames_a_second():
    closed = motion_of(25 * 300, 25, 1)["blinks"][:, 0]
    peaks = [closed[round(start * 25) :][:8].max() for start in starts(closed, 25)]
    assert len(peaks) > 50 and min(peaks) > 0.9


def test_speakers_blink_more_and_mostly_after_a_phrase():
    speech = phrases()
    found = np.concatenate([starts(motion_of(len(speech), FPS, seed, speech=speech)["blinks"][:, 0]) for seed in range(6)])
    rest = np.concatenate([starts(motion_of(len(speech), FPS, seed)["blinks"][:, 0]) for seed in range(6)])
    assert len(found) > 1.2 * len(rest)
    assert 20 < len(found) / 60 < 32  # a minute; 26 in conversation
    after = (found % 3 >= 2) & (found % 3 < 2.6)
    assert after.mean() > 1.7 * 0.6 / 3


def test_eyes_jump_and_rest():
    """Head switched off, so that the eyes need not make up for it."""
    gaze = np.degrees(motion_of(120 * 240, 240, 2, head=0)["gaze"])
    np.testing.assert_array_equal(gaze[:, 0], gaze[:, 1])
    speed = np.linalg.norm(np.gradient(gaze[:, 0], 1 / 240, axis=0), axis=1)
    assert np.mean(speed == 0) > 0.85
    assert 60 < np.count_nonzero((speed[1:] > 0) & (speed[:-1] == 0)) < 200  # saccades in two minutes
    assert 150 < speed.max() < 500  # degrees a second
    assert np.abs(gaze).max() < 15
    assert np.abs(np.median(gaze, axis=(0, 1))).max() < 1.5  # they belong to the viewer


def test_eyes_stay_with_the_viewer_while_the_head_turns():
    with_head, without = motion_of(600, 30, 2), motion_of(600, 30, 2, head=0)
    made_up = with_head["gaze"][:, 0] - without["gaze"][:, 0]
    np.testing.assert_allclose(made_up[:, 0], -with_head["rotation"][:, 1], atol=1e-6)  # turned left: they go right
    np.testing.assert_allclose(made_up[:, 1], with_head["rotation"][:, 0], atol=1e-6)  # bent down: they go up


def test_the_head_sways_slowly_by_a_degree():
    rotation = np.degrees(motion_of(600 * 30, 30, 2)["rotation"])
    assert (rotation.std(0) > 0.4).all() and (rotation.std(0) < 1.5).all()
    assert np.abs(rotation).max() < 6
    power = np.abs(np.fft.rfft(rotation - rotation.mean(0), axis=0)) ** 2
    rates = np.fft.rfftfreq(len(rotation), 1 / 30)
    assert power[rates > 1].sum() < 0.01 * power.sum()


def test_speech_makes_the_head_move_more_and_nod():
    speech = np.repeat([0.0, 1.0], 1800)
    rotation = np.degrees(motion_of(3600, 30, 2, speech=speech)["rotation"])
    assert rotation[1900:].std(0)[0] > 1.3 * rotation[:1700].std(0)[0]
    silent = np.degrees(motion_of(3600, 30, 2, speech=np.zeros(3600))["rotation"])
    nods = np.diff(rotation[:, 0] - silent[:, 0] * (rotation[:, 1] / silent[:, 1]))
    assert np.count_nonzero((nods[1:] < 0) & (nods[:-1] > 0) & (np.arange(3598) > 1900)) > 20
    assert np.abs(nods[:1700]).max() < 1e-3


@pytest.mark.parametrize("name", ["blinks", "gaze", "brows", "head"])
def test_strength_0_is_off_and_leaves_the_others(name):
    key = {"head": "rotation"}.get(name, name)
    usual, off = motion_of(600, 30, 2), motion_of(600, 30, 2, **{name: 0})
    assert not off[key].any()
    for other in {"blinks", "brows", "rotation"} - {key}:
        np.testing.assert_array_equal(off[other], usual[other])


def test_strength_scales():
    np.testing.assert_allclose(motion_of(600, 30, 2, head=2)["rotation"], 2 * motion_of(600, 30, 2)["rotation"], rtol=1e-5)
    np.testing.assert_allclose(motion_of(600, 30, 2, gaze=0.5)["gaze"], 0.5 * motion_of(600, 30, 2)["gaze"], rtol=1e-5)
    often = len(starts(motion_of(36000, 60, 2, blinks=2)["blinks"][:, 0]))
    assert 1.7 < often / len(starts(motion_of(36000, 60, 2)["blinks"][:, 0])) < 2.3


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_short_clips(frames):
    for speech in (None, np.ones(frames)):
        assert np.isfinite(motion_of(frames, 30, 0, speech=speech)["rotation"]).all()
    assert len(add(Animation(np.zeros((frames, 52)), 30, Head.default()), 0)) == frames


BAD = [{"blinks": -1}, {"head": float("nan")}, {"speech": np.zeros(3)}, {"speech": np.full(30, np.nan)}]


@pytest.mark.parametrize("arguments", BAD, ids=["below 0", "nan", "shape", "not finite"])
def test_bad_arguments(arguments):
    with pytest.raises(InputError, match=r"choose 0 \(off\) or more|speech has shape"):
        motion_of(30, 30, 0, **arguments)


def talking(frames: int = 300) -> Animation:
    head = Head.default()
    weights = np.full((frames, 52), 0.1)
    weights[:, head.index("jawOpen")] = 0.25 - 0.25 * np.cos(np.arange(frames) / 30 * 2 * np.pi * 3)
    weights[:, head.index("eyeBlinkLeft")] = 0.3
    return Animation(weights, 30, head, rotation=np.full((frames, 3), 0.02), meta={"a": 1})


def test_apply_adds_life_and_leaves_the_lips():
    before = talking()
    after = add(before, 3)
    life = motion_of(300, 30, 3, speech=lip_activity(before))
    changed = {
        name for k, name in enumerate(before.head.names) if (before.coefficients[:, k] != after.coefficients[:, k]).any()
    }
    assert changed <= {name for name in before.head.names if name.startswith(("eyeBlink", "eyeWide", "eyeSquint", "brow"))}
    assert {"eyeBlinkLeft", "eyeWideRight", "browInnerUp", "browOuterUpLeft"} <= changed
    row = before.head.index("eyeBlinkLeft")
    lids = 0.3 + 0.02 * np.degrees(np.maximum(-after.gaze[:, 0, 1], 0))  # they go down with the eyes
    np.testing.assert_allclose(after.coefficients[:, row], np.maximum(lids, life["blinks"][:, 0]), atol=1e-6)
    np.testing.assert_array_equal(after.gaze, life["gaze"])
    np.testing.assert_allclose(after.rotation, life["rotation"] + 0.02, atol=2e-3)  # small turns nearly add
    np.testing.assert_array_equal(after.lip_aperture(), before.lip_aperture())
    assert before.gaze is None and (after.meta, after.fps) == (before.meta, before.fps)


def test_apply_with_nothing_switched_on_changes_nothing():
    before = talking()
    after = add(before, 3, strength=0)
    assert after.coefficients is before.coefficients and after.rotation is before.rotation and after.gaze is None


def test_apply_adds_to_gaze():
    before = replace(talking(), gaze=np.full((300, 2, 2), 0.05))
    expected = motion_of(300, 30, 3, speech=lip_activity(before))["gaze"] + 0.05
    np.testing.assert_allclose(add(before, 3).gaze, expected, atol=1e-6)


def test_heads_that_cannot_blink_or_look():
    head = replace(tiny_head(), regions={}, names=tuple(f"shape{k}" for k in range(11)))
    after = add(Animation(np.zeros((60, 11)), 30, head), 3)
    assert not after.coefficients.any() and after.gaze is None and after.rotation.any()


def test_activity_is_read_from_the_lips():
    motion = talking()
    weights = motion.coefficients.copy()
    weights[150:] = weights[149]  # falls silent half way
    found = lip_activity(replace(motion, coefficients=weights))
    assert found[20:130].min() > 0.5
    assert found[170:].max() < 0.05
    assert lip_activity(Animation(np.zeros((9, 11)), 30, replace(tiny_head(), landmarks={}))) is None


def voice(seconds: int = 120, fps: float = FPS):
    """A made-up prosody: phrases of three seconds and pauses of one, an accent every 0.7 s, the last phrase but one asks."""
    from talkinghead.audio.prosody import Prosody

    times = frame_times(100 * seconds, 100)
    speaking = (times % 4 < 3).astype(float)
    accents = np.arange(0.5, seconds, 0.7)
    accents = accents[accents % 4 < 2.9]
    sizes = 0.3 + 0.7 * np.random.default_rng(0).uniform(size=len(accents))
    starts = np.arange(0, seconds, 4.0)
    asks = np.zeros(len(starts))
    asks[-2] = 1
    rise = 3 * np.sin(2 * np.pi * 0.2 * times) * speaking
    phrases = np.stack([starts, starts + 3, asks], 1)
    zero = np.zeros(len(times))
    return Prosody(times, zero, zero, speaking, rise, zero, np.stack([accents, sizes], 1), phrases)


def test_brows_rise_with_accents_and_questions_and_rest_between():
    heard, near, anywhere = voice(), [], []
    for seed in range(6):
        inner = motion_of(120 * 60, 60, seed, voice=heard)["brows"][..., 0].max(1)
        assert 0.3 < inner.max() <= 0.9
        assert np.median(inner) < 0.12  # no permanent surprise
        onsets = np.flatnonzero((inner[1:] > 0.2) & (inner[:-1] <= 0.2)) / 60
        assert 5 < len(onsets) < 45  # in two minutes
        away = np.abs(heard.accents[:, :1] - onsets).min(0)
        near.append((away < 0.15).mean())
        anywhere.append((np.abs(heard.accents[:, :1] - frame_times(7200, 60)).min(0) < 0.15).mean())
        asked = heard.phrases[-2]
        assert inner[round(60 * (asked[1] - 0.2)) : round(60 * asked[1])].min() > 0.3
    assert np.mean(near) > np.mean(anywhere) + 0.15


def test_nods_and_postures_follow_the_voice():
    heard, nods, held = voice(), [], []
    without = replace(heard, accents=np.zeros((0, 2)))
    for seed in range(6):
        rotation = np.degrees(motion_of(120 * 60, 60, seed, voice=heard)["rotation"])
        assert np.abs(rotation).max() < 12 and rotation.std(0).max() < 4
        assert np.linalg.norm(np.gradient(rotation, 1 / 60, axis=0), axis=1).max() < 60  # degrees a second: calm
        only = rotation[:, 0] - np.degrees(motion_of(120 * 60, 60, seed, voice=without)["rotation"])[:, 0]
        peaks = np.flatnonzero((only[1:-1] > only[:-2]) & (only[1:-1] >= only[2:]) & (only[1:-1] > 0.3))
        nods.append(len(peaks))
        assert (np.abs(heard.accents[:, :1] - (peaks + 1.5) / 60).min(0) < 0.12).mean() > 0.95
        held.append(rotation[round(60 * 1.5) :: 240, 1])  # in the middle of phrases
    assert 40 < np.mean(nods) < 110
    assert np.std(held) > 1.2  # degrees: it looks somewhere else with each phrase


def test_the_head_moves_more_in_speech_and_lifts_with_the_pitch():
    heard = voice()
    speaking = np.interp(frame_times(7200, 60), heard.times, heard.speaking) > 0.5
    ratios, lifts = [], []
    for seed in range(6):
        rotation = np.degrees(motion_of(7200, 60, seed, voice=heard)["rotation"])
        speed = np.linalg.norm(np.gradient(rotation, 1 / 60, axis=0), axis=1)
        ratios.append(speed[speaking].mean() / speed[~speaking].mean())
        level = np.degrees(motion_of(7200, 60, seed, voice=replace(heard, rise=0 * heard.rise))["rotation"])
        lifts.append(np.corrcoef(rotation[:, 0] - level[:, 0], np.interp(frame_times(7200, 60), heard.times, heard.rise))[0, 1])
    assert np.mean(ratios) > 1.3
    assert max(lifts) < -0.8  # up is negative about x


def test_eyes_look_away_as_phrases_begin_and_come_back_at_their_ends():
    heard, begin, end = voice(400), [], []
    for seed in range(4):
        gaze = np.degrees(np.linalg.norm(motion_of(400 * 30, 30, seed, head=0, voice=heard)["gaze"][:, 0], axis=1))
        phase = frame_times(12000, 30) % 4
        begin.append((gaze[(phase > 0.4) & (phase < 1)] > 2.8).mean())
        end.append((gaze[(phase > 2.7) & (phase < 3.1)] > 2.8).mean())
    assert np.mean(begin) > 1.8 * np.mean(end)


def test_a_longer_voice_begins_like_a_shorter_one():
    short, long = motion_of(60 * 60, 60, 3, voice=voice(60)), motion_of(120 * 60, 60, 3, voice=voice(120))
    for name, values in short.items():
        np.testing.assert_allclose(long[name][: 50 * 60], values[: 50 * 60], atol=1e-5, err_msg=name)


def lips_of(animation: Animation) -> np.ndarray:
    """(T, n, 3) lips, and the rest of the mouth, as they lie on the head."""
    mask = (animation.head.regions["lips"] > 0) | (animation.head.regions["teeth"] > 0) | (animation.head.regions["tongue"] > 0)
    return np.einsum("tk,kvx->tvx", animation.coefficients, animation.head.basis[:, mask])


def test_seeds_differ_in_the_upper_face_and_agree_in_the_mouth_exactly():
    before, heard = talking(), voice(10)
    upper = before.head.regions["brows"] > 0.5
    lips, faces = lips_of(before), []
    for seed in range(3):
        for dials in ({}, {"brows": 3, "blinks": 2, "gaze": 3}):
            after = add(before, seed, voice=heard, **dials)
            np.testing.assert_array_equal(lips_of(after), lips)
            faces.append(np.einsum("tk,kvx->tvx", after.coefficients, after.head.basis[:, upper]))
    for i in range(0, 6, 2):
        assert np.abs(faces[i] - faces[(i + 2) % 6]).max() > 5e-4  # metres
        assert np.abs(faces[i + 1]).max() > 1.3 * np.abs(faces[i]).max()


def test_shapes_that_move_lips_are_left_alone():
    before = talking()
    basis = before.head.basis.copy()
    lip = int(np.argmax(before.head.regions["lips"]))
    basis[before.head.index("browInnerUp"), lip] = [0, 2e-5, 0]
    after = add(replace(before, head=replace(before.head, basis=basis)), 1, voice=voice(10))
    assert (after.coefficients[:, before.head.index("browInnerUp")] == before.coefficients[:, 0]).all()
    assert (after.coefficients[:, before.head.index("browOuterUpLeft")] != 0.1).any()


def test_eyes_narrow_in_a_smile_and_brows_switch_it_off():
    before = talking()
    before.coefficients[:, before.head.index("mouthSmileLeft")] = 0.8
    squint = before.head.index("eyeSquintLeft")
    assert add(before, 0).coefficients[:, squint].min() > 0.2
    np.testing.assert_array_equal(add(before, 0, brows=0).coefficients[:, squint], before.coefficients[:, squint])
