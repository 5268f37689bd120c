"""A training with the lip-reading loss, and what becomes of recipes that ask for readers there are not."""

import json

import pytest
import torch

from talkinghead.errors import InputError
from talkinghead.train import train

WEIGHTS = "prior.weights={lips: 1, lipreading: 1}"


def test_lips_are_read_while_training(recipe, monkeypatch):
    out = train(recipe, ["prior.steps=2", "prior.batch=2", "motion.steps=4", WEIGHTS])
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert last["stage"] == "prior" and 0 < last["train"]["lipreading"] < 2
    kept = torch.load(out / "state.pt", weights_only=True)["model"]
    assert not any("mouth" in name for name in kept)


def test_it_costs_nothing_when_it_has_no_weight(recipe):
    out = train(recipe, ["prior.steps=2", "motion.steps=4", "lipreader=nowhere"])  # not even looked for
    assert "lipreading" not in json.loads((out / "log.jsonl").read_text().splitlines()[-1])["train"]


def test_readers_that_are_not_there_are_told(recipe):
    with pytest.raises(InputError, match="lipreader nowhere: no such file or folder"):
        train(recipe, ["lipreader=nowhere", WEIGHTS])
