"""Train the networks that tell whether a mouth says what is heard, and that read phonemes off lips (models/perceptual/sync.py).

    python tools/train/train_sync.py data/grid data/facegood data/librispeech --out runs/sync
    python tools/train/train_sync.py data/grid --out assets/models/sync --check     only measure

Two of the same kind come out, from different seeds and different halves of the clips: `loss` for training models, `metric` for
measuring them, so that no model is measured with what trained it. Folders are prepared ones; motion may be recorded or made
up (`prepare speech`); phonemes are used where the manifest has them. About three minutes on one core. An interrupted training
goes on where it was. `--check` shifts recorded motion of the split `test` against its sound, and pairs it with other sounds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soxr
import torch

from talkinghead.audio.augment import augment
from talkinghead.audio.clock import FPS, RATE, frame_times
from talkinghead.audio.load import load_audio
from talkinghead.audio.mel import log_mel
from talkinghead.data.loading.feature_cache import quiet_at
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.evaluate.measures.sync import lips_of
from talkinghead.losses.sync import contrast, phoneme
from talkinghead.models.perceptual.sync import NAMES, SyncConfig, SyncNet
from talkinghead.speech.labels import UNKNOWN, frame_labels

SPEEDS = (1.0, 0.85, 1.18)  # which change the voice, too
FRAMES, BATCH = 80, 12
CUT = 3000  # frames: longer recordings are cut, so that each is as likely as its length
SHIFTS = (-8, -4, -2, 0, 2, 4, 8)  # frames of 20 ms: 40, 80 and 160 ms


def clips_of(folder: Path, splits: tuple[str, ...]) -> list:
    return [clip for clip in read_manifest(folder) if clip.split in splits]


def example(
    folder: Path, clip, speed: float = 1.0, other: np.ndarray | None = None, rng: np.random.Generator | None = None
) -> dict[str, torch.Tensor] | None:
    """What is heard and seen of a clip, on one clock; augmented if there is an `rng`. None for a face without lips."""
    wave = load_audio(folder / clip.audio)
    fast = wave if speed == 1 else soxr.resample(wave, RATE * speed, RATE)
    quiet = quiet_at(fast)
    animation = read_animation(folder, clip)
    lips = lips_of(animation)
    if lips is None:
        return None
    if rng is not None and other is not None:
        fast = augment(fast, np.resize(other, len(fast)), rng)
    times = frame_times(len(quiet), FPS) * speed
    moved = np.stack([np.interp(times, animation.times, column) for column in lips.T], 1).astype(np.float32)
    mel = log_mel(torch.from_numpy(np.asarray(fast, np.float32))[None])[0]
    phones = torch.from_numpy(frame_labels(clip.phonemes, times))
    return {"lips": torch.from_numpy(moved), "mel": mel, "phones": phones, "loud": torch.from_numpy(1 - quiet.astype("f4"))}


def read(folders: list[Path], half: int) -> list[dict[str, torch.Tensor]]:
    """Every second clip of split train of each folder, each at one speed; two of three of them are augmented."""
    out = []
    for folder in folders:
        clips = clips_of(folder, ("train",))
        clips = clips[half::2] if len(clips) > 20 else clips
        for i, clip in enumerate(clips):
            rng = np.random.default_rng([half, i]) if i % len(SPEEDS) else None
            found = example(folder, clip, SPEEDS[i % len(SPEEDS)], load_audio(folder / clips[i - 1].audio), rng)
            if found is not None:
                pieces = range(0, max(1, len(found["mel"]) - FRAMES), CUT)
                out += [{key: value[start : start + CUT] for key, value in found.items()} for start in pieces]
    return [one for one in out if len(one["mel"]) >= FRAMES]


def batch(data: list, shares: np.ndarray, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """BATCH windows, faces that move more or less and trackers that tremble."""
    rows = []
    for i in rng.choice(len(data), size=BATCH, p=shares):
        start = int(rng.integers(len(data[i]["mel"]) - FRAMES + 1))
        rows.append({key: value[start : start + FRAMES] for key, value in data[i].items()})
    out = {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
    scale = torch.from_numpy(np.exp(rng.uniform(np.log(0.75), np.log(1.33), (BATCH, 1, 1)))).float()
    shake = torch.from_numpy(rng.normal(0, 0.15, out["lips"].shape)).float()
    return out | {"lips": out["lips"] * scale + shake * torch.from_numpy(rng.random((BATCH, 1, 1)) < 0.5)}


def train(name: str, folders: list[Path], out: Path, steps: int, rate: float) -> None:
    """One network; done already if its weights are there and no state is."""
    state_file, seed = out / f"{name}.state.pt", NAMES.index(name)
    if (out / f"{name}.safetensors").exists() and not state_file.exists():
        return
    data = read(folders, seed)
    shares = np.array([len(one["mel"]) for one in data], float)
    print(f"{name}: {shares.sum() / FPS / 3600:.2f} h", flush=True)
    torch.manual_seed(seed)
    net = SyncNet(SyncConfig())
    optimizer = torch.optim.AdamW(net.parameters(), rate, weight_decay=0.02)
    done, shares = 0, shares / shares.sum()
    if state_file.exists():
        saved = torch.load(state_file, weights_only=True)
        net.load_state_dict(saved["net"])
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["step"]
    mean: dict[str, float] = {}
    for step in range(done, steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 50, 2 * (steps - step) / steps)
        torch.manual_seed(seed * 1_000_003 + step)  # of dropout
        one = batch(data, shares, np.random.default_rng([seed, step]))
        lips, sound, logits = net(one["lips"], one["mel"])
        sharp = net.sharpness.exp()
        contrasts = [contrast(a, b, one["loud"], sharp) for a, b in ((lips, sound), (sound, lips))]
        terms = {"contrast": (contrasts[0] + contrasts[1]) / 2, "phoneme": phoneme(logits, one["phones"])}
        optimizer.zero_grad()
        (terms["contrast"] + 0.5 * terms["phoneme"]).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        for key, value in terms.items():
            mean[key] = 0.98 * mean.get(key, value.item()) + 0.02 * value.item()
        if (step + 1) % 100 == 0 or step + 1 == steps:
            print(json.dumps({"network": name, "step": step + 1, **{k: round(v, 3) for k, v in mean.items()}}), flush=True)
            fresh = state_file.with_suffix(".new")
            torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, fresh)
            fresh.replace(state_file)
    net.save_pretrained(out, name)
    state_file.unlink(missing_ok=True)


@torch.inference_mode()
def check(net: SyncNet, folder: Path, most: int = 60) -> dict:
    """What the network tells of recorded motion: at its own time, shifted, and with another clip's sound."""
    clips = clips_of(folder, ("test",))
    found = [example(folder, clip) for clip in clips[:: max(1, len(clips) // most)]]
    cut = min(1000, *(len(one["mel"]) for one in found if one is not None))
    parts = [
        {key: value[start : start + cut] for key, value in one.items()}
        for one in found
        if one is not None
        for start in range(0, len(one["mel"]) - cut + 1, cut)
    ]
    lips, sound, logits = net(torch.stack([p["lips"] for p in parts]), torch.stack([p["mel"] for p in parts]))
    loud, phones = torch.stack([p["loud"] for p in parts]), torch.stack([p["phones"] for p in parts])

    def likeness(seen: torch.Tensor, heard: torch.Tensor) -> np.ndarray:
        """(clips, 21) mean cosine over speech for lips that are up to 200 ms early and late."""
        rows = []
        for lag in range(-10, 11):
            rolled = seen.roll(-lag, 1)  # lips that come `lag` frames late match after they are moved forwards
            inside = loud.clone()
            inside[:, :10], inside[:, -10:] = 0, 0
            rows.append(((rolled * heard).sum(-1) * inside).sum(1) / inside.sum(1).clamp_min(1))
        return torch.stack(rows, 1).numpy()

    own = likeness(lips, sound)
    other = likeness(lips, sound.roll(1, 0)) if len(parts) > 1 else own
    known = phones != UNKNOWN
    out = {"data": folder.name, "pieces": len(parts), "at its own time": round(float(own[:, 10].mean()), 3)}
    out |= {f"shifted {20 * s:+d} ms": round(float(own[:, 10 + s].mean()), 3) for s in SHIFTS if s}
    out |= {
        "another clip's sound": round(float(other[:, 10].mean()), 3),
        "of it the best lag": round(float(other.max(1).mean()), 3),
    }
    out["own beats another's"] = round(float((own[:, 10] > other.max(1)).mean()), 3)
    for shift in SHIFTS:
        heard = likeness(lips.roll(shift, 1), sound).argmax(1) - 10
        out[f"lag found for {20 * shift:+d} ms"] = {
            "median": int(np.median(heard) * 20),
            "within 40 ms": round(float((abs(heard - shift) <= 2).mean()), 3),
        }
    if known.any():
        speaking = known & (phones != net.config.phones.index("SIL"))
        right = logits.argmax(-1) == phones
        out["phoneme accuracy"] = round(float(right[speaking].float().mean()), 3)
        lip_groups = [[net.config.phones.index(p) for p in group] for group in (("P", "B", "M"), ("F", "V"))]
        for name, group in zip(("p b m", "f v"), lip_groups, strict=True):
            asked = torch.isin(phones, torch.tensor(group))
            out[f"{name} read as such"] = round(
                float(torch.isin(logits.argmax(-1), torch.tensor(group))[asked].float().mean()), 3
            )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        if not args.check:
            train(name, args.data, args.out, args.steps, args.rate)
        for folder in args.data:
            if clips_of(folder, ("test",)):
                print(json.dumps({"network": name, **check(SyncNet.from_pretrained(name, args.out), folder)}), flush=True)


if __name__ == "__main__":
    main()
