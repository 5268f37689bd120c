"""Emotion in the training: authored expressions on windows that have none of their own, and what the prior is told of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from talkinghead.data.loading.dataset import TrainingData
from talkinghead.head.head import Head
from talkinghead.losses import check_weights, total
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.train.objective.conditions import add_emotion
from talkinghead.train.objective.geometry_terms import GeometryTerms
from talkinghead.train.objective.terms import TERMS
from talkinghead.train.stages import Stage

NAMES = list(Head.default().names)


@pytest.fixture(scope="module")
def batch(tiny_data, tmp_path_factory):
    """Six windows: nobody told the emotion of any, and the upper face of the first two is not known."""
    data = TrainingData([tiny_data], tmp_path_factory.mktemp("cache"), versions=1, cached=False, names={"arkit": NAMES})
    one = data.micro_batch((1,), 0, 6, 40)
    known, motion = torch.ones(6, len(NAMES)), 0.2 * torch.rand(6, 40, len(NAMES), generator=torch.Generator().manual_seed(0))
    upper = torch.tensor([name.startswith(("brow", "eye")) for name in NAMES])
    known[:2, upper], motion[:2, :, upper] = 0, 0
    return replace(one, motion=motion, mask=known, emotion=torch.zeros(6, dtype=torch.long), intensity=torch.zeros(6))


def test_without_authored_expressions_nothing_changes(batch):
    found = add_emotion(batch, batch.motion, NAMES, 0.0, np.random.default_rng(0))
    assert found.motion is batch.motion and found.mask is batch.mask and found.is_neutral.all()
    assert not found.condition.any()


def test_every_window_gets_an_expression_of_its_own(batch):
    found = add_emotion(batch, batch.motion, NAMES, 1.0, np.random.default_rng(1))
    again = add_emotion(batch, batch.motion, NAMES, 1.0, np.random.default_rng(1))
    assert torch.equal(found.motion, again.motion) and torch.equal(found.condition, again.condition)
    assert found.neutral is batch.motion and not found.is_neutral.all()
    change = (found.motion - found.neutral).abs().amax((1, 2))
    shown = found.curve[..., 1:].sum(-1).amax(1)
    assert ((change > 0.02) == (shown > 0.1)).all(), "what the prior is told is what is shown"
    assert found.motion.min() >= 0 and found.motion.max() <= 1
    assert len({tuple(row.tolist()) for row in found.manner}) == 6
    brow, tongue = NAMES.index("browInnerUp"), NAMES.index("tongueOut")
    assert found.mask[0, brow] == 1 and batch.mask[0, brow] == 0, "an expression is known of what it uses"
    lacking = replace(batch, mask=batch.mask.index_fill(1, torch.tensor([tongue]), 0))
    assert not add_emotion(lacking, batch.motion, NAMES, 1.0, np.random.default_rng(1)).mask[:, tongue].any()


def test_clips_that_say_their_emotion_keep_it(batch):
    said = replace(batch, emotion=torch.tensor([1, 0, 2, 0, 0, 6]), intensity=torch.tensor([0.5, 0, 1, 0, 0, 0.25]))
    found = add_emotion(said, batch.motion, NAMES, 1.0, np.random.default_rng(1))
    for i in (0, 2, 5):
        assert torch.equal(found.motion[i], batch.motion[i]) and not found.manner[i].any()
        assert torch.equal(
            found.curve[i].amax(0), torch.nn.functional.one_hot(said.emotion[i], len(EMOTIONS)) * said.intensity[i]
        )
    assert not torch.equal(found.motion[1], batch.motion[1])
    other = add_emotion(replace(said, annotation="flame"), batch.motion, NAMES, 1.0, np.random.default_rng(1))
    assert torch.equal(other.motion, batch.motion), "expressions are of ARKit's shapes"


def test_the_prior_learns_from_the_emotion_and_from_nothing_else_what_it_is(batch, tiny_talker):
    stage = Stage(
        "prior", tiny_talker.network, {"arkit": GeometryTerms("arkit", tiny_talker.config, Head.default(), None)}, 0.0, False
    )  # type: ignore[arg-type]
    stage.emotion_prob = 1.0
    check_weights({"vertex": 1}, TERMS["prior"], "prior.weights")
    total(stage(batch, [3]), {"vertex": 1.0}).backward()
    gradient = tiny_talker.network.prior.emotion.weight.grad
    assert gradient is not None and gradient.abs().sum() > 0
    tiny_talker.network.zero_grad()
    stage.emotion_prob = 0.0
    total(stage(batch, [3]), {"vertex": 1.0}).backward()
    assert not tiny_talker.network.prior.emotion.weight.grad.any(), "no emotion, nothing learnt of it"
    tiny_talker.network.zero_grad(set_to_none=True)
    tiny_talker.network.requires_grad_(True)
