import os
import shutil
import time

import numpy as np
import pytest
import torch

from talkinghead.data.dataset import MotionDataset, SpeechDataset, lip_masks
from talkinghead.data.manifest import read_manifest
from talkinghead.errors import InputError
from talkinghead.face.head import Head
from talkinghead.models.audio_encoder import AudioEncoder


@pytest.fixture(scope="module")
def encoder(tiny_encoder):
    torch.manual_seed(0)
    return AudioEncoder(tiny_encoder).eval()


@pytest.fixture
def data(tiny_data, tmp_path, encoder):
    data = MotionDataset([tiny_data], list(Head.default().names), tmp_path, versions=3)
    data.encode(encoder, "tag")
    return data


def test_lips_meet_in_the_first_part_of_bilabials_and_rest_in_long_pauses():
    shut, rest = lip_masks([["SIL", 0.0, 0.8], ["B", 0.8, 1.0], ["AA", 1.0, 1.4], ["SIL", 1.4, 1.6]], 80)
    assert list(np.flatnonzero(shut)) == list(range(40, 47))
    assert list(np.flatnonzero(rest)) == list(range(8, 32))


def test_version_0_is_the_clip_on_the_models_clock(data, tiny_data):
    clip = read_manifest(tiny_data)[0]
    features, motion = data.clip(0)
    assert len(features) == len(motion) == round(clip.duration * 50)
    with np.load(tiny_data / clip.motion) as file:
        jaw = list(file["names"]).index("jawOpen")
        source = file["coefficients"][:, jaw]
        times = (np.arange(30) + 0.5) / file["fps"]
    expected = np.interp((np.arange(len(motion)) + 0.5) / 50, times, source)
    assert np.corrcoef(motion[:, jaw], expected)[0, 1] > 0.99
    assert motion.min() >= 0 and motion[:, jaw].max() <= source.max() + 1e-6, "no overshoot"


def test_other_versions_are_faster_or_slower_and_motion_goes_with_them(data):
    lengths = {len(data.clip(0, version)[0]) for version in range(3)}
    assert len(lengths) == 3
    jaw = data.names.index("jawOpen")
    for version in range(3):
        features, motion = data.clip(0, version)
        assert len(features) == len(motion)
        moved = np.interp(np.linspace(0, 1, 200), np.linspace(0, 1, len(motion)), motion[:, jaw])
        still = data.clip(0)[1][:, jaw]
        assert np.corrcoef(moved, np.interp(np.linspace(0, 1, 200), np.linspace(0, 1, len(still)), still))[0, 1] > 0.95


def test_an_interrupted_cache_is_filled_alike(data, tiny_data, encoder, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done == 7:
            raise Stop

    broken = MotionDataset([tiny_data], data.names, tmp_path / "broken", versions=3)
    with pytest.raises(Stop):
        broken.encode(encoder, "tag", stop)
    again = MotionDataset([tiny_data], data.names, tmp_path / "broken", versions=3)
    again.encode(encoder, "tag")
    for i in data.split("train"):
        for version in range(3):
            np.testing.assert_array_equal(data.clip(i, version)[0], again.clip(i, version)[0])


def test_data_prepared_again_is_read_again(tiny_data, tmp_path, encoder):
    folder = tmp_path / "data"
    shutil.copytree(tiny_data, folder)
    data = MotionDataset([folder], list(Head.default().names), tmp_path / "cache", versions=1)
    data.encode(encoder, "tag")
    path = folder / data.clips[0][1].motion
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | {"coefficients": arrays["coefficients"] * 0}))
    later = time.time() + 10
    os.utime(path, (later, later))
    again = MotionDataset([folder], data.names, tmp_path / "cache", versions=1)
    again.encode(encoder, "tag")
    assert data.clip(1)[1].max() > 0 == again.clip(0)[1].max()


def test_a_batch_is_drawn_by_its_generator(data):
    indices = data.split("train")
    first, again, other = (data.batch(indices, data.durations(indices), 5, 40, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.features.shape == (5, 40, 16) and first.motion.shape == (5, 40, 52) and first.style.shape == (5,)
    assert torch.equal(first.motion, again.motion) and not torch.equal(first.motion, other.motion)


def test_speech_without_motion(tiny_speech, tmp_path, encoder):
    speech = SpeechDataset(tiny_speech, tmp_path, held_out=1)
    assert len(speech.clips) == 2
    speech.encode(encoder, "tag")
    batch = speech.batch(4, 60, np.random.default_rng(0))
    assert batch.features.shape == (4, 60, 16) and batch.shut.shape == batch.rest.shape == (4, 60)
    assert 0 < batch.shut.mean() < 0.5


def test_speech_without_phones_is_said(tmp_path):
    with pytest.raises(InputError, match=r"phones\.jsonl cannot be read"):
        SpeechDataset(tmp_path, tmp_path, 0)
