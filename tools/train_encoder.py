"""Train the compact wav2vec 2.0 that ships: distilled from a frozen Whisper encoder, and on phonemes where they are known.

    python tools/train_encoder.py --teacher whisper-base.bin --speech LIBRISPEECH_FOLDER OTHER_AUDIO… --out runs/encoder

Each clip is heard by the teacher clean (at several speeds, which shift pitch and vocal tract and so make new voices) and by
the student through a random room, microphone, noise and level, so that the features hold where the recording is bad. A
folder with `phones.jsonl` gives phoneme labels, too. Interrupted, it goes on from its last checkpoint. `OUT/encoder` is
what `encoder=` of a training recipe takes.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import soxr
import torch
from torch import Tensor, nn
from whisper_teacher import RATE, Teacher

from talkinghead.audio import load_audio
from talkinghead.data.augment import coloured_noise, spoil
from talkinghead.models.audio_encoder import FRAME, AudioEncoder

ENCODER = {
    "model_type": "wav2vec2",
    "conv_dim": [64, 128, 128, 256, 256, 256, 256],
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "do_stable_layer_norm": True,
    "hidden_size": 256,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    "num_conv_pos_embeddings": 64,
    "num_conv_pos_embedding_groups": 16,
    "hidden_dropout": 0.05,
    "attention_dropout": 0.05,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "layerdrop": 0.0,
    "mask_time_prob": 0.0,
}
PHONES = "SIL AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
SPEEDS = (1.0, 0.8, 0.9, 1.12, 1.25)
UNKNOWN = -100
AUDIO = {".opus", ".flac", ".wav", ".mp4"}


def clips(folders: list[Path], held_out: int) -> tuple[list, list]:
    """(wave, phones) of every recording; of the folders with phonemes the last `held_out` are kept for validation."""
    train, held = [], []
    for folder in folders:
        labels = folder / "phones.jsonl"
        phones = {d["id"]: d["phones"] for d in map(json.loads, labels.read_text().splitlines())} if labels.exists() else {}
        paths = sorted(p for p in folder.iterdir() if p.suffix in AUDIO)
        for i, path in enumerate(paths):
            target = held if phones and i >= len(paths) - held_out else train
            target.append((load_audio(path, RATE), phones.get(path.stem)))
    return train, held


def label(phones, frames: int, speed: float) -> np.ndarray:
    """Phoneme index at the centre of every frame."""
    labels = np.full(frames, UNKNOWN)
    if phones:
        centres = (np.arange(frames) + 0.5) * FRAME / RATE * speed
        for name, start, end in phones:
            labels[(centres >= start) & (centres < end)] = PHONES.index(name)
    return labels


def teach(teacher: Teacher, recordings: list, speeds) -> list[tuple[np.ndarray, Tensor, np.ndarray]]:
    """(wave int16, teacher features float16, phonemes) of pieces of at most 20 s."""
    out = []
    for wave, phones in recordings:
        for speed in speeds:
            fast = wave if speed == 1 else soxr.resample(wave, RATE * speed, RATE)
            labels = label(phones, len(fast) // FRAME, speed)
            for start in range(0, len(fast) - RATE, 20 * RATE):
                piece = fast[start : start + 20 * RATE]
                features = teacher(piece)
                first = start // FRAME
                out.append(((piece * 32000).astype(np.int16), features.half(), labels[first : first + len(features)]))
    return out


class Student(nn.Module):
    def __init__(self, encoder: dict, teacher_width: int) -> None:
        super().__init__()
        self.encoder = AudioEncoder(encoder)
        self.features = nn.Linear(self.encoder.width, teacher_width)
        self.phones = nn.Linear(self.encoder.width, len(PHONES))

    def forward(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.encoder(wave)
        return self.features(hidden), self.phones(hidden)


def batch(pieces, silence, rng, size: int, seconds: float):
    frames = int(seconds * 50)
    waves, targets, labels = [], [], []
    lengths = np.array([len(features) for _, features, _ in pieces], float)
    for index in rng.choice(len(pieces), size=size, p=lengths / lengths.sum()):
        wave, features, phones = pieces[index]
        if len(features) < frames:
            repeat = -(-frames // len(features))
            wave, features, phones = (
                np.tile(wave[: len(features) * FRAME], repeat),
                features.repeat(repeat, 1),
                np.tile(phones, repeat),
            )
        start = rng.integers(len(features) - frames + 1)
        part = wave[start * FRAME : (start + frames) * FRAME].astype(np.float32) / 32000
        target, phone = features[start : start + frames].float(), phones[start : start + frames]
        if rng.random() < 0.04:  # room tone alone reads as silence
            part, target, phone = (
                coloured_noise(rng, len(part)) * 10 ** rng.uniform(-4, -1),
                silence[:frames],
                np.zeros(frames, int),
            )
        else:
            other = pieces[rng.integers(len(pieces))][0].astype(np.float32) / 32000
            part = spoil(part, np.resize(other, len(part)), rng)
        waves.append(torch.from_numpy(np.ascontiguousarray(part, np.float32)))
        targets.append(target)
        labels.append(torch.from_numpy(np.asarray(phone, np.int64)))
    return torch.stack(waves), torch.stack(targets), torch.stack(labels)


def standardised(pieces: list, mean: Tensor, std: Tensor) -> list:
    """Teacher features with zero mean and unit variance; frames that carry none of the sound become NaN.

    One frame in fifty of Whisper's is an attention sink, ten times as long as the others and half of all variance.
    """
    return [(w, torch.where(sinks(f)[:, None], torch.nan, (f.float() - mean) / std).half(), p) for w, f, p in pieces]


def sinks(features: Tensor) -> Tensor:
    """(T, D) -> (T,) whether a frame is an attention sink."""
    length = features.float().norm(dim=1)
    return length > 2 * length.median()


def losses(student: Student, wave: Tensor, target: Tensor, labels: Tensor) -> dict[str, Tensor]:
    features, logits = student(wave)
    return {
        "feature": (features - target)[~target.isnan()].square().mean(),
        "phoneme": nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=UNKNOWN),
    }


@torch.no_grad()
def validate(student: Student, pieces) -> dict[str, float]:
    student.eval()
    error, right, seen = [], 0, 0
    for wave, features, labels in pieces:
        predicted, logits = student(torch.from_numpy(wave.astype(np.float32) / 32000)[None])
        n = len(features)
        error.append((predicted[0, :n] - features).square().nanmean().item())
        known = torch.from_numpy(labels) != UNKNOWN
        right += int((logits[0, :n].argmax(-1) == torch.from_numpy(labels))[known].sum())
        seen += int(known.sum())
    student.train()
    return {"feature": float(np.mean(error)), "phoneme_accuracy": right / max(seen, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--speech", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3.2)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--decay", type=float, default=0.3, help="share of the steps over which the rate falls to zero")
    parser.add_argument("--held-out", type=int, default=20)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    cache = args.out / "taught.pt"
    if not cache.exists():
        train, held = clips(args.speech, args.held_out)
        teacher = Teacher(args.teacher)
        silence = teacher(np.random.default_rng(0).standard_normal(20 * RATE).astype(np.float32) * 1e-5)
        torch.save((teach(teacher, train, SPEEDS), teach(teacher, held, (1.0,)), silence), cache)
    train, held, silence = torch.load(cache, weights_only=False)
    some = torch.cat([f[~sinks(f)].float() for _, f, _ in train[::20]])
    mean, std = some.mean(0), some.std(0) + 1e-3
    train, held = standardised(train, mean, std), standardised(held, mean, std)
    silence = standardised([(None, silence, None)], mean, std)[0][1].float()
    print(f"{sum(len(w) for w, _, _ in train) / RATE / 3600:.2f} h, {len(train)} pieces", flush=True)

    torch.manual_seed(0)
    student = Student(ENCODER, len(mean))
    optimizer = torch.optim.AdamW(student.parameters(), args.rate, weight_decay=0.01, betas=(0.9, 0.98))
    done, state = 0, args.out / "state.pt"
    if state.exists():
        saved = torch.load(state, weights_only=True)
        student.load_state_dict(saved["student"])
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["step"]
    started, running = time.time(), {}
    for step in range(done, args.steps):
        left = (args.steps - step) / (args.decay * args.steps)
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1, (step + 1) / 300, left)
        rng = np.random.default_rng([7, step])
        terms = losses(student, *batch(train, silence, rng, args.batch, args.seconds))
        optimizer.zero_grad()
        (terms["feature"] + 0.5 * terms["phoneme"].nan_to_num()).backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        for name, value in terms.items():
            now = value.detach().nan_to_num().item()
            running[name] = 0.98 * running.get(name, now) + 0.02 * now
        if (step + 1) % 250 == 0 or step + 1 == args.steps:
            line = {"step": step + 1, "seconds": round(time.time() - started), **{k: round(v, 4) for k, v in running.items()}}
            line["held_out"] = {k: round(v, 4) for k, v in validate(student, held).items()}
            print(json.dumps(line), flush=True)
            fresh = state.with_suffix(".new")
            torch.save({"student": student.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, fresh)
            fresh.replace(state)
            student.encoder.model.save_pretrained(args.out / "encoder")


if __name__ == "__main__":
    main()
