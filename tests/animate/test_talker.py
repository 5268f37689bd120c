import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from talkinghead.animate.talker import Talker
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.models.template import template_code
from talkinghead.motion.emotion_curve import EmotionCurve
from talkinghead.motion.emotions import EMOTIONS

RATE = 16000


def noise(seconds, seed=0):
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE)).astype(np.float32) * 0.05


@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60, 30000 / 1001])
@pytest.mark.parametrize("seconds", [0.02, 0.2, 1.0])
def test_as_long_as_the_recording_to_within_a_frame(tiny_talker, fps, seconds):
    animation = tiny_talker.animate(noise(seconds), fps=fps)
    assert 0 <= len(animation) / fps - seconds < 1 / fps + 1e-6


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tiny_talker):
    def run(seed, temperature=0.0):
        animation = tiny_talker.animate(noise(2), seed=seed, temperature=temperature)
        return animation.coefficients.tobytes() + animation.rotation.tobytes()

    assert run(3) == run(3) != run(4)
    assert run(3, 1.0) == run(3, 1.0) != run(4, 1.0)


def test_without_idle_the_face_only_speaks(tiny_talker):
    animation = tiny_talker.animate(noise(1), idle=0)
    assert animation.rotation is None and animation.gaze is None


def test_weights_are_in_range_and_the_meta_tells_the_run(tiny_talker):
    animation = tiny_talker.animate(noise(1) * 20, seed=5, style="a")
    assert 0 <= animation.coefficients.min() and animation.coefficients.max() <= 1
    assert animation.meta["seed"] == 5 and animation.meta["style"] == "a" and len(animation.meta["audio"]) >= 16
    json.dumps(animation.meta)


def test_saved_and_loaded_is_the_same_model(tiny_talker, tmp_path):
    tiny_talker.save_pretrained(tmp_path / "m")
    again = Talker.from_pretrained(tmp_path / "m")
    a, b = (t.animate(noise(1), idle=0).coefficients for t in (tiny_talker, again))
    np.testing.assert_allclose(a, b, atol=2e-3)
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["config.json", "model.safetensors"]


def test_mistakes_are_said_in_one_line(tiny_talker, tmp_path):
    for arguments, said in [
        ({"emotion": "hapy"}, "did you mean 'happy'"),
        ({"intensity": 2.0}, "intensity"),
        ({"articulation": -1.0}, "articulation is -1"),
        ({"upper_face": 5.0}, "upper_face is 5"),
        ({"fps": 0.0}, "fps is 0"),
        ({"style": "nobody"}, "this model has a, b"),
        ({"seed": -1}, "seed is -1"),
    ]:
        with pytest.raises(InputError, match=said) as caught:
            tiny_talker.animate(noise(0.3), **arguments)
        assert "\n" not in str(caught.value)


def test_no_intensity_is_neutral_exactly(tiny_talker):
    neutral = tiny_talker.animate(noise(1))
    for emotion in (*EMOTIONS, "happy:0.6,surprised:0.3", {"sad": 0.0}, EmotionCurve(np.array([0.0]), np.zeros((1, 8)))):
        same = tiny_talker.animate(noise(1), emotion=emotion, intensity=0.0)
        for part in ("coefficients", "rotation", "gaze"):
            np.testing.assert_array_equal(getattr(same, part), getattr(neutral, part), str(emotion))
    np.testing.assert_array_equal(tiny_talker.animate(noise(1), emotion="neutral").coefficients, neutral.coefficients)


def test_emotions_differ_and_the_meta_tells_them(tiny_talker):
    faces = {name: tiny_talker.animate(noise(1), emotion=name, idle=0).coefficients for name in EMOTIONS}
    for i, one in enumerate(EMOTIONS):
        for other in EMOTIONS[:i]:
            assert np.abs(faces[one] - faces[other]).max() > 1e-3, (one, other)
    told = tiny_talker.animate(noise(1), emotion="happy:0.6,surprised:0.3", intensity=0.5).meta
    assert told["intensity"] == 0.5 and "happy" in json.dumps(told["emotion"]) and told["articulation"] == 1
    again = tiny_talker.animate(noise(1), emotion="happy", idle=0).coefficients
    np.testing.assert_array_equal(again, faces["happy"])
    assert np.abs(tiny_talker.animate(noise(1), emotion="happy", idle=0, seed=1).coefficients - again).max() > 0, "manner"


def test_a_curve_is_followed_in_time(tiny_talker):
    wave = noise(4)
    neutral, sad = (tiny_talker.animate(wave, emotion=name, idle=0).coefficients for name in ("neutral", "sad"))
    keys = [{"time": 1.8, "emotion": "neutral"}, {"time": 2.2, "emotion": "sad"}]
    curve = tiny_talker.animate(wave, emotion=keys, idle=0).coefficients
    np.testing.assert_allclose(curve[:30], neutral[:30], atol=1e-5)
    np.testing.assert_allclose(curve[-30:], sad[-30:], atol=1e-5)


def test_dials_scale_their_part_alone(tiny_talker):
    names = tiny_talker.config.annotations["arkit"]
    upper = np.array([name.startswith(("brow", "eye", "cheek", "nose")) for name in names])

    def run(emotion="angry", **dials):
        return tiny_talker.animate(noise(1), emotion=emotion, idle=0, **dials).coefficients

    usual, neutral = run(), run("neutral")
    np.testing.assert_array_equal(run(expressiveness=0.0), neutral)
    assert not run(upper_face=0.0)[:, upper].any() and not run(lower_face=0.0)[:, ~upper].any()
    np.testing.assert_array_equal(run(upper_face=0.0)[:, ~upper], usual[:, ~upper])
    np.testing.assert_array_equal(run(lower_face=0.0)[:, upper], usual[:, upper])
    np.testing.assert_array_equal(run(articulation=2.0)[:, upper], usual[:, upper])
    assert not run("neutral", articulation=0.0)[:, ~upper].any()
    assert np.abs(run("neutral", articulation=1.5)[:, ~upper]).sum() > np.abs(neutral[:, ~upper]).sum()


def test_a_model_without_emotions_says_so(tiny_talker):
    plain = Talker(SpeechToMotion(replace(tiny_talker.config, emotions=[])).eval())
    with pytest.raises(InputError, match="speaks neutrally only"):
        plain.animate(noise(0.3), emotion="happy")
    with pytest.raises(InputError, match="speaks neutrally only"):
        plain.animate(noise(0.3), emotion="auto")
    plain.animate(noise(0.3), emotion="happy", intensity=0.0)
    with pytest.raises(InputError, match="or none"):
        SpeechToMotion(replace(tiny_talker.config, emotions=["happy"]))


def test_a_head_without_the_models_shapes_is_refused(tiny_talker):
    head = Head.default()
    fewer = Head(
        "half", head.template, head.faces, head.basis[:9], head.names[:9], landmarks=head.landmarks, joints=head.joints
    )
    with pytest.raises(InputError, match="lacks"):
        tiny_talker.animate(noise(0.3), head=fewer)


def test_a_broken_model_is_said_in_one_line(tiny_talker, tmp_path):
    folder = tmp_path / "m"
    for make, said in [
        (lambda: None, "has no config.json"),
        (lambda: (folder / "model.safetensors").write_bytes(b"junk"), "cannot be read"),
        (lambda: (folder / "config.json").write_text("{}"), "missing|does not fit|encoder"),
        (lambda: (folder / "config.json").write_text('{"num_headz": 3}'), "did you mean 'num_heads'"),
    ]:
        folder.mkdir(exist_ok=True)
        if said != "has no config.json":
            tiny_talker.save_pretrained(folder)
        make()
        with pytest.raises(InputError, match=said):
            Talker.from_pretrained(folder)
    with pytest.raises(InputError, match="not a folder"):
        Talker.from_pretrained(tmp_path / "gone")


def test_weights_of_another_shape_are_refused(tiny_talker, tmp_path):
    tiny_talker.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["motion.decoder.out.bias"] = torch.zeros(3)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="does not fit"):
        Talker.from_pretrained(tmp_path)


def test_an_unusable_device_is_said(tiny_talker, tmp_path):
    tiny_talker.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="device 'abacus'"):
        Talker.from_pretrained(tmp_path, device="abacus")


def test_the_template_code_knows_size_but_not_place(tiny_talker):
    head = Head.default()
    moved = Head(
        "moved",
        head.template + 1,
        head.faces,
        head.basis,
        head.names,
        landmarks=head.landmarks,
        joints={k: v + 1 for k, v in head.joints.items()},
    )
    big = Head(
        "big",
        head.template * 2,
        head.faces,
        head.basis,
        head.names,
        landmarks=head.landmarks,
        joints={k: v * 2 for k, v in head.joints.items()},
    )
    code, same, large = (template_code(h, tiny_talker.config) for h in (head, moved, big))
    np.testing.assert_allclose(code, same, atol=1e-5)
    np.testing.assert_allclose(code[:-1], large[:-1], atol=1e-5)
    np.testing.assert_allclose(large[-1], 2 * code[-1], rtol=1e-5)


def test_dials_scale_the_upper_face_and_leave_the_mouth(tiny_talker, sample):
    names = Head.default().names
    upper = [k for k, name in enumerate(names) if name.startswith(("brow", "eye"))]
    mouth = [k for k in range(len(names)) if k not in upper]
    usual = tiny_talker.animate(sample, seed=1)
    for dials in ({"seed": 2}, {"brows": 0}, {"blinks": 0, "gaze": 0}, {"brows": 3, "head_motion": 2}):
        other = tiny_talker.animate(sample, **({"seed": 1} | dials))
        np.testing.assert_array_equal(other.coefficients[:, mouth], usual.coefficients[:, mouth])
        assert (other.coefficients[:, upper] != usual.coefficients[:, upper]).any()
    assert tiny_talker.animate(sample, head_motion=0).rotation is None
    assert usual.meta["brows"] == 1
    with pytest.raises(InputError, match="head_motion is -1"):
        tiny_talker.animate(sample, head_motion=-1)


def test_a_model_of_authored_expressions_shows_all_of_them(tiny_talker):
    network = SpeechToMotion(replace(tiny_talker.config, authored_emotions=True)).eval()
    network.load_state_dict(tiny_talker.network.state_dict())
    whole, names = Talker(network), tiny_talker.config.annotations["arkit"]
    how = {"idle": 0, "fps": 50}
    shown, learnt = (talker.animate(noise(1), emotion="surprised", **how).coefficients for talker in (whole, tiny_talker))
    upper = np.array([name.startswith(("brow", "eye", "cheek", "nose")) for name in names])
    assert shown[:, names.index("browInnerUp")].min() > 0.8 and (shown[:, upper] >= learnt[:, upper] - 1e-6).all()
    np.testing.assert_array_equal(shown[:, ~upper], learnt[:, ~upper])
    neutral = [talker.animate(noise(1), emotion="surprised", intensity=0.0, **how) for talker in (whole, tiny_talker)]
    np.testing.assert_array_equal(neutral[0].coefficients, neutral[1].coefficients)
