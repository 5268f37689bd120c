"""Train the compact wav2vec 2.0 that ships: distilled from a frozen Whisper encoder, and on phonemes where they are known.

    python tools/train/train_encoder.py --teacher whisper-base.bin --speech LIBRISPEECH_FOLDER OTHER_AUDIO… --out runs/encoder

The student is wav2vec 2.0 in shape, and starts as far as it can from what the teacher knows: its transformer is the teacher's
first four layers, their feed-forward parts cut to the units that vary most; its convolutions begin as Gabor filters on the mel
scale, and learn for `--front-steps` what the teacher's mel spectrogram and convolutions give. Then all of it learns for
`--steps` to give the teacher's features of layer four, and phonemes.

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

from talkinghead.audio.augment import augment
from talkinghead.audio.clock import FRAME
from talkinghead.audio.load import load_audio
from talkinghead.audio.synthetic_sounds import background
from talkinghead.data.loading.feature_cache import room_noise
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.models.pretrained_encoder import save_encoder
from talkinghead.speech.phonemes import PHONES, SILENCE

ENCODER = {
    "model_type": "wav2vec2",
    "conv_dim": [384, 384, 384, 512],
    "conv_kernel": [400, 3, 3, 3],
    "conv_stride": [80, 2, 1, 2],
    "num_feat_extract_layers": 4,
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "position_embeddings_type": "sinusoidal",
    "do_stable_layer_norm": True,
    "hidden_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "intermediate_size": 1280,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "layerdrop": 0.0,
    "mask_time_prob": 0.0,
    "num_conv_pos_embeddings": 16,
}
SPEEDS = (1.0, 0.8, 0.9, 1.12, 1.25)
UNKNOWN = -100
WEIGHTS = {"front": 1.0, "feature": 1.0, "phoneme": 0.5}
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
    """The encoder, and what it is taught with: a map to the teacher's features, and one to phonemes."""

    def __init__(self, encoder: dict, teacher_width: int) -> None:
        super().__init__()
        self.encoder = AudioEncoder(encoder)
        self.features = nn.Linear(self.encoder.width, teacher_width)
        self.phones = nn.Linear(self.encoder.width, len(PHONES))

    def forward(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.encoder(wave)
        return self.features(hidden), self.phones(hidden)

    def front(self, wave: Tensor) -> Tensor:
        """(B, S) -> (B, T, D) what enters the transformer."""
        model = self.encoder.model
        return model.feature_projection(model.feature_extractor(self.encoder.prepared(wave)).transpose(1, 2))[0]


@torch.no_grad()
def inherit(student: Student, teacher: Teacher, waves: list[np.ndarray], mean: Tensor, std: Tensor) -> None:
    """Give the student the teacher's layers, and filters to begin with."""
    model = student.encoder.model
    filters = gabor(*model.feature_extractor.conv_layers[0].conv.weight.shape[::2])
    model.feature_extractor.conv_layers[0].conv.weight.copy_(filters[:, None])
    model.feature_extractor.conv_layers[0].conv.bias.zero_()
    before = torch.cat([teacher.front(wave)[0] for wave in waves])
    model.feature_projection.projection.bias.copy_(before.mean(0))
    for layer, (own, given) in enumerate(zip(model.encoder.layers, teacher.encoder.layers, strict=False)):
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            source, target = getattr(given.self_attn, name), getattr(own.attention, name)
            target.weight.copy_(source.weight)
            target.bias.copy_(torch.zeros_like(target.bias) if source.bias is None else source.bias)
        own.layer_norm.load_state_dict(given.self_attn_layer_norm.state_dict())
        own.final_layer_norm.load_state_dict(given.final_layer_norm.state_dict())
        units = torch.cat([teacher.units(wave, layer)[::7] for wave in waves])  # (N, F) activations
        counts = (units.var(0) * given.fc2.weight.square().sum(0)).argsort(descending=True)
        kept, left = counts.tensor_split([own.feed_forward.intermediate_dense.out_features])
        own.feed_forward.intermediate_dense.weight.copy_(given.fc1.weight[kept])
        own.feed_forward.intermediate_dense.bias.copy_(given.fc1.bias[kept])
        own.feed_forward.output_dense.weight.copy_(given.fc2.weight[:, kept])
        own.feed_forward.output_dense.bias.copy_(given.fc2.bias + given.fc2.weight[:, left] @ units.mean(0)[left])
    # The teacher's features are not normalised: as long as a usual one, standardised like the targets.
    after = torch.cat([teacher(wave) for wave in waves])
    after = after[~sinks(after)]
    student.features.weight.copy_(torch.diag(after.std(1).mean() / std))
    student.features.bias.copy_((after.mean() - mean) / std)


def gabor(filters: int, length: int) -> Tensor:
    """(filters, length) cosines and sines of either sign, since their rectified sum is loudness, at mel-spaced frequencies."""
    mels = np.linspace(0, 2595 * np.log10(1 + 7600 / 700), filters // 4 + 2)[1:-1]
    frequency = 700 * (10 ** (mels / 2595) - 1)[:, None]
    time = (np.arange(length) - (length - 1) / 2) / RATE
    window = np.exp(-0.5 * (2 * time * np.maximum(60, 0.12 * frequency)) ** 2) * np.hanning(length)
    waves = [window * part(2 * np.pi * frequency * time) for part in (np.cos, np.sin)]
    # Speech falls by about 6 dB an octave; what is faint would be lost in the layer norm.
    waves = [wave / np.linalg.norm(wave, axis=1, keepdims=True) * (1 + frequency / 500) for wave in waves]
    return torch.from_numpy(np.concatenate([waves[0], -waves[0], waves[1], -waves[1]])).float()


def batch(pieces, silence, bank, rng, size: int, seconds: float):
    """(B, S) heard, (B, T, D) teacher's features, (B, T) phonemes, (B, S) the same sound unspoilt."""
    # Short windows see many voices; long ones are what the encoder will hear. Each batch lasts the same.
    longer = int(rng.choice([1, 1, 2, 4]))
    size, frames = max(1, size // longer), int(seconds * 50) * longer
    waves, clean, targets, labels = [], [], [], []
    lengths = np.array([len(features) for _, features, _ in pieces], float)
    for index in rng.choice(len(pieces), size=size, p=lengths / lengths.sum()):
        part, target, phone = window(pieces[index], frames, rng)
        whole = part
        if rng.random() < 0.06:  # where nobody speaks, whatever else sounds reads as silence
            whole = part = room_noise(rng, len(part))
            target, phone = silence[:frames], np.full(frames, PHONES.index(SILENCE))
        else:
            other = bank[rng.integers(len(bank))] if rng.random() < 0.5 else pieces[rng.integers(len(pieces))][0]
            other = np.roll(np.resize(other.astype(np.float32) / 32000, len(part)), rng.integers(len(part)))
            part = augment(part, other, rng)
        if rng.random() < 0.15:  # pauses around speech change nothing of what it is
            cut = (
                slice(0, rng.integers(frames // 2)) if rng.random() < 0.5 else slice(rng.integers(frames // 2, frames), frames)
            )
            sounds = slice(cut.start * FRAME, cut.stop * FRAME)
            part, target, phone = np.array(part), target.clone(), np.array(phone)
            part[sounds] = rng.standard_normal(sounds.stop - sounds.start) * 10 ** rng.uniform(-6, -3)
            target[cut], phone[cut] = silence[cut], PHONES.index(SILENCE)
        waves.append(torch.from_numpy(np.ascontiguousarray(part, np.float32)))
        clean.append(torch.from_numpy(whole))
        targets.append(target)
        labels.append(torch.from_numpy(np.asarray(phone, np.int64)))
    return torch.stack(waves), torch.stack(targets), torch.stack(labels), torch.stack(clean)


def window(piece, frames: int, rng) -> tuple[np.ndarray, Tensor, np.ndarray]:
    """A random stretch of a piece, which is repeated if it is shorter."""
    wave, features, phones = piece
    if len(features) < frames:
        repeat = -(-frames // len(features))
        wave, features = np.tile(wave[: len(features) * FRAME], repeat), features.repeat(repeat, 1)
        phones = np.tile(phones, repeat)
    start = rng.integers(len(features) - frames + 1)
    part = wave[start * FRAME : (start + frames) * FRAME].astype(np.float32) / 32000
    return part, features[start : start + frames].float(), phones[start : start + frames]


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
    parser.add_argument("--front-steps", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3.2)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--decay", type=float, default=0.5, help="share of the steps over which the rate falls to zero")
    parser.add_argument("--held-out", type=int, default=20)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(args.teacher)
    cache = args.out / "taught.pt"
    if not cache.exists():
        train, held = clips(args.speech, args.held_out)
        silence = teacher(np.random.default_rng(0).standard_normal(20 * RATE).astype(np.float32) * 1e-5)
        torch.save((teach(teacher, train, SPEEDS), teach(teacher, held, (1.0,)), silence), cache)
    train, held, silence = torch.load(cache, weights_only=False)
    some = torch.cat([f[~sinks(f)].float() for _, f, _ in train[::20]])
    mean, std = some.mean(0), some.std(0) + 1e-3
    train, held = standardised(train, mean, std), standardised(held, mean, std)
    silence = standardised([(None, silence, None)], mean, std)[0][1].float()
    print(f"{sum(len(w) for w, _, _ in train) / RATE / 3600:.2f} h, {len(train)} pieces", flush=True)

    beds = np.random.default_rng(1)
    bank = [(background(beds, 20 * RATE) * 4000).astype(np.int16) for _ in range(100)]
    torch.manual_seed(0)
    student = Student(ENCODER, len(mean))
    print(f"{sum(p.numel() for p in student.encoder.parameters()) / 1e6:.2f} M parameters", flush=True)
    waves = [train[i][0].astype(np.float32) / 32000 for i in np.random.default_rng(0).choice(len(train), 60, replace=False)]
    inherit(student, teacher, waves, mean, std)
    model = student.encoder.model
    convolutions = [*model.feature_extractor.parameters(), *model.feature_projection.parameters()]
    scale = torch.cat([teacher.front(wave)[0] for wave in waves[:20]]).var(0).mean()

    def front(rng: np.random.Generator) -> dict[str, Tensor]:
        heard, clean = batch(train, silence, bank, rng, args.batch, args.seconds)[::3]
        with torch.no_grad():
            target = teacher.front(clean.numpy())
        return {"front": (student.front(heard) - target).square().mean() / scale}

    def whole(rng: np.random.Generator) -> dict[str, Tensor]:
        return losses(student, *batch(train, silence, bank, rng, args.batch, args.seconds)[:3])

    fit(student, [{"params": convolutions, "lr": 2.5 * args.rate}], front, args.front_steps, args, held, "front")
    known = {id(p) for p in convolutions}
    others = [p for p in student.parameters() if id(p) not in known]
    # What the teacher knew is to be kept, so its layers learn three times more slowly.
    groups = [{"params": convolutions, "lr": args.rate}, {"params": others, "lr": args.rate / 3}]
    fit(student, groups, whole, args.steps, args, held, "whole")


def fit(student: Student, groups: list[dict], terms_of, steps: int, args, held: list, name: str) -> None:
    """Train the parameters in `groups`, from the last checkpoint if there is one; report and save every 250 steps."""
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98))
    rates = [group["lr"] for group in optimizer.param_groups]
    done, state = 0, args.out / f"{name}.pt"
    if state.exists():
        saved = torch.load(state, weights_only=True)
        student.load_state_dict(saved["student"])
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["step"]
    started, running = time.time(), {}
    for step in range(done, steps):
        left = (steps - step) / (args.decay * steps)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1, (step + 1) / 200, left)
        torch.manual_seed(step)
        terms = terms_of(np.random.default_rng([7, step]))
        optimizer.zero_grad()
        sum(WEIGHTS[term] * value.nan_to_num() for term, value in terms.items()).backward()
        nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], 1.0)
        optimizer.step()
        for term, value in terms.items():
            now = value.detach().nan_to_num().item()
            running[term] = 0.98 * running.get(term, now) + 0.02 * now
        if (step + 1) % 250 == 0 or step + 1 == steps:
            line = {"step": step + 1, "seconds": round(time.time() - started), **{k: round(v, 4) for k, v in running.items()}}
            if name == "whole":
                line["held_out"] = {k: round(v, 4) for k, v in validate(student, held).items()}
            print(json.dumps(line), flush=True)
            fresh = state.with_suffix(".new")
            torch.save({"student": student.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, fresh)
            fresh.replace(state)
            save_encoder(student.encoder, student.phones, args.out / "encoder")


if __name__ == "__main__":
    main()
