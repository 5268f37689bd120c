"""The graphs beside the shipped weights, and those of a small model, against torch."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from streaming_models import tiny_streaming_network

from talkinghead import Talker
from talkinghead.errors import InputError
from talkinghead.files import asset
from talkinghead.models.runtime.onnx_export import export_graphs
from talkinghead.models.runtime.onnx_runtime import GRAPHS, OnnxRuntime
from talkinghead.models.runtime.torch_runtime import load_torch_runtime

SHIPPED = asset("models/default")


@pytest.fixture(scope="module")
def both():
    return Talker(*OnnxRuntime.load(SHIPPED)), Talker(*load_torch_runtime(SHIPPED))


@pytest.mark.parametrize(
    "how", [{}, {"emotion": "angry", "intensity": 0.7}, {"temperature": 1.0, "top_p": 0.9}, {"style": "grid_s4"}]
)
def test_curves_are_those_of_torch(both, sample, how):
    ours, torchs = (talker.animate(sample, seed=3, **how) for talker in both)
    np.testing.assert_allclose(ours.coefficients, torchs.coefficients, atol=1e-4)
    np.testing.assert_allclose(ours.tongue, torchs.tongue, atol=1e-6)


def test_phonemes_are_those_of_torch(both, sample):
    ours, torchs = (talker.phoneme_posteriors(sample) for talker in both)
    np.testing.assert_allclose(np.exp(ours), np.exp(torchs), atol=1e-4)


def test_a_long_recording_goes_through_in_pieces(both):
    wave = np.random.default_rng(0).standard_normal(16000 * 27).astype(np.float32) * 0.1
    ours, torchs = (talker.animate(wave, idle=0) for talker in both)
    np.testing.assert_allclose(ours.coefficients, torchs.coefficients, atol=1e-4)


def test_the_shipped_model_needs_no_torch(sample):
    program = (
        "import sys\n"
        "from talkinghead import Talker\n"
        f"print(len(Talker.from_pretrained().animate({str(sample)!r}, emotion='sad')))\n"
        "print(sorted({'torch', 'transformers', 'numba', 'scipy.signal', 'scipy.stats'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    frames, imported = done.stdout.splitlines()
    assert int(frames) > 50 and imported == "[]"


def test_graphs_share_the_weights():
    assert sum((SHIPPED / name).stat().st_size for name in GRAPHS) < 400_000


def test_who_touches_the_network_gets_it_run(sample):
    talker = Talker.from_pretrained()
    jaw = talker.face()[1].names.index("jawOpen")
    before = talker.animate(sample, idle=0).coefficients[:, jaw]
    for weights in talker.network.motion.decoder.out.parameters():
        weights.data.zero_()
    after = talker.animate(sample, idle=0).coefficients[:, jaw]
    assert before.max() > 0.1 and after.max() < 0.3 * before.max()


def test_graphs_of_a_small_model(tmp_path, sample):
    folder = tmp_path / "model"
    Talker(tiny_streaming_network(streams=False, layers=1, prior_dilations=[2])).save_pretrained(folder)
    reference = Talker(*load_torch_runtime(folder)).animate(sample, idle=0)
    assert sorted(path.name for path in export_graphs(folder)) == sorted(GRAPHS)
    talker = Talker.from_pretrained(folder)
    np.testing.assert_allclose(talker.animate(sample, idle=0).coefficients, reference.coefficients, atol=1e-4)


@pytest.mark.parametrize("damage", ["weights", "graph"])
def test_graphs_of_other_weights_are_refused(tmp_path, damage):
    shutil.copytree(SHIPPED, tmp_path / "model")
    path: Path = tmp_path / "model" / ("model.safetensors" if damage == "weights" else GRAPHS[1])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data if damage == "weights" else data[: len(data) // 2])
    with pytest.raises(InputError, match="export-model"):
        Talker.from_pretrained(tmp_path / "model")
