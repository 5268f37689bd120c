"""What is trained in each stage: a batch in, named loss terms out. B batch, T frames, K coefficients, D features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead.audio.clock import FPS, frame_times
from talkinghead.data.loading.batch import Batch
from talkinghead.losses import geometry, latent, lipsync
from talkinghead.losses import sync as networks
from talkinghead.losses.emotion import others
from talkinghead.models.categorical import entropy, hard, usage
from talkinghead.models.config import BLENDSHAPES
from talkinghead.models.perceptual.sync import SyncNet
from talkinghead.models.prior import emotion_input
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.motion import expressions
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner
from talkinghead.train.perception import EXCHANGED, SEEN, Perception
from talkinghead.train.surfaces import Surface

STAGES = ("motion", "prior", "autoregressive")
SURFACE = (
    *("vertex", "lips", "upper", "eyes", "landmark", "lip_landmarks", "eye_landmarks", "aperture", "width", "lids"),
    *("closure", "velocity", "silence", "shape"),
)
SPOKEN = ("shut", "rest", "touch", "open", "sync", "phoneme")
PRIOR = (*SURFACE, "code", "code_feature", *SPOKEN, *SEEN)
TERMS = {
    "motion": (*SURFACE, "cross_modality", "entropy"),
    "prior": (*PRIOR, *EXCHANGED),
    "autoregressive": PRIOR,  # told the true codes, it would have to say one emotion after hearing another
}


@dataclass
class Feeling:
    """With which emotion the windows of a micro-batch are spoken, and the motion that this is."""

    motion: Tensor  # (B, T, K) with the emotion
    plain: Tensor  # (B, T, K) before one was put on; where it was recorded, it is in both
    known: Tensor  # (B, K), see `Batch`; an expression is known of every shape that it uses
    curve: Tensor  # (B, T, E) how strongly each of EMOTIONS is shown
    manner: Tensor  # (B, 3), see `motion.expressions.Manner`

    @property
    def calm(self) -> Tensor:
        """(B,) 1 for windows without an emotion."""
        return (self.curve[..., 1:].amax((1, 2)) == 0).float()

    @property
    def told(self) -> Tensor:
        """(B, T, FEELING): what the prior is told."""
        return emotion_input(self.curve, self.manner)


class Stage(nn.Module):
    """What the engine wraps and divides among devices: the model, and the losses of one stage.

    surfaces: one for each annotation. pivot: how often a speaker's style is replaced by nobody's. wanted: names of the terms
    that count; those that cost a network are only computed then. lipreader, emotion_net: which, see `Perception`.
    emotion_prob: that a neutral window of ARKit motion gets an authored emotion.
    """

    def __init__(
        self,
        name: str,
        talker: SpeechToMotion,
        surfaces: dict[str, Surface],
        pivot: float,
        train_encoder: bool,
        wanted: frozenset[str] = frozenset(),
        lipreader: str = "default",
        emotion_prob: float = 0.0,
        emotion_net: str = "default",
    ) -> None:
        super().__init__()
        self.name, self.pivot, self.train_encoder, self.emotion_prob = name, pivot, train_encoder, emotion_prob
        self.talker = talker
        if talker.autoregressive is not None and name == "autoregressive" and not talker.autoregressive.start.any():
            talker.autoregressive.hear_like(talker.prior)  # it was never trained, and need not learn anew to listen
        self.surfaces = nn.ModuleDict(surfaces)
        talker.requires_grad_(False)
        self.part.requires_grad_(True)
        if train_encoder:
            talker.audio.requires_grad_(True)
            for where, weight in talker.audio.model.named_parameters():
                # The convolutions stay, as in wav2vec 2.0's own fine-tuning; the mask's embedding is not used.
                weight.requires_grad_(not where.startswith(("feature_extractor.", "masked_spec_embed")))
            # Both draw from generators of their own, and a layer that is left out has no gradient to share.
            talker.audio.config.apply_spec_augment, talker.audio.config.layerdrop = False, 0.0
        # In a tuple: a network that is not trained is no part of the stage, which is divided among devices and kept.
        self.sync = (SyncNet.from_pretrained("loss"),) if wanted & {"sync", "phoneme"} else ()
        self.perception = Perception(wanted, talker.config.annotations.get("arkit"), lipreader, emotion_net)

    @property
    def part(self) -> nn.Module:
        """The module that the stage trains; all others are frozen, but for the encoder if it is asked for."""
        if self.name == "autoregressive":
            assert self.talker.autoregressive is not None, "set_up gave it one"
            return self.talker.autoregressive
        return self.talker.motion if self.name == "motion" else self.talker.prior

    def layers(self) -> list[nn.Module]:
        """The large pieces that several GPUs may divide among them: the encoder's transformer layers."""
        return list(self.talker.audio.model.encoder.layers)

    def groups(self) -> list[dict]:
        """Parameter groups: what the stage trains, and the encoder if it is trained, too."""
        parts = [self.part, self.talker.audio] if self.train_encoder else [self.part]
        return [{"params": [weight for weight in part.parameters() if weight.requires_grad]} for part in parts]

    def train(self, mode: bool = True) -> Stage:
        """Only what is trained behaves so: dropout elsewhere would blur the targets."""
        super().train(False)
        self.part.train(mode)
        if self.train_encoder:
            self.talker.audio.train(mode)
        return self

    def forward(self, batch: Batch, seed: list[int]) -> dict[str, Tensor]:
        """Named terms of one micro-batch. All that is random follows `seed`, so it does not matter which process does it."""
        rng = np.random.default_rng(seed)
        torch.manual_seed(int(rng.integers(2**31)))
        surface: Surface = self.surfaces[batch.annotation]  # type: ignore[assignment]
        features = self._hear(batch).float()
        # Only the encoder gains from fewer bits: eight are too few for what lips move from one frame to the next.
        with torch.autocast(features.device.type, enabled=False):
            return self._terms(surface, batch, features, rng)

    def _terms(self, surface: Surface, batch: Batch, features: Tensor, rng) -> dict[str, Tensor]:
        template, scale = surface.draw(len(batch.motion), rng)
        motion = borrowed(surface.bound(batch.motion * scale), batch.known, rng)
        felt = feeling(batch, motion, self.talker.config.annotations[batch.annotation], self.emotion_prob, rng)
        if self.name == "motion":
            return self._motion(surface, batch, features, felt, template, rng)
        return self._prior(surface, batch, features, felt, template, rng)

    def _hear(self, batch: Batch) -> Tensor:
        if batch.features is not None:
            return batch.features
        with torch.set_grad_enabled(self.train_encoder and torch.is_grad_enabled()):
            return self.talker.audio(batch.wave)

    def _motion(self, surface: Surface, batch: Batch, features: Tensor, felt: Feeling, template: Tensor, rng) -> dict:
        """Stage 1: reconstruct motion through the categorical latent, mouth by audio and upper face by expression."""
        model, annotation, motion = self.talker.motion, batch.annotation, felt.motion
        predicted, logits = model(motion, features, template, annotation)
        judged = geometry.where_known(predicted, motion, felt.known)
        terms = surface.terms(judged, motion, batch.quiet) | {"usage": usage(logits), "entropy": -entropy(logits)}
        if surface.has("lips") and surface.has("upper") and len(motion) > 1:
            shift = int(rng.integers(1, len(motion)))
            mouth = surface.matrix("mouth") + surface.matrix("lips")  # lips are a sixth of the region, and what is looked at
            # Without the emotion that was put on: no sound tells that my mouth smiles while another's expression does not.
            terms["cross_modality"] = latent.cross_modality(
                model, felt.plain, features, template, annotation, shift, mouth, surface.matrix("upper"), batch.known
            )
        return terms

    def _prior(self, surface: Surface, batch: Batch, features: Tensor, felt: Feeling, template: Tensor, rng) -> dict:
        """Stage 2: codes from audio and emotion (and from the codes before them, if the prior is autoregressive).

        They are judged by themselves, by their features and by the motion that the frozen decoder makes of them.
        """
        model, motion = self.talker.motion, felt.motion
        with torch.no_grad():
            wanted = model.encoder(motion, features, batch.annotation)
        pivot = torch.from_numpy(rng.random(len(motion)) < self.pivot).to(batch.style.device)
        style = torch.where(pivot, 0, batch.style)
        told = (wanted.argmax(-1),) if self.name == "autoregressive" else ()
        logits = self.part(features, style, *told, emotion=felt.told)
        predicted = model.decoder(logits.softmax(-1), template, batch.annotation)
        judged = geometry.where_known(predicted, motion, felt.known)
        terms = surface.terms(judged, motion, batch.quiet) | {
            "code": latent.code(logits, wanted),
            "code_feature": latent.code_feature(logits, wanted, model.decoder),
            **self._spoken(surface, batch, predicted, felt.calm),
        }
        terms |= self.perception.terms(surface, batch.annotation, judged, motion, felt.curve, rng)
        if self.perception.exchanges and self.name != "autoregressive" and len(motion) > 1:
            terms |= self._exchange(surface, batch, features, style, felt, template, rng)
        return terms

    def _exchange(
        self, surface: Surface, batch: Batch, features: Tensor, style: Tensor, felt: Feeling, template: Tensor, rng
    ) -> dict[str, Tensor]:
        """The doubled half of EMOTE's batches: the same sound and style, with the emotion of another clip."""
        order = torch.from_numpy(others(len(features), rng)).to(features.device)
        logits = self.part(features, style, emotion=felt.told[order])
        predicted = self.talker.motion.decoder(logits.softmax(-1), template, batch.annotation)
        own, source, known = felt.plain, felt.motion[order], (batch.known, felt.known[order])
        return self.perception.exchanged(surface, batch.annotation, predicted, own, source, known, rng)

    def _spoken(self, surface: Surface, batch: Batch, predicted: Tensor, calm: Tensor | None = None) -> dict[str, Tensor]:
        """What phonemes and sound say of the lips, filmed or not: the terms that the batch, the mesh and the recipe have.

        calm: (B,), 0 for windows with an emotion, in whose pauses lips need not be shut.
        """
        terms: dict[str, Tensor] = {}
        when = {} if batch.phones is None else lipsync.moments(batch.phones)
        if "rest" in when and calm is not None:
            when["rest"] = when["rest"] * calm[:, None]
        when = {name: mask for name, mask in when.items() if mask.any()}
        for name in ("shut", "rest") if surface.has("aperture") else ():
            if name in when:
                terms[name] = lipsync.shut(predicted, when[name], surface.lip_gap)
        if "open" in when and surface.has("aperture"):
            terms["open"] = lipsync.wide(predicted, when["open"], surface.lip_gap)
        if "touch" in when and surface.has("bite_moved"):
            terms["touch"] = lipsync.touch(predicted, when["touch"], surface.bite)
        for net in self.sync if surface.has("lip_map") else ():
            seen, read = net.to(predicted.device).watch(predicted @ surface.matrix("lip_map"))
            if batch.mel is not None and not batch.quiet.all():
                heard, sharpness = net.hear(batch.mel), net.sharpness.exp()
                terms["sync"] = networks.contrast(seen, heard, 1 - batch.quiet, sharpness)
            if batch.phones is not None and (batch.phones >= 0).any():
                terms["phoneme"] = networks.phoneme(read, batch.phones)
        return terms


def feeling(batch: Batch, motion: Tensor, names: list[str], emotion_prob: float, rng: np.random.Generator) -> Feeling:
    """The emotions of a micro-batch: those of the clips, and authored ones on a share of the windows that have none.

    A clip whose emotion is known shows it from beginning to end, in nobody's manner. Authored expressions
    (`motion.expressions`) are put on the (B, T, K) motion of ARKit's shapes, each with a curve and a manner of its own.
    """
    frames, device = motion.shape[1], motion.device
    emotion, intensity = batch.emotion.cpu(), batch.intensity.cpu()
    curve = torch.nn.functional.one_hot(emotion, len(EMOTIONS)) * intensity[:, None]
    curve, manner = curve[:, None].repeat(1, frames, 1).float(), torch.zeros(len(motion), 3)
    known, shown = batch.known, motion
    chosen = np.flatnonzero((emotion.numpy() == 0) & (rng.random(len(motion)) < emotion_prob))
    if batch.annotation in BLENDSHAPES and len(chosen):
        used = torch.from_numpy(expressions.used(names)).to(known)
        known, shown, times = known.clone(), motion.clone(), frame_times(frames, FPS)
        for i in chosen:
            drawn, how = expressions.draw_curve(rng, times), Manner.draw(rng)
            felt = expressions.layer(motion[i].cpu().numpy(), drawn, names, how, FPS)
            shown[i], known[i] = torch.from_numpy(felt).to(motion), torch.maximum(known[i], used)
            curve[i], manner[i] = torch.from_numpy(drawn), torch.from_numpy(how.vector())
    return Feeling(shown, motion, known, curve.to(device), manner.to(device))


def borrowed(motion: Tensor, known: Tensor, rng: np.random.Generator) -> Tensor:
    """(B, T, K) motion; what nobody measured of a clip, where (B, K) `known` is 0, is that of another clip in the batch.

    Made-up lips come without an upper face. At rest it would be a dead one, in what the encoder sees and in the codes that the
    prior learns; the living one of somebody else is as good as any. It stays at rest if no clip of the batch has one.
    """
    if bool(known.all()):
        return motion
    there, out = known.cpu().numpy() > 0, motion.clone()
    lives = there & (motion.amax(1) > motion.amin(1)).cpu().numpy()
    for i in np.flatnonzero(~there.all(1)):
        gain = (lives & ~there[i]).sum(1)
        if gain.max():
            other = int(rng.choice(np.flatnonzero(gain == gain.max())))
            columns = torch.from_numpy(np.flatnonzero(there[other] & ~there[i])).to(motion.device)
            out[i, :, columns] = motion[other][:, columns]
    return out


@torch.inference_mode()
def predict(
    talker: SpeechToMotion,
    stage: str,
    annotation: str,
    features: Tensor,
    motion: Tensor,
    style: Tensor,
    template: Tensor,
    emotion: Tensor | None = None,
) -> Tensor:
    """(1, T, K) of a whole clip: the reconstruction in stage "motion", the prediction from sound in the others.

    emotion: (1, T, FEELING), see `emotion_input`.
    """
    if stage == "motion":
        return talker.motion.decoder(hard(talker.motion.encoder(motion, features, annotation)), template, annotation)
    prior = "autoregressive" if stage == "autoregressive" else "parallel"
    return talker.motion.decoder(talker.latent(features, style, prior, emotion=emotion), template, annotation)
