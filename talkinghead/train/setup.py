"""Sets up a training: data, speech encoder, model and meshes of a recipe."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from talkinghead.config import build
from talkinghead.data.loading.dataset import TrainingData
from talkinghead.errors import InputError, InputWarning
from talkinghead.head.head import Head
from talkinghead.models.config import BLENDSHAPES, ModelConfig
from talkinghead.models.pretrained import load_model
from talkinghead.models.pretrained_encoder import load_encoder
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.progress import progress_bar
from talkinghead.speech.phonemes import PHONES
from talkinghead.train.config import TrainConfig
from talkinghead.train.objective.geometry_terms import GeometryTerms

LOOKED_AT = 5000  # clips whose annotation is read, so that a large set is not read through
SAMPLED = 64  # clips from which the spread of coefficients without a mesh is taken


def set_up(
    config: TrainConfig, accelerator: Any
) -> tuple[SpeechToMotion, dict[str, Head], TrainingData, dict[str, GeometryTerms]]:
    """The untrained (or given) model, the heads that it moves, the data with features encoded, the terms of each annotation."""
    torch.manual_seed(config.seed)
    device, cached, out = accelerator.device, config.features == "cached", Path(config.out)
    given, given_heads = load_model(None if config.init == "default" else config.init) if config.init else (None, None)
    if given is not None:
        encoder, phones, settings = given.audio, given.phones, given.config.encoder
    else:
        encoder, phones, settings = load_encoder(config.encoder)
        config.model.phones = list(PHONES) if phones is not None else []
    encoder = encoder.eval().requires_grad_(False).to(device)
    shape = build(ModelConfig, asdict(given.config), str(config.init)) if given is not None else config.model
    folders = [Path(folder) for folder in config.data]
    # An expression may use shapes that no clip of the data has.
    names = shape.annotations or ({"arkit": list(Head.default().names)} if config.synthetic_emotion_prob else None)
    data = TrainingData(
        folders, out / "features", versions=config.augmentations_per_clip, cached=cached, names=names, heads=given_heads
    )
    if not data.split("train"):
        raise InputError(f"data {', '.join(config.data)}: no clip is in split 'train'")
    if not data.split("val") and accelerator.is_main_process:
        text = (
            f"data {', '.join(config.data)}: no clip is in split 'val', so training clips are validated on; prepare more clips"
        )
        warnings.warn(text, InputWarning, stacklevel=2)
    if cached:
        with progress_bar(accelerator.is_main_process, transient=False) as bar:
            task = bar.add_task("features", total=None)

            def tell(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            data.encode(encoder, encoder.fingerprint(), tell, part=(accelerator.process_index, accelerator.num_processes))
            accelerator.wait_for_everyone()
    if config.autoregressive.steps and "autoregressive" not in shape.priors:
        shape.priors = [*shape.priors, "autoregressive"]
    if data.emotional or (config.synthetic_emotion_prob and set(data.annotations) & set(BLENDSHAPES)):
        shape.authored_emotions = not data.emotional and (not shape.emotions or shape.authored_emotions)
        shape.emotions = list(EMOTIONS)
    shape.annotations, shape.styles, shape.encoder = dict(data.annotations), list(data.speakers), settings
    torch.manual_seed(config.seed)
    heads = {name: head for name, head in data.heads.items() if head is not None and name not in BLENDSHAPES}
    model = SpeechToMotion(shape)
    model.audio.load_state_dict(encoder.state_dict())
    if phones is not None and model.phones is not None:
        model.phones.load_state_dict(phones.state_dict())
    if given is not None:
        inherit(model, given)
    geometry = {name: GeometryTerms(name, shape, data.heads.get(name), _spread(data, name)) for name in data.annotations}
    return model, heads, data, {name: terms.to(device) for name, terms in geometry.items()}


def inherit(model: SpeechToMotion, given: SpeechToMotion) -> None:
    """Copy the weights of another model of the same shape; annotations and styles are matched by name."""
    own, old = model.state_dict(), given.state_dict()
    for name, value in old.items():
        if name in ("prior.style.weight", "autoregressive.style.weight") and name in own:
            own[name][0] = value[0]
            for row, style in enumerate(given.config.styles, 1):
                if style in model.config.styles:
                    own[name][1 + model.config.styles.index(style)] = value[row]
        elif name in own and own[name].shape == value.shape and _same_names(model, given, name):
            own[name] = value
    model.load_state_dict(own)


def _same_names(model: SpeechToMotion, given: SpeechToMotion, weight: str) -> bool:
    """Whether a weight has the same meaning in both; layers of an annotation have if its coefficients are the same."""
    for name in given.config.annotations:
        if f".enter.{name}." in weight or f".out.{name}." in weight:
            return model.config.annotations.get(name) == given.config.annotations[name]
    return True


def _spread(data: TrainingData, annotation: str) -> np.ndarray:
    """(K,) standard deviation of each coefficient of an annotation without a mesh; ones for one with a mesh.

    Constant coefficients get the median of the others: the weight by their own deviation would exceed all others.
    """
    if data.heads.get(annotation) is not None:
        return np.ones(len(data.annotations[annotation]))
    training = data.split("train")
    clips = [i for i in training[:: max(1, len(training) // LOOKED_AT)] if data.clip(i).annotation == annotation]
    clips = clips[:: max(1, len(clips) // SAMPLED)]
    spread = np.concatenate([data.whole(i)[1] for i in clips]).std(0) if clips else np.zeros(len(data.annotations[annotation]))
    moves = spread > 1e-6
    return np.where(moves, spread, np.median(spread[moves]) if moves.any() else 1.0)
