"""The programs that made the default model, on films and recordings of seconds, with a Whisper of random weights."""

from __future__ import annotations

import json

import cheap_training
import numpy as np
import pytest
import torch
from tiny_whisper import write_whisper

from talkinghead.animate.talker import Talker
from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_motion
from talkinghead.errors import InputError
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.models.pretrained import load_model, save_model
from talkinghead.models.pretrained_encoder import load_encoder, save_encoder
from talkinghead.speech.phonemes import PHONES

RECIPE = """
base: {root}/configs/talker.yaml
augmentations_per_clip: 1
eval_every: 2
device: cpu
model: {{landmarks: [lip_upper_inner, lip_lower_inner], num_heads: 4, categories: 5, width: 16, dilations: [1], prior_width: 16,
  prior_dilations: [1]}}
"""
CONVOLUTIONS = {"conv_dim": [8] * 7, "feat_extract_norm": "layer", "conv_bias": True, "num_conv_pos_embeddings": 16}


@pytest.fixture(autouse=True)
def tools(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "tools/train"))


@pytest.fixture(scope="module")
def place(root, tmp_path_factory):
    """whisper.bin, speech/ (three recordings with a /b/) and start/ (an encoder whose convolutions are taken)."""
    folder = tmp_path_factory.mktemp("default")
    write_whisper(folder / "whisper.bin")
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    save_encoder(AudioEncoder(CONVOLUTIONS | sizes), torch.nn.Linear(64, len(PHONES)), folder / "start")
    speech = load_audio(root / "assets/audio/hello.wav")
    times = [["SIL", 0.0, 0.3], ["AA", 0.3, 0.6], ["B", 0.6, 0.8], ["AA", 0.8, 1.5]]
    (folder / "speech").mkdir()
    for i in range(3):
        write_audio(folder / f"speech/{i}.flac", speech[i * 16000 : i * 16000 + 24000])
    lines = [json.dumps({"id": str(i), "phones": times}) for i in range(3)]
    (folder / "speech/phones.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def moonshine(place):
    """A Moonshine of random weights that hears as the real one: frames of 24 ms."""
    from transformers import MoonshineConfig, MoonshineModel

    torch.manual_seed(0)
    heads = {f"{part}_num_{kind}": 2 for part in ("encoder", "decoder") for kind in ("attention_heads", "key_value_heads")}
    layers = {"encoder_num_hidden_layers": 3, "decoder_num_hidden_layers": 1}
    MoonshineModel(MoonshineConfig(hidden_size=16, intermediate_size=16, vocab_size=8, **heads, **layers)).save_pretrained(
        place / "moonshine"
    )
    return place / "moonshine"


@pytest.fixture(scope="module")
def lips(root, place, tiny_data):
    """Nets of two seeds on the tiny Whisper."""
    import sys

    sys.path.insert(0, str(root / "tools/train"))
    import train_lip_nets

    sys.path.pop(0)
    out = place / "lips"
    line = f"--data {tiny_data}=2 --whisper {place}/whisper.bin --layers 1 2 --steps 60 --seeds 2 --batch 4 --frames 40"
    train_lip_nets.main([*line.split(), "--out", str(out)])
    return out


@pytest.mark.filterwarnings("ignore:.*the data give nothing for the losses:talkinghead.errors.InputWarning")
def test_the_default_model_is_made_in_one_go_and_goes_on_where_it_was(
    root, place, moonshine, tiny_data, monkeypatch, tmp_path, capsys
):
    import speech_features
    import train_default

    monkeypatch.setitem(speech_features.LAYERS, "moonshine", [1, 2])

    cheap_training.shorten(monkeypatch.setattr)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(root=root))
    line = f"--films {tiny_data}=2 --speech {place}/speech --whisper {place}/whisper.bin --layers 1 2 --start {place}/start"
    line = f"{line} --moonshine {moonshine} --held-out 1 --recipe {tmp_path}/recipe.yaml --quick --out {tmp_path}/run".split()
    train_default.main(line)
    model = tmp_path / "run/model"
    talker = Talker.from_pretrained(model)
    assert talker.config.encoder["feature_layers"] == [1, 2] and talker.config.styles == ["a", "b", "speech"]
    assert np.isfinite(talker.animate(root / "assets/audio/hello.wav").coefficients).all()
    before = (tmp_path / "run/talker/model.safetensors").stat().st_mtime_ns
    capsys.readouterr()
    train_default.main(line)
    assert capsys.readouterr().out.count("is complete") == 5
    assert (tmp_path / "run/talker/model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="other arguments"):
        train_default.main([*line, "--held-out", "2"])


def test_a_model_is_gone_on_with_on_another_encoder(place, tiny_talker, tmp_path):
    import train_default

    width = tiny_talker.network.audio.width
    save_model(tiny_talker.network, {}, tmp_path / "given")
    encoder = AudioEncoder(tiny_talker.config.encoder)
    save_encoder(encoder, torch.nn.Linear(width, len(PHONES)), tmp_path / "encoder")
    train_default.with_encoder(str(tmp_path / "given"), tmp_path / "encoder", tmp_path / "init")
    made, given = load_model(tmp_path / "init")[0].state_dict(), load_model(tmp_path / "given")[0].state_dict()
    assert all(torch.allclose(made[f"audio.{name}"], value, atol=1e-3) for name, value in encoder.state_dict().items())
    kept = [name for name in given if not name.startswith("audio.")]
    assert kept and all(torch.equal(made[name], given[name]) for name in kept)
    with pytest.raises(InputError, match="features are 16 wide"):
        train_default.with_encoder(str(tmp_path / "given"), place / "start", tmp_path / "other")


def test_nets_learn_lips_of_films_and_say_how_well(place, tiny_data, tmp_path, capsys):
    import train_lip_nets

    line = f"--data {tiny_data} --whisper {place}/whisper.bin --layers 2 --steps 80 --seeds 1 --batch 4 --frames 40"
    train_lip_nets.main([*line.split(), "--out", str(tmp_path / "lips")])
    told = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert told[-1]["clips"] == 1 and told[-1]["aperture_r"] > 0.5
    assert not list(tmp_path.rglob("*.pt"))


def test_an_encoder_goes_on_from_its_checkpoint_as_it_would_have(place, lips, tmp_path, monkeypatch):
    import train_encoder

    line = f"--whisper {place}/whisper.bin --lips {lips} --speech {place}/speech --held-out 1 --start {place}/start --steps 4"
    line = f"{line} --batch 2 --seconds 0.6 --every 2".split()
    train_encoder.main([*line, "--out", str(tmp_path / "whole")])
    batch, calls = train_encoder.TaughtSpeech.batch, []

    def interrupted(*given):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return batch(*given)

    monkeypatch.setattr(train_encoder.TaughtSpeech, "batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_encoder.main([*line, "--out", str(tmp_path / "again")])
    monkeypatch.setattr(train_encoder.TaughtSpeech, "batch", batch)
    assert not (tmp_path / "again/encoder").exists()
    train_encoder.main([*line, "--out", str(tmp_path / "again")])
    one, other = (load_encoder(str(tmp_path / name / "encoder"))[0].state_dict() for name in ("whole", "again"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    norms = [one[f"norms.{i}.weight"] for i in (0, 1)]
    from lip_nets import load_nets

    assert torch.allclose(torch.cat(norms), 1 / load_nets(lips).sd), "the norms give what the nets read"


def test_convolutions_begin_as_gabor_filters(place, lips, tmp_path, capsys):
    import train_encoder

    line = f"--whisper {place}/whisper.bin --lips {lips} --speech {place}/speech --held-out 1 --start gabor --front-steps 1"
    train_encoder.main([*line.split(), *f"--steps 1 --batch 2 --seconds 0.6 --out {tmp_path}/e".split()])
    stages = [json.loads(text).get("stage") for text in capsys.readouterr().out.splitlines()]
    assert stages == [None, "front", "whole", "whole"]
    assert load_encoder(str(tmp_path / "e/encoder"))[2]["feature_layers"] == [1, 2]


def test_recordings_get_the_aperture_of_the_nets_and_shut_lips_at_a_bilabial(place, lips, tmp_path):
    import label_lips
    from lip_labels import Mouth, sharpened
    from lip_nets import load_nets
    from speech_features import WhisperLayers

    line = f"--nets {lips} {lips} --whisper {place}/whisper.bin --speech {place}/speech --held-out 1 --out {tmp_path}/voices"
    label_lips.main(line.split())
    clips = read_manifest(tmp_path / "voices")
    assert [(clip.split, clip.speaker) for clip in clips] == [("train", "speech"), ("train", "speech"), ("test", "speech")]
    motion = read_motion(tmp_path / "voices" / clips[1].motion)
    assert motion.names[-1] == "tongueOut" and motion.coefficients is not None
    mouth = Mouth(list(motion.names[:-1]))
    gap = mouth.gap(motion.coefficients[:, :-1])
    heard = WhisperLayers(place / "whisper.bin", [1, 2])(load_audio(place / "speech/1.flac"))
    told = sharpened(load_nets(lips)(heard)[1])[:, 0]
    assert gap[33:37].max() < 0.3 and told[33:37].min() > 1, "/b/ is at 0.6 to 0.8 s"
    assert gap[48:70] == pytest.approx(told[48:70], abs=0.06)


def test_rows_of_moonshine_are_centred_on_the_frames_of_this_project(moonshine):
    from speech_features import MoonshineLayers

    hears = MoonshineLayers(str(moonshine), [1, 2])
    noise = np.random.default_rng(0).standard_normal(16000).astype(np.float32) * 0.1
    rows = hears(noise)
    assert rows.shape == (50, 32) and np.isfinite(rows).all()
    # A click changes the rows beside it most. Frames of 24 ms, and attention to all others, leave some error for each click.
    errors = []
    for second in np.arange(0.15, 0.9, 0.05):
        click = noise.copy()
        click[round(second * 16000)] += 20
        changed = np.abs(hears(click).astype(np.float32) - rows).sum(1)
        errors.append((np.argmax(changed) + 0.5) / 50 - second)
    assert abs(np.median(errors)) <= 0.011 and np.abs(errors).max() < 0.05, errors
    long = np.tile(noise, 25)
    assert hears(long).shape == (1250, 32), "in pieces"


def test_teachers_are_averaged(place, lips, moonshine, tiny_data, tmp_path):
    import label_lips
    import train_encoder
    import train_lip_nets
    from lip_nets import load_nets

    line = f"--data {tiny_data} --moonshine {moonshine} --layers 2 --steps 4 --seeds 1 --batch 2 --frames 40"
    train_lip_nets.main([*line.split(), "--out", str(tmp_path / "other")])
    assert load_nets(tmp_path / "other").config.features["kind"] == "moonshine"
    sources = f"--whisper {place}/whisper.bin --moonshine {moonshine} --speech {place}/speech --held-out 1"
    label_lips.main(f"--nets {lips} {tmp_path}/other {sources} --out {tmp_path}/voices".split())
    assert len(read_manifest(tmp_path / "voices")) == 3
    line = f"--lips {lips} {tmp_path}/other {sources} --start {place}/start --steps 1 --batch 2 --seconds 0.6"
    train_encoder.main([*line.split(), "--out", str(tmp_path / "encoder")])
    assert (tmp_path / "encoder/encoder/config.json").exists()
    with pytest.raises(InputError, match="name those first"):
        train_encoder.main(
            [*line.replace(f"{lips} {tmp_path}/other", f"{tmp_path}/other {lips}").split(), "--out", str(tmp_path / "x")]
        )
    with pytest.raises(InputError, match="cannot be loaded"):
        train_lip_nets.main(f"--data {tiny_data} --moonshine {tmp_path} --out {tmp_path}/y".split())


def test_bad_input_is_refused_in_a_line(place, lips, tiny_data, tmp_path, capsys):
    import label_lips
    import stage
    import train_lip_nets

    base = f"--whisper {place}/whisper.bin --out {tmp_path}/x"
    sound = f"--speech {place}/speech"
    for line, reason in (
        (f"--data {tiny_data}=lots {base}", "positive weight"),
        (f"--data {tiny_data} {base} --layers 3", "it has 1 to 2"),
        (f"--data {tiny_data} --whisper {tiny_data}/manifest.jsonl --out {tmp_path}/x", "not a CTranslate2 model"),
    ):
        with pytest.raises(InputError, match=reason):
            train_lip_nets.main(line.split())
    with pytest.raises(InputError, match="say where it is with --whisper"):
        label_lips.main(f"--nets {lips} {sound} --held-out 1 --out {tmp_path}/x".split())
    with pytest.raises(InputError, match="cannot be held out"):
        label_lips.main(f"--nets {lips} {sound} {base}".split())
    assert not (tmp_path / "x").exists(), "what was refused claims no folder"

    def refuse():
        raise InputError("what is wrong")

    with pytest.raises(SystemExit) as status:
        stage.run(refuse)
    assert status.value.code == 2 and capsys.readouterr().err == "what is wrong\n"
