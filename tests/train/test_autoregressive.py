"""The stage that trains the autoregressive prior."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from talkinghead.animate.talker import Talker
from talkinghead.errors import InputError
from talkinghead.train import stage_run, train

STAGE = "autoregressive={steps: 4, batch: 2, frames: 20, weights: {code: 1, code_feature: 0.5, lips: 1}}"
ONLY = [STAGE, "motion.steps=0", "prior.steps=0", "eval_every=2"]


def weights(folder):
    return load_file(folder / "model.safetensors")


@pytest.fixture
def base(tiny_talker, tmp_path):
    """A model with the parallel prior alone, and styles that are not all alike."""
    tiny_talker.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def test_a_model_is_given_one_and_keeps_the_rest(recipe, base, tmp_path):
    out = train(recipe, [*ONLY, f"init={base}"])
    before, after = weights(base), weights(out)
    assert {key.split(".")[0] for key in after.keys() - before.keys()} == {"autoregressive"}
    assert all(torch.equal(before[key], after[key]) for key in before)
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines] == ["autoregressive"] * 2
    assert all(np.isfinite(list((line["train"] | line["val"]).values())).all() for line in lines)
    assert {"code", "code_feature", "lips"} <= lines[-1]["train"].keys() and "aperture_r" in lines[-1]["val"]
    talker = Talker.from_pretrained(out)
    assert talker.config.priors == ["parallel", "autoregressive"]
    wave = np.random.default_rng(0).standard_normal(8000).astype(np.float32) * 0.1
    talker.animate(wave, prior="autoregressive", temperature=1)
    heard = [key for key in after if key.startswith(("prior.norm", "prior.style", "prior.body"))]
    assert not all(torch.equal(after[key], after[f"autoregressive.{key[6:]}"]) for key in heard)
    on = train(recipe, [*ONLY, f"init={out}", f"out={tmp_path / 'on'}", "autoregressive.lr=0"])
    assert all(torch.equal(after[key], value) for key, value in weights(on).items()), "one that was trained goes on from there"


def test_it_begins_by_listening_as_the_parallel_prior_does(recipe, base):
    """A rate of nothing: what it ends with is what it began with."""
    given = weights(train(recipe, [*ONLY, f"init={base}", "autoregressive.lr=0"]))
    heard = [key for key in given if key.startswith(("prior.norm", "prior.style", "prior.body"))]
    assert heard and all(torch.equal(given[key], given[f"autoregressive.{key[6:]}"]) for key in heard)


def test_interrupted_and_resumed_is_the_same_to_the_bit(recipe, base, tmp_path, monkeypatch):
    real, calls = stage_run.StageRun._step, []

    def step(self, *arguments):
        calls.append(self.name)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, *arguments)

    both = [*ONLY, f"init={base}"]
    whole = train(recipe, both)
    with monkeypatch.context() as patched:
        patched.setattr(stage_run.StageRun, "_step", step)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, [*both, f"out={tmp_path / 'broken'}"])
    again = train(recipe, [*both, f"out={tmp_path / 'broken'}"])
    assert (whole / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()


def test_mistakes_are_said_in_one_line(recipe):
    for overrides, said in [
        (
            [STAGE, "autoregressive.weights={codes: 1}"],
            "autoregressive.weights: loss 'codes' is unknown here; did you mean 'code'",
        ),
        ([STAGE, "autoregressive.frames=1"], "autoregressive: batch 2"),
        (["model.priors=[psychic]"], "priors has 'psychic'"),
    ]:
        with pytest.raises(InputError, match=said) as caught:
            train(recipe, overrides)
        assert "\n" not in str(caught.value)
