"""A made-up dataset and its adapter: NAME.npz with raw vertices of a square face, or with weights, and NAME.flac beside it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np

from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.topology import head_for

VERSION = 1
LICENCE = "CC0-1.0"
SIDE = 5  # vertices along a side
FACES = np.array([[i, i + 1, i + SIDE + 1] for i in range(SIDE * SIDE - SIDE - 1) if i % SIDE < SIDE - 1], np.int32)
FPS = 25.0


def template() -> np.ndarray:
    """(25, 3) metres: a square of 0.2 m, slightly rounded."""
    x, y = np.meshgrid(np.linspace(-0.1, 0.1, SIDE), np.linspace(0.1, -0.1, SIDE))
    return np.stack([x, y, 0.05 - x**2 - y**2], -1).reshape(-1, 3).astype(np.float32)


def write(folder: Path, name: str, *, frames: int = 50, seconds: float | None = None, seed: int = 0, **change) -> Path:
    """A take of `frames` frames that open a mouth; `change` replaces arrays, None leaves one out."""
    rng = np.random.default_rng(seed)
    opening = np.sin(np.arange(frames) * 0.4 + seed)[:, None, None] * np.linspace(0, 0.01, SIDE * SIDE)[:, None]
    vertices = template() + np.concatenate([0 * opening, -opening, 0.3 * opening**2], -1) + rng.normal(0, 1e-5, (25, 3))
    arrays = {"vertices": vertices.astype(np.float32), "template": template(), "fps": np.float64(FPS)} | change
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{name}.npz", **{key: value for key, value in arrays.items() if value is not None})
    length = round((frames / FPS if seconds is None else seconds) * 16000)
    write_audio(folder / f"{name}.flac", rng.normal(0, 0.1, length))
    return folder / f"{name}.npz"


def takes(paths: list[Path], *, speaker: str | None = None, scale: float = 1.0) -> tuple[list[Take], dict[str, str]]:
    """NAME is SPEAKER_SENTENCE; a published split is in a file SPLIT.txt of names."""
    published = {}
    out = []
    for folder in paths:
        for file in folder.glob("*.txt"):
            published |= dict.fromkeys(file.read_text().split(), file.stem)
        for path in folder.glob("*.npz"):
            with np.load(path) as file:
                annotation = "arkit" if "coefficients" in file.files else "square"
            out.append(
                Take(
                    id=path.stem,
                    speaker=speaker or path.stem.split("_")[0],
                    files=(path, path.with_suffix(".flac")),
                    split=published.get(path.stem),
                    annotation=annotation,
                    words=((0.0, 0.5, "one"), (0.5, 100.0, "two")),
                    details={"scale": scale},
                )
            )
    if not out:
        raise InputError(f"{paths[0]}: no takes")
    return out, {}


def read(take: Take) -> Recording:
    with np.load(take.files[0]) as file:
        arrays = {name: file[name] for name in file.files}
    fps = float(arrays.pop("fps"))
    if "kill" in arrays:
        os.kill(os.getpid(), signal.SIGKILL)
    wave = load_audio(take.files[1])
    if "coefficients" in arrays:
        return Recording(wave, fps, tuple(str(name) for name in arrays["names"]), arrays["coefficients"])
    return Recording(
        wave,
        fps,
        vertices=arrays["vertices"] * take.details["scale"],
        template=arrays["template"] * take.details["scale"],
        missing=arrays.get("missing"),
        quality={"frames": len(arrays["vertices"])},
    )


def heads(takes: list[Take]) -> dict[str, Head]:
    return {"square": head_for("square", template(), FACES, np.zeros((0, SIDE * SIDE, 3), np.float32))}
