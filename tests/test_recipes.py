"""Every recipe of configs/ trains: on its own dataset's published layout, prepared by its own adapter, for a few steps."""

from __future__ import annotations

import json
from pathlib import Path

import cheap_training
import layouts_parameters as parameters
import layouts_vertices as vertices
import numpy as np
import pytest

from talkinghead.animate.talker import Talker
from talkinghead.config import load_config
from talkinghead.data.preparation import prepare
from talkinghead.losses import check_weights
from talkinghead.train import train
from talkinghead.train.config import TrainConfig, check_recipe
from talkinghead.train.objective.terms import EXCHANGE, PERCEPTUAL, SPEECH, STAGES, TERMS
from talkinghead.train.schedules import SCHEDULES

RECIPES = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))
TINY = """
base: {recipe}
encoder: {encoder}
augmentations_per_clip: 1
eval_every: 2
device: cpu
model: {{landmarks: [lip_upper_inner, lip_lower_inner], num_heads: 4, categories: 5, width: 16, dilations: [1], prior_width: 16,
  prior_dilations: [1]}}
motion: {{steps: {steps}, batch: {batch}, micro_batch_size: 2, frames: 16}}
prior: {{steps: {steps}, batch: {batch}, micro_batch_size: 2, frames: 16}}
"""


def vocaset(root):
    from talkinghead.data.adapters.vocaset import VAL

    names = [*(f"FaceTalk_170725_00137_TA_sentence0{i}" for i in range(1, 4)), f"{VAL[0]}_sentence21"]
    vertices.write_converted(root, dict.fromkeys(names, 60), fps=60, rate=22050, ply="templates/FLAME_sample.ply")


def biwi(root):
    vertices.write_converted(root, dict.fromkeys(("F2_e01", "F2_e02", "M3_e01", "F2_e33"), 30), fps=25, rate=44100, scale=5)


def multiface(root):
    vertices.write_multiface(root, {f"SEN_{chr(97 + i)}": 30 for i in range(8)})


def claire(root):
    vertices.write_claire(root, {f"cp{i}_neutral": "npy" for i in range(8)}, frames=30)


def mead(root):
    for i in range(8):
        parameters.probtalk_npy(root, f"M003_{i:03d}_4_2", frames=30)
        parameters.write_wav(root / f"M003_{i:03d}_4_2.wav", 1.2, seed=i)


def beat(root):
    for i in range(8):
        parameters.beat_json(root, f"1_wayne_0_{i + 1}_{i + 1}", seconds=1.0)
        parameters.write_wav(root / f"1_wayne_0_{i + 1}_{i + 1}.wav", 1.0, seed=i)


def beat2(root):
    for i in range(3):
        parameters.beat2_npz(root, f"1_wayne_0_{i + 1}_{i + 1}", seconds=1.0, kind="val" if i == 2 else "train")


def a2fbench(root):
    for i, kind in enumerate(parameters.A2F_KINDS):
        for split in ("train", "val"):
            parameters.a2f_set(root, kind, f"D{i}", split, frames=50)


def livelink(root):
    for i in range(8):
        parameters.livelink_csv(root / f"take{i}.csv", list(range(120)))
        parameters.write_wav(root / f"take{i}.wav", 2.0, seed=i)


LAYOUTS = {f.__name__: f for f in (vocaset, biwi, multiface, claire, mead, beat, beat2, a2fbench, livelink)}
MIXED = {"unified": ("vocaset", "biwi", "beat")}
SIZES = {"a2fbench": (1, 12), "unified": (1, 6)}  # steps, and clips a step: two of each annotation


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_well_formed(path):
    config = load_config(TrainConfig, path)
    check_recipe(config, tuple(SCHEDULES))
    for stage in STAGES:
        if getattr(config, stage).steps:
            check_weights(getattr(config, stage).weights, TERMS[stage], stage)
    assert path.stem in {**LAYOUTS, **MIXED, "base": None, "talker": None, "emotion": None, "streaming": None}


@pytest.mark.filterwarnings("ignore:.*the data give nothing for the losses:talkinghead.errors.InputWarning")
@pytest.mark.parametrize("name", [*LAYOUTS, *MIXED])
def test_a_recipe_trains_on_its_dataset(name, tmp_path, root, tiny_encoder_folder, monkeypatch):
    cheap_training.shorten(monkeypatch.setattr)
    sources = MIXED.get(name, (name,))
    for source in sources:
        (tmp_path / source).mkdir(exist_ok=True)
        LAYOUTS[source](tmp_path / source / "raw")
        prepare(source, [tmp_path / source / "raw"], tmp_path / source / "data", progress=False)
    recipe = tmp_path / "recipe.yaml"
    steps, batch = SIZES.get(name, (2, 2))
    tiny = {"recipe": root / "configs" / f"{name}.yaml", "encoder": tiny_encoder_folder, "steps": steps, "batch": batch}
    recipe.write_text(TINY.format(**tiny))
    data = ",".join(str(tmp_path / source / "data") for source in sources)
    out = train(recipe, [f"data=[{data}]", f"out={tmp_path / 'run'}"])
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines] == ["motion", "prior"]
    assert all(np.isfinite(list(line["train"].values())).all() for line in lines)
    wanted = {term for term, weight in load_config(TrainConfig, recipe, ["data=x", "out=x"]).prior.weights.items() if weight}
    # These made-up sets have no transcripts, and some no lips or brows: what the default recipe asks of those is left out.
    assert wanted - {*SPEECH, *PERCEPTUAL, *EXCHANGE} <= lines[1]["train"].keys()
    emotional = name in ("mead", "beat", "livelink", "a2fbench", "unified")  # ARKit's shapes, or clips that say an emotion
    assert bool(Talker.from_pretrained(out).config.emotions) == emotional, "a model that never saw one must not say it has them"
