"""Train small nets that read the lips of filmed people from features of their speech.

    python tools/train/train_lip_nets.py --data data/grid=1 data/addresses=6 --whisper whisper-base.bin --out runs/lips

Folders are those of `talkinghead prepare video`. A window is drawn from each in proportion to its seconds times its weight
(1 if none is given); split train is trained on. Features are layers of Whisper or of Moonshine, or those of a speech
encoder.
The correlation of aperture and width with the film is printed for the clips of split test. One net is trained for each of
`--seeds`; interrupted, the training goes on with the next. `tools/train/label_lips.py` and `train_encoder.py` read the folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lip_nets import SPREAD, LipGeometry, LipNet, LipNets, LipNetsConfig, load_nets, mouth_shapes
from speech_features import Features, add_sources, make_features
from stage import begin, complete, run
from torch import Tensor

from talkinghead.audio.clock import FPS, frame_times
from talkinghead.audio.load import load_audio
from talkinghead.data.loading.clip_reader import Target, motion_at
from talkinghead.data.manifest import read_manifest
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.io.safetensors_slice import ByteRange
from talkinghead.metrics.lips import pearson
from talkinghead.models.folder import CONFIG
from talkinghead.models.pretrained import save_network
from talkinghead.progress import progress_bar
from talkinghead.train import checkpoint

SHAPES = 0.3  # weight of the error of the shapes' weights beside that of the lips
LEAST_SD = 0.02  # added to the deviation of a shape's weight, so that shapes that hardly move count little


@dataclass(frozen=True)
class Filmed:
    """One clip: (T, D) float16 features, (T, K) weights, the split, and its share in drawing windows before normalising."""

    folder: str
    split: str
    features: np.ndarray
    weights: np.ndarray
    share: float


def weighted(text: str) -> tuple[Path, float]:
    """FOLDER=WEIGHT, or FOLDER for weight 1. Raises InputError."""
    folder, _, weight = text.partition("=")
    try:
        value = float(weight or 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise InputError(f"--data {text}: write FOLDER=WEIGHT with a positive weight")
    return Path(folder), value


def read(folders: list[tuple[Path, float]], features: Features, shapes: list[str]) -> list[Filmed]:
    """The clips of splits train and test. Raises InputError for motion that is not of ARKit's shapes."""
    target, out = Target("arkit", tuple(shapes), Head.default()), []
    with progress_bar() as bar:
        for folder, weight in folders:
            for clip in bar.track(read_manifest(folder), description=f"features of {folder}"):
                if clip.annotation != "arkit":
                    raise InputError(f"{folder}, clip {clip.id}: its motion is {clip.annotation}, arkit is needed")
                if clip.split == "val":
                    continue
                heard = features(load_audio(folder / clip.audio))
                motion = motion_at(ByteRange(folder / clip.motion), target, frame_times(len(heard), FPS), f"clip {clip.id}")
                out.append(Filmed(str(folder), clip.split, heard, motion, weight * len(heard)))
    if not any(one.split == "train" for one in out):
        raise InputError(f"--data {' '.join(str(folder) for folder, _ in folders)}: no clip is in split train")
    return out


def statistics(nets: LipNets, clips: list[Filmed], geometry: LipGeometry) -> tuple[list[Tensor], Tensor]:
    """Fill in the nets' statistics; (T, K + 2) targets of each clip, and (K,) deviations of the weights."""
    shares = np.array([one.share for one in clips]) / sum(one.share for one in clips)
    motions = [torch.from_numpy(one.weights) for one in clips]
    lips = [geometry.lips(motion) for motion in motions]
    own = {
        "mean": [one.features.mean(0, np.float32) for one in clips],
        "sd": [one.features.std(0, np.float32) + 1e-3 for one in clips],
        "shape_means": [motion.mean(0).numpy() for motion in motions],
        "lip_means": [both.mean(0).numpy() for both in lips],
    }
    for name, values in own.items():
        getattr(nets, name).copy_(torch.from_numpy(np.average(values, axis=0, weights=shares)))
    centred = [motion - nets.shape_means for motion in motions]
    targets = [
        torch.cat([motion, (both - nets.lip_means) / torch.tensor(SPREAD)], 1)
        for motion, both in zip(centred, lips, strict=True)
    ]
    spread = np.average([motion.square().mean(0).numpy() for motion in centred], axis=0, weights=shares)
    return targets, torch.from_numpy(np.sqrt(spread).astype(np.float32)) + LEAST_SD


def batch(nets: LipNets, clips: list[Filmed], targets: list[Tensor], rng: np.random.Generator, args) -> list[Tensor]:
    """(B, T, D) standardised features, (B, T, K + 2) targets, and (B, T, 1) mask, 0 beyond the end of a short clip."""
    shares = np.array([one.share for one in clips])
    rows = []
    for i in rng.choice(len(clips), args.batch, p=shares / shares.sum()):
        start = int(rng.integers(max(1, len(targets[i]) - args.frames + 1)))
        frames = start + np.arange(args.frames)
        places = np.minimum(frames, len(targets[i]) - 1)
        known = torch.from_numpy(frames < len(targets[i]))[:, None].float()
        heard = torch.from_numpy(clips[i].features[places].astype(np.float32))
        rows.append(((heard - nets.mean) / nets.sd, targets[i][places], known))
    return [torch.stack(part) for part in zip(*rows, strict=True)]


def fit(net: LipNet, draw: Callable[[], list[Tensor]], spread: Tensor, geometry: LipGeometry, args) -> float:
    """Train one net on what `draw` gives, see `batch`; its last loss."""
    optimizer = torch.optim.AdamW(net.parameters(), args.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.rate, total_steps=args.steps)
    loss = torch.zeros(())
    net.train()
    with progress_bar() as bar:
        for _ in bar.track(range(args.steps), description="net"):
            heard, target, known = draw()
            difference = (net(heard + args.noise * torch.randn_like(heard)) - target) * known
            loss = geometry.error(difference) + SHAPES * (difference[..., :-2] / spread).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    return loss.item()


def measure(nets: LipNets, clips: list[Filmed], geometry: LipGeometry) -> None:
    """Print the mean correlation over the clips of split test, folder by folder."""
    for folder in dict.fromkeys(one.folder for one in clips):
        held = [one for one in clips if one.folder == folder and one.split == "test"]
        if not held:
            continue
        pairs = [(nets(one.features)[1], geometry.lips(torch.from_numpy(one.weights)).numpy()) for one in held]
        # `pearson` asks for metres.
        found = [[pearson(told[:, k] / 1000, true[:, k] / 1000) for k in (0, 1)] for told, true in pairs]
        aperture, width = np.nanmean(found, 0)
        line = {"data": folder, "clips": len(held), "aperture_r": round(float(aperture), 4), "width_r": round(float(width), 4)}
        print(json.dumps(line), flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, metavar="FOLDER=WEIGHT")
    add_sources(parser.add_mutually_exclusive_group(required=True))
    parser.add_argument("--layers", type=int, nargs="+", help="of Whisper or Moonshine; see `speech_features.LAYERS`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3, help="how many nets")
    parser.add_argument("--steps", type=int, default=450)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--frames", type=int, default=140)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--dropout", type=float, default=0.4)
    parser.add_argument("--noise", type=float, default=0.2, help="deviation of the noise on standardised features")
    args = parser.parse_args(arguments)
    state = args.out / checkpoint.NAME
    if complete(args, args.out / CONFIG):
        return
    folders = [weighted(text) for text in args.data]
    kind = next(name for name in ("whisper", "moonshine", "encoder") if getattr(args, name))
    features = make_features(kind, getattr(args, kind), args.layers)
    shapes = mouth_shapes()
    clips, geometry = read(folders, features, shapes), LipGeometry(shapes)
    training = [one for one in clips if one.split == "train"]
    config = LipNetsConfig(features.kind, shapes, clips[0].features.shape[1], args.seeds, dropout=args.dropout)
    nets = LipNets(config)
    targets, spread = statistics(nets, training, geometry)
    begin(args)
    done = (checkpoint.load(state) or {"nets": []})["nets"]
    for seed in range(args.seeds):
        torch.manual_seed(seed)
        net, rng = LipNet(config), np.random.default_rng(seed)
        if seed < len(done):
            net.load_state_dict(done[seed])
        else:
            loss = fit(net, partial(batch, nets, training, targets, rng, args), spread, geometry, args)
            print(json.dumps({"net": seed, "steps": args.steps, "loss": round(loss, 4)}), flush=True)
            done.append(net.state_dict())
            checkpoint.save(state, {"nets": done})
        nets.nets[seed] = net
    save_network(nets, config, args.out)
    state.unlink(missing_ok=True)
    measure(load_nets(args.out), clips, geometry)


if __name__ == "__main__":
    run(main)
