"""Train the emotion networks that ship, on renders and landmarks of this project's own heads with authored expressions.

    python tools/train/train_emotion.py data/grid data/facegood data/librispeech --out runs/emotion

Speech motion is that of prepared folders with ARKit's shapes, recorded or synthetic. Each window gets an expression of
`motion.expressions` in a random manner, and blinks, on one of several heads, with a random camera and light. Rendered windows
are kept in OUT/bank.npz. Figures are of clips outside split "train", on heads of the training and on others.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import cache
from pathlib import Path

import numpy as np
import torch
from fitting import fit
from torch import nn

from talkinghead import Animation
from talkinghead.audio.clock import frame_times
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_motion
from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import emotion_map
from talkinghead.models.perceptual.emotion_net import EmotionNet, EmotionPrediction, MeshEmotion, emotion_labels
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner, draw_curve, layer
from talkinghead.motion.nonverbal import add_nonverbal_motion
from talkinghead.rendering.differentiable.renderer import FaceRenderer, View

FPS, SPOKEN, SHOWN = 50.0, 150, 64  # frames that are spoken, and those of them in a window
NEUTRAL, ALIVE = 0.15, 0.7  # shares of windows without an expression, and with blinks and brows of their own
UNSEEN = (901, 902, 903, 904, 905, 906)  # seeds of people that are only measured on
TOGETHER = 8  # windows in one view
INTENSITY = 4.0  # weight of the squared error of intensity beside nats
MESH_BATCH, REPORTS = 64, 8  # windows of a step for the mesh network; printed losses of a training
CLEAR = 0.3  # least intensity, half of it or more of one emotion, of windows whose emotion is asked for


@cache
def person(seed: int) -> Head:
    """Person 0 is the default head."""
    return Head.default(seed=seed) if seed else Head.default()


@cache
def places(seed: int) -> torch.Tensor:
    found = emotion_map(person(seed))
    assert found is not None, "people of the default head have its landmarks"
    return torch.from_numpy(found)


def view(rng: np.random.Generator) -> View:
    """A camera and a light of every day."""
    yaw, pitch, roll, turn = rng.normal(0, (0.12, 0.08, 0.04, 0.5))
    lamps = tuple(np.exp(rng.normal(0, 0.2, 3)))
    shift = tuple(rng.normal(0, 0.015, 2))
    zoom, ambient, skin = np.exp(rng.normal(0, (0.05, 0.2, 0.2)))
    return View(yaw, pitch, roll, zoom, shift, lamps, turn, ambient, skin)


@cache
def motion_of(path: Path) -> np.ndarray:
    """(T, K) weights of the default head at 50 frames a second."""
    motion = read_motion(path)
    assert motion.coefficients is not None
    weights = Head.default().scatter_coefficients(motion.coefficients, motion.names).clip(0, 1)
    return Animation(weights, motion.fps, Head.default()).resample(FPS).coefficients


def clips_of(folders: list[Path], train: bool) -> list[list[Path]]:
    """Paths of motion, a list for each folder."""
    found = []
    for folder in folders:
        clips = [clip for clip in read_manifest(folder) if clip.annotation == "arkit" and clip.motion]
        found.append([folder / str(clip.motion) for clip in clips if (clip.split == "train") == train])
    return [paths for paths in found if paths]


def window(clips: list[list[Path]], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(SHOWN, K) motion and (E,) the mean of its curve."""
    some = clips[rng.integers(len(clips))]
    motion = motion_of(some[rng.integers(len(some))])
    first = rng.integers(max(1, len(motion) - SPOKEN + 1))
    spoken = motion[np.minimum(np.arange(first, first + SPOKEN), len(motion) - 1)] * rng.uniform(0.6, 1.3)
    curve = draw_curve(rng, frame_times(SPOKEN, FPS)) * (rng.random() >= NEUTRAL)
    names = Head.default().names
    shown = layer(spoken.clip(0, 1), curve, names, Manner.draw(rng), FPS)
    if rng.random() < ALIVE:
        still = Animation(shown, FPS, Head.default())
        shown = add_nonverbal_motion(still, int(rng.integers(2**31)), gaze=0, head=0).coefficients
    first = rng.integers(SPOKEN - SHOWN + 1)
    return shown[first : first + SHOWN], curve[first : first + SHOWN].mean(0)


def rendered(clips: list[list[Path]], people: list[int], count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """`count` windows: pictures (uint8), motion, curve and person of each; for the mesh as many again, without pictures."""
    net, pictures, motions, curves, who = EmotionNet(), [], [], [], []
    for _ in range(count // TOGETHER):
        seed = int(rng.choice(people))
        some = [window(clips, rng) for _ in range(TOGETHER)]
        weights = torch.from_numpy(np.stack([motion[:: net.step] for motion, _ in some]))
        with torch.no_grad():
            pictures.append((FaceRenderer(person(seed), size=net.size, view=view(rng))(weights) * 255).round().byte().numpy())
        motions += [motion for motion, _ in some]
        curves += [curve for _, curve in some]
        who += [seed] * TOGETHER
    return {"pictures": np.concatenate(pictures), **_packed(motions, curves, who)}


def moved(clips: list[list[Path]], people: list[int], count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The same without pictures, which are what costs."""
    some = [window(clips, rng) for _ in range(count)]
    return _packed([motion for motion, _ in some], [curve for _, curve in some], rng.choice(people, count).tolist())


def _packed(motions: list, curves: list, who: list) -> dict[str, np.ndarray]:
    step = MeshEmotion().step
    weights = np.stack([motion.reshape(-1, step, motion.shape[1]).mean(1) for motion in motions]).astype(np.float16)
    return {"motion": weights, "curve": np.stack(curves).astype(np.float32), "person": np.array(who)}


def bank(options: argparse.Namespace) -> dict[str, dict[str, np.ndarray]]:
    """The drawn sets by name, from OUT/bank.npz if it is there."""
    path, rng = options.out / "bank.npz", np.random.default_rng(options.seed)
    if not path.exists():
        train, test = clips_of(options.data, True), clips_of(options.data, False)
        people, few = list(range(options.people)), options.windows // 8
        made = {
            "train": rendered(train, people, options.windows, rng),
            "moved": moved(train, people, 4 * options.windows, rng),
            "people it knows": rendered(test, people, few, rng),
            "unseen people": rendered(test, list(UNSEEN), few, rng),
        }
        np.savez(path, **{f"{name}/{key}": value for name, part in made.items() for key, value in part.items()})
    with np.load(path) as file:
        out: dict[str, dict[str, np.ndarray]] = {}
        for key in file.files:
            out.setdefault(key.split("/")[0], {})[key.split("/")[1]] = file[key]
        return out


def augment(pictures: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """(B, T, S, S) uint8 -> float32, each window mirrored or not, moved by some pixels, in another contrast, with noise."""
    out, size = np.empty(pictures.shape, np.float32), pictures.shape[-1]
    for i, part in enumerate(pictures.astype(np.float32) / 255):
        part = part[..., ::-1] if rng.random() < 0.5 else part
        dy, dx = rng.integers(0, 7, 2)
        part = np.pad(part, ((0, 0), (3, 3), (3, 3)), "edge")[:, dy : dy + size, dx : dx + size]
        out[i] = part * np.exp(rng.normal(0, 0.15)) + rng.normal(0, 0.05) + rng.normal(0, 0.015, part.shape)
    return torch.from_numpy(out.clip(0, 1))


def places_of(part: dict[str, np.ndarray], which: np.ndarray) -> torch.Tensor:
    """(B, T, F) mm of landmarks of the windows `which`."""
    maps = torch.stack([places(int(seed)) for seed in part["person"][which]])
    return torch.from_numpy(part["motion"][which].astype(np.float32)) @ maps


def emotion_loss(net: nn.Module, inputs: torch.Tensor, curves: np.ndarray) -> torch.Tensor:
    """Cross-entropy with the shares of the emotions, and the squared error of intensity. curves: (B, E)."""
    prediction: EmotionPrediction = net(inputs)
    share, intensity = emotion_labels(torch.from_numpy(curves))
    error = (prediction.intensity - intensity).square().mean()
    return nn.functional.cross_entropy(prediction.logits, share) + INTENSITY * error


def measure(predicted: EmotionPrediction, curves: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """Share of clear windows whose emotion is right, of all; correlation of intensity; (E, E) counts: wanted, predicted."""
    total = curves[:, 1:].sum(1)
    wanted = np.where(total < 0.02, 0, 1 + curves[:, 1:].argmax(1))
    clear = (wanted == 0) | ((total >= CLEAR) & (curves.max(1) >= 0.6 * total))
    found = predicted.logits.argmax(-1).numpy()
    counts = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    np.add.at(counts, (wanted[clear], found[clear]), 1)
    intensity = predicted.intensity.numpy()
    figures = {
        "windows": int(clear.sum()),
        "accuracy": float((wanted == found)[clear].mean()),
        "intensity_r": float(np.corrcoef(intensity, total)[0, 1]),
        "intensity_error": float(np.abs(intensity - total).mean()),
    }
    return {name: round(value, 4) for name, value in figures.items()}, counts


@torch.no_grad()
def predictions(net: nn.Module, inputs: torch.Tensor) -> EmotionPrediction:
    parts = [net(part) for part in inputs.split(64)]
    return EmotionPrediction(*(torch.cat(values) for values in zip(*parts, strict=True)))


def print_figures(name: str, part: str, predicted: EmotionPrediction, curves: np.ndarray) -> None:
    figures, counts = measure(predicted, curves)
    print(json.dumps({"network": name, "set": part, **figures}))
    if part == "unseen people":
        print(
            "\n".join(
                f"{emotion:10s} " + " ".join(f"{n:3d}" for n in row) for emotion, row in zip(EMOTIONS, counts, strict=True)
            )
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+", help="prepared folders")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--windows", type=int, default=2400, help="that are drawn, of 8 pictures each")
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--mesh-steps", type=int, default=1000)
    parser.add_argument("--init", type=Path, help="a folder of such a training to go on from")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    start = time.process_time()
    sets = bank(options)
    print(json.dumps({"windows": {name: len(part["curve"]) for name, part in sets.items()}}))
    print(json.dumps({"cpu_seconds_of_drawing": round(time.process_time() - start)}), flush=True)
    tests = {name: part for name, part in sets.items() if name not in ("train", "moved")}
    torch.manual_seed(options.seed)
    rng, mesh, video = np.random.default_rng([options.seed, 1 + bool(options.init)]), MeshEmotion(), EmotionNet()
    if options.init:
        mesh = MeshEmotion.from_pretrained(options.init / "mesh").requires_grad_(True)
        video = EmotionNet.from_pretrained(options.init / "video").requires_grad_(True)
    moving = sets["moved"]

    def mesh_loss() -> torch.Tensor:
        which = rng.integers(len(moving["curve"]), size=MESH_BATCH)
        return emotion_loss(mesh, places_of(moving, which), moving["curve"][which])

    fit(mesh, mesh_loss, options.mesh_steps, 3e-3, max(1, options.mesh_steps // REPORTS))
    mesh.save_pretrained(options.out / "mesh")
    for name, part in tests.items():
        print_figures("mesh", name, predictions(mesh, places_of(part, np.arange(len(part["curve"])))), part["curve"])
    train = sets["train"]

    def video_loss() -> torch.Tensor:
        which = rng.integers(len(train["curve"]), size=options.batch)
        return emotion_loss(video, augment(train["pictures"][which], rng), train["curve"][which])

    fit(video, video_loss, options.steps, 2e-3, max(1, options.steps // REPORTS))
    video.save_pretrained(options.out / "video")
    for name, part in tests.items():
        print_figures(
            "video", name, predictions(video, torch.from_numpy(part["pictures"].astype(np.float32) / 255)), part["curve"]
        )
    print(json.dumps({"weights": {"mesh": _count(mesh), "video": _count(video)}}))


def _count(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


if __name__ == "__main__":
    main()
