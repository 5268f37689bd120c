"""A streaming model on ONNX Runtime against torch, alone and beside others."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from streaming_models import tiny_streaming_network

from talkinghead.errors import InputError
from talkinghead.models.causal.step import StreamStep
from talkinghead.models.emotion_input import EMOTION_SIZE
from talkinghead.models.pretrained import load_model, save_model
from talkinghead.models.runtime.positions import positions
from talkinghead.models.runtime.step_export import export_step
from talkinghead.models.runtime.streaming import STEP, StreamingRuntime

FRAME, FRAMES = 320, 24
TEMPLATE = np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streaming")
    save_model(tiny_streaming_network(layers=1, prior_dilations=[2]), {}, folder)  # an export takes long
    assert export_step(folder).name == STEP
    return folder


@pytest.fixture(scope="module")
def runtime(folder):
    return StreamingRuntime.load(folder)


def sounds(count):
    rng = np.random.default_rng(1)
    return (rng.standard_normal((count, FRAMES * FRAME)) * 0.1).astype(np.float32)


def run(runtime, sound, hop=1):
    """Phonemes and motion of (B, S) streams that are stepped together."""
    states, out = [runtime.start(0, TEMPLATE) for _ in sound], []
    for row in range(0, FRAMES, hop):
        emotion = np.full((len(sound), hop, EMOTION_SIZE), 0.3, np.float32)
        out.append(runtime.step(states, sound[:, row * FRAME : (row + hop) * FRAME], emotion))
    return np.concatenate([one.posteriors for one in out], 1), np.concatenate([one.motion for one in out], 2)


def test_rows_are_nearly_those_of_torch(folder, runtime):
    step = StreamStep(load_model(folder)[0]).eval()
    past, shown, sound = list(step.first().values()), [], torch.from_numpy(sounds(1))
    with torch.inference_mode():
        for row in range(FRAMES):
            given = sound[:, row * FRAME : (row + 1) * FRAME], torch.full((1, 1, EMOTION_SIZE), 0.3), torch.tensor([row])
            place = torch.from_numpy(positions(row, 1, 16))[None]
            face = torch.zeros(1, dtype=torch.long), torch.from_numpy(TEMPLATE)[None]
            _, motion, *past = step(*given, place, *face, *past)
            shown.append(motion)
    expected = torch.cat(shown, 2).numpy()[:, :, step.delay :]
    found = run(runtime, sounds(1))[1][:, :, step.delay :]
    assert expected.std() > 0.2
    assert np.sqrt(np.square(found - expected).mean()) < 0.02 * expected.std()  # its matrices have 8 bits


def test_streams_do_not_touch_each_other(runtime):
    three = sounds(3)
    together, louder = run(runtime, three), run(runtime, three * np.array([[1.0], [8.0], [8.0]], np.float32))
    alone = run(runtime, three[:1])
    for one, other, single in zip(together, louder, alone, strict=True):
        np.testing.assert_allclose(one[:1], single, atol=1e-5)
        np.testing.assert_array_equal(one[:1], other[:1])


def test_streams_may_come_and_go(runtime):
    """Two streams of which one begins later, and is stepped first."""
    sound, emotion = sounds(2), np.zeros((2, 1, EMOTION_SIZE), np.float32)
    first, second, shown = runtime.start(0, TEMPLATE), runtime.start(0, TEMPLATE), []
    for row in range(FRAMES):
        now = sound[0, row * FRAME : (row + 1) * FRAME]
        if row < 8:
            shown.append(runtime.step([first], now[None], emotion[:1]).motion[0])
        else:
            then = sound[1, (row - 8) * FRAME : (row - 7) * FRAME]
            shown.append(runtime.step([second, first], np.stack([then, now]), emotion).motion[1])
    alone = runtime.start(0, TEMPLATE)
    for row in range(FRAMES):
        motion = runtime.step([alone], sound[:1, row * FRAME : (row + 1) * FRAME], emotion[:1]).motion[0]
        np.testing.assert_allclose(shown[row], motion, atol=1e-5)


def test_the_graph_is_enough_without_the_weights(folder, runtime, tmp_path):
    for name in ("config.json", STEP):
        shutil.copyfile(folder / name, tmp_path / name)
    np.testing.assert_array_equal(run(StreamingRuntime.load(tmp_path), sounds(1))[1], run(runtime, sounds(1))[1])


def test_a_graph_of_another_config_is_refused(folder, tmp_path):
    shutil.copyfile(folder / STEP, tmp_path / STEP)
    text = (folder / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"styles": []', '"styles": ["a"]'))
    assert text != (tmp_path / "config.json").read_text()
    with pytest.raises(InputError, match=r"is not of its config\.json"):
        StreamingRuntime.load(tmp_path)
