"""Losses on the categorical latent. B batch, T frames, K coefficients, H heads, C categories."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from talkinghead.losses.geometry import masked, surface
from talkinghead.models.categorical import hard, straight_through
from talkinghead.models.motion_autoencoder import MotionAutoencoder, MotionDecoder


def cross_modality(
    model: MotionAutoencoder,
    motion: Tensor,
    features: Tensor,
    template: Tensor,
    annotation: str,
    shift: int,
    mouth: Tensor,
    upper: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    """MeshTalk's disentanglement (Richard et al. 2021, eq. 4), in mm^2.

    Audio with another clip's expression must decode to the audio's mouth, expression with another clip's audio to the
    expression's upper face. The other clip is `shift` places on in the batch; `mouth` and `upper` are `geometry.gram` matrices.
    mask: (B, K), 0 where a coefficient of `motion` was not measured.
    """
    other_motion, other_features = motion.roll(shift, 0), features.roll(shift, 0)
    mine = model.decoder(straight_through(model.encoder(other_motion, features, annotation)), template, annotation)
    face = model.decoder(straight_through(model.encoder(motion, other_features, annotation)), template, annotation)
    if mask is not None:
        mine, face = masked(mine, motion, mask), masked(face, motion, mask)
    return surface(mine, motion, mouth) + surface(face, motion, upper)


def code(logits: Tensor, target_logits: Tensor) -> Tensor:
    """Cross-entropy of (B, T, H, C) logits with the codes that the motion stage chooses."""
    return functional.cross_entropy(logits.flatten(0, 2), target_logits.argmax(-1).flatten())


def code_feature(logits: Tensor, target_logits: Tensor, decoder: MotionDecoder) -> Tensor:
    """Squared error between the expected embedding of the predicted codes and that of the chosen ones.

    In the ablation of CodeTalker (Xing et al. 2023), classification alone is far worse than regression of the codes' features.
    """
    return functional.mse_loss(decoder.feature(logits.softmax(-1)), decoder.feature(hard(target_logits)))
