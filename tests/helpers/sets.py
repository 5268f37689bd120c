"""Prepared folders made for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sounds import RATE, voice

from talkinghead.audio.write import write_audio
from talkinghead.data.manifest import Clip, write_manifest
from talkinghead.data.motion_file import Motion, write_motion
from talkinghead.head.head import Head

VERTICES, SHAPES = 12, 3
EMOTIONS = (None, "happy", "angry")


def vertex_head(seed: int = 0) -> Head:
    """12 points and a triangle, with 3 shapes of 1 cm that are not orthogonal."""
    rng = np.random.default_rng([5, seed])
    return Head(
        name="points",
        template=rng.standard_normal((VERTICES, 3)).astype(np.float32) * 0.1,
        faces=np.array([[0, 1, 2]], np.int32),
        basis=np.round(rng.standard_normal((SHAPES, VERTICES, 3)) * 1000).astype(np.float32) * 1e-5,
        names=tuple(f"pca_{i:03d}" for i in range(SHAPES)),
    )


def coefficient_set(folder: Path, clips: int = 8, names: tuple[str, ...] = ("jawOpen", "mouthClose", "jawLeft")) -> Path:
    """Clips of 1 to 3 seconds at 30 frames a second whose first coefficient follows a sine; every 4th is not for training."""
    entries = []
    for i in range(clips):
        seconds = 1 + 2 * i / max(1, clips - 1)
        times = (np.arange(round(seconds * 30)) + 0.5) / 30
        values = np.stack([0.5 + 0.5 * np.sin(7 * times + i), np.full_like(times, i / clips), 0.1 * times], 1)
        write_motion(folder / f"motion/{i}.safetensors", Motion(30.0, names, values))
        entries.append(_clip(folder, i, len(times) / 30, 30.0))
    write_manifest(folder, entries)
    return folder


def vertex_set(folder: Path, clips: int = 5) -> Path:
    """Clips of 2 seconds of vertices at 25 frames a second; what the head's shapes cannot express is there, too."""
    head = vertex_head()
    head.save(folder / "heads/points.npz")
    entries = []
    for i in range(clips):
        rng = np.random.default_rng(i)
        weights = np.sin(np.arange(50)[:, None] * 0.3 + np.arange(SHAPES) + i).astype(np.float32)
        offsets = np.einsum("tk,kvx->tvx", weights, head.basis) + rng.standard_normal((50, VERTICES, 3)) * 1e-4
        write_motion(folder / f"motion/{i}.safetensors", Motion(25.0, offsets=offsets, template=head.template + 0.01))
        entries.append(_clip(folder, i, 2.0, 25.0, annotation="points", head="heads/points.npz"))
    write_manifest(folder, entries)
    return folder


def _clip(folder: Path, i: int, seconds: float, fps: float, **known) -> Clip:
    write_audio(folder / f"audio/{i}.flac", voice(seconds, seed=i)[: round(seconds * RATE)])
    split = {1: "val", 5: "test"}.get(i % 8, "train")
    emotion = EMOTIONS[i % 3]
    known |= {"emotion": emotion, "intensity": 0.5 if emotion else None, "speaker": f"{folder.name}{i % 2}", "split": split}
    return Clip(f"clip.{i}", f"audio/{i}.flac", f"motion/{i}.safetensors", duration=seconds, fps=fps, source="made", **known)
