"""Loss terms from phonemes and sound, which need no recorded motion. B batch, T frames, K coefficients."""

from __future__ import annotations

from torch import Tensor

from talkinghead.data.loading.batch import Batch
from talkinghead.losses import lipsync
from talkinghead.losses import sync as networks
from talkinghead.models.perceptual.sync import SyncNet
from talkinghead.train.objective.geometry_terms import GeometryTerms


def speech_terms(
    geometry: GeometryTerms, batch: Batch, predicted: Tensor, net: SyncNet | None, is_neutral: Tensor | None = None
) -> dict[str, Tensor]:
    """The terms `terms.SPEECH` of (B, T, K) `predicted` that the labels of the batch and the mesh allow.

    net: of the terms "sync" and "phoneme"; None leaves them out. is_neutral: (B,), 0 for windows with an emotion, which leaves
    their pauses out of the term "rest".
    """
    terms: dict[str, Tensor] = {}
    when = {} if batch.phones is None else lipsync.moments(batch.phones)
    if "rest" in when and is_neutral is not None:
        when["rest"] = when["rest"] * is_neutral[:, None]
    when = {name: mask for name, mask in when.items() if mask.any()}
    if geometry.has("aperture"):
        for name in ("shut", "rest"):
            if name in when:
                terms[name] = lipsync.shut(predicted, when[name], geometry.lip_gap)
        if "open" in when:
            terms["open"] = lipsync.wide(predicted, when["open"], geometry.lip_gap)
    if "touch" in when and geometry.has("bite_moved"):
        terms["touch"] = lipsync.touch(predicted, when["touch"], geometry.bite)
    if net is not None and geometry.has("lip_map"):
        embedding, logits = net.to(predicted.device).encode_visual(predicted @ geometry.matrix("lip_map"))
        if batch.mel is not None and not batch.quiet.all():
            sound = net.encode_audio(batch.mel)
            terms["sync"] = networks.contrast(embedding, sound, 1 - batch.quiet, net.sharpness.exp())
        if batch.phones is not None and (batch.phones >= 0).any():
            terms["phoneme"] = networks.phoneme(logits, batch.phones)
    return terms
