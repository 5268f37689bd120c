"""Baselines do what they say, on coefficients and on vertices."""

import numpy as np
import pytest

from talkinghead.audio.load import load_audio
from talkinghead.data.manifest import read_manifest
from talkinghead.errors import InputError
from talkinghead.evaluate.baselines import NOTES, Baseline, describe, loudness
from talkinghead.evaluate.measures.clip import read_motion_of, read_recorded


def baseline(name, folder):
    return Baseline(name, folder, [c for c in read_manifest(folder) if c.split == "train"])


def motion_of(name, folder, split="test"):
    clip = next(c for c in read_manifest(folder) if c.split == split)
    recorded = read_recorded(folder, clip, None, None)
    (found,) = baseline(name, folder).motions(recorded)
    assert len(found) == len(recorded.motion) and found.fps == recorded.motion.fps
    return found, recorded.motion


@pytest.mark.parametrize("name", NOTES)
def test_on_vertices(name, vertex_data):
    found, _ = motion_of(name, vertex_data)
    assert found.coefficients.shape == (40, 3)
    moves = np.ptp(found.coefficients, axis=0).max() > 1e-6
    assert moves == (name in ("loudness", "nearest"))


def test_mean_is_the_mean(vertex_data):
    found, _ = motion_of("mean", vertex_data)
    clips = [c for c in read_manifest(vertex_data) if c.split == "train"]
    mean = np.mean([read_motion_of(vertex_data, c).coefficients.mean(0) for c in clips], axis=0)
    assert found.coefficients[7] == pytest.approx(mean, abs=1e-5)
    still, _ = motion_of("still", vertex_data)
    assert not still.coefficients.any()


def test_loudness_drives_the_jaw_alone(tiny_data):
    found, truth = motion_of("loudness", tiny_data)
    jaw = found.head.names.index("jawOpen")
    assert np.corrcoef(found.coefficients[:, jaw], truth.coefficients[:, jaw])[0, 1] > 0.5
    others = np.delete(found.coefficients, jaw, axis=1)
    assert np.ptp(others, axis=0).max() == 0


def test_nearest_knows_what_it_has_seen(tiny_data):
    found, truth = motion_of("nearest", tiny_data, "train")
    jaw = found.head.names.index("jawOpen")
    assert np.corrcoef(found.coefficients[:, jaw], truth.coefficients[:, jaw])[0, 1] > 0.9


def test_nearest_stays_small(tiny_data, monkeypatch):
    from talkinghead.evaluate import baselines

    monkeypatch.setattr(baselines, "LIBRARY", 4000)
    found, _ = motion_of("nearest", tiny_data)
    assert np.isfinite(found.coefficients).all()


def test_without_training_clips_it_says_so(tiny_data):
    clip = read_manifest(tiny_data)[-1]
    with pytest.raises(InputError, match="training"):
        Baseline("mean", tiny_data, []).motions(read_recorded(tiny_data, clip, None, None))


def test_loudness_has_no_level(sample):
    wave = load_audio(sample)
    assert loudness(wave, 60, 30.0) == pytest.approx(loudness(0.1 * wave, 60, 30.0), rel=1e-3)
    assert describe(wave, 0.0).shape == describe(wave, -3.0).shape == describe(wave, 1e4).shape
