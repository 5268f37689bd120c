"""Losses from phonemes and sound: they pull the lips where they belong, and are refused where nothing is known."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from talkinghead.audio.mel import WIDTH
from talkinghead.data.loading.dataset import TrainingData
from talkinghead.data.manifest import read_manifest, write_manifest
from talkinghead.data.store.shard_writer import write_shards
from talkinghead.errors import InputWarning
from talkinghead.speech.labels import UNKNOWN
from talkinghead.speech.phonemes import PHONES
from talkinghead.train import train
from talkinghead.train.objective.geometry_terms import GeometryTerms
from talkinghead.train.objective.speech_terms import speech_terms
from talkinghead.train.stages import Stage

SPEECH = ("shut", "rest", "touch", "open", "sync", "phoneme")


@pytest.fixture(scope="module")
def spoken(tiny_data, tmp_path_factory):
    """The tiny set with phonemes, which it shares its sound and motion with."""
    folder = tmp_path_factory.mktemp("spoken")
    for part in ("audio", "motion"):
        shutil.copytree(tiny_data / part, folder / part)
    phones = ((0.0, 0.34, "SIL"), (0.34, 0.46, "B"), (0.46, 0.6, "AA"), (0.6, 0.8, "F"), (0.8, 0.9, "?!"))
    write_manifest(folder, [replace(clip, phonemes=phones) for clip in read_manifest(tiny_data)])
    return folder


@pytest.fixture(scope="module")
def batch(spoken, tmp_path_factory):
    data = TrainingData([spoken], tmp_path_factory.mktemp("cache"), versions=2, cached=False)
    return data.micro_batch((1,), 0, 6, 46)


def test_terms_pull_the_lips_where_they_belong(batch, tiny_talker):
    surface = GeometryTerms("arkit", tiny_talker.config, tiny_head_of(tiny_talker), None)
    stage = Stage("prior", tiny_talker.network, {"arkit": surface}, 0.0, False, frozenset(SPEECH))
    jaw = tiny_talker.config.annotations["arkit"].index("jawOpen")
    motion = torch.zeros_like(batch.motion)
    motion[..., jaw] = 0.2
    motion.requires_grad_(True)
    terms = speech_terms(surface, batch, motion, stage.perception.speech_net)
    assert set(terms) == set(SPEECH)
    labels = {"shut": "B", "touch": "F", "rest": "SIL"}
    for name, phone in labels.items():
        (gradient,) = torch.autograd.grad(terms[name], motion, retain_graph=True)
        there = batch.phones == PHONES.index(phone)
        assert (gradient[..., jaw] > 0).any() and not gradient[~there].any(), name
    small = torch.zeros_like(batch.motion).requires_grad_(True)
    (gradient,) = torch.autograd.grad(speech_terms(surface, batch, small, stage.perception.speech_net)["open"], small)
    assert (gradient[..., jaw] < 0).any() and not gradient[batch.phones != PHONES.index("AA")].any()
    for name in ("sync", "phoneme"):
        (gradient,) = torch.autograd.grad(terms[name], motion, retain_graph=True)
        assert gradient.any() and gradient.isfinite().all()
    assert not any(weight.requires_grad for weight in stage.perception.speech_net.parameters())
    assert not any(name.startswith("sync") for name in stage.state_dict())


def test_what_is_not_known_gives_no_term(batch, tiny_talker):
    surface = GeometryTerms("arkit", tiny_talker.config, tiny_head_of(tiny_talker), None)
    stage = Stage("prior", tiny_talker.network, {"arkit": surface}, 0.0, False, frozenset(SPEECH))
    nothing = replace(batch, phones=torch.full_like(batch.phones, UNKNOWN), quiet=torch.ones_like(batch.quiet))
    assert speech_terms(surface, nothing, batch.motion, stage.perception.speech_net) == {}
    assert speech_terms(surface, replace(batch, phones=None, mel=None), batch.motion, stage.perception.speech_net) == {}
    cheap = Stage("prior", tiny_talker.network, {"arkit": surface}, 0.0, False)
    assert cheap.perception.speech_net is None and "sync" not in speech_terms(surface, batch, batch.motion, None)


def test_cached_phonemes_and_mel_go_with_the_speed_of_the_version(spoken, tmp_path, tiny_encoder):
    from talkinghead.models.audio_encoder import AudioEncoder

    torch.manual_seed(0)
    data = TrainingData([spoken], tmp_path, versions=3)
    data.encode(AudioEncoder(tiny_encoder).eval(), "tag")
    cache, row = data.caches[0], 0
    for version in range(3):
        _, motion, _, _, phones, mel = data._cached_window(data.indices[0], row, 0, version, 0.0, 60, None)
        speed = cache.speed(row, version)
        assert (speed == 1) == (version == 0)
        first = int((phones == PHONES.index("B")).nonzero()[0][0])
        assert abs((first + 0.5) / 50 * speed - 0.34) <= 0.02 * speed and phones[-1] == UNKNOWN
        assert mel.shape == (60, WIDTH) and len(motion) == 60


@pytest.mark.parametrize("features", ["cached", "live"])
def test_batches_know_phonemes_cached_and_live(spoken, tmp_path, tiny_encoder, features):
    from talkinghead.models.audio_encoder import AudioEncoder

    data = TrainingData([spoken], tmp_path, versions=2, cached=features == "cached")
    if features == "cached":
        data.encode(AudioEncoder(tiny_encoder).eval(), "tag")
    several = [data.micro_batch((3,), j, 4, 40) for j in range(6)]
    phones, mel, quiet = (torch.cat([getattr(one, name) for one in several]) for name in ("phones", "mel", "quiet"))
    assert phones.dtype == torch.int64 and mel.shape == (*phones.shape, WIDTH)
    assert set(phones.unique().tolist()) == {UNKNOWN, *(PHONES.index(p) for p in ("SIL", "B", "AA", "F"))}
    silent = quiet.all(1) & (mel == 0).all(2).all(1)
    assert (phones[silent] == PHONES.index("SIL")).all()


def test_shards_know_them_too(spoken, tmp_path):
    write_shards(spoken, tmp_path / "shards", progress=False)
    data = TrainingData([tmp_path / "shards"], tmp_path / "cache", versions=1, cached=False)
    phones = torch.cat([data.micro_batch((3,), j, 4, 40).phones for j in range(3)])
    assert set(phones.unique().tolist()) >= {UNKNOWN, *(PHONES.index(p) for p in ("SIL", "B", "AA", "F"))}


def test_a_training_uses_them_and_its_model_has_no_trace(recipe, spoken, tmp_path):
    weights = "{lips: 1, shut: 1, rest: 1, touch: 1, open: 1, sync: 0.1, phoneme: 0.1}"
    out = train(
        recipe, [f"data=[{spoken}]", "motion.frames=40", "prior.frames=40", "prior.steps=16", f"prior.weights={weights}"]
    )
    line = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert line["stage"] == "prior" and {"shut", "touch", "open", "sync", "phoneme"} <= line["train"].keys()
    from safetensors import safe_open

    with safe_open(out / "model.safetensors", "pt") as file:
        assert not [name for name in file.keys() if "sync" in name]


def test_without_phonemes_it_is_told_that_their_terms_count_for_nothing(recipe, tmp_path):
    with pytest.warns(InputWarning, match=r"the data give nothing for the losses touch"):
        train(recipe, ["prior.weights={lips: 1, touch: 1}"])


def tiny_head_of(talker):
    from talkinghead.head.head import Head

    return Head.default()
