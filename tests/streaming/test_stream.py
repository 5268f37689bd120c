"""Streams: cuts, latency, lips, emotion, pauses, rates and a long run. The network is `stand_in.StandIn`."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest
from characters import character, write_glb
from stand_in import RATE, StandIn, tone

from talkinghead.animate.talker import Talker
from talkinghead.audio.load import load_audio
from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.head import Head
from talkinghead.motion.animation import Animation


@pytest.fixture(scope="module")
def talker():
    return Talker(StandIn())


@pytest.fixture(scope="module")
def speech(sample):
    return load_audio(sample)[: 2 * RATE]


def frames_of(stream, pieces):
    return [frame for piece in pieces for frame in stream.push(piece)] + stream.finish()


def arrays(stream, frames) -> Animation:
    return stream.animation(frames)


def same(a: Animation, b: Animation) -> bool:
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("coefficients", "rotation", "tongue", "gaze"))


@pytest.mark.parametrize(("rate", "channels", "hop"), [(16000, 1, 1), (44100, 2, 1), (48000, 1, 2)])
def test_cuts_change_no_bit(talker, speech, rate, channels, hop):
    rng = np.random.default_rng(0)
    wave = np.interp(np.arange(round(1.5 * rate)) / rate * RATE, np.arange(len(speech)), speech).astype(np.float32)
    wave = wave if channels == 1 else np.stack([wave, 0.5 * wave], 1)
    results = []
    for cuts in ([], np.sort(rng.integers(0, len(wave), 40)), np.arange(7, len(wave), 441)):
        stream = talker.stream(rate=rate, seed=3, emotion="sad", hop=hop)
        results.append(arrays(stream, frames_of(stream, np.split(wave, cuts))))
    assert len(results[0]) == 45
    assert same(results[0], results[1]) and same(results[0], results[2])


def test_a_recording_gives_the_frames_of_its_stream(talker, speech):
    stream = talker.stream(seed=5)
    live = arrays(stream, frames_of(stream, [speech]))
    whole = talker.animate(speech, seed=5)
    assert same(live, whole) and np.array_equal(live.times, whole.times)
    assert not same(whole, talker.animate(speech, seed=6))


@pytest.mark.parametrize(("rate", "fps"), [(16000, 30), (44100, 25), (48000, 60)])
def test_frames_are_as_late_as_is_said(talker, rate, fps):
    stream, late, pushed = talker.stream(rate=rate, fps=fps), [], 0
    step = rate // 500
    for _ in range(300):
        pushed += step
        late += [pushed / rate - frame.time for frame in stream.push(np.zeros(step))]
    assert stream.latency <= 0.150
    assert stream.latency - 0.025 < max(late) <= stream.latency + step / rate


def test_motion_follows_its_sound_at_once(talker):
    """A click moves the jaw in the frame at its time, and not before."""
    wave = np.zeros(RATE, np.float32)
    wave[8000:8320] = tone(700, 0.02)
    stream = talker.stream(fps=50, idle=0)
    jaw = arrays(stream, frames_of(stream, [wave])).coefficients[:, stream.names.index("jawOpen")]
    moved = np.flatnonzero(jaw > 0.01)
    assert set(moved) == {23, 24}  # row 25 is at 25.5 / 50 - 0.0275 s


def test_lips_are_shut_at_bilabials_and_round_at_w(talker):
    wave = np.concatenate([tone(700, 0.4), tone(60, 0.1), tone(700, 0.3), tone(250, 0.4)])
    stream = talker.stream(fps=50, idle=0)
    animation = arrays(stream, frames_of(stream, [wave]))
    gap, pucker = animation.lip_aperture(), animation.coefficients[:, stream.names.index("mouthPucker")]
    assert gap[19:22].max() < 2e-4 < 2e-3 < gap[[15, 30]].min()
    assert pucker[34] < 0.02 and pucker[50] > 0.15
    assert pucker[38] > 0.03  # at once: the phoneme is known before the motion


def test_the_mouth_rests_in_silence_and_opens_in_time(talker):
    network = StandIn()
    network._frame = lambda sound, of=network._frame: (of(sound)[0], max(0.2, of(sound)[1]))  # never shut by itself
    stream = Talker(network).stream(fps=50, idle=0)
    wave = np.concatenate([np.zeros(RATE // 2), tone(700, 0.5), np.zeros(RATE), tone(700, 0.5)])
    gap = arrays(stream, frames_of(stream, [wave])).lip_aperture()
    assert gap[5:20].max() < 2e-4 and gap[30:48].min() > 2e-3  # before the first word, and in it
    assert gap[52:60].min() > 2e-3 and gap[90:97].max() < 2e-4  # a short pause, a long one
    assert gap[102:].min() > 2e-3


@pytest.mark.parametrize("shapes", ["vrm", "arkit"])
def test_any_head_gets_in_time_what_a_recording_puts_on_it(talker, speech, tmp_path, shapes):
    """Vowels, which surfaces tell apart; and some shapes of ARKit on a mesh of their own, which has eyes that shapes turn."""
    names = list(ARKIT)[:40]
    head = Head.default().with_shapes("vrm") if shapes == "vrm" else Head.load(write_glb(tmp_path / "a.glb", *character(names)))
    stream = talker.stream(head=head, seed=3)
    live = arrays(stream, frames_of(stream, [speech[:RATE]]))
    whole = talker.animate(speech[:RATE], head=head, seed=3)
    assert stream.names == head.names == live.head.names and live.coefficients.max() > 0.3
    moved = [animation.coefficients if shapes == "arkit" else animation.vertices(12) for animation in (live, whole)]
    assert np.abs(moved[0] - moved[1]).max() < (1e-5 if shapes == "arkit" else 5e-5)  # metres
    assert (live.gaze is None) == (whole.gaze is None) == (shapes == "arkit")


def test_an_emotion_changes_smoothly_while_it_runs(talker):
    wave = tone(700, 3.0)
    stream = talker.stream(fps=50, idle=0)
    frames = stream.push(wave[: 2 * RATE])
    before = len(frames)
    stream.emotion = ("happy", 1.0)
    frames += stream.push(wave[2 * RATE :]) + stream.finish()
    brow = arrays(stream, frames).coefficients[:, stream.names.index("browInnerUp")]
    assert stream.emotion == ("happy", 1.0)
    assert not brow[:before].any() and brow[before + 40] == 1
    assert np.abs(np.diff(brow)).max() < 0.1
    with pytest.raises(InputError, match="hapy"):
        stream.emotion = "hapy"


def test_the_voice_moves_head_and_brows_by_a_seed(talker, speech):
    moved = talker.animate(np.tile(speech, 3), seed=1)
    still = talker.animate(np.zeros(6 * RATE), seed=1)
    assert np.abs(np.diff(moved.rotation, axis=0)).mean() > 1.2 * np.abs(np.diff(still.rotation, axis=0)).mean()
    blink = [animation.coefficients[:, animation.head.names.index("eyeBlinkLeft")] for animation in (moved, still)]
    assert min(curve.max() for curve in blink) > 0.8
    quiet = talker.animate(speech, idle=0)
    assert quiet.gaze is None and not quiet.rotation.any()


@pytest.mark.parametrize("sound", [np.int16, np.float64])
def test_types_of_samples_mean_the_same(talker, speech, sound):
    scaled = np.round(speech * 32767).astype(np.int16)
    given = scaled if sound is np.int16 else scaled / 32768
    a, b = (arrays(s := talker.stream(), frames_of(s, [w])) for w in (given, (scaled / 32768).astype(np.float32)))
    assert same(a, b)


def test_what_is_not_finite_is_silence_and_lost_sound_keeps_time(talker, speech):
    broken = speech.copy()
    broken[1000:1100] = np.nan
    broken[1100] = np.inf
    stream = talker.stream()
    frames = stream.push(broken)
    frames += stream.skip(0.5)
    frames += stream.push(speech[:RATE])
    frames += stream.finish()
    assert len(frames) == 105 and all(np.isfinite(frame.weights).all() for frame in frames)
    assert np.allclose([frame.time for frame in frames], (np.arange(105) + 0.5) / 30)


def test_a_source_that_changes_its_rate(talker, speech):
    stream, whole = talker.stream(idle=0), talker.stream(idle=0)
    frames = stream.push(speech[:RATE])
    stream.rate = 48000
    frames += stream.push(np.interp(np.arange(3 * RATE) / 3 + RATE, np.arange(2 * RATE), speech)) + stream.finish()
    a, b = arrays(stream, frames), arrays(whole, frames_of(whole, [speech]))
    assert len(a) == len(b) == 60
    assert np.abs(a.coefficients - b.coefficients).mean() < 1e-3


@pytest.mark.parametrize("rate", [0, 16001, 400_000, float("nan"), "fast"])
def test_rates_that_no_sound_card_has(talker, rate):
    with pytest.raises(InputError, match="rate is"):
        talker.stream(rate=rate)


def test_what_cannot_be_streamed(talker):
    stream = talker.stream()
    assert not stream.finish() and not stream.seconds
    for wrong in (lambda: stream.push(np.zeros(3)), lambda: stream.skip(1), lambda: stream.finish()):
        with pytest.raises(InputError, match="finished"):
            wrong()
    with pytest.raises(InputError, match="shape"):
        talker.stream().push(np.zeros((1, 2, 3)))
    with pytest.raises(InputError, match="auto"):
        talker.stream(emotion="auto")
    with pytest.raises(InputError, match="temperature"):
        talker.stream(temperature=1.0)
    with pytest.raises(InputError, match="whole recording"):
        Talker(SimpleNamespace(prior_reach=1)).stream()
    with pytest.raises(InputError, match="neutrally"):
        Talker(StandIn(emotions=False)).stream(emotion="sad")


def numbers(thing, seen) -> int:
    """How many numbers and objects something holds."""
    if id(thing) in seen or isinstance(thing, StandIn | Head | type):
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return thing.size
    parts = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list | tuple | deque) else ()
    own = vars(thing).values() if hasattr(thing, "__dict__") else ()
    return 1 + sum(numbers(part, seen) for part in (*parts, *own))


def test_a_long_stream_holds_no_more(talker):
    stream, held = talker.stream(emotion="happy", rate=48000), []
    for _ in range(3):
        for size in range(0, 48000, 480):
            stream.push(tone(300, 0.02, 0.5 * size / 48000, rate=48000))
            stream.emotion = ("happy", size / 48000)
        held.append(numbers(stream, set()))
    assert abs(held[2] - held[1]) < 50 < held[1]
