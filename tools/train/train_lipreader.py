"""Train the lip reader that ships, on renders of this project's own heads whose lips say known phonemes.

    python tools/train/train_lipreader.py --grid data/grid --phones grid_phones.jsonl --speech data/libri --out runs/lipreader

Motion is that of filmed and tracked faces (`--grid`, a prepared folder, with phoneme times as `talkinghead.speech.align` gives
them) and of recordings with phoneme times that nobody filmed (`--speech`), spoken by the coarticulation model. Each clip is
drawn once, on one of several people, from a slightly different side, in slightly different light, and kept in OUT/crops.npz.
What it reports is measured on clips that were not trained on: of the same people, of two people it never saw.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path

import numpy as np
import torch
from fitting import fit
from torch import nn

from talkinghead.audio.clock import frame_times
from talkinghead.audio.load import load_audio
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_motion
from talkinghead.head.head import Head
from talkinghead.models.perceptual.lipreader import FPS, VISEMES, LipReader
from talkinghead.rendering.differentiable.renderer import MouthRenderer, View
from talkinghead.speech.coarticulation import loudness_of, speak
from talkinghead.speech.phonemes import PHONES, arpabet

HELD_OUT = 20  # recordings at the end of --speech that nothing of this project is trained on
WINDOW, BATCH = 25, 16  # pictures, and windows of a step
REPORT_EVERY = 50  # steps
UNSEEN = (901, 902)  # seeds of people that are only measured on
GROUP = np.array([next(i for i, group in enumerate(VISEMES.values()) if phone in group) for phone in PHONES])


@cache
def person(seed: int) -> Head:
    """Person 0 is the default head."""
    return Head.default(seed=seed) if seed else Head.default()


def view(rng: np.random.Generator) -> View:
    """A camera and a light of every day."""
    yaw, pitch, roll, turn = rng.normal(0, (0.12, 0.07, 0.04, 0.5))
    lamps = tuple(np.exp(rng.normal(0, 0.25, 3)))
    shift = tuple(rng.normal(0, 0.015, 2))
    zoom, ambient, skin = np.exp(rng.normal(0, (0.07, 0.3, 0.2)))
    return View(yaw, pitch, roll, zoom, shift, lamps, turn, ambient, skin)


def labels(phones: list, times: np.ndarray) -> np.ndarray:
    """(T,) index of the phoneme at each time."""
    out = np.full(len(times), PHONES.index("SIL"))
    for name, start, end in phones:
        out[(times >= start) & (times < end)] = PHONES.index(arpabet(name))
    return out


def filmed(folder: Path, phones: Path, split: str, count: int):
    """(coefficients, labels) of clips at 25 pictures a second."""
    known = {d["id"]: d["phones"] for d in map(json.loads, phones.read_text().splitlines())}
    clips = [clip for clip in read_manifest(folder) if clip.split == split and clip.id in known]
    for clip in clips[:: max(1, len(clips) // count)][:count]:
        motion = read_motion(folder / clip.motion)
        weights = Head.default().scatter_coefficients(motion.coefficients, motion.names)
        yield weights.clip(0, 1), labels(known[clip.id], frame_times(len(weights), motion.fps))


def spoken(folder: Path, held_out: bool, count: int, seconds: float, rng: np.random.Generator):
    """The same of recordings, as the coarticulation model says them: by people who move their mouths more or less."""
    lines = [json.loads(line) for line in (folder / "phones.jsonl").read_text().splitlines()]
    lines = sorted(lines, key=lambda line: line["id"])
    lines = lines[-HELD_OUT:] if held_out else lines[:-HELD_OUT]
    for line in lines[:: max(1, len(lines) // count)][:count]:
        wave = load_audio(next(folder.glob(f"{line['id']}.*")))
        phones = [(start, end, name) for name, start, end in line["phones"]]
        said = speak(phones, len(wave) / 16000, FPS, loudness=loudness_of(wave), strength=rng.uniform(0.8, 1.4))
        first = rng.integers(max(1, len(said) - round(seconds * FPS)))
        part = slice(first, first + round(seconds * FPS))
        yield said.coefficients[part], labels(line["phones"], frame_times(len(said), FPS))[part]


def draw(clips, people: list[int], rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """uint8 crops and labels of each clip, each as one of the people in a view of its own."""
    crops, said = [], []
    for weights, label in clips:
        renderer = MouthRenderer(person(int(rng.choice(people))), view=view(rng))
        with torch.no_grad():
            pictures = renderer(torch.from_numpy(weights.astype(np.float32)))
        crops.append((pictures.numpy() * 255).round().astype(np.uint8))
        said.append(label)
    return crops, said


def sets(options: argparse.Namespace) -> dict[str, tuple[list, list]]:
    """The drawn sets by name, from OUT/crops.npz if they are there."""
    path, rng = options.out / "crops.npz", np.random.default_rng(options.seed)
    if not path.exists():
        people = [0, 0, *range(1, options.people)]
        made = {
            "train": draw(
                [
                    *filmed(options.grid, options.phones, "train", options.clips),
                    *spoken(options.speech, False, options.clips, options.seconds, rng),
                ],
                people,
                rng,
            ),
            "filmed": draw(filmed(options.grid, options.phones, "test", options.clips // 5), people, rng),
            "filmed, unseen people": draw(filmed(options.grid, options.phones, "test", options.clips // 5), list(UNSEEN), rng),
            "spoken, unseen people": draw(spoken(options.speech, True, HELD_OUT, options.seconds, rng), list(UNSEEN), rng),
        }
        arrays = {}
        for name, (crops, said) in made.items():
            lengths = np.array([len(c) for c in crops])
            arrays |= {
                f"{name}/crops": np.concatenate(crops),
                f"{name}/said": np.concatenate(said),
                f"{name}/lengths": lengths,
            }
        np.savez(path, **arrays)
    with np.load(path) as file:
        names = [key[: -len("/crops")] for key in file.files if key.endswith("/crops")]
        cut = {name: np.cumsum(file[f"{name}/lengths"])[:-1] for name in names}
        return {name: (np.split(file[f"{name}/crops"], cut[name]), np.split(file[f"{name}/said"], cut[name])) for name in names}


def batch(crops: list, said: list, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of random clips: mirrored, moved by some pixels, with another contrast, brightness and noise."""
    pictures, wanted = [], []
    for i in rng.integers(len(crops), size=BATCH):
        first = rng.integers(max(1, len(crops[i]) - WINDOW + 1))
        part = crops[i][first : first + WINDOW].astype(np.float32) / 255
        part = part[:, :, ::-1] if rng.random() < 0.5 else part
        dy, dx = rng.integers(-3, 4, 2)
        part = np.pad(part, ((0, 0), (3, 3), (3, 3)), "edge")[:, 3 + dy : 91 + dy, 3 + dx : 91 + dx]
        part = part * np.exp(rng.normal(0, 0.1)) + rng.normal(0, 0.05) + rng.normal(0, 0.01, part.shape)
        pictures.append(part.clip(0, 1))
        wanted.append(said[i][first : first + WINDOW])
    return torch.from_numpy(np.stack(pictures)).float(), torch.from_numpy(np.stack(wanted))


@torch.no_grad()
def measure(reader: LipReader, crops: list, said: list) -> dict[str, float]:
    """Shares of pictures whose phoneme and viseme are right, those of silence left out of `speech_viseme`."""
    logits = torch.cat([reader(torch.from_numpy(clip[None].astype(np.float32) / 255))[0] for clip in crops])
    truth, guess = np.concatenate(said), logits.argmax(1).numpy()
    together = np.stack([logits.softmax(1).numpy()[:, GROUP == g].sum(1) for g in range(len(VISEMES))], 1).argmax(1)
    right, speech = together == GROUP[truth], GROUP[truth] != 0
    lips = speech & np.isin(GROUP[truth], [1])
    figures = {"phoneme": guess == truth, "viseme": right, "speech_viseme": right[speech], "lips_shut": right[lips]}
    return {name: round(float(np.mean(value)), 4) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grid", type=Path, required=True)
    parser.add_argument("--phones", type=Path, required=True, help="phonemes of --grid: a line {id, phones} a clip")
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=100, help="of each kind")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each recording")
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    data = sets(options)
    torch.manual_seed(options.seed)
    rng, reader = np.random.default_rng([options.seed, 1]), LipReader()
    print(json.dumps({"weights": sum(p.numel() for p in reader.parameters()), "pictures": sum(map(len, data["train"][1]))}))

    def loss() -> torch.Tensor:
        crops, phones = batch(*data["train"], rng)
        return nn.functional.cross_entropy(reader(crops).flatten(0, 1), phones.flatten(), label_smoothing=0.05)

    fit(reader, loss, options.steps, options.rate, REPORT_EVERY)
    reader.save_pretrained(options.out)
    for name in [name for name in data if name != "train"]:
        print(json.dumps({"set": name, **measure(reader, *data[name])}), flush=True)


if __name__ == "__main__":
    main()
