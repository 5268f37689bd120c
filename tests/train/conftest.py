from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cheap_training import shorten
from heads import tiny_head

from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.manifest import Clip, write_manifest
from talkinghead.data.motion_file import Motion, write_motion
from talkinghead.head.topology import fit_pca, head_for
from talkinghead.train import train

RECIPE = """
data: [{data}]
out: {out}
encoder: {encoder}
augmentations_per_clip: 2
eval_every: 4
device: cpu
model:
  landmarks: [lip_upper_inner, lip_lower_inner]
  num_heads: 4
  categories: 5
  width: 16
  dilations: [1]
  prior_width: 16
  prior_dilations: [1, 2]
motion: {{steps: 8, batch: 4, micro_batch_size: 2, frames: 20, weights: {{vertex: 1, lips: 1, cross_modality: 1}}}}
prior: {{steps: 8, batch: 4, micro_batch_size: 2, frames: 20, weights: {{lips: 1, code: 0.1, code_feature: 1}}}}
"""


HELLO = Path(__file__).parents[2] / "assets" / "audio" / "hello.wav"
FPS, FRAMES = 25.0, 30


def made(folder, annotation, speaker, motions, head=None):
    """A prepared set: pieces of the sample recording with the motions given, the last but one for validation."""
    speech = load_audio(HELLO)
    clips = []
    for i, motion in enumerate(motions):
        name = f"{annotation}-{i}"
        write_audio(folder / "audio" / f"{name}.flac", np.roll(speech, -8000 * i)[: round(FRAMES / FPS * 16000)])
        write_motion(folder / "motion" / f"{name}.safetensors", motion)
        split = "val" if i == len(motions) - 1 else "train"
        where = {"audio": f"audio/{name}.flac", "motion": f"motion/{name}.safetensors"}
        kind = {"annotation": annotation, "head": None if head is None else f"heads/{annotation}.npz"}
        clips.append(Clip(name, speaker=speaker, split=split, duration=FRAMES / FPS, fps=FPS, source="made", **where, **kind))
    if head is not None:
        head.save(folder / "heads" / f"{annotation}.npz")
    write_manifest(folder, clips)
    return folder


@pytest.fixture(scope="session")
def meshes(tmp_path_factory):
    """Raw vertices of a mesh of 22 with lips and an upper face, and its shapes."""
    rng, base = np.random.default_rng(0), tiny_head()
    jaw = np.abs(np.sin(np.linspace(0, 9, FRAMES)))[:, None, None] * base.basis[base.index("jawOpen")]
    offsets = [(jaw * rng.uniform(0.5, 1) + rng.normal(0, 1e-4, jaw.shape)).astype(np.float32) for _ in range(4)]
    lips, upper = np.zeros(22, np.float32), np.zeros(22, np.float32)
    lips[4:10], upper[2:4] = 1, 1
    shapes = fit_pca(iter(offsets), most=3)
    head = head_for("toy", base.template, base.faces, shapes, {"lips": lips, "upper_face": upper}, base.landmarks)
    motions = [Motion(FPS, offsets=moved, template=base.template) for moved in offsets]
    return made(tmp_path_factory.mktemp("meshes"), "toy", "mesh_speaker", motions, head)


@pytest.fixture(scope="session")
def parameters(tmp_path_factory):
    """FLAME parameters of which no mesh is known."""
    rng, names = np.random.default_rng(1), (*(f"expression_{k:03d}" for k in range(10)), "jaw_x", "jaw_y", "jaw_z")
    motions = [Motion(FPS, names, rng.normal(0, 1, (FRAMES, 13)).astype(np.float32)) for _ in range(3)]
    return made(tmp_path_factory.mktemp("parameters"), "flame", "flame_speaker", motions)


@pytest.fixture(autouse=True, scope="module")
def cheap():
    """What no test here looks at is not made, neither by tests nor by what they share."""
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch.setattr)
        yield


def write_recipe(folder, data, encoder):
    path = folder / "tiny.yaml"
    path.write_text(RECIPE.format(data=data, out=folder / "run", encoder=encoder))
    return path


@pytest.fixture
def recipe(tmp_path, tiny_data, tiny_encoder_folder):
    """A training of sixteen steps on six clips."""
    return write_recipe(tmp_path, tiny_data, tiny_encoder_folder)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, tiny_data, tiny_encoder_folder):
    """The folder of a run of that recipe, with all pictures. Tests look at it; those that change it take a copy."""
    path = write_recipe(tmp_path_factory.mktemp("trained"), tiny_data, tiny_encoder_folder)
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch.setattr, plots=True)
        return train(path, ["videos=4"])
