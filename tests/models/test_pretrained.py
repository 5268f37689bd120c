"""Model folders: what older ones are called still loads."""

from __future__ import annotations

import json

import pytest
import safetensors.torch
import torch
from strangers import check_damaged, put

from talkinghead.errors import InputError
from talkinghead.files import asset
from talkinghead.head.head import Head
from talkinghead.models.config import ModelConfig
from talkinghead.models.folder import CONFIG
from talkinghead.models.pretrained import load_model, save_model
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.speech.phonemes import PHONES


def test_a_folder_with_the_former_key_heads_loads_as_the_same_model(tiny_talker, tmp_path):
    tiny_talker.save_pretrained(tmp_path / "new")
    tiny_talker.save_pretrained(tmp_path / "old")
    settings = json.loads((tmp_path / "new" / CONFIG).read_text())
    assert settings["num_heads"] == 4 and "heads" not in settings
    settings["heads"] = settings.pop("num_heads")
    (tmp_path / "old" / CONFIG).write_text(json.dumps(settings))
    new, old = (load_model(tmp_path / name)[0] for name in ("new", "old"))
    assert old.config == new.config
    for a, b in zip(old.parameters(), new.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_config_that_ships_has_the_key_of_today():
    settings = json.loads((asset("models/default") / CONFIG).read_text())
    assert settings["num_heads"] == 24 and "heads" not in settings


def test_a_model_whose_encoder_has_several_layers_loads_again(tiny_encoder, tmp_path):
    torch.manual_seed(0)
    encoder = tiny_encoder | {"num_hidden_layers": 3, "feature_layers": [1, 3]}
    config = ModelConfig(annotations={"arkit": ["jawOpen"]}, landmarks=["chin"], encoder=encoder, phones=list(PHONES))
    network = SpeechToMotion(config).eval().half().float()
    save_model(network, {}, tmp_path)
    again, _ = load_model(tmp_path)
    wave = torch.randn(1, 8000)
    with torch.inference_mode():
        features = again.audio(wave)
        assert features.shape == (1, 25, 32) and torch.equal(features, network.audio(wave))
        torch.testing.assert_close(again.phoneme_posteriors(features), network.phoneme_posteriors(features))
    settings = json.loads((tmp_path / CONFIG).read_text())
    settings["encoder"]["feature_layers"] = [1, 4]
    (tmp_path / CONFIG).write_text(json.dumps(settings))
    with pytest.raises(InputError, match=r"feature_layers is \[1, 4\]"):
        load_model(tmp_path)


def test_the_weights_come_last_so_that_they_tell_that_all_is_there(tiny_talker, tmp_path, monkeypatch):
    def killed(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(safetensors.torch, "save_file", killed)
    with pytest.raises(KeyboardInterrupt):
        save_model(tiny_talker.network, {"arkit": Head.default()}, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [CONFIG, "heads"]


@pytest.mark.parametrize("name", ["model_config", "model_weights", "model_head"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)


def small(folder):
    put("model_config", folder)
    return json.loads((folder / CONFIG).read_text())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"width": 10**9}, "width is 1000000000"),
        ({"width": 1 << 19}, "does not fit config.json"),
        ({"num_heads": 0}, "."),
        ({"dilations": [1, 10**12]}, "dilations is 1000000000000"),
        ({"encoder": {"num_hidden_layers": 10**6}}, "num_hidden_layers is 1000000"),
        ({"encoder": {"hidden_act": "system"}}, "makes no network"),
        ({"encoder": {"num_attention_heads": 0}}, "makes no network"),
        ({"encoder": {"layer_norm_eps": "x"}}, "does not run|makes no network"),
        ({"annotations": {"../../points": ["jawOpen", "mouthClose", "pca_002"]}}, "no name of a file|makes no network"),
    ],
)
def test_configs_that_ask_for_too_much_or_make_no_network(tmp_path, change, reason):
    settings = small(tmp_path)
    encoder = settings["encoder"] | change.pop("encoder", {})
    (tmp_path / CONFIG).write_text(json.dumps(settings | change | {"encoder": encoder}))
    with pytest.raises(InputError, match=reason) as error:
        load_model(tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_weights_that_are_not_finite(tmp_path):
    from safetensors.torch import load_file, save_file

    small(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    name = sorted(weights)[0]
    weights[name] = torch.full_like(weights[name], float("nan"))
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=f"not finite, in {name}"):
        load_model(tmp_path)


def test_a_header_of_safetensors_longer_than_the_file(tmp_path):
    small(tmp_path)
    for size in (10**9, 1 << 62, 0):
        (tmp_path / "model.safetensors").write_bytes(size.to_bytes(8, "little") + b"{}")
        with pytest.raises(InputError, match=r"model\.safetensors cannot be read|does not fit"):
            load_model(tmp_path)
