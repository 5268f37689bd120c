"""Train the wav2vec 2.0 that ships: it learns to hear bad recordings as Whisper hears clean ones, and as lips need it.

    python tools/train/train_encoder.py --whisper whisper-base.bin --moonshine moonshine-base \
        --lips runs/lips runs/lips_moonshine --speech LIBRISPEECH FLEURS --films data/grid --out runs/encoder

The student is wav2vec 2.0 in shape. It begins as another encoder (`--start`, the shipped one if not given); a transformer with
other layers than Whisper's begins as the first layers of Whisper. With `--start gabor` the convolutions begin as Gabor filters
on the mel scale, which for `--front-steps` learn what Whisper's mel spectrogram and convolutions give. Then all of it learns to
give, for `--steps`, the layers of Whisper that the first of the lip nets read, lips, and phonemes where a phones.jsonl tells
them. The lips are what all nets of `--lips` say on average; the student reads them from its features by a copy of the first
nets, which learns, too.

Whisper hears each recording clean, the student through a random room, microphone, noise and level, so that the features hold
where the recording is bad. `OUT/taught` keeps what Whisper hears. Interrupted, the training goes on from its last checkpoint.
`OUT/encoder` is what `encoder=` of a training recipe takes.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from label_lips import read_nets
from lip_labels import average
from lip_nets import SPREAD, LipGeometry, LipNets
from speech_features import WhisperLayers, add_sources
from stage import begin, complete, run
from taught_speech import TaughtSpeech, add_speech, find_speech, quiet_room, teach
from torch import Tensor, nn

from talkinghead.audio.augment import augment
from talkinghead.audio.clock import FPS, RATE
from talkinghead.errors import InputError, brief
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.models.folder import CONFIG
from talkinghead.models.pretrained_encoder import load_encoder, save_encoder
from talkinghead.speech.labels import UNKNOWN
from talkinghead.speech.phonemes import PHONES
from talkinghead.train import checkpoint

CONVOLUTIONS = {  # of an encoder that begins with Gabor filters
    "conv_dim": [384, 384, 384, 512],
    "conv_kernel": [400, 3, 3, 3],
    "conv_stride": [80, 2, 1, 2],
    "num_feat_extract_layers": 4,
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "num_conv_pos_embeddings": 16,
}
TRANSFORMER = {
    "model_type": "wav2vec2",
    "position_embeddings_type": "sinusoidal",
    "do_stable_layer_norm": True,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "layerdrop": 0.0,
    "mask_time_prob": 0.0,
}
SHAPE = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "feature_layers")  # of a transformer
WEIGHTS = {"front": 1.0, "feature": 1.0, "lips": 0.7, "phoneme": 0.3}
# Learning rates: what Whisper knew is to be kept, so its layers learn more slowly than the convolutions.
RATES = {"convolutions": 4e-4, "transformer": 1.5e-4, "lips": 5e-4, "phonemes": 1e-3}
WARMUP, DECAY = 60, 0.7  # steps, and share of the steps over which the rates fall to zero
SMOOTHED = 0.97  # decay of the printed losses


class Student(nn.Module):
    """The encoder, its lips and its phonemes."""

    def __init__(self, encoder: AudioEncoder, lips: LipNets) -> None:
        super().__init__()
        self.encoder, self.lips = encoder, copy.deepcopy(lips).requires_grad_(True)
        self.phones = nn.Linear(encoder.width, len(PHONES))
        nn.init.zeros_(self.phones.weight)

    def front(self, wave: Tensor) -> Tensor:
        """(B, S) -> (B, T, D) what enters the transformer."""
        return self.encoder.front(self.encoder.prepared(wave))

    def convolutions(self) -> list[nn.Parameter]:
        return [*self.encoder.model.feature_extractor.parameters(), *self.encoder.model.feature_projection.parameters()]


def begun(whisper: WhisperLayers, nets: LipNets, start: str) -> Student:
    """A student that begins as the encoder `start`, with the norms that standardise Whisper's features.

    A `start` whose transformer has not the layers and widths of Whisper's gives the convolutions alone, and Whisper its own
    layers. Raises InputError for a `start` whose convolutions do not fit.
    """
    given, phones, settings = None, None, CONVOLUTIONS
    if start != "gabor":
        given, phones, settings = load_encoder(start)
    teacher, layers = whisper.teacher.encoder, max(whisper.layers)
    config = (
        dict(settings)
        | TRANSFORMER
        | {
            "hidden_size": teacher.config.d_model,
            "num_hidden_layers": layers,
            "num_attention_heads": teacher.config.encoder_attention_heads,
            "intermediate_size": teacher.config.encoder_ffn_dim,
            "feature_layers": whisper.layers,
        }
    )
    student = Student(AudioEncoder(config), nets)
    model = student.encoder.model
    with torch.no_grad():
        if given is None:
            first = model.feature_extractor.conv_layers[0].conv
            first.weight.copy_(gabor(*first.weight.shape[::2])[:, None])
            first.bias.zero_()
        else:
            try:
                model.feature_extractor.load_state_dict(given.model.feature_extractor.state_dict())
                model.feature_projection.load_state_dict(given.model.feature_projection.state_dict())
            except RuntimeError as error:
                raise InputError(f"--start {start}: its convolutions do not fit Whisper ({brief(error)})") from None
        taught = given is not None and all(settings.get(name) == config[name] for name in SHAPE)
        if given is not None and taught:
            model.encoder.load_state_dict(given.model.encoder.state_dict())
        else:
            for own, whispers in zip(model.encoder.layers, teacher.layers[:layers], strict=True):
                copy_layer(own, whispers)
        if phones is not None and taught:
            student.phones.load_state_dict(phones.state_dict())
        means, sds = (values.chunk(len(whisper.layers)) for values in (nets.mean, nets.sd))
        for norm, mean, sd in zip(student.encoder.norms, means, sds, strict=True):
            norm.load_state_dict({"weight": 1 / sd, "bias": -mean / sd})
    student.encoder.norms.requires_grad_(False)
    return student


def copy_layer(own: nn.Module, given: nn.Module) -> None:
    """Copy a layer of Whisper's transformer into one of wav2vec 2.0."""
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        source, target = getattr(given.self_attn, name), getattr(own.attention, name)
        target.weight.copy_(source.weight)
        target.bias.copy_(torch.zeros_like(target.bias) if source.bias is None else source.bias)
    own.layer_norm.load_state_dict(given.self_attn_layer_norm.state_dict())
    own.final_layer_norm.load_state_dict(given.final_layer_norm.state_dict())
    own.feed_forward.intermediate_dense.load_state_dict(given.fc1.state_dict())
    own.feed_forward.output_dense.load_state_dict(given.fc2.state_dict())


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


class Teaching:
    """The losses, and what they are measured with. Features are standardised."""

    def __init__(self, whisper: WhisperLayers, geometry: LipGeometry, speech: TaughtSpeech, held: TaughtSpeech) -> None:
        self.whisper, self.geometry, self.speech, self.held = whisper, geometry, speech, held
        some = [speech.window(i, 0, min(500, int(speech.frames[i]))).wave for i in range(0, len(speech.paths), 60)][:20]
        before = torch.cat([whisper.teacher.front(wave)[0] for wave in some])
        self.front_mean, self.front_scale = before.mean(0), before.var(0).mean()

    def front(self, student: Student, rng: np.random.Generator, args: argparse.Namespace) -> dict[str, Tensor]:
        """Whisper's input of the transformer."""
        heard, *_, clean = self.speech.batch(rng, args.batch, args.seconds)
        return {"front": (student.front(heard) - self.whisper.teacher.front(clean.numpy())).square().mean() / self.front_scale}

    def whole(self, student: Student, rng: np.random.Generator, args: argparse.Namespace) -> dict[str, Tensor]:
        """Whisper's layers, lips and phonemes."""
        heard, target, counts, lips, labels, _ = self.speech.batch(rng, args.batch, args.seconds)
        features = student.encoder(heard)
        logits = student.phones(features)
        return {
            "feature": (features - target)[counts].square().mean(),
            "lips": self.geometry.error(student.lips.outputs(features) - lips),
            "phoneme": nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=UNKNOWN),
        }

    @torch.no_grad()
    def validate(self, student: Student) -> dict[str, dict]:
        """Of recordings that are held out, clean and made worse: errors of each layer and of lips, and right phonemes."""
        student.eval()
        rows: dict[str, list] = {"clean": [], "worse": []}
        for i in range(len(self.held.paths)):
            one, rng = self.held.window(i), np.random.default_rng(i)
            worse = augment(one.wave, self.speech.behind(len(one.phones), rng), rng)
            for name, wave in (("clean", one.wave), ("worse", worse)):
                features = student.encoder(torch.from_numpy(wave.astype(np.float32))[None])
                target, known = torch.from_numpy(one.features), one.phones != UNKNOWN
                error = (features[0] - target)[torch.from_numpy(one.counts)].square().mean(0)
                right = student.phones(features)[0].argmax(-1).numpy()[known] == one.phones[known]
                layers = [float(part.mean()) for part in error.chunk(len(self.whisper.layers))]
                lips = self.geometry.error(student.lips.outputs(features) - torch.from_numpy(one.lips)[None]).item()
                rows[name].append([*layers, lips, right.mean() if known.any() else np.nan])
        student.train()
        table = {name: np.round(np.nanmean(values, 0), 4).tolist() for name, values in rows.items() if values}
        return {name: {"layers": row[:-2], "lips": row[-2], "phonemes": row[-1]} for name, row in table.items()}


def add_fitting(parser: argparse.ArgumentParser, steps: int) -> None:
    """The options that `fit` takes. steps: the default."""
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3.2)
    parser.add_argument("--every", type=int, default=200, help="steps from checkpoint to checkpoint")
    parser.add_argument("--seed", type=int, default=0)


def fit(student: Student, groups: list[dict], terms: Callable, teaching: Teaching, steps: int, name: str, args) -> None:
    """Train the parameters in `groups` on `terms`, from the last checkpoint if there is one.

    A line is printed, and a checkpoint written, every `args.every` steps.
    """
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98))
    rates = [group["lr"] for group in optimizer.param_groups]
    state = args.out / f"{name}.pt"
    saved = checkpoint.load(state) or {"step": 0, "running": {}}
    if saved["step"]:
        student.load_state_dict(saved["student"])
        optimizer.load_state_dict(saved["optimizer"])
    running, started = saved["running"], time.time()
    student.train()
    for step in range(saved["step"], steps):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1, (step + 1) / WARMUP, (steps - step) / (DECAY * steps))
        rng = np.random.default_rng([args.seed, step])
        torch.manual_seed(int(rng.integers(2**31)))
        found = terms(student, rng, args)
        optimizer.zero_grad()
        sum(WEIGHTS[term] * value.nan_to_num() for term, value in found.items()).backward()
        nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], 1.0)
        optimizer.step()
        for term, value in found.items():
            now = value.detach().nan_to_num().item()
            running[term] = SMOOTHED * running.get(term, now) + (1 - SMOOTHED) * now
        if (step + 1) % args.every == 0 or step + 1 == steps:
            told = teaching.validate(student) if name == "whole" else {}
            line = {"stage": name, "step": step + 1, "seconds": round(time.time() - started)}
            print(json.dumps(line | {k: round(v, 4) for k, v in running.items()} | told), flush=True)
            last = {"student": student.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1, "running": running}
            checkpoint.save(state, last)


def in_units(nets: LipNets, weights: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """(T, K) weights and (T, 2) aperture and width in mm as outputs of nets, (T, K + 2)."""
    centred = weights - nets.shape_means.numpy(), (lips - nets.lip_means.numpy()) / np.float32(SPREAD)
    return np.concatenate(centred, 1)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_sources(parser)
    parser.add_argument("--lips", type=Path, nargs="+", required=True, help="lip nets, the first on layers of Whisper")
    add_speech(parser)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", default="default", help="encoder to begin with, or gabor")
    parser.add_argument("--front-steps", type=int, default=4000, help="of Gabor filters alone")
    add_fitting(parser, steps=1200)
    args = parser.parse_args(arguments)
    if not complete(args, args.out / "encoder" / CONFIG):
        train(args)


def train(args: argparse.Namespace) -> None:
    """All stages. Raises InputError before anything is written."""
    teachers, features = read_nets(args.lips, args)
    nets, whisper = teachers[0], features[0]
    if not isinstance(whisper, WhisperLayers):
        raise InputError(f"--lips {args.lips[0]}: were not trained on layers of Whisper; name those first")
    found = find_speech(args.speech, args.films, args.held_out, args.per_film)
    torch.manual_seed(args.seed)
    student = begun(whisper, nets, args.start)
    begin(args)
    quiet = whisper(quiet_room())
    silence = (quiet.astype(np.float32) - nets.mean.numpy()) / nets.sd.numpy()
    geometry = LipGeometry(nets.config.shapes)
    closed = torch.zeros(1, len(nets.config.shapes))
    rest = in_units(nets, closed.numpy(), geometry.lips(closed).numpy())[0]

    def lips(wave: np.ndarray, heard: np.ndarray) -> np.ndarray:
        return in_units(nets, *average(teachers, [heard, *(others(wave) for others in features[1:])]))

    taught = teach(found, whisper, lips, args.out / "taught")
    speech, held = (TaughtSpeech(paths, nets.mean, nets.sd, silence, rest) for paths in taught)
    teaching = Teaching(whisper, geometry, speech, held)
    millions = sum(p.numel() for p in student.encoder.parameters()) / 1e6
    line = {"hours": round(speech.frames.sum() / FPS / 3600, 3), "files": len(speech.paths), "weights_M": round(millions, 2)}
    print(json.dumps(line), flush=True)
    convolutions = {"params": student.convolutions(), "lr": RATES["convolutions"]}
    if args.start == "gabor":
        student.encoder.model.feature_projection.projection.bias.data.copy_(teaching.front_mean)
        fit(student, [convolutions], teaching.front, teaching, args.front_steps, "front", args)
    others = {"params": [*student.encoder.model.encoder.parameters()], "lr": RATES["transformer"]}
    mouth = {"params": [*student.lips.parameters()], "lr": RATES["lips"]}
    phones = {"params": [*student.phones.parameters()], "lr": RATES["phonemes"]}
    print(json.dumps({"stage": "whole", "step": 0} | teaching.validate(student)), flush=True)
    fit(student, [convolutions, others, mouth, phones], teaching.whole, teaching, args.steps, "whole", args)
    save_encoder(student.encoder, student.phones, args.out / "encoder")


if __name__ == "__main__":
    run(main)
