"""Fixtures: real parts wherever they are quick enough, otherwise the real classes at a tiny size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from browser import chromium as chromium  # one browser for all tests
from browser import visit as visit

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks: threads that wait for each other cost more than they bring
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every process that a test starts would compile the package again
ROOT = Path(__file__).resolve().parent.parent


# The longest first, so that the others fill up what they leave of the processes' time.
LONG = ("test_notebooks.py", "test_distributed.py", "test_readme.py", "test_recipes.py", "test_loop.py")


def pytest_collection_modifyitems(items):
    order = {name: place for place, name in enumerate(LONG)}
    # Those on Ray stay together, so that mostly one process starts a `cluster`.
    items.sort(key=lambda item: order.get(item.path.name, len(LONG) + ("[ray" not in item.name)))


@pytest.fixture(scope="session")
def root() -> Path:
    """The clone."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' data folder beside the clone; tests that ask for it skip without it and are marked `shared`."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the developers' data folder beside the clone")
    return folder


@pytest.fixture(scope="session")
def cluster():
    """A Ray of this machine, kept for all tests that ask for it: to start one takes seconds. Nothing of it reaches outside."""
    ray = pytest.importorskip("ray")
    from talkinghead.parallel.ray_cluster import connect

    os.environ.pop("RAY_ADDRESS", None)
    _, own = connect(2)
    assert own
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def tiny_encoder() -> dict:
    """A wav2vec 2.0 of a few thousand weights."""
    return {
        "model_type": "wav2vec2",
        "conv_dim": [8] * 7,
        "feat_extract_norm": "layer",
        "conv_bias": True,
        "do_stable_layer_norm": True,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
    }


@pytest.fixture(scope="session")
def tiny_encoder_folder(tiny_encoder, tmp_path_factory) -> Path:
    """The same, randomly initialised and saved in the Hub's format."""
    import torch
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(0)
    settings = dict(tiny_encoder)
    folder = tmp_path_factory.mktemp("encoder")
    AutoModel.from_config(AutoConfig.for_model(settings.pop("model_type"), **settings)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_talker(tiny_encoder):
    """A Talker of a few thousand weights that moves, though not sensibly."""
    import torch

    from talkinghead.animate.talker import Talker
    from talkinghead.head.head import Head
    from talkinghead.models.config import ModelConfig
    from talkinghead.models.speech_to_motion import SpeechToMotion
    from talkinghead.motion.emotions import EMOTIONS

    torch.manual_seed(0)
    config = ModelConfig(
        emotions=list(EMOTIONS),
        annotations={"arkit": list(Head.default().names)},
        styles=["a", "b"],
        landmarks=["lip_upper_inner", "lip_lower_inner"],
        encoder=tiny_encoder,
        num_heads=4,
        categories=5,
        width=16,
        dilations=[1],
        prior_width=16,
        prior_dilations=[1, 2],
    )
    network = SpeechToMotion(config).eval()
    torch.nn.init.normal_(network.motion.decoder.out["arkit"].weight, std=0.5)
    torch.nn.init.normal_(network.prior.style.weight)
    return Talker(network)


@pytest.fixture(scope="session")
def default_head():
    """The head that ships."""
    from talkinghead.head.head import Head

    return Head.default()


@pytest.fixture(scope="session")
def sample(root) -> Path:
    """The recording that ships."""
    return root / "assets" / "audio" / "hello.wav"


@pytest.fixture(scope="session")
def bad_folder(tmp_path_factory) -> Path:
    """A folder with one file for each name in `sounds.BAD_SOUNDS`, a silent video and a folder named like a sound."""
    from sounds import RATE, bad_sounds, write_media

    folder = tmp_path_factory.mktemp("bad")
    for name, content in bad_sounds().items():
        (folder / name).write_bytes(content)
    (folder / "folder.wav").mkdir()
    write_media(folder / "silent_film.mp4", None, RATE, "aac", picture=True)
    return folder


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory) -> Path:
    """A prepared dataset of 6 clips and 2 speakers: pieces of the sample recording, jaws that follow its loudness."""
    import numpy as np

    from talkinghead.audio.load import load_audio
    from talkinghead.audio.write import write_audio
    from talkinghead.data.manifest import Clip, write_manifest
    from talkinghead.data.motion_file import Motion, write_motion
    from talkinghead.head.head import Head

    folder = tmp_path_factory.mktemp("data")
    (folder / "audio").mkdir()
    (folder / "motion").mkdir()
    names = Head.default().names
    speech = load_audio(ROOT / "assets/audio/hello.wav")
    clips = []
    for i, split in enumerate(("train", "train", "train", "train", "val", "test")):
        wave = np.roll(speech, -i * 8000)[: 16000 + i * 1000]
        loud = np.sqrt([np.mean(block**2) for block in np.array_split(wave, 30)])
        coefficients = np.zeros((30, len(names)), np.float32)
        coefficients[:, names.index("jawOpen")] = np.clip(loud * 3, 0, 1)
        write_audio(folder / f"audio/{i}.flac", wave)
        fps = 30 / (len(wave) / 16000)
        write_motion(folder / f"motion/{i}.safetensors", Motion(fps, names, coefficients))
        where = f"audio/{i}.flac", f"motion/{i}.safetensors"
        clips.append(Clip(str(i), *where, "ab"[i % 2], split, len(wave) / 16000, fps, "made"))
    write_manifest(folder, clips)
    return folder
