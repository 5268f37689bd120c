"""What is trained in each stage: a batch in, named loss terms out. B batch, T frames, K coefficients, D features."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead.data.dataset import Batch
from talkinghead.face.head import Head
from talkinghead.losses import geometry, latent, lipsync
from talkinghead.models.categorical import hard, usage
from talkinghead.models.prior import ParallelPrior, choose
from talkinghead.models.talker import ModelConfig, Talker, eye_distance, template_code

TRANSITION = 3  # frames of 20 ms in which lips may come together, and part
PEOPLE = 24  # templates to draw from, so that the decoder does not learn one face


class Surfaces:
    """The default head's `gram` matrices by name, and templates of many people."""

    def __init__(self, config: ModelConfig, device: torch.device) -> None:
        head = Head.default()
        keep = [head.index(name) for name in config.names]

        def of(matrix: Tensor) -> Tensor:
            return matrix[keep][:, keep].to(device)

        self.all = of(geometry.gram(head))
        self.lips = of(geometry.gram(head, head.regions["lips"]))
        self.mouth = of(geometry.gram(head, head.regions["lower_face"]))
        self.upper = of(geometry.gram(head, head.regions["upper_face"]))
        moved, rest = geometry.gap(head, "lip_upper_inner", "lip_lower_inner")
        self.lip_gap = moved[keep].to(device), rest.to(device)
        self.aperture = of(moved @ moved.T)
        moved, _ = geometry.gap(head, "lip_corner_left", "lip_corner_right")
        self.width = of(moved @ moved.T)
        people = [head] + [Head.default(seed=seed) for seed in range(1, PEOPLE)]
        codes = np.stack([template_code(person, config) for person in people])
        self.reference: ParallelPrior | None = None  # the prior as stage 3 found it
        self.templates = torch.from_numpy(codes).to(device)
        self.scales = torch.tensor([eye_distance(person) / eye_distance(head) for person in people], device=device)

    def draw(self, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(B, L + 1, 3) templates and (B, 1, 1) how far each face moves: a small face opens its mouth less in metres."""
        index = torch.from_numpy(rng.integers(len(self.templates), size=size))
        return self.templates[index], self.scales[index][:, None, None]

    def terms(self, predicted: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Errors on the surface in mm^2; `shape` keeps coefficients apart that move the surface alike."""
        return {
            "vertex": geometry.surface(predicted, target, self.all),
            "lips": geometry.surface(predicted, target, self.lips),
            "upper": geometry.surface(predicted, target, self.upper),
            "aperture": geometry.surface(predicted, target, self.aperture),
            "width": geometry.surface(predicted, target, self.width),
            "closure": geometry.closure(predicted, target, self.lip_gap),
            "velocity": geometry.velocity(predicted, target, self.lips),
            "shape": (predicted - target).square().mean(),
        }


def motion_stage(talker: Talker, surfaces: Surfaces, batch: Batch, rng: np.random.Generator) -> dict[str, Tensor]:
    """Stage 1: reconstruct motion through the categorical latent, mouth by audio and upper face by expression."""
    template, scale = surfaces.draw(len(batch.motion), rng)
    motion = (batch.motion * scale).clamp(0, 1)
    predicted, logits = talker.motion(motion, batch.features, template)
    shift = int(rng.integers(1, len(motion)))
    crossed = latent.cross_modality(talker.motion, motion, batch.features, template, shift, surfaces.mouth, surfaces.upper)
    return surfaces.terms(predicted, motion) | {"cross_modality": crossed, "usage": usage(logits)}


def prior_stage(talker: Talker, surfaces: Surfaces, batch: Batch, rng: np.random.Generator) -> dict[str, Tensor]:
    """Stage 2: codes from audio, judged by the codes, by their features and by the motion the frozen decoder makes."""
    template, scale = surfaces.draw(len(batch.motion), rng)
    motion = (batch.motion * scale).clamp(0, 1)
    with torch.no_grad():
        wanted = talker.motion.encoder(motion, batch.features)
    pivot = torch.from_numpy(rng.random(len(motion)) < 0.3).to(batch.style.device)
    logits = talker.prior(batch.features, torch.where(pivot, 0, batch.style))
    predicted = talker.motion.decoder(logits.softmax(-1), template)
    return surfaces.terms(predicted, motion) | {
        "code": latent.code(logits, wanted),
        "code_feature": latent.code_feature(logits, wanted, talker.motion.decoder),
    }


def closure_stage(talker: Talker, surfaces: Surfaces, batch: Batch, rng: np.random.Generator) -> dict[str, Tensor]:
    """Stage 3: as stage 2, and on the speech of strangers lips meet in /p b m/ and rest in pauses.

    Elsewhere in that speech the motion must stay what stage 2 made of it: without this, strangers never open their mouths.
    """
    assert batch.speech is not None and surfaces.reference is not None, "the loop gives this stage both"
    speech = batch.speech
    template, _ = surfaces.draw(len(speech.features), rng)
    nobody = torch.zeros(len(speech.features), dtype=torch.long, device=speech.features.device)
    predicted = talker.motion.decoder(talker.prior(speech.features, nobody).softmax(-1), template)
    with torch.no_grad():
        before = talker.motion.decoder(surfaces.reference(speech.features, nobody).softmax(-1), template)
    near = nn.functional.max_pool1d(torch.maximum(speech.shut, speech.rest), 2 * TRANSITION + 1, 1, TRANSITION)
    change = (predicted - before) * (1 - near)[..., None]
    return prior_stage(talker, surfaces, batch, rng) | {
        "shut": lipsync.shut(predicted, speech.shut, surfaces.lip_gap),
        "rest": lipsync.shut(predicted, speech.rest, surfaces.lip_gap),
        "keep": geometry.surface(change, torch.zeros_like(change), surfaces.lips + surfaces.aperture),
    }


STAGES = {"motion": motion_stage, "prior": prior_stage, "closure": closure_stage}


def trained_part(talker: Talker, stage: str) -> torch.nn.Module:
    """The module whose weights a stage changes; all others are frozen."""
    return talker.motion if stage == "motion" else talker.prior


@torch.inference_mode()
def predict(talker: Talker, stage: str, features: Tensor, motion: Tensor, style: Tensor, template: Tensor) -> Tensor:
    """(1, T, K) of a whole clip: the reconstruction in stage "motion", the prediction from sound in the others."""
    if stage == "motion":
        return talker.motion.decoder(hard(talker.motion.encoder(motion, features)), template)
    return talker.motion.decoder(choose(talker.prior(features, style), 0, seed=0), template)
