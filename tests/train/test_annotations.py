"""Sets of different annotations in one training, and one topology's model that goes on with another."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from heads import tiny_head

from talkinghead import Talker
from talkinghead.errors import InputError, InputWarning
from talkinghead.train import train

WEIGHTS = "weights={vertex: 1, lips: 1, code: 0.1, code_feature: 1}"


@pytest.fixture(autouse=True)
def at_root(monkeypatch, root):
    monkeypatch.chdir(root)


def test_three_kinds_of_annotation_share_one_motion_space(recipe, tiny_data, meshes, parameters, tmp_path):
    data = f"data=[{tiny_data},{meshes},{parameters}]"
    out = train(recipe, [data, "motion.steps=12", "prior.steps=12", f"prior.{WEIGHTS}"])
    val = json.loads((out / "log.jsonl").read_text().splitlines()[-1])["val"]
    assert {"arkit/aperture_r", "toy/lve_mm", "flame/coefficient_rmse", "coefficient_rmse"} <= set(val)
    assert "flame/lve_mm" not in val
    talker = Talker.from_pretrained(out)
    assert {name: len(names) for name, names in talker.config.annotations.items()} == {"arkit": 52, "flame": 13, "toy": 3}
    assert talker.config.styles == ["a", "b", "flame_speaker", "mesh_speaker"]
    wave = np.zeros(16000, np.float32)
    assert talker.animate(wave).head.name == "default"
    on_mesh = talker.animate(wave, annotation="toy")
    assert on_mesh.vertices().shape == (30, 22, 3) and on_mesh.rotation is None and on_mesh.meta["annotation"] == "toy"
    somebody = tiny_head()
    somebody.template[:] *= 1.1
    of_somebody = talker.animate(wave, head=somebody)
    assert of_somebody.meta["annotation"] == "toy" and of_somebody.head.names == ("pca_000", "pca_001", "pca_002")
    np.testing.assert_allclose(of_somebody.vertices() - somebody.template, on_mesh.offsets(), atol=1e-6)
    with pytest.raises(InputError, match="no mesh is known for its flame motion"):
        talker.animate(wave, annotation="flame")
    with pytest.raises(InputError, match="annotation 'biwi': this model has arkit, flame, toy"):
        talker.animate(wave, annotation="biwi")


def test_a_model_of_one_topology_goes_on_with_another(recipe, trained, meshes, tmp_path):
    first = trained
    frozen = ["motion.steps=1", "motion.lr=0", "prior.steps=1", "prior.weights={code: 1}"]
    out = train(recipe, [f"data={meshes}", f"init={first}", f"out={tmp_path / 'second'}", *frozen])
    old, new = (torch.load(folder / "state.pt", weights_only=True)["model"] for folder in (first, out))
    shared = [name for name in new if name.startswith("motion.") and ".arkit." not in name and ".toy." not in name]
    assert len(shared) > 10 and all(torch.equal(old[name].half().float(), new[name]) for name in shared)
    assert not any(".arkit." in name for name in new)
    talker = Talker.from_pretrained(out)
    assert list(talker.config.annotations) == ["toy"] and talker.config.width == 16
    assert talker.animate(np.zeros(16000, np.float32)).head.name == "toy"


def test_a_layer_that_nothing_was_taught_yet_is_told(recipe, trained, meshes, tmp_path):
    first = trained
    with pytest.raises(InputError, match="prior: loss 'lips' had no gradient"):
        train(recipe, [f"data={meshes}", f"init={first}", f"out={tmp_path / 'second'}", "motion.steps=0", f"prior.{WEIGHTS}"])


def test_a_loss_that_the_data_cannot_give_is_told(recipe, parameters):
    weights = "motion.weights={vertex: 1, aperture: 1}"
    nothing = "the data give nothing for the losses {}; they count for nothing"
    motion, prior = (f"{stage}: {nothing.format(term)}" for stage, term in (("motion", "aperture"), ("prior", "lips")))
    with pytest.warns(InputWarning, match=motion), pytest.warns(InputWarning, match=prior):
        train(recipe, [f"data={parameters}", weights])
