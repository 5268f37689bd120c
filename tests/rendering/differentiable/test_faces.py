"""Whole faces with a gradient: lids, brows, nose and mouth move the picture as the gradient says."""

from dataclasses import replace

import pytest
import torch
from heads import tiny_head

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.rendering.differentiable.renderer import FaceRenderer, View
from talkinghead.rendering.differentiable.visibility import visible_tensors

LIVELY = {
    **{"eyeBlink": 0.2, "eyeSquint": 0.2, "eyeWide": 0.1, "browDown": 0.2, "browInnerUp": 0.2},
    **{"noseSneer": 0.2, "jawOpen": 0.2, "mouthSmile": 0.2},
}
MOVED = ["eyeBlinkLeft", "eyeWideRight", "browDownLeft", "browInnerUp", "browOuterUpRight", "noseSneerLeft"]
MOVED += ["cheekSquintRight", "mouthSmileLeft", "mouthFrownRight", "jawOpen"]


def pose(**weights):
    head = Head.default()
    out = torch.zeros(1, len(head.names))
    for name, value in weights.items():
        for k, known in enumerate(head.names):
            if known in (name, name + "Left", name + "Right"):
                out[0, k] = value
    return out


@pytest.fixture(scope="module")
def renderer():
    return FaceRenderer(Head.default())


@pytest.fixture(scope="module")
def changes():
    """How a picture of 64 samples a pixel changes with each weight, by finite differences.

    Brows are hairs finer than a sample: where few are taken, differences show which hairs they met.
    """
    fine, head, steps = FaceRenderer(Head.default(), samples=8), Head.default(), (0.03, 0.05, 0.07)
    out = {}
    for name in MOVED:
        parts = pose(**LIVELY).repeat(2 * len(steps), 1)
        parts[:, head.index(name)] += torch.tensor([sign * step for step in steps for sign in (1, -1)])
        with torch.no_grad():
            pictures = fine(parts).unflatten(0, (len(steps), 2))
        out[name] = sum((a - b) / (2 * step) for (a, b), step in zip(pictures, steps, strict=True)) / len(steps)
    return out


def agreement(renderer, name, truth):
    """1 if the gradient of a lively face's picture is what the picture does when the weight `name` changes."""
    weights = pose(**LIVELY).requires_grad_(True)
    (renderer(weights)[0] * truth).sum().backward()
    return float(weights.grad[0, Head.default().index(name)] / truth.square().sum())


@pytest.mark.parametrize("name", MOVED)
def test_gradient_is_what_the_picture_does(renderer, changes, name):
    assert agreement(renderer, name, changes[name]) == pytest.approx(1, abs=0.35)


def test_without_outlines_brows_would_hardly_move(changes):
    inside_only = FaceRenderer(Head.default(), outlines=False)
    assert all(
        agreement(inside_only, name, changes[name]) < 0.6 for name in ("browDownLeft", "browInnerUp", "browOuterUpRight")
    )


def test_pictures_are_of_whole_faces(renderer):
    rest, shut, frown = renderer(torch.cat([pose(), pose(eyeBlink=1.0), pose(browDown=1.0)]))
    assert rest.shape == (64, 64) and 0 <= rest.min() and rest.max() <= 1
    changed = (shut - rest).abs() > 0.1
    rows, columns = changed.nonzero().unbind(1)
    assert 12 <= rows.min() and rows.max() <= 22 and columns.min() < 26 and columns.max() > 38  # both eyes and nothing else
    brows = rest[6:14].lt(0.35)
    assert brows.sum() > 10 and (frown[6:14].lt(0.35).sum() < brows.sum())  # dark hairs, which leave these rows


def test_other_devices_draw_the_same(renderer, monkeypatch):
    from talkinghead.rendering.differentiable import renderer as module

    one, other = (pose(**LIVELY).requires_grad_(True) for _ in range(2))
    renderer(one).square().sum().backward()
    monkeypatch.setattr(module, "visible", lambda screen, faces, size: visible_tensors(screen.detach(), faces, size))
    renderer(other).square().sum().backward()
    torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-2)


def test_sizes_views_and_people():
    head = Head.default()
    assert FaceRenderer(head, ["jawOpen"], size=32, samples=1)(torch.zeros(2, 3, 1)).shape == (2, 3, 32, 32)
    turned = FaceRenderer(head, view=View(yaw=0.3))(pose())[0]
    assert (turned - turned.flip(1)).abs().mean() > 1.5 * (p := FaceRenderer(head)(pose())[0]).sub(p.flip(1)).abs().mean()
    child = FaceRenderer(Head.default(age=11))(pose())[0]
    assert (child[18:24, 20:44].mean() > 0.3) and (child - p).abs().mean() > 0.01


def test_heads_without_eyes_are_refused():
    with pytest.raises(InputError, match="no landmark 'eye_left_outer', so its face cannot be found"):
        FaceRenderer(tiny_head())
    bare = replace(tiny_head(), landmarks={})
    with pytest.raises(InputError, match="no landmark 'lip_upper_inner', so its face cannot be found"):
        FaceRenderer(bare)


def test_hair_clothes_and_paint_are_not_in_the_pictures():
    """Networks see the default head as they learnt it, whatever it wears."""
    head = Head.default()
    parts = tuple(replace(part, colour=(0.9, 0.5, 0.1)) if part.name == "brows" else part for part in head.parts)
    bare = replace(head, garments=(), texture=head.texture // 2, parts=parts)
    torch.testing.assert_close(FaceRenderer(bare)(pose()), FaceRenderer(head)(pose()))
