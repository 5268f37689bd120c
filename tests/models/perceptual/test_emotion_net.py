"""Networks that see emotion: what they take and give, how they are kept, and what the ones that ship see."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from heads import tiny_head
from torch import nn

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import EMOTION_LANDMARKS, emotion_map
from talkinghead.models.perceptual.emotion_net import (
    EmotionConfig,
    EmotionNet,
    MeshConfig,
    MeshEmotion,
    ScriptedEmotion,
    emotion_labels,
    load_emotion_net,
)
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner, layer


class Dark(nn.Module):
    """Takes and gives what EmoNet does: brighter pictures are happier; what red and blue differ by would show as arousal."""

    def forward(self, x: torch.Tensor):
        level = x.mean((1, 2, 3))
        expression = torch.stack([level * 0, level * 9] + [level * 0 - 9] * 6, 1)
        return {"heatmap": x[:, :1], "expression": expression, "valence": level, "arousal": (x[:, 0] - x[:, 2]).mean((1, 2))}


class Tuple(Dark):
    def forward(self, x: torch.Tensor):
        level = x.mean((1, 2, 3))
        return x[:, :1], torch.stack([level * 9] * 8, 1), level, level * 0


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripted")
    torch.jit.script(Dark()).save(folder / "dark.pth")
    torch.jit.trace(Tuple(), torch.rand(2, 3, 256, 256)).save(folder / "tuple.pth")
    return folder


def small():
    torch.manual_seed(0)
    return EmotionNet(EmotionConfig(size=16, channels=[8, 8], width=16)).eval()


def test_windows_are_seen_one_by_one():
    for net, windows in ((small(), torch.rand(3, 5, 16, 16)), (MeshEmotion(MeshConfig(width=8)).eval(), torch.rand(3, 9, 60))):
        seen = net(windows)
        assert seen.features.shape[0] == 3 and seen.logits.shape == (3, len(EMOTIONS)) and seen.intensity.shape == (3,)
        assert (seen.intensity > 0).all() and (seen.intensity < 1).all()
        torch.testing.assert_close(net(windows[1:]).features, seen.features[1:], atol=1e-5, rtol=1e-4)


def test_gradients_reach_every_weight():
    for net, windows in ((small(), torch.rand(2, 5, 16, 16)), (MeshEmotion(MeshConfig(width=8)), torch.rand(2, 9, 60))):
        seen = net(windows)
        (seen.logits.square().sum() + seen.intensity.sum()).backward()
        assert not [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()]


def test_they_are_saved_and_loaded(tmp_path):
    net, mesh = small(), MeshEmotion(MeshConfig(width=8)).eval()
    net.save_pretrained(tmp_path / "video")
    mesh.save_pretrained(tmp_path / "mesh")
    pictures, moved = torch.rand(1, 3, 16, 16), torch.rand(1, 4, 60)
    again = load_emotion_net(str(tmp_path / "video"))
    assert isinstance(again, EmotionNet) and again.size == 16 and not again.training
    assert not any(weight.requires_grad for weight in again.parameters())
    torch.testing.assert_close(again.features(pictures), net.features(pictures), atol=2e-2, rtol=2e-2)
    there = MeshEmotion.from_pretrained(tmp_path / "mesh")(moved)
    torch.testing.assert_close(there.features, mesh(moved).features, atol=2e-2, rtol=2e-2)


def test_what_is_no_emotion_network_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file or folder; 'default' is the one that ships"):
        load_emotion_net(str(tmp_path / "absent.pth"))
    (tmp_path / "text.pth").write_text("no archive")
    with pytest.raises(InputError, match=r"text\.pth: is no TorchScript archive"):
        load_emotion_net(str(tmp_path / "text.pth"))
    torch.jit.script(nn.Linear(3, 3)).save(tmp_path / "linear.pth")
    with pytest.raises(InputError, match=r"linear\.pth: does not take \(1, 3, 256, 256\)"):
        load_emotion_net(str(tmp_path / "linear.pth"))
    with pytest.raises(InputError, match=r"has no config\.json"):
        load_emotion_net(str(tmp_path))
    (tmp_path / "config.json").write_text('{"chanels": [1]}')
    with pytest.raises(InputError, match="did you mean 'channels'"):
        load_emotion_net(str(tmp_path))
    small().save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"width": 17}')
    with pytest.raises(InputError, match=f"emotion network {tmp_path}: "):
        load_emotion_net(str(tmp_path))


def test_labels_say_which_and_how_strongly():
    curve = torch.zeros(4, len(EMOTIONS))
    curve[:, 0] = 1  # neutral's own column counts for nothing
    curve[1, 1], curve[2, 1], curve[3, 1], curve[3, 2] = 0.1, 0.5, 0.3, 0.3
    share, intensity = emotion_labels(curve)
    torch.testing.assert_close(share.sum(-1), torch.ones(4))
    torch.testing.assert_close(share[:, 0], torch.tensor([1, 0.5, 0, 0]))
    torch.testing.assert_close(share[3, :3], torch.tensor([0, 0.5, 0.5]))
    torch.testing.assert_close(intensity, torch.tensor([0, 0.1, 0.5, 0.6]))


def test_landmarks_are_told_in_mm_of_a_usual_face():
    head = Head.default()
    places = emotion_map(head)
    assert places is not None and places.shape == (len(head.names), 3 * len(EMOTION_LANDMARKS))
    corner = places[head.index("mouthSmileLeft")].reshape(-1, 3)[EMOTION_LANDMARKS.index("lip_corner_left")]
    assert 3 < np.linalg.norm(corner) < 30 and corner[1] > 1  # up
    half = replace(head, template=head.template / 2, basis=head.basis / 2, joints={k: v / 2 for k, v in head.joints.items()})
    np.testing.assert_allclose(emotion_map(half), places, atol=1e-3, rtol=1e-3)
    assert emotion_map(tiny_head()) is None


def test_a_scripted_network_is_fed_as_it_was_trained(scripted):
    pictures = torch.full((2, 3, 256, 256), 0.5)
    net = load_emotion_net(str(scripted / "dark.pth"))
    assert isinstance(net, ScriptedEmotion) and not any(w.requires_grad for w in net.parameters())
    seen = net(pictures)
    assert seen.features.shape == (2, 10) and seen.logits.argmax(-1).tolist() == [EMOTIONS.index("happy")] * 2
    torch.testing.assert_close(seen.features[0, 8:], torch.tensor([0.5, 0.0]))  # grey: red and blue are the same
    assert load_emotion_net(str(scripted / "tuple.pth")).features(pictures).shape == (2, 10)
    assert not net.train().network.training
    pictures.requires_grad_(True)
    net.features(pictures)[:, 8].sum().backward()
    assert pictures.grad is not None and pictures.grad.abs().sum() > 0


@pytest.fixture(scope="module")
def shown():
    """(7, 64, K) the default head says "mama" with each emotion, and (3, 64, K) with half, a third of and no happiness."""
    from talkinghead.speech.coarticulation import speak

    head = Head.default()
    said = speak([(0.1 + 0.2 * i, 0.3 + 0.2 * i, phone) for i, phone in enumerate(("M", "AA", "M", "AA"))], 1.28, 50.0)

    def wearing(emotion, intensity):
        curve = np.zeros((64, len(EMOTIONS)), np.float32)
        curve[:, emotion] = intensity
        return layer(said.coefficients[:64], curve, head.names, Manner(), 50.0)

    emotions = [wearing(e, 1.0) for e in range(1, len(EMOTIONS))]
    return torch.from_numpy(np.stack(emotions)), torch.from_numpy(np.stack([wearing(1, i) for i in (0.6, 0.3, 0.0)]))


@pytest.mark.parametrize("kind", ["mesh", "video"])
def test_the_shipped_ones_name_emotions_and_how_strong_they_are(shown, kind):
    head = Head.default()
    if kind == "mesh":
        net, places = MeshEmotion.from_pretrained(), torch.from_numpy(emotion_map(head))
        see = lambda motion: net.classify(motion, places)  # noqa: E731
    else:
        from talkinghead.rendering.differentiable.renderer import FaceRenderer

        net = load_emotion_net("default")
        draw = FaceRenderer(head, size=net.size)
        see = lambda motion: net(draw(motion[:, :: net.step]))  # noqa: E731
    assert sum(weight.numel() for weight in net.parameters()) < 1_000_000
    with torch.no_grad():
        each, less = (see(motion) for motion in shown)
    right = [found == wanted for wanted, found in enumerate(each.logits.argmax(-1).tolist(), 1)]
    assert sum(right) >= (7 if kind == "mesh" else 6)  # in pictures of 64 x 64 disgust may pass for anger, see the card
    assert less.logits[-1].argmax() == 0
    strength = [float(each.intensity[0]), *less.intensity.tolist()]
    assert strength == sorted(strength, reverse=True) and strength[0] > 0.6 and strength[-1] < 0.2
    apart = nn.functional.cosine_similarity(each.features[:, None], each.features[None], dim=-1)
    assert (apart - torch.eye(len(each.features))).mean() < 0.3  # what the losses compare differs between emotions
