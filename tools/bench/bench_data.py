"""Stages of `tools/bench/bench.py` about training data: samples a second, memory of a worker by the size of the set."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.write import write_audio
from talkinghead.data.manifest import VERSION
from talkinghead.data.motion_file import Motion, write_motion
from talkinghead.head.head import Head

HOURS = (1, 10, 100)
SECONDS, FILES = 5.0, 20  # of a clip; pairs of sound and motion that the clips of a large manifest share
SIZE, FRAMES, BATCHES = 16, 100, 40
WORKER = """
import gc, json, sys, time
from pathlib import Path
from talkinghead.data.loading.dataset import TrainingData

def megabytes(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024

folders, cache, samples = sys.argv[1:3], Path(sys.argv[3]), int(sys.argv[4])
def work(folder):
    data = TrainingData([Path(folder)], cache, cached=False)
    for j in range(samples // 8):
        data.micro_batch((0,), j, 8, 50)
    return data

work(folders[0])  # libraries, heads and buffers are there before anything is measured
gc.collect()
before = megabytes("RssAnon")
data = work(folders[1])
gc.collect()
print(json.dumps({"grown_mb": round(megabytes("RssAnon") - before, 2), "own_mb": round(megabytes("RssAnon"), 1)}))
"""


def stages(folder: Path) -> Iterator[tuple[str, Callable[[], Callable[[], dict]]]]:
    """(name, preparation that returns what is to be timed, which returns more figures)."""
    for cached in (True, False):
        yield f"data_{'cached' if cached else 'uncached'}", lambda cached=cached: _throughput(folder, cached)
    for hours in HOURS:
        yield f"data_memory_{hours}h", lambda hours=hours: lambda: worker_memory(folder, hours)


def large_set(folder: Path, hours: float) -> Path:
    """A prepared folder whose manifest has `hours` of clips, all of them made of a few files."""
    if (folder / "manifest.jsonl").exists():
        return folder
    names, rng = tuple(Head.default().names), np.random.default_rng(0)
    times = np.arange(round(SECONDS * 30))[:, None]
    for i in range(FILES):
        write_audio(folder / f"audio/{i}.flac", (rng.standard_normal(round(SECONDS * RATE)) * 0.05).astype(np.float32))
        values = 0.5 + 0.5 * np.sin(times * rng.uniform(0.05, 0.5, len(names)))
        write_motion(folder / f"motion/{i}.safetensors", Motion(30.0, names, values.astype(np.float32)))
    lines = []
    for i in range(round(hours * 3600 / SECONDS)):
        known = {"audio": f"audio/{i % FILES}.flac", "motion": f"motion/{i % FILES}.safetensors", "transcript": "word " * 15}
        known |= {"speaker": f"s{i % 200}", "split": "train" if i % 20 else "val", "duration": SECONDS, "fps": 30.0}
        lines.append(json.dumps({"version": VERSION, "id": f"clip-{i:08d}", "source": "made"} | known))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def worker_memory(folder: Path, hours: float, samples: int = 400) -> dict:
    """What a fresh process has in memory of its own after it opened the set and drew samples, beyond what a tiny set takes.

    index_seconds: to read the manifest and number the windows, once for all processes.
    """
    from talkinghead.data.loading.dataset import TrainingData

    small, large = large_set(folder / "small", FILES * SECONDS / 3600), large_set(folder / f"{hours:g}h", hours)
    start = time.perf_counter()
    TrainingData([large], folder / "cache", cached=False).windows(50)
    seconds = time.perf_counter() - start
    arguments = [str(small), str(large), str(folder / "cache"), str(samples)]
    done = subprocess.run([sys.executable, "-c", WORKER, *arguments], capture_output=True, text=True, check=True)
    return {"hours": hours, "index_seconds": round(seconds, 2), **json.loads(done.stdout)}


def _throughput(folder: Path, cached: bool) -> Callable[[], dict]:
    """Micro-batches of 16 windows of 2 seconds of clips of 5 seconds, in this process: of features of 768, or of sound."""
    import torch

    from talkinghead.data.loading.dataset import TrainingData
    from talkinghead.models.audio_encoder import AudioEncoder

    source = large_set(folder / "throughput", 0.1)
    data = TrainingData([source], folder / "features", versions=2, cached=cached)
    if cached:  # one layer: the width is what reading depends on
        shape = {"hidden_size": 768, "num_hidden_layers": 1, "num_attention_heads": 12, "intermediate_size": 64}
        torch.manual_seed(0)
        data.encode(AudioEncoder({"model_type": "wav2vec2", "conv_dim": [32] * 7} | shape).eval(), "bench")

    def work() -> dict:
        start = time.perf_counter()
        for j in range(BATCHES):
            data.micro_batch((0,), j, SIZE, FRAMES)
        return {"samples_per_second": round(BATCHES * SIZE / (time.perf_counter() - start), 1)}

    return work
