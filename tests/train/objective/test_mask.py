"""What nobody measured of a clip (the upper face of made-up speech) teaches nothing, in no stage."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from talkinghead.data.loading.batch import Batch
from talkinghead.head.head import Head
from talkinghead.models.config import ModelConfig
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.models.template import template_code
from talkinghead.train.objective import geometry_terms
from talkinghead.train.objective.conditions import fill_unmeasured
from talkinghead.train.stages import Stage

MOUTH, BROW = "jawOpen", "browInnerUp"
NAMES = [MOUTH, "mouthClose", "mouthPucker", BROW, "eyeBlinkLeft"]


@pytest.fixture(scope="module")
def talker(tiny_encoder):
    torch.manual_seed(0)
    sizes = {"num_heads": 4, "categories": 5, "width": 16, "dilations": [1], "prior_width": 16, "prior_dilations": [1]}
    config = ModelConfig(
        annotations={"arkit": NAMES}, encoder=tiny_encoder, landmarks=["lip_upper_inner", "lip_lower_inner"], **sizes
    )
    return SpeechToMotion(config)


def batch(talker, known):
    """Four windows; `known` says what of them."""
    rng = np.random.default_rng(0)
    known = torch.tensor(known, dtype=torch.float32)
    motion = torch.from_numpy(rng.random((4, 12, len(NAMES))).astype(np.float32)) * known[:, None]
    features = torch.from_numpy(rng.normal(size=(4, 12, talker.audio.model.config.hidden_size)).astype(np.float32))
    none, masks = torch.zeros(4, dtype=torch.long), torch.zeros(4, 12)
    return Batch("arkit", motion, none, features, None, none, torch.zeros(4), masks, known)


@pytest.fixture(scope="module")
def surface(talker):
    def nobody_else(landmarks):
        return template_code(Head.default(), talker.config, "arkit")[None], np.ones(1, np.float32)

    with pytest.MonkeyPatch.context() as patch:  # other people take seconds
        patch.setattr(geometry_terms, "_people", nobody_else)
        return geometry_terms.GeometryTerms("arkit", talker.config, Head.default(), np.ones(5))


def terms(talker, surface, name, one):
    return Stage(name, talker, {"arkit": surface}, 0.0, False).eval()(one, [1, 2])


@pytest.mark.parametrize("name", ["motion", "prior"])
def test_the_unknown_gives_no_loss(talker, surface, name):
    """All clips lack the brows: neither what stands in the batch for them nor what the decoder makes of them counts."""
    one = batch(talker, [[1, 1, 1, 0, 0]] * 4)
    other = copy.deepcopy(talker)
    with torch.no_grad():
        other.motion.decoder.out["arkit"].bias[3:] += 0.5  # another upper face
    found, again = terms(talker, surface, name, one), terms(other, surface, name, one)
    judged = {"upper", "vertex", "shape", "velocity"} | ({"cross_modality"} if name == "motion" else set())
    assert judged <= set(found) and all(torch.equal(found[term], again[term]) for term in judged)
    whole = replace(one, mask=torch.ones(4, 5))
    assert terms(talker, surface, name, whole)["upper"] != terms(other, surface, name, whole)["upper"], (
        "else this shows nothing"
    )


def test_an_unknown_upper_face_is_somebody_elses(talker):
    """Of a clip whose face lives, not of one at rest; the mouth stays its own."""
    one = batch(talker, [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 0, 1]])
    one.motion[1, :, 3:] = 0
    out = fill_unmeasured(one.motion, one.mask, np.random.default_rng(0))
    assert torch.equal(out[0, :, :3], one.motion[0, :, :3]) and torch.equal(out[0, :, 3:], one.motion[2, :, 3:])
    assert torch.equal(out[1:3], one.motion[1:3]) and torch.equal(out[3, :, 3], one.motion[2, :, 3])
    assert torch.equal(out[3, :, 4], one.motion[3, :, 4])
    nobody = batch(talker, [[1, 1, 1, 0, 0]] * 4)
    assert torch.equal(fill_unmeasured(nobody.motion, nobody.mask, np.random.default_rng(0)), nobody.motion)
