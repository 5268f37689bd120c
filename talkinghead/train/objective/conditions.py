"""Emotions and unmeasured coefficients of a micro-batch: what is put on the motion before a stage sees it.

B batch, T frames, K coefficients, E emotions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from talkinghead.audio.clock import FPS, frame_times
from talkinghead.data.loading.batch import Batch
from talkinghead.models.config import BLENDSHAPES
from talkinghead.models.emotion_input import MANNER_SIZE
from talkinghead.models.prior import emotion_input
from talkinghead.motion import expressions
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner


@dataclass
class EmotionBatch:
    """The motion of a micro-batch with its emotions, and these emotions as the prior is conditioned on them."""

    motion: Tensor  # (B, T, K) with the emotion
    neutral: Tensor  # (B, T, K) before an expression was added; a recorded emotion is in both
    mask: Tensor  # (B, K), see `Batch`; 1 for every shape that an added expression uses
    curve: Tensor  # (B, T, E) intensity of each of EMOTIONS
    manner: Tensor  # (B, 3), see `motion.expressions.Manner`

    @property
    def is_neutral(self) -> Tensor:
        """(B,) 1 for windows without an emotion."""
        return (self.curve[..., 1:].amax((1, 2)) == 0).float()

    @property
    def condition(self) -> Tensor:
        """(B, T, EMOTION_SIZE): input of the prior."""
        return emotion_input(self.curve, self.manner)


def add_emotion(batch: Batch, motion: Tensor, names: list[str], probability: float, rng: np.random.Generator) -> EmotionBatch:
    """The emotions of a micro-batch: those of the clips, and authored ones on neutral windows, each with `probability`.

    A clip with an annotated emotion has it in all frames, in the average manner. Authored expressions (`motion.expressions`)
    are added to the (B, T, K) motion of ARKit's shapes, each with a random curve and manner.
    """
    frames, device = motion.shape[1], motion.device
    emotion, intensity = batch.emotion.cpu(), batch.intensity.cpu()
    curve = torch.nn.functional.one_hot(emotion, len(EMOTIONS)) * intensity[:, None]
    curve, manner = curve[:, None].repeat(1, frames, 1).float(), torch.zeros(len(motion), MANNER_SIZE)
    mask, shown = batch.mask, motion
    chosen = np.flatnonzero((emotion.numpy() == 0) & (rng.random(len(motion)) < probability))
    if batch.annotation in BLENDSHAPES and len(chosen):
        used = torch.from_numpy(expressions.used(names)).to(mask)
        mask, shown, times = mask.clone(), motion.clone(), frame_times(frames, FPS)
        for i in chosen:
            drawn, how = expressions.draw_curve(rng, times), Manner.draw(rng)
            layered = expressions.layer(motion[i].cpu().numpy(), drawn, names, how, FPS)
            shown[i], mask[i] = torch.from_numpy(layered).to(motion), torch.maximum(mask[i], used)
            curve[i], manner[i] = torch.from_numpy(drawn), torch.from_numpy(how.vector())
    return EmotionBatch(shown, motion, mask, curve.to(device), manner.to(device))


def fill_unmeasured(motion: Tensor, mask: Tensor, rng: np.random.Generator) -> Tensor:
    """(B, T, K) motion whose coefficients with (B, K) `mask` 0 are those of another clip in the batch.

    Synthetic lips have no upper face. Filling it from a recorded clip keeps encoder and prior from learning a still one. The
    clip that measures and moves most of the missing coefficients is taken; without any, they stay at rest.
    """
    if bool(mask.all()):
        return motion
    measured, out = mask.cpu().numpy() > 0, motion.clone()
    moves = measured & (motion.amax(1) > motion.amin(1)).cpu().numpy()
    for i in np.flatnonzero(~measured.all(1)):
        gain = (moves & ~measured[i]).sum(1)
        if gain.max():
            other = int(rng.choice(np.flatnonzero(gain == gain.max())))
            columns = torch.from_numpy(np.flatnonzero(measured[other] & ~measured[i])).to(motion.device)
            out[i, :, columns] = motion[other][:, columns]
    return out
