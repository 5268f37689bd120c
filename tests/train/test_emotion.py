"""A training with the losses of emotion: terms there are, gradients that reach the prior, and nothing that is kept."""

import json

import pytest
import torch

from talkinghead.errors import InputError
from talkinghead.train import train
from talkinghead.train.objective.perception import Perception

EXCHANGED = ("exchange_lips", "exchange_emotion")
LANDMARKS, PICTURES = ("mesh_emotion", *EXCHANGED), ("lipreading", "video_emotion", *EXCHANGED)
FEW = [
    "motion.steps=2",
    "prior.steps=2",
    "prior.batch=2",
    "prior.micro_batch_size=2",
    "prior.frames=64",
    "synthetic_emotion_prob=1",
]


def last_of(out):
    return json.loads((out / "log.jsonl").read_text().splitlines()[-1])


def test_emotions_are_exchanged_while_training(recipe):
    """At landmarks. A loss that reaches no weight would be refused by the training itself (see `train.gradients`)."""
    weights = ", ".join(f"{term}: 1" for term in LANDMARKS)
    out = train(recipe, [*FEW, f"prior.weights={{{weights}}}", "emotion_net=nowhere"])  # pictures are not even looked for
    found = last_of(out)["train"]
    assert all(0 < found[term] < 20 for term in LANDMARKS) and "video_emotion" not in found
    kept = torch.load(out / "state.pt", weights_only=True)["model"]
    assert not any("perception" in name for name in kept)


def test_the_exchange_looks_at_pictures_if_others_do(recipe, monkeypatch):
    def absent(*_):
        raise AssertionError("landmarks are not looked at")

    for method in ("_lip_embedding_distance", "_mesh_emotion_distance"):
        monkeypatch.setattr(Perception, method, absent)
    weights = ", ".join(f"{term}: 1" for term in PICTURES)
    found = last_of(train(recipe, [*FEW, f"prior.weights={{{weights}}}"]))["train"]
    assert all(0 < found[term] < 2 for term in PICTURES) and "mesh_emotion" not in found


def test_networks_that_are_not_there_are_told(recipe):
    with pytest.raises(InputError, match="emotion_net nowhere: no such file or folder"):
        train(recipe, ["emotion_net=nowhere", "prior.weights={video_emotion: 1}"])


def test_the_autoregressive_prior_exchanges_nothing(recipe):
    with pytest.raises(InputError, match="loss 'exchange_lips' is unknown here"):
        train(recipe, ["autoregressive.steps=2", "autoregressive.weights={exchange_lips: 1}"])
