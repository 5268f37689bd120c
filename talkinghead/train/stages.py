"""The stages of a training: a micro-batch in, named loss terms out. B batch, T frames, K coefficients, D features."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead.data.loading.batch import Batch
from talkinghead.losses import geometry as surface_losses
from talkinghead.losses import latent
from talkinghead.losses.emotion import exchange_partners
from talkinghead.models.categorical import entropy, hard, usage
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.train.objective.conditions import EmotionBatch, add_emotion, fill_unmeasured
from talkinghead.train.objective.geometry_terms import GeometryTerms
from talkinghead.train.objective.perception import Perception
from talkinghead.train.objective.speech_terms import speech_terms


class Stage(nn.Module):
    """What the engine wraps and divides among devices: the model, and the losses of one stage.

    geometry: the terms on the mesh of each annotation. pivot: probability that the average style replaces that of a speaker.
    wanted: names of the terms of weight > 0; those that need a network are computed only then. lipreader, emotion_net: see
    `Perception`. emotion_prob: that a neutral window of ARKit motion gets an authored emotion.
    """

    def __init__(
        self,
        name: str,
        model: SpeechToMotion,
        geometry: dict[str, GeometryTerms],
        pivot: float,
        train_encoder: bool,
        wanted: frozenset[str] = frozenset(),
        lipreader: str = "default",
        emotion_prob: float = 0.0,
        emotion_net: str = "default",
    ) -> None:
        super().__init__()
        self.name, self.pivot, self.train_encoder, self.emotion_prob = name, pivot, train_encoder, emotion_prob
        self.model = model
        if model.autoregressive is not None and name == "autoregressive" and not model.autoregressive.start.any():
            model.autoregressive.copy_conditioning(model.prior)  # untrained: it begins with the trained audio conditioner
        self.geometry = nn.ModuleDict(geometry)
        model.requires_grad_(False)
        self.part.requires_grad_(True)
        if train_encoder:
            model.audio.requires_grad_(True)
            for where, weight in model.audio.model.named_parameters():
                # The convolutions stay, as in wav2vec 2.0's own fine-tuning; the mask's embedding is not used.
                weight.requires_grad_(not where.startswith(("feature_extractor.", "masked_spec_embed")))
            # Both draw from generators of their own, and a layer that is left out has no gradient to share.
            model.audio.config.apply_spec_augment, model.audio.config.layerdrop = False, 0.0
        self.perception = Perception(wanted, model.config.annotations.get("arkit"), lipreader, emotion_net)

    @property
    def part(self) -> nn.Module:
        """The module that the stage trains; all others are frozen, but for the encoder if `train_encoder`."""
        if self.name == "autoregressive":
            assert self.model.autoregressive is not None, "set_up gave it one"
            return self.model.autoregressive
        return self.model.motion if self.name == "motion" else self.model.prior

    def layers(self) -> list[nn.Module]:
        """The large pieces that several GPUs may divide among them: the encoder's transformer layers."""
        return list(self.model.audio.model.encoder.layers)

    def groups(self) -> list[dict]:
        """Parameter groups: what the stage trains, and the encoder if it is trained, too."""
        parts = [self.part, self.model.audio] if self.train_encoder else [self.part]
        return [{"params": [weight for weight in part.parameters() if weight.requires_grad]} for part in parts]

    @staticmethod
    def model_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The state of the model, of a state of the stage."""
        return {name.removeprefix("model."): value for name, value in state.items()}

    def train(self, mode: bool = True) -> Stage:
        """Only what is trained is in training mode: dropout elsewhere would blur the targets."""
        super().train(False)
        self.part.train(mode)
        if self.train_encoder:
            self.model.audio.train(mode)
        return self

    def forward(self, batch: Batch, seed: list[int]) -> dict[str, Tensor]:
        """Named terms of one micro-batch. All that is random follows `seed`, so every process computes the same."""
        rng = np.random.default_rng(seed)
        torch.manual_seed(int(rng.integers(2**31)))
        geometry: GeometryTerms = self.geometry[batch.annotation]  # type: ignore[assignment]
        features = self._features(batch).float()
        # Only the encoder gains from fewer bits: eight are too few for what lips move from one frame to the next.
        with torch.autocast(features.device.type, enabled=False):
            return self._terms(geometry, batch, features, rng)

    def _terms(self, geometry: GeometryTerms, batch: Batch, features: Tensor, rng) -> dict[str, Tensor]:
        template, scale = geometry.draw(len(batch.motion), rng)
        motion = fill_unmeasured(geometry.bound(batch.motion * scale), batch.mask, rng)
        target = add_emotion(batch, motion, self.model.config.annotations[batch.annotation], self.emotion_prob, rng)
        terms = self._motion if self.name == "motion" else self._prior
        return terms(geometry, batch, features, target, template, rng)

    def _features(self, batch: Batch) -> Tensor:
        if batch.features is not None:
            return batch.features
        with torch.set_grad_enabled(self.train_encoder and torch.is_grad_enabled()):
            return self.model.audio(batch.wave)

    def _motion(
        self, geometry: GeometryTerms, batch: Batch, features: Tensor, target: EmotionBatch, template: Tensor, rng
    ) -> dict[str, Tensor]:
        """Stage 1: reconstructs motion through the categorical latent, mouth by audio and upper face by expression."""
        model, annotation, motion = self.model.motion, batch.annotation, target.motion
        predicted, logits = model(motion, features, template, annotation)
        predicted = surface_losses.masked(predicted, motion, target.mask)
        terms = geometry.terms(predicted, motion, batch.quiet) | {"usage": usage(logits), "entropy": -entropy(logits)}
        if geometry.has("lips") and geometry.has("upper") and len(motion) > 1:
            shift = int(rng.integers(1, len(motion)))
            mouth = geometry.matrix("mouth") + geometry.matrix("lips")  # lips are a sixth of the region, and most visible
            # Of the neutral motion: no sound explains a smile of the mouth that the expression of another clip has not.
            terms["cross_modality"] = latent.cross_modality(
                model, target.neutral, features, template, annotation, shift, mouth, geometry.matrix("upper"), batch.mask
            )
        return terms

    def _prior(
        self, geometry: GeometryTerms, batch: Batch, features: Tensor, target: EmotionBatch, template: Tensor, rng
    ) -> dict[str, Tensor]:
        """Stage 2: codes from audio and emotion (and from the codes before them, if the prior is autoregressive).

        The terms compare the codes, their features, and the motion that the frozen decoder makes of them.
        """
        model, motion = self.model.motion, target.motion
        with torch.no_grad():
            codes = model.encoder(motion, features, batch.annotation)
        pivot = torch.from_numpy(rng.random(len(motion)) < self.pivot).to(batch.style.device)
        style = torch.where(pivot, 0, batch.style)
        history = (codes.argmax(-1),) if self.name == "autoregressive" else ()
        logits = self.part(features, style, *history, emotion=target.condition)
        predicted = model.decoder(logits.softmax(-1), template, batch.annotation)
        measured = surface_losses.masked(predicted, motion, target.mask)
        terms = geometry.terms(measured, motion, batch.quiet)
        terms["code"] = latent.code(logits, codes)
        terms["code_feature"] = latent.code_feature(logits, codes, model.decoder)
        terms |= speech_terms(geometry, batch, predicted, self.perception.speech_net, target.is_neutral)
        terms |= self.perception.terms(geometry, batch.annotation, measured, motion, target.curve, rng)
        if self.perception.exchanges and self.name != "autoregressive" and len(motion) > 1:
            terms |= self._exchange(geometry, batch, features, style, target, template, rng)
        return terms

    def _exchange(
        self,
        geometry: GeometryTerms,
        batch: Batch,
        features: Tensor,
        style: Tensor,
        target: EmotionBatch,
        template: Tensor,
        rng,
    ) -> dict[str, Tensor]:
        """The doubled half of EMOTE's batches: the same sound and style, with the emotion of another clip."""
        order = torch.from_numpy(exchange_partners(len(features), rng)).to(features.device)
        logits = self.part(features, style, emotion=target.condition[order])
        predicted = self.model.motion.decoder(logits.softmax(-1), template, batch.annotation)
        own, source, masks = target.neutral, target.motion[order], (batch.mask, target.mask[order])
        return self.perception.exchange_terms(geometry, batch.annotation, predicted, own, source, masks, rng)


@torch.inference_mode()
def predict(
    model: SpeechToMotion,
    stage: str,
    annotation: str,
    features: Tensor,
    motion: Tensor,
    style: Tensor,
    template: Tensor,
    emotion: Tensor | None = None,
) -> Tensor:
    """(1, T, K) of a whole clip: the reconstruction in stage "motion", the prediction from sound in the others.

    emotion: (1, T, EMOTION_SIZE), see `emotion_input`.
    """
    if stage == "motion":
        return model.motion.decoder(hard(model.motion.encoder(motion, features, annotation)), template, annotation)
    prior = "autoregressive" if stage == "autoregressive" else "parallel"
    return model.motion.decoder(model.latent(features, style, prior, emotion=emotion), template, annotation)
