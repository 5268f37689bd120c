"""Train the speech encoder of a streaming model: it learns to hear, with a bounded look-ahead, what the whole encoder hears.

    python tools/train/train_streaming_encoder.py --speech LIBRISPEECH FLEURS --films data/grid --out runs/streaming_encoder

The student begins with the weights of the model `--teacher`. Its transformer layers see `--left-context` features before each
feature and `--right-context` after it, and it follows the level of what it has heard. The teacher hears each recording clean
and whole. The student hears windows of it through a random room, microphone, noise and level. It learns the teacher's features,
its phonemes, and what prior and decoder of the teacher make of the features: lips, in millimetres on the default head.

`OUT/taught` keeps what the teacher hears. Interrupted, the training goes on from its last checkpoint. `OUT/model` is the
teacher with the new encoder, and with a prior and a decoder that look ahead by `--prior-lookahead` and `--decoder-lookahead`.
Both are only begun, and `talkinghead train configs/streaming.yaml init=OUT/model` trains them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from stage import begin, complete, run
from taught_speech import TaughtSpeech, add_speech, find_speech, quiet_room, teach
from torch import Tensor, nn
from train_encoder import add_fitting, fit

from talkinghead.audio.augment import augment
from talkinghead.audio.clock import FPS, FRAME
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import landmark_shapes
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.models.config import BLENDSHAPES, ModelConfig
from talkinghead.models.folder import CONFIG
from talkinghead.models.motion_autoencoder import Temporal
from talkinghead.models.pretrained import load_model, save_model
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.models.template import template_code
from talkinghead.speech.labels import UNKNOWN

LANDMARKS = ("lip_upper_inner", "lip_lower_inner", "lip_corner_left", "lip_corner_right")
RATES = {"transformer": 2e-4, "phonemes": 2e-4}


class Teacher:
    """The whole model, in the shape that `taught_speech.teach` asks for."""

    def __init__(self, network: SpeechToMotion) -> None:
        self.network = network.eval().requires_grad_(False)
        head = Head.default()
        self.annotation = next(name for name in network.config.annotations if name in BLENDSHAPES)
        self.code = torch.from_numpy(template_code(head, network.config, self.annotation))
        rows = [head.names.index(name) for name in network.config.annotations[self.annotation]]
        moved = np.concatenate([landmark_shapes(head, name)[rows] for name in LANDMARKS], 1)
        self.millimetres = torch.from_numpy(1e3 * moved).float()

    @torch.inference_mode()
    def with_sinks(self, wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features = self.network.audio(torch.from_numpy(wave.astype(np.float32))[None])[0][: len(wave) // FRAME]
        return features.numpy().astype(np.float16), np.zeros(len(features), np.int16)

    def weights(self, features: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, K) without an emotion."""
        style = torch.zeros(len(features), dtype=torch.long)
        latent = self.network.prior(features, style).softmax(-1)
        return self.network.decode(latent, self.code, self.annotation)

    @torch.inference_mode()
    def lips(self, _: np.ndarray, heard: np.ndarray) -> np.ndarray:
        return self.weights(torch.from_numpy(heard.astype(np.float32))[None])[0].numpy()


class Student(nn.Module):
    """The encoder that streams, and its phonemes."""

    def __init__(self, encoder: AudioEncoder, phones: nn.Linear) -> None:
        super().__init__()
        self.encoder, self.phones = encoder, phones


class Teaching:
    """The losses, and what they are measured with."""

    def __init__(self, teacher: Teacher, speech: TaughtSpeech, held: TaughtSpeech) -> None:
        self.teacher, self.speech, self.held = teacher, speech, held

    def whole(self, student: Student, rng: np.random.Generator, args: argparse.Namespace) -> dict[str, Tensor]:
        heard, target, _, lips, labels, _ = self.speech.batch(rng, args.batch, args.seconds)
        features = student.encoder(heard)
        logits = student.phones(features)
        with torch.no_grad():
            told = self.teacher.network.phones(target).softmax(-1)
        known = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=UNKNOWN).nan_to_num()
        return {
            "feature": (features - target).square().mean(),
            "lips": self.error(features, lips),
            "phoneme": known + nn.functional.cross_entropy(logits.flatten(0, 1), told.flatten(0, 1)),
        }

    def error(self, features: Tensor, lips: Tensor) -> Tensor:
        """Mean square error of landmarks of the lips, mm^2."""
        return ((self.teacher.weights(features) - lips) @ self.teacher.millimetres).square().mean()

    @torch.no_grad()
    def validate(self, student: Student) -> dict[str, dict]:
        """Of recordings that are held out, clean and made worse: errors of features and of lips, and right phonemes."""
        student.eval()
        rows: dict[str, list] = {"clean": [], "worse": []}
        for i in range(len(self.held.paths)):
            one, rng = self.held.window(i), np.random.default_rng(i)
            worse = augment(one.wave, self.speech.behind(len(one.phones), rng), rng)
            for name, wave in (("clean", one.wave), ("worse", worse)):
                features = student.encoder(torch.from_numpy(wave.astype(np.float32))[None])
                known = one.phones != UNKNOWN
                right = student.phones(features)[0].argmax(-1).numpy()[known] == one.phones[known]
                error = (features[0] - torch.from_numpy(one.features)).square().mean().item()
                lips = self.error(features, torch.from_numpy(one.lips)[None]).item()
                rows[name].append([error, lips, right.mean() if known.any() else np.nan])
        student.train()
        table = {name: np.round(np.nanmean(values, 0), 4).tolist() for name, values in rows.items() if values}
        return {name: dict(zip(("features", "lips", "phonemes"), row, strict=True)) for name, row in table.items()}


def streaming(given: SpeechToMotion, left: int, right: list[int], prior: int, decoder: int) -> SpeechToMotion:
    """A model that looks ahead so little, with the weights of another: convolutions keep those of the frames that they see."""
    config = ModelConfig(**vars(given.config))
    config.encoder = dict(config.encoder) | {"left_context": left, "right_context": right}
    config.prior_lookahead, config.decoder_lookahead = prior, decoder
    model = SpeechToMotion(config)
    model.load_state_dict(given.state_dict())
    for own, others in ((model.prior.body, given.prior.body), (model.motion.decoder.body, given.motion.decoder.body)):
        realign(own, others)
    return model


@torch.no_grad()
def realign(own: Temporal, given: Temporal) -> None:
    """Give each tap of convolutions the weight that the tap of the same frame has in others; 0 where these do not see it."""
    for convolution, other, (before, _), (others, _) in zip(own.convs, given.convs, own.sides, given.sides, strict=True):
        step = convolution.dilation[0]
        for tap in range(convolution.weight.shape[2]):
            frame = tap * step - before
            theirs, rest = divmod(frame + others, step)
            known = rest == 0 and 0 <= theirs < other.weight.shape[2]
            convolution.weight[:, :, tap] = other.weight[:, :, theirs] if known else 0
    # A tap between two taps of the other: the first layer looks ahead by single frames, whose dilation is 1.


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="default", help="model folder, or default")
    add_speech(parser)
    parser.add_argument("--left-context", type=int, default=64, help="features that each layer sees before a feature")
    parser.add_argument("--right-context", type=int, nargs="+", default=[1, 1, 0, 0, 0], help="and after it, of each layer")
    parser.add_argument("--prior-lookahead", type=int, default=1, help="frames")
    parser.add_argument("--decoder-lookahead", type=int, default=1, help="frames")
    parser.add_argument("--out", type=Path, required=True)
    add_fitting(parser, steps=1000)
    args = parser.parse_args(arguments)
    if not complete(args, args.out / "model" / CONFIG):
        train(args)


def train(args: argparse.Namespace) -> None:
    """Teach, and write the model. Raises InputError before anything is written."""
    given, heads = load_model(None if args.teacher == "default" else args.teacher)
    if given.phones is None or given.config.streams:
        raise InputError(f"--teacher {args.teacher}: needs an encoder of phonemes that sees all of a recording")
    model = streaming(given, args.left_context, args.right_context, args.prior_lookahead, args.decoder_lookahead)
    found = find_speech(args.speech, args.films, args.held_out, args.per_film)
    begin(args)
    torch.manual_seed(args.seed)
    teacher = Teacher(given)
    taught = teach(found, teacher, teacher.lips, args.out / "taught")
    silence = teacher.with_sinks(quiet_room())[0].astype(np.float32)
    rest = np.zeros(len(model.config.annotations[teacher.annotation]), np.float32)
    scale = torch.zeros(given.audio.width), torch.ones(given.audio.width)
    speech, held = (TaughtSpeech(paths, *scale, silence, rest) for paths in taught)
    line = {"hours": round(speech.frames.sum() / FPS / 3600, 3), "files": len(speech.paths)}
    print(json.dumps(line), flush=True)
    student, teaching = Student(model.audio, model.phones), Teaching(teacher, speech, held)
    student.encoder.model.feature_extractor.requires_grad_(False)
    student.encoder.model.feature_projection.requires_grad_(False)
    groups = [
        {
            "params": [*student.encoder.model.encoder.parameters(), *student.encoder.norms.parameters()],
            "lr": RATES["transformer"],
        },
        {"params": [*student.phones.parameters()], "lr": RATES["phonemes"]},
    ]
    print(json.dumps({"stage": "whole", "step": 0} | teaching.validate(student)), flush=True)
    fit(student, groups, teaching.whole, teaching, args.steps, "whole", args)
    save_model(model, heads, args.out / "model")


if __name__ == "__main__":
    run(main)
