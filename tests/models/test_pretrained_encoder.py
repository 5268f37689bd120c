"""Encoders in folders of ``transformers``, with what is ours beside them."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from cheap_training import shorten
from safetensors.torch import load_file, save_file

from talkinghead.errors import InputError
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.models.config import ModelConfig
from talkinghead.models.input_level import normalise_level
from talkinghead.models.pretrained import load_model
from talkinghead.models.pretrained_encoder import load_encoder, save_encoder
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.speech.phonemes import PHONES
from talkinghead.train import train


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm"])
def test_any_checkpoint_in_the_hubs_format_is_an_encoder(kind, tiny_encoder, tmp_path):
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(0)
    model = AutoModel.from_config(AutoConfig.for_model(kind, **{k: v for k, v in tiny_encoder.items() if k != "model_type"}))
    model.save_pretrained(tmp_path)
    encoder, phones, settings = load_encoder(str(tmp_path))
    assert (phones, settings["model_type"]) == (None, kind)
    wave = torch.randn(1, 8000)
    again = SpeechToMotion(ModelConfig(annotations={"arkit": ["jawOpen"]}, landmarks=["chin"], encoder=settings)).audio
    again.load_state_dict(encoder.state_dict())
    with torch.inference_mode():
        found = again.eval()(wave)
        assert found.shape == (1, 25, model.config.hidden_size)
        level = encoder.margin // 2, encoder.margin - encoder.margin // 2
        expected = model.eval()(torch.nn.functional.pad(normalise_level(wave), level)).last_hidden_state
    torch.testing.assert_close(found, expected)


def test_an_encoder_brings_its_phonemes(tiny_encoder_folder, tmp_path):
    shutil.copytree(tiny_encoder_folder, tmp_path / "encoder")
    given = torch.nn.Linear(16, len(PHONES))
    save_file(given.state_dict(), tmp_path / "encoder" / "phones.safetensors")
    phones = load_encoder(str(tmp_path / "encoder"))[1]
    assert phones is not None and torch.equal(phones.weight, given.weight)
    save_file({"weight": torch.zeros(3, 16), "bias": torch.zeros(3)}, tmp_path / "encoder" / "phones.safetensors")
    with pytest.raises(InputError, match="not the phonemes of this encoder"):
        load_encoder(str(tmp_path / "encoder"))


@pytest.fixture(params=["convolution", "sinusoidal"])
def layered(request, tiny_encoder, tmp_path):
    """A folder of an encoder whose features are those of two layers, and the encoder and phonemes that are in it."""
    torch.manual_seed(0)
    settings = tiny_encoder | {"num_hidden_layers": 3, "feature_layers": [1, 3]}
    if request.param == "sinusoidal":
        settings["position_embeddings_type"] = "sinusoidal"
    encoder, phones = AudioEncoder(settings).eval(), torch.nn.Linear(32, len(PHONES))
    for weight in encoder.norms.parameters():
        torch.nn.init.normal_(weight)
    save_encoder(encoder, phones, tmp_path / "encoder")
    return tmp_path / "encoder", encoder, phones


def test_a_saved_encoder_is_the_same_again(layered):
    folder, encoder, phones = layered
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "phones.safetensors"]
    again, again_phones, settings = load_encoder(str(folder))
    assert settings["feature_layers"] == [1, 3] and again.width == 32 and again.fingerprint() == encoder.fingerprint()
    assert again_phones is not None and torch.equal(again_phones.weight, phones.weight)
    wave = torch.randn(1, 8000)
    with torch.inference_mode():
        assert torch.equal(again.eval()(wave), encoder(wave))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feature_layers": [1, 4]}, r"feature_layers is \[1, 4\], needs a list of layers from 0 to 3"),
        ({"feature_layers": [1, 2, 3]}, "has no norms for its feature_layers"),
        ({"conv_stride": [5, 2, 2, 2, 2, 2, 1]}, "conv_stride"),
    ],
)
def test_a_folder_that_makes_no_encoder_is_refused_in_one_line(layered, change, message):
    folder, *_ = layered
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(InputError, match=message) as error:
        load_encoder(str(folder))
    assert "\n" not in str(error.value)


def test_an_encoder_without_its_norms_is_refused(layered):
    folder, *_ = layered
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith("norms.")}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="has no norms for its feature_layers"):
        load_encoder(str(folder))


def test_a_recipe_trains_on_an_encoder_of_several_layers(layered, tiny_data, tmp_path, monkeypatch):
    shorten(monkeypatch.setattr)
    folder, encoder, phones = layered
    recipe = {
        "data": [str(tiny_data)],
        "out": str(tmp_path / "run"),
        "encoder": str(folder),
        "augmentations_per_clip": 1,
        "device": "cpu",
        "model": {"landmarks": ["chin"], "num_heads": 2, "categories": 3, "width": 8, "prior_width": 8, "dilations": [1]},
        "motion": {"steps": 1, "batch": 2, "frames": 20, "weights": {"vertex": 1}},
        "prior": {"steps": 1, "batch": 2, "frames": 20, "weights": {"vertex": 1}},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    network, _ = load_model(train(tmp_path / "recipe.yaml"))
    assert network.config.encoder["feature_layers"] == [1, 3] and network.audio.width == 32
    assert network.phones is not None and torch.equal(network.phones.weight, phones.weight.half().float())
    for own, given in zip(network.audio.norms.parameters(), encoder.norms.parameters(), strict=True):
        assert torch.equal(own, given.half().float())
    trained = train(tmp_path / "recipe.yaml", [f"out={tmp_path / 'tuned'}", "features=live", "prior.encoder_lr=0.01"])
    tuned = load_model(trained)[0].audio
    for own, given in zip(tuned.norms.parameters(), encoder.norms.parameters(), strict=True):
        assert not torch.equal(own, given.half().float())
