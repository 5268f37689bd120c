"""Round trips between representations, in millimetres, of speech by the shipped model. README.md has the figures."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
from flames import likeness

from talkinghead import Animation, Talker
from talkinghead.export import load
from talkinghead.head.head import Head
from talkinghead.head.transfer.correspondence import skin_of

MOODS = {"neutral": {}, "happy": {"emotion": "happy", "intensity": 0.8}}


@pytest.fixture(scope="module")
def spoken(sample) -> dict[str, Animation]:
    """The sample recording, spoken; gaze and the tongue's height, which no table of weights holds, are left out."""
    talker = Talker.from_pretrained()
    said = {mood: talker.animate(sample, seed=3, **options) for mood, options in MOODS.items()}
    return {mood: replace(motion, gaze=None, tongue=None) for mood, motion in said.items()}


@pytest.fixture(scope="module")
def flame(tmp_path_factory) -> Head:
    """FLAME's likeness: another person on another mesh. The model itself may not be passed on."""
    path = tmp_path_factory.mktemp("flame") / "generic_model.pkl"
    path.write_bytes(pickle.dumps(likeness(), protocol=2))
    return Head.load(path)


def errors(motion: Animation, other: Animation) -> tuple[float, float]:
    """Mean distance in mm of the lips and of the face."""
    head = motion.head
    skin = np.zeros(len(head.template), bool)
    skin[skin_of(head)] = True
    face = skin & (np.maximum(head.regions["lower_face"], head.regions["upper_face"]) > 0.3)
    far = np.linalg.norm(motion.offsets() - other.offsets(), axis=2) * 1000
    return float(far[:, head.regions["lips"] > 0.5].mean()), float(far[:, face].mean())


def table(root) -> dict[str, list[float]]:
    """Rows of README.md: name of the way -> four figures."""
    rows = re.findall(r"^\| ([^|]+?) \|((?: [\d.]+ \|){4})$", (root / "README.md").read_text(), re.MULTILINE)
    return {name: [float(cell) for cell in cells.split("|")[:4]] for name, cells in rows}


@pytest.mark.parametrize("way", ["none", "vertices", "flame", "oculus", "vrm", "metahuman"])
def test_round_trips(way, spoken, flame, root, tmp_path):
    """No further than README.md says, and not much nearer, or README.md would be outdated."""
    rows = {
        **{"none": "the motion itself", "vertices": "vertices → ARKit", "flame": "ARKit → FLAME → ARKit"},
        **{"oculus": "ARKit → 15 visemes → ARKit", "vrm": "ARKit → VRM expressions → ARKit"},
        "metahuman": "ARKit → MetaHuman → ARKit",
    }
    told, found = table(root)[rows[way]], []
    for motion in spoken.values():
        head, still = motion.head, np.zeros_like(motion.coefficients)
        if way == "none":
            back = replace(motion, coefficients=still)
        elif way == "vertices":
            back = replace(motion, coefficients=still, residual=motion.offsets()).as_weights()
        elif way == "metahuman":
            motion.save(tmp_path / "a.metahuman.csv")
            back = replace(motion, coefficients=load(tmp_path / "a.metahuman.csv").coefficients)
        else:
            back = (motion.on(flame) if way == "flame" else motion.to(way)).on(head)
        assert back.coefficients.min() >= 0 and back.coefficients.max() <= 1.0001
        found += errors(motion, back)
        if way == "flame":
            gap = np.abs(motion.lip_aperture() - back.lip_aperture())
            assert gap.mean() < 1e-4 and gap.max() < 1e-3  # metres
    print(way, np.round(found, 3))
    np.testing.assert_allclose(found, told, rtol=0.2, atol=0.02)


def test_weights_of_flame_are_those_of_a_face_that_speaks(spoken, flame):
    """The jaw opens and hardly turns to the sides; a blink is some deviations from the mean face, nothing is far beyond."""
    weights = spoken["neutral"].on(flame).coefficients
    assert 0.05 < weights[:, 100].max() < 0.3 and np.abs(weights[:, 101:]).max() < 0.02
    assert np.abs(weights[:, :100]).max() < 12
