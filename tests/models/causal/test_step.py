"""Steps of a streaming model against the whole network on the whole sound."""

from __future__ import annotations

import pytest
import torch
from streaming_models import tiny_streaming_network

from talkinghead.errors import InputError
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.models.causal.level import first_state, follow_level
from talkinghead.models.causal.step import StreamStep
from talkinghead.models.emotion_input import EMOTION_SIZE
from talkinghead.models.runtime.positions import PERIOD, positions

FRAMES, FRAME, WIDTH = 40, 320, 16


@pytest.fixture(scope="module")
def network():
    return tiny_streaming_network()


@pytest.fixture(scope="module")
def inputs():
    torch.manual_seed(1)
    return {
        "sound": torch.randn(1, FRAMES * FRAME) * torch.rand(FRAMES).repeat_interleave(FRAME) * 0.2,
        "emotion": torch.rand(1, FRAMES, EMOTION_SIZE),
        "style": torch.zeros(1, dtype=torch.long),
        "template": torch.randn(1, 3, 3),
    }


@torch.inference_mode()
def whole(network, sound, emotion, style, template):
    """Phonemes of all rows, and motion without and with the emotion."""
    heard, _ = follow_level(sound, first_state(1))
    features = network.audio.features(torch.nn.functional.pad(heard, (network.audio.margin, 0)))
    moved = [network.decode(network.prior(features, style, told).softmax(-1), template) for told in (None, emotion)]
    return network.phones(features).softmax(-1), torch.stack(moved, 1)


@torch.inference_mode()
def in_steps(network, count, sound, emotion, style, template, begin=0):
    step = StreamStep(network).eval()
    past, told, shown = list(step.first().values()), [], []
    padded = torch.nn.functional.pad(emotion, (0, 0, step.encoder_delay, 0))
    for row in range(0, FRAMES, count):
        part = sound[:, row * FRAME : (row + count) * FRAME], padded[:, row : row + count]
        place = torch.from_numpy(positions(begin + row, count, WIDTH))[None]
        phones, motion, *past = step(*part, torch.tensor([row]), place, style, template, *past)
        told.append(phones)
        shown.append(motion)
    return torch.cat(told, 1)[:, step.encoder_delay :], torch.cat(shown, 2)[:, :, step.delay :]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_rows_of_steps_are_those_of_the_whole_network(network, inputs, count):
    phones, motion = whole(network, **inputs)
    told, shown = in_steps(network, count, **inputs)
    seen = network.prior.body.sides, network.motion.decoder.body.sides
    ahead = sum(after for sides in seen for _, after in sides)
    assert shown.shape[2] == FRAMES - 2 - ahead == FRAMES - 5
    torch.testing.assert_close(told[:, : FRAMES - 4], phones[:, : FRAMES - 4], atol=1e-5, rtol=0)
    torch.testing.assert_close(shown[:, :, : FRAMES - 10], motion[:, :, : FRAMES - 10], atol=1e-5, rtol=0)


def test_nothing_is_heard_sooner_than_the_look_ahead_says(network, inputs):
    """Row i is motion once sound up to row i + delay has come: other sound after that changes nothing."""
    step, other = StreamStep(network), dict(inputs)
    changed = 25
    other["sound"] = inputs["sound"].clone()
    other["sound"][:, changed * FRAME :] *= -0.5
    (_, before), (_, after) = whole(network, **inputs), whole(network, **other)
    same = (before == after).all(-1).all(1)[0]
    assert same[: changed - step.delay].all() and not same[changed - step.delay]


def test_positions_repeat_so_that_a_stream_may_last(network, inputs):
    _, early = in_steps(network, 5, **inputs)
    _, late = in_steps(network, 5, **inputs, begin=3 * PERIOD)
    torch.testing.assert_close(late, early, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "changes", [{"right_context": [1]}, {"position_embeddings_type": "relative"}, {"feature_layers": None}]
)
def test_encoders_that_cannot_stream_are_refused(network, changes):
    with pytest.raises(InputError, match="audio encoder: "):
        AudioEncoder(dict(network.config.encoder) | changes)


def test_a_prior_alone_that_looks_ahead_is_refused():
    with pytest.raises(InputError, match="all given, or none"):
        tiny_streaming_network(decoder_lookahead=None)
