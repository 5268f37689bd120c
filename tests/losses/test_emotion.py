"""Do the emotion losses see what they should, forgive what they may, and pull a face where the emotion is?"""

import numpy as np
import pytest
import torch

from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import emotion_map, lip_map
from talkinghead.losses import geometry
from talkinghead.losses.emotion import (
    PICTURES,
    exchange,
    exchange_partners,
    lip_embedding_distance,
    mesh_emotion,
    mesh_emotion_distance,
    remove_expression,
    video_emotion,
)
from talkinghead.models.perceptual.emotion_net import EmotionPrediction, MeshEmotion
from talkinghead.models.perceptual.sync import SyncNet
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner, layer

HAPPY = EMOTIONS.index("happy")


class Average:
    """Draws a picture whose brightness is the first coefficient, and sees two numbers of it; counts what it is asked."""

    frames, step = 4, 8

    def __init__(self):
        self.drawn = []

    def draw(self, coefficients):
        self.drawn.append(tuple(coefficients.shape))
        return coefficients[..., :1, None].expand(*coefficients.shape[:2], 4, 4)

    def features(self, pictures):
        level = pictures.mean((1, 2, 3))
        return torch.stack([level, 1 - level], -1)


def curve_of(emotion, intensity, frames=128):
    out = torch.zeros(1, frames, len(EMOTIONS))
    out[..., emotion] = intensity
    return out


def spoken(emotion=0, intensity=0.0, frames=128):
    """(1, T, 52): "mama fubi" with an expression."""
    from talkinghead.speech.coarticulation import speak

    phones = [(0.1 + 0.15 * i, 0.25 + 0.15 * i, phone) for i, phone in enumerate("M AA M AA F UW B IY SIL".split())]
    said = speak(phones, frames / 50, 50.0).coefficients
    curve = curve_of(emotion, intensity, frames)[0].numpy()
    return torch.from_numpy(layer(said, curve, Head.default().names, Manner(), 50.0))[None]


@pytest.fixture(scope="module")
def mesh():
    return MeshEmotion.from_pretrained(), torch.from_numpy(emotion_map(Head.default()))


def test_the_same_sequence_costs_nothing_and_less_alike_costs_more():
    target, see = torch.rand(3, 60, 5), Average()
    values = [
        video_emotion(target + shift, target, see.draw, see, np.random.default_rng(0)).item() for shift in (0, 0.1, 0.3, 0.6)
    ]
    assert values[0] == pytest.approx(0, abs=1e-6) and values[1] > 1e-3 and values == sorted(values)


def test_only_some_windows_are_drawn_and_seeds_choose_them():
    target, see = torch.rand(9, 100, 5), Average()
    predicted = (target + torch.rand_like(target)).requires_grad_(True)
    values = [video_emotion(predicted, target, see.draw, see, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
    assert set(see.drawn) == {(PICTURES // 4, 4, 5)}
    values[0].backward()
    moved = predicted.grad.abs().sum((1, 2)) > 0
    assert moved.sum() == PICTURES // 4  # different clips, as long as there are enough
    short = torch.rand(1, 3, 5)  # holds its end
    assert video_emotion(short, short, see.draw, see, np.random.default_rng(0)) < 1e-6


class Sure:
    """Sees the emotion and the intensity that the first numbers of a window say."""

    frames, step = 4, 4

    def classify(self, motion, places):
        level = (motion @ places).mean(1)
        return EmotionPrediction(level, torch.log(level[:, :8].clamp_min(1e-9)), level[:, 8])


def test_emotions_in_mesh_space_are_right_or_cost():
    places, wanted = torch.eye(9), curve_of(HAPPY, 0.6, 48)
    right = torch.zeros(1, 48, 9)
    right[..., HAPPY], right[..., 8] = 1, 0.6
    assert mesh_emotion(right, wanted, Sure(), places) == pytest.approx(0, abs=1e-5)
    weak, wrong = right.clone(), torch.full_like(right, 1 / 8)
    weak[..., 8] = 0.1
    wrong[..., 8] = 0.6
    assert mesh_emotion(weak, wanted, Sure(), places) == pytest.approx(2 * 0.25, abs=1e-4)
    assert mesh_emotion(wrong, wanted, Sure(), places) == pytest.approx(np.log(8), abs=1e-4)
    late = torch.cat([wanted[:, :24] * 0, wanted[:, 24:]], 1)  # each window is told its own part of the curve
    shown = torch.cat([torch.eye(9)[0].expand(1, 24, 9), right[:, 24:]], 1)
    assert mesh_emotion(shown, late, Sure(), places) < 0.2 < mesh_emotion(right, late, Sure(), places)


def test_the_shipped_mesh_network_prefers_the_right_emotion(mesh):
    net, places = mesh
    for emotion in range(1, len(EMOTIONS)):
        motion = spoken(emotion, 0.8)
        costs = [float(mesh_emotion(motion, curve_of(e, 0.8), net, places)) for e in range(1, len(EMOTIONS))]
        assert int(np.argmin(costs)) + 1 == emotion and costs[emotion - 1] < 0.5
    same, other = (
        mesh_emotion_distance(spoken(HAPPY, 0.8), target, net, places) for target in (spoken(HAPPY, 0.8), spoken(2, 0.8))
    )
    assert same < 1e-5 and other > 0.3


def moved_by(loss, steps=25, rate=0.05):
    """(K,) weights that Adam adds to a neutral speaking face to lower a loss, and the loss before and after."""
    plain, change = spoken(), torch.zeros(52, requires_grad=True)
    optimizer, values = torch.optim.Adam([change], rate), []
    for _ in range(steps):
        value = loss((plain + change).clamp(0, 1))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        change.data.clamp_(0, 1)
        values.append(float(value.detach()))
    return change.detach(), values[0], values[-1]


def test_the_mesh_loss_makes_a_neutral_face_smile(mesh):
    change, before, after = moved_by(lambda motion: mesh_emotion(motion, curve_of(HAPPY, 0.8), *mesh))
    names = Head.default().names
    assert after < 0.3 * before
    assert change[names.index("mouthSmileLeft")] > 0.2 and change[names.index("mouthSmileRight")] > 0.2
    assert change[names.index("mouthSmileLeft")] > 2 * change[names.index("mouthFrownLeft")]


def test_the_video_loss_makes_a_neutral_face_smile():
    from talkinghead.models.perceptual.emotion_net import load_emotion_net
    from talkinghead.rendering.differentiable.renderer import FaceRenderer

    net, target = load_emotion_net("default"), spoken(HAPPY, 0.8)
    draw = FaceRenderer(Head.default(), size=net.size)
    change, before, after = moved_by(
        lambda motion: video_emotion(motion, target, draw, net, np.random.default_rng(0), pictures=8), steps=15
    )
    names = Head.default().names
    assert after < 0.5 * before
    smile = change[[names.index("mouthSmileLeft"), names.index("mouthSmileRight")]].mean()
    assert smile > 0.1 and smile > 2 * change[[names.index("mouthFrownLeft"), names.index("mouthFrownRight")]].mean()


@pytest.fixture(scope="module")
def lips():
    head, net = Head.default(), SyncNet.from_pretrained("loss")
    places = torch.from_numpy(lip_map(head))

    def loss(motion, wanted):
        return float(lip_embedding_distance(motion, wanted, net, places))

    return geometry.gap(head, "lip_upper_inner", "lip_lower_inner"), loss


def test_a_smile_is_forgiven_at_the_lips_and_bad_articulation_is_not(lips):
    gap, loss = lips
    own, smiling = spoken(), spoken(HAPPY, 1.0)
    said = own[:, 5:70]  # the words, without the silence after them
    own, smiling = said, smiling[:, 5:70]
    frozen, late = own.mean(1, keepdim=True).expand_as(own), own.roll(6, 1)
    forgiven = loss(remove_expression(smiling, own, gap), own)
    assert forgiven < 0.6 * loss(smiling, own)  # to ask for the lips of a neutral face would forbid to smile
    for bad in (frozen, late, smiling.mean(1, keepdim=True).expand_as(own)):
        assert loss(remove_expression(bad, own, gap), own) > 2 * forgiven


def test_lips_that_should_be_shut_are_not_forgiven(lips):
    (matrix, rest), _ = lips
    own = spoken()
    gaping = own.clone()
    gaping[..., Head.default().index("jawOpen")] += 0.3
    opening = (own @ matrix + rest)[..., 1]
    found = (remove_expression(gaping, own, (matrix, rest)) @ matrix + rest)[..., 1]
    assert (opening < 0.1).sum() > 5 and (found - opening)[opening < 0.1].min() > 5
    assert (found - opening)[opening > 4].abs().max() < 0.5  # where they are open, they may be further apart
    torch.testing.assert_close(remove_expression(own, own, (matrix, rest)), own, atol=1e-5, rtol=0)


def test_the_exchange_asks_for_own_lips_and_the_others_emotion(lips):
    gap, _ = lips
    asked = []

    def note(motion, wanted):
        asked.append(wanted)
        return (motion - wanted).square().mean()

    own, source, predicted = torch.rand(2, 80, 52), torch.rand(2, 80, 52), torch.rand(2, 80, 52)
    terms = exchange(predicted, own, source, gap, note, note)
    assert terms.keys() == {"exchange_lips", "exchange_emotion"}
    assert asked[0] is own and asked[1] is source
    torch.testing.assert_close(terms["exchange_lips"], (remove_expression(predicted, own, gap) - own).square().mean())
    torch.testing.assert_close(terms["exchange_emotion"], (predicted - source).square().mean())


def test_emotions_always_come_from_another_clip():
    for count in range(2, 9):
        order = exchange_partners(count, np.random.default_rng(count))
        assert sorted(order) == list(range(count)) and (order != np.arange(count)).all()
    assert exchange_partners(1, np.random.default_rng(0)).tolist() == [0]
    assert len({tuple(exchange_partners(6, np.random.default_rng(seed))) for seed in range(20)}) > 10
