"""Is the gradient of a picture of the mouth what the picture does when the mouth moves?"""

from functools import lru_cache

import numpy as np
import pytest
import torch
from heads import tiny_head

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.rendering.differentiable.renderer import MouthRenderer, View
from talkinghead.rendering.differentiable.visibility import FAR, visible_compiled, visible_tensors

SPEAKING = {
    **{"jawOpen": 0.3, "mouthClose": 0.05, "mouthFunnel": 0.2, "mouthRollLower": 0.1},
    **{"mouthLowerDown": 0.2, "mouthUpperUp": 0.2, "mouthSmile": 0.1},
}
MOVED = [
    *("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower"),
    *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthSmileLeft", "mouthSmileRight", "mouthUpperUpLeft"),
]


def pose(**weights):
    head = Head.default()
    out = torch.zeros(1, len(head.names))
    for name, value in weights.items():
        for k, known in enumerate(head.names):
            if known in (name, name + "Left", name + "Right"):
                out[0, k] = value
    return out


@lru_cache(maxsize=1)
def antialiased():
    return MouthRenderer(Head.default())


@pytest.fixture(scope="module")
def renderer():
    return antialiased()


@pytest.fixture(scope="module")
def inside_only():
    return MouthRenderer(Head.default(), outlines=False)


def agreement(renderer, name):
    """1 if the gradient of a speaking mouth's picture is what the picture does when the weight `name` changes.

    The latter by finite differences of antialiased pictures, over several steps, since each jumps from sample to sample; then
    how much of that change is in the derivative, as the scalar product of the two says.
    """
    weights, k, steps = pose(**SPEAKING), Head.default().index(name), (0.008, 0.012, 0.016, 0.02, 0.024)
    parts = weights.repeat(2 * len(steps), 1)
    parts[:, k] += torch.tensor([sign * step for step in steps for sign in (1, -1)])
    with torch.no_grad():
        pictures = antialiased()(parts).view(len(steps), 2, 88, 88)
    truth = sum((a - b) / (2 * step) for (a, b), step in zip(pictures, steps, strict=True)) / len(steps)
    weights.requires_grad_(True)
    (renderer(weights)[0] * truth).sum().backward()
    return float(weights.grad[0, k] / truth.square().sum())


def test_the_twins_see_the_same():
    rng = np.random.default_rng(0)
    points = torch.from_numpy(np.concatenate([rng.uniform(-5, 45, (3, 60, 2)), rng.uniform(1, 9, (3, 60, 1))], 2)).float()
    faces = torch.from_numpy(rng.integers(60, size=(200, 3)))
    one, other = visible_compiled(points, faces, 40), visible_tensors(points, faces, 40)
    assert (one[0] == other[0]).float().mean() > 0.9999 and (one[1] == other[1]).float().mean() > 0.9999
    assert len(one[0].unique()) > 100
    assert ((one[0] < 0) == (one[1] == FAR)).all()


def test_an_empty_picture_and_one_triangle():
    faces = torch.tensor([[0, 1, 2]])
    triangle = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 4.0, 1.0], [4.0, 0.0, 1.0]]])
    for visible in (visible_compiled, visible_tensors):
        owner, depth = visible(triangle, faces, 4)
        assert (owner[0] >= 0).sum() == 10 and depth[0, 0, 0] == 1.0
        assert (visible(triangle.flip(1), faces, 4)[0] < 0).all()  # seen from behind
        assert (visible(triangle + 9, faces, 4)[0] < 0).all()


def test_pictures_are_of_mouths(renderer):
    shut, open_, wide = renderer(torch.cat([pose(), pose(jawOpen=0.5), pose(mouthSmile=0.8)])[None])[0]
    assert shut.shape == (88, 88) and 0 <= shut.min() and shut.max() <= 1
    hole = (open_ < 0.15) & (shut > 0.3)
    assert 80 < hole.sum() < 600  # the cavity is dark, and it was lip before
    assert (open_[40:70] > 0.6).sum() > (shut[40:70] > 0.6).sum() * 0.5  # and the rest of the face is not
    assert (wide - shut).abs().mean() > 0.01
    torch.testing.assert_close(renderer(pose(jawOpen=0.5))[0], open_)


def test_thin_gaps_between_lips_show(renderer):
    gaps = torch.cat([pose(jawOpen=weight) for weight in (0.0, 0.02, 0.04, 0.08)])
    darkest = renderer(gaps)[:, 30:60, 30:58].amin(1).mean(1)
    assert (darkest.diff() < -0.003).all(), darkest


@pytest.mark.parametrize("name", MOVED)
def test_gradient_is_what_the_picture_does(renderer, name):
    assert agreement(renderer, name) == pytest.approx(1, abs=0.2)


def test_without_outlines_the_gradient_is_wrong(inside_only):
    """Why there is antialiasing at all: the jaw uncovers what a fixed visibility does not know."""
    assert max(agreement(inside_only, name) for name in ("jawOpen", "mouthFunnel", "mouthClose")) < 0.75


def test_other_devices_draw_the_same(renderer, monkeypatch):
    """On a GPU visibility is decided by tensor operations; all else is one code."""
    from talkinghead.rendering.differentiable import renderer as module

    one, other = (pose(**SPEAKING).requires_grad_(True) for _ in range(2))
    renderer(one).square().sum().backward()
    monkeypatch.setattr(module, "visible", lambda screen, faces, size: visible_tensors(screen.detach(), faces, size))
    renderer(other).square().sum().backward()
    torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-2)


def fitted(renderer, target, names, steps):
    """Weights of `names` that Adam finds for a picture, beginning with a shut mouth."""
    keep = [Head.default().index(name) for name in names]
    found = torch.full((1, len(keep)), 0.05, requires_grad=True)
    optimizer = torch.optim.Adam([found], 0.03)
    for _ in range(steps):
        weights = torch.zeros(1, 52).index_copy(1, torch.tensor(keep), found)
        loss = (renderer(weights) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.data.clamp_(0, 1)
    return found.detach()[0]


def test_a_mouth_is_recovered_from_its_picture(renderer):
    names = ["jawOpen", "mouthFunnel", "mouthSmileLeft", "mouthSmileRight", "mouthLowerDownLeft", "mouthLowerDownRight"]
    truth = torch.tensor([0.35, 0.25, 0.1, 0.3, 0.3, 0.1])
    weights = torch.zeros(1, 52)
    weights[0, [Head.default().index(name) for name in names]] = truth
    target = renderer(weights).detach()
    found = fitted(renderer, target, names, 80)
    assert (found - truth).abs().max() < 0.05, found


def test_names_may_come_in_another_order_and_views_move_the_picture(renderer):
    head = Head.default()
    few = MouthRenderer(head, ["mouthFunnel", "jawOpen"])
    torch.testing.assert_close(few(torch.tensor([[0.2, 0.4]])), renderer(pose(jawOpen=0.4, mouthFunnel=0.2)))
    moved = MouthRenderer(head, view=View(shift=(4 / 88, 0.0)))
    torch.testing.assert_close(moved(pose())[0, :, 10:70], renderer(pose())[0, :, 6:66], atol=2e-3, rtol=0)
    larger = MouthRenderer(head, size=96)(pose())
    assert larger.shape == (1, 96, 96)
    bright = MouthRenderer(head, view=View(lamps=(2.0, 1.0, 1.0)))
    assert bright(pose()).mean() > renderer(pose()).mean() + 0.05


def test_heads_without_lips_are_refused():
    from dataclasses import replace

    with pytest.raises(InputError, match="no landmark 'lip_corner_left', so its mouth cannot be found"):
        MouthRenderer(replace(tiny_head(), landmarks={k: v for k, v in tiny_head().landmarks.items() if "corner" not in k}))
    assert MouthRenderer(tiny_head(), size=16)(torch.zeros(2, 11)).shape == (2, 16, 16)
