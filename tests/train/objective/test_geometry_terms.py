from __future__ import annotations

import numpy as np
import pytest
import torch

from talkinghead import Animation
from talkinghead.head.head import Head
from talkinghead.losses import geometry
from talkinghead.models.config import ModelConfig
from talkinghead.train.objective.geometry_terms import GeometryTerms


@pytest.fixture(scope="module")
def faces() -> dict[str, GeometryTerms]:
    """The default head as blendshapes, and as a topology with shapes of another kind, whose landmarks nobody named."""
    head = Head.default()
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((8, 52)).astype(np.float32) / 7
    regions = {name: head.regions[name] for name in ("lips", "upper_face")}
    other = Head("vertices", head.template, head.faces, np.einsum("jk,kvx->jvx", mix, head.basis), tuple("abcdefgh"))
    other.regions.update(regions)
    config = ModelConfig(landmarks=["chin"], annotations={"arkit": list(head.names), "vertices": list("abcdefgh")})
    surfaces = {
        name: GeometryTerms(name, config, h, np.ones(len(h.names))) for name, h in (("arkit", head), ("vertices", other))
    }
    return surfaces | {"heads": {"arkit": head, "vertices": other}}  # pyright: ignore


@pytest.mark.parametrize("part", ["lip", "eye"])
def test_landmark_terms_are_the_mean_squared_error_of_landmarks(faces, part):
    head = faces["heads"]["arkit"]
    a, b = np.random.default_rng(1).uniform(size=(2, 5, 52)).astype(np.float32)
    marks = [name for name in head.landmarks if name.startswith(f"{part}_")]
    moved = [np.stack([Animation(w, 50, head).landmark(name) for name in marks]) for w in (a, b)]
    expected = np.square(moved[0] - moved[1]).sum(-1).mean() * 1e6
    found = geometry.surface(torch.from_numpy(a)[None], torch.from_numpy(b)[None], faces["arkit"].matrix(f"{part}_landmarks"))
    assert float(found) == pytest.approx(expected, rel=1e-3)


def test_without_landmarks_the_regions_stand_in(faces):
    head, surface = faces["heads"]["vertices"], faces["vertices"]
    weights = np.random.default_rng(2).standard_normal((4, 8)).astype(np.float32)
    offsets = np.einsum("tj,jvx->tvx", weights, head.basis) * 1000
    for term, region in (("lip_landmarks", "lips"), ("eye_landmarks", "upper_face")):
        mask = head.regions[region]
        expected = ((offsets**2).sum(-1) * mask).sum(1).mean() / mask.sum()
        zero = torch.zeros(1, 4, 8)
        assert float(geometry.surface(torch.from_numpy(weights)[None], zero, surface.matrix(term))) == pytest.approx(
            expected, rel=1e-3
        )
    assert not surface.has("lids")


def test_lids_are_what_blinks_change(faces):
    names = faces["heads"]["arkit"].names
    size = faces["arkit"].matrix("lids").diagonal()
    assert size[names.index("eyeBlinkLeft")] > 20  # mm^2 at weight 1
    assert size[[names.index(name) for name in ("jawOpen", "mouthPucker", "browInnerUp")]].max() < 0.01
