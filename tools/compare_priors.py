"""Which prior gives better lips: each way to draw codes, on the held-out clips of a prepared data set.

    python tools/compare_priors.py DATA [--model FOLDER] [--splits val test] [--clips 50]

Prints one JSON line for each way. Correlations of lip aperture and width are with the tracked lips where the data set has
them; LVE (rooted, mm), velocity and jitter ratios and closures (share of the recorded ones that are made, and of the made
ones that were recorded) are defined in `talkinghead/evaluate/metrics.py`. `seconds` is what the codes took. Each recording
goes through the speech encoder once. `talkinghead evaluate --prior autoregressive` gives these, with confidence intervals
and much more, for one way.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from talkinghead import Talker, load_audio
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion import read_animation
from talkinghead.evaluate import metrics
from talkinghead.evaluate.lips import tracked_lips
from talkinghead.models import prior

WAYS = {
    "parallel": {},
    "parallel, expected codes as they are": {"sharpness": 1.0},
    "parallel, temperature 1": {"temperature": 1.0},
    "autoregressive": {"prior": "autoregressive"},
    "autoregressive, temperature 0.5": {"prior": "autoregressive", "temperature": 0.5},
    "autoregressive, temperature 1, top-p 0.9": {"prior": "autoregressive", "temperature": 1.0, "top_p": 0.9},
    "autoregressive, temperature 1": {"prior": "autoregressive", "temperature": 1.0},
}


class Remembering(torch.nn.Module):
    """A speech encoder that listens to each recording once."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.encoder, self.known = encoder, {}

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        key = wave.numpy().tobytes()
        if key not in self.known:
            with torch.inference_mode():
                self.known[key] = self.encoder(wave)
        return self.known[key]


def animate(talker: Talker, path: Path, style: str | None, fps: float, sharpness: float = prior.SHARPNESS, **how):
    with patch.object(prior, "SHARPNESS", sharpness):
        return talker.animate(path, style=style, fps=fps, idle=0, **how)


def score(predicted, truth, real) -> dict[str, tuple[float, float]]:
    """Sum and weight of each metric, from one clip."""
    frames = min(len(predicted), len(truth))
    lips, shut = truth.head.regions["lips"] > 0.5, metrics.SHUT + resting(truth.head)
    p, g = (np.einsum("tk,kvx->tvx", motion.coefficients[:frames], motion.head.basis[:, lips]) for motion in (predicted, truth))
    a, b = (motion.lip_aperture()[:frames] for motion in (predicted, truth))
    times, aperture, width = (
        (truth.times, truth.lip_aperture(), truth.lip_width()) if real is None else (real.times, real.aperture, real.width)
    )
    return {
        "aperture_r": (metrics.aperture_r(times, aperture, predicted.times, predicted.lip_aperture()), 1),
        "width_r": (metrics.width_r(times, width, predicted.times, predicted.lip_width()), 1),
        "lve_mm": (metrics.lve_mm(p, g, np.arange(lips.sum())) * frames, frames),
        "velocity_ratio": metrics.velocity_ratio(p, g),
        "jitter_ratio": metrics.jitter_ratio(p, g),
        "closure_recall": metrics.closure_recall(a, b, truth.fps, shut),
        "closure_precision": metrics.closure_precision(a, b, truth.fps, shut),
    }


def resting(head) -> float:
    return float(np.linalg.norm(head.landmark("lip_upper_inner") - head.landmark("lip_lower_inner")))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--splits", nargs="+", default=["val", "test"])
    parser.add_argument("--clips", type=int, default=50, help="of each split, evenly spread")
    options = parser.parse_args()
    talker = Talker.from_pretrained(options.model)
    talker.audio = Remembering(talker.audio)  # type: ignore[assignment]
    everything = read_manifest(options.data)
    chosen = []
    for split in options.splits:
        clips = [clip for clip in everything if clip.split == split]
        chosen += [
            clips[i] for i in np.unique(np.linspace(0, len(clips) - 1, min(options.clips, len(clips))).round().astype(int))
        ]
    for clip in chosen:
        talker.audio(torch.from_numpy(load_audio(options.data / clip.audio))[None])  # so that no way is timed with it
    for name, how in WAYS.items():
        if how.get("prior", "parallel") not in ("parallel", *talker.config.priors):
            continue
        sums: dict[str, np.ndarray] = {}
        seconds = 0.0
        for clip in chosen:
            truth, real = read_animation(options.data, clip), tracked_lips(options.data, clip)
            style = clip.speaker if clip.speaker in talker.config.styles else None
            start = time.perf_counter()
            predicted = animate(talker, options.data / clip.audio, style, truth.fps, **how)
            seconds += time.perf_counter() - start
            for key, pair in score(predicted, truth, real).items():
                if np.isfinite(pair).all():
                    sums[key] = sums.get(key, np.zeros(2)) + pair
        found = {key: a / b for key, (a, b) in sums.items() if b}
        found |= {key: found[key] ** 0.5 for key in ("velocity_ratio", "jitter_ratio")}
        found = {key: round(float(value), 3) for key, value in found.items()}
        print(json.dumps({"way": name, "clips": len(chosen), **found, "seconds": round(seconds, 2)}), flush=True)


if __name__ == "__main__":
    main()
