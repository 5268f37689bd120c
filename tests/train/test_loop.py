import json

import numpy as np
import pytest
import torch

from talkinghead import Talker
from talkinghead.errors import InputError
from talkinghead.train import train
from talkinghead.train.stages import STAGES

RECIPE = """
data: [{data}]
out: {out}
encoder: {encoder}
versions: 2
report: 4
model:
  landmarks: [lip_upper_inner, lip_lower_inner]
  heads: 4
  categories: 5
  width: 16
  dilations: [1]
  prior_width: 16
  prior_dilations: [1, 2]
motion: {{steps: 8, batch: 3, frames: 20, weights: {{vertex: 1, lips: 1, cross_modality: 1}}}}
prior: {{steps: 8, batch: 3, frames: 20, weights: {{lips: 1, code: 0.1, code_feature: 1}}}}
"""


@pytest.fixture
def recipe(tmp_path, tiny_data, tiny_encoder_folder):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE.format(data=tiny_data, out=tmp_path / "run", encoder=tiny_encoder_folder))
    return path


def test_a_run_gives_a_model_a_log_and_a_picture(recipe, tmp_path):
    out = train(recipe)
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["step"]) for line in lines] == [("motion", 4), ("motion", 8), ("prior", 12), ("prior", 16)]
    assert set(lines[0]["val"]) == {"aperture_r", "width_r", "aperture_mm"}
    assert (out / "loss.png").stat().st_size > 5000
    talker = Talker.from_pretrained(out)
    assert len(talker.animate(np.zeros(16000, np.float32))) == 30
    assert talker.config.styles == ["a", "b"]


def test_speech_that_nobody_filmed_goes_on_from_a_finished_run(recipe, tiny_speech):
    out = train(recipe)
    before = torch.load(out / "state.pt", weights_only=True)["model"]
    weights = "closure.weights={lips: 1, shut: 1, rest: 0.5}"
    train(recipe, [f"speech={tiny_speech}", "held_out=1", "closure.steps=4", "closure.batch=2", "closure.frames=20", weights])
    after = torch.load(out / "state.pt", weights_only=True)["model"]
    assert {key.split(".")[0] for key in after if not torch.equal(after[key], before[key])} == {"prior"}
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert last["stage"] == "closure" and last["step"] == 20 and last["train"]["shut"] >= 0


def test_interrupted_and_resumed_is_the_same_to_the_bit(recipe, tmp_path, monkeypatch):
    whole = train(recipe, [f"out={tmp_path / 'whole'}"])

    def interrupt(*arguments):
        calls.append(1)
        if len(calls) in (6, 13):
            raise KeyboardInterrupt
        return real(*arguments)

    for stage in ("motion", "prior"):
        calls, real = [], STAGES[stage]
        monkeypatch.setitem(STAGES, stage, interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, [f"out={tmp_path / 'broken'}"])
        monkeypatch.setitem(STAGES, stage, real)
    train(recipe, [f"out={tmp_path / 'broken'}"])
    for name in ("model.safetensors", "log.jsonl"):
        assert (whole / name).read_bytes() == (tmp_path / "broken" / name).read_bytes()


def test_each_stage_trains_its_own_part_and_nothing_else(recipe, tmp_path):
    train(recipe)
    first = torch.load(tmp_path / "run/state.pt", weights_only=True)["model"]
    train(recipe, [f"out={tmp_path / 'b'}", "prior.steps=4"])
    second = torch.load(tmp_path / "b/state.pt", weights_only=True)["model"]
    changed = {key.split(".")[0] for key in first if not torch.equal(first[key], second[key])}
    assert changed == {"prior"}


def test_a_run_with_another_model_is_not_overwritten(recipe):
    train(recipe)
    with pytest.raises(InputError, match="another model or data"):
        train(recipe, ["model.heads=2"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("prior.weights.lipz=1", "'lipz' is unknown"),
        ("model.landmarks=[nose_of_cyrano]", "nose_of_cyrano"),
        ("data=[nowhere]", "nowhere"),
        ("encoder=nowhere/at/all", "encoder nowhere"),
        ("prior.rate=fast", "expected a number"),
    ],
)
def test_mistakes_are_said_in_one_line(recipe, override, said):
    with pytest.raises(InputError, match=said) as caught:
        train(recipe, [override])
    assert "\n" not in str(caught.value)
