import numpy as np
import pytest
import torch
from torch import nn

from talkinghead import Animation
from talkinghead.head.head import Head
from talkinghead.losses.lipreading import PICTURES, lipreading, window


class Average:
    """Draws a picture whose brightness is the first coefficient, and sees two numbers of it; counts what it is asked."""

    frames = 8

    def __init__(self):
        self.drawn = []

    def draw(self, coefficients):
        self.drawn.append(tuple(coefficients.shape))
        return coefficients[..., :1, None].expand(*coefficients.shape[:2], 4, 4)

    def features(self, crops):
        level = crops.mean((-1, -2))
        return torch.stack([level, 1 - level], -1)


def test_the_same_motion_costs_nothing_and_less_alike_costs_more():
    torch.manual_seed(0)
    target, see = torch.rand(3, 60, 5), Average()
    values = [
        lipreading(target + shift, target, see.draw, see, np.random.default_rng(0)).item() for shift in (0, 0.1, 0.3, 0.6)
    ]
    assert values[0] == pytest.approx(0, abs=1e-6) and values[1] > 1e-3 and values == sorted(values)


def test_only_some_windows_are_drawn_and_seeds_choose_them():
    target, see = torch.rand(6, 100, 5), Average()
    predicted = (target + torch.rand_like(target)).requires_grad_(True)
    values = [lipreading(predicted, target, see.draw, see, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
    assert set(see.drawn) == {(PICTURES // 8, 8, 5)}
    values[0].backward()
    moved = predicted.grad.abs().sum((1, 2)) > 0
    assert 1 <= moved.sum() <= PICTURES // 8  # clips that were not drawn have no gradient


def test_pictures_lie_between_frames_and_short_clips_hold_their_end():
    motion = torch.arange(10.0)[:, None]
    assert window(motion, 1, 3)[:, 0].tolist() == [2.5, 4.5, 6.5]
    assert window(motion, 0, 7)[:, 0].tolist() == [0.5, 2.5, 4.5, 6.5, 8.5, 8.5, 8.5]
    assert window(motion[:1], 0, 2)[:, 0].tolist() == [0, 0]


@pytest.fixture(scope="module")
def mouth():
    from talkinghead.models.perceptual.lipreader import load_lipreader
    from talkinghead.rendering.differentiable.renderer import MouthRenderer

    return MouthRenderer(Head.default()), load_lipreader("default")


def spoken():
    """(1, 50, 52): "mama", a second of it."""
    from talkinghead.speech.coarticulation import speak

    phones = [(0.1 + 0.2 * i, 0.3 + 0.2 * i, phone) for i, phone in enumerate(("M", "AA", "M", "AA"))]
    return torch.from_numpy(speak(phones, 1.0, 50.0).coefficients)[None]


def test_the_gradient_opens_a_lazy_jaw_and_shuts_lips_that_stay_open(mouth):
    truth, (draw, reader) = spoken(), mouth
    jaw, shut = Head.default().index("jawOpen"), Head.default().index("mouthClose")
    for column, factor in ((jaw, 0.5), (shut, 0.0)):
        gain = torch.tensor(factor, requires_grad=True)
        predicted = truth.clone()
        predicted[..., column] = truth[..., column] * gain
        if column == shut:
            predicted[..., jaw] = truth[..., jaw].clamp_min(0.12)
        loss = lipreading(predicted, truth, draw, reader, np.random.default_rng(0), pictures=16)
        loss.backward()
        assert loss > 0.01 and gain.grad < 0, (column, loss, gain.grad)


def test_the_loss_alone_gives_lips_their_closures_back(mouth):
    (draw, reader), head = mouth, Head.default()
    truth = spoken()[:, 9 : 9 + 2 * reader.frames]  # one window
    jaw, shut = head.index("jawOpen"), head.index("mouthClose")
    start = truth.clone()
    start[..., jaw], start[..., shut] = truth[..., jaw].clamp_min(0.12), 0
    change = torch.zeros(1, truth.shape[1], 2, requires_grad=True)
    optimizer = torch.optim.Adam([change], 0.04)
    for _ in range(20):
        motion = start.index_add(2, torch.tensor([jaw, shut]), change)
        optimizer.zero_grad()
        lipreading(motion, truth, draw, reader, np.random.default_rng(0), pictures=16).backward()
        optimizer.step()
    opened = [Animation(m[0].detach().numpy().clip(0, 1), 50.0, head).lip_aperture() for m in (truth, start, motion)]
    closed = opened[0] < 1e-3
    assert closed.sum() > 5 and opened[1][closed].mean() > 3e-3
    assert np.abs(opened[2] - opened[0]).mean() < 0.5 * np.abs(opened[1] - opened[0]).mean()
    assert opened[2][closed].mean() < 0.5 * opened[1][closed].mean()


class Window(nn.Module):
    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return x[0, 0].flatten(1).std(1)[None]


def test_gradients_reach_coefficients_through_somebodys_network(mouth, tmp_path):
    from talkinghead.models.perceptual.lipreader import load_lipreader

    torch.jit.script(Window()).save(tmp_path / "reader.pth")
    predicted = (spoken() * 0.5).requires_grad_(True)
    lipreading(predicted, spoken(), mouth[0], load_lipreader(str(tmp_path / "reader.pth")), np.random.default_rng(0)).backward()
    assert predicted.grad[..., Head.default().index("jawOpen")].abs().sum() > 0
