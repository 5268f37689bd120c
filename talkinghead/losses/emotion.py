"""Emotion losses: the emotion that a face shows, and speech in spite of it. B batch, T frames, K coefficients, E emotions.

Danecek et al. 2023 ("EMOTE") compare features of a frozen emotion network on sequences of pictures, and exchange emotions
between the clips of a batch: in the result, lips are compared with the audio's own clip, the face with the clip that the
emotion came from. Networks are those of `talkinghead.models.perceptual.emotion_net`; motion is at 50 frames a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from talkinghead.head.landmark_maps import LIP_LANDMARKS
from talkinghead.losses.sync import embedding_distance
from talkinghead.models.perceptual.emotion_net import EmotionPrediction, MeshEmotion, emotion_labels
from talkinghead.models.perceptual.sync import SyncNet

PICTURES = 24  # drawn for a micro-batch, of prediction and target each: bounds the cost
INTENSITY = 2.0  # nats for a squared error of intensity of 1
SLOW = 51  # frames, a second: `remove_expression` takes away differences of lips that last about this long or longer
WIDE = 2.5  # mm of lip gap from which on lips count as open


class Network(Protocol):
    """A frozen emotion network on pictures of faces, such as those of `talkinghead.models.perceptual.emotion_net`."""

    frames: int  # pictures in a window
    step: int  # motion frames from one to the next

    def features(self, pictures: Tensor) -> Tensor:
        """(B, frames, S, S) -> (B, D) of each window."""
        ...


def video_emotion(
    predicted: Tensor,
    target: Tensor,
    draw: Callable[[Tensor], Tensor],
    net: Network,
    rng: np.random.Generator,
    pictures: int = PICTURES,
) -> Tensor:
    """Mean cosine distance, 0 to 2, of `net`'s features on pictures of the predicted and of the true motion.

    predicted, target: (B, T, K). draw: (B, T, K) -> (B, T, S, S) pictures of a face, such as a `FaceRenderer`. Only random
    windows are drawn, of `pictures` pictures together, or one of the network's if that is longer. Only `predicted` gets a
    gradient.
    """
    count, span = max(1, pictures // net.frames), (net.frames - 1) * net.step + 1
    clips = rng.permutation(np.arange(max(count, len(predicted))) % len(predicted))[:count]
    starts = rng.integers(max(1, predicted.shape[1] - span + 1), size=count)
    mine, true = (
        torch.stack([motion[clip, _places(motion, int(start), net)] for clip, start in zip(clips, starts, strict=True)])
        for motion in (predicted, target)
    )
    with torch.no_grad():
        wanted = net.features(draw(true))
    return (1 - functional.cosine_similarity(net.features(draw(mine)), wanted, dim=-1)).mean()


def mesh_emotion(predicted: Tensor, curve: Tensor, net: MeshEmotion, places: Tensor) -> Tensor:
    """Divergence of the emotions of a face from those of a curve: nats, and the squared error of intensity times `INTENSITY`.

    predicted: (B, T, K). curve: (B, T, E). places: `emotion_map` of the mesh. The nats are the KL divergence of
    `net`'s shares in a window from `emotion_labels` of the curve's mean there.
    """
    seen = _seen(predicted, net, places)
    starts = _starts(curve.shape[1], net)
    mean = torch.stack([curve[:, start : start + net.frames * net.step].mean(1) for start in starts], 1).flatten(0, 1)
    share, intensity = emotion_labels(mean)
    divergence = functional.kl_div(seen.logits.log_softmax(-1), share, reduction="batchmean")
    return divergence + INTENSITY * (seen.intensity - intensity).square().mean()


def mesh_emotion_distance(predicted: Tensor, target: Tensor, net: MeshEmotion, places: Tensor) -> Tensor:
    """`video_emotion` without pictures: mean cosine distance of `net`'s features on landmarks of (B, T, K) motions.

    Windows overlap by half and cover the clips. Only `predicted` gets a gradient.
    """
    with torch.no_grad():
        wanted = _seen(target, net, places).features
    return (1 - functional.cosine_similarity(_seen(predicted, net, places).features, wanted, dim=-1)).mean()


def lip_embedding_distance(predicted: Tensor, target: Tensor, net: SyncNet, places: Tensor) -> Tensor:
    """Mean cosine distance, 0 to 2, of `net`'s embeddings of four lip landmarks of (B, T, K) motions.

    places: `lip_map` of the mesh. The middles of the lips are compared; the corners are those of `target` in both, since
    expressions move corners, too, and `net` depends on them most. Only `predicted` gets
    a gradient.
    """
    lips, wanted = predicted @ places, target @ places
    middles = 3 * sum("corner" not in name for name in LIP_LANDMARKS)
    lips = torch.cat([lips[..., :middles], wanted[..., middles:]], -1)
    return embedding_distance(net.encode_visual(lips)[0], net.encode_visual(wanted)[0])


def exchange(
    predicted: Tensor,
    own: Tensor,
    source: Tensor,
    gap: tuple[Tensor, Tensor],
    lips: Callable[[Tensor, Tensor], Tensor],
    emotion: Callable[[Tensor, Tensor], Tensor],
) -> dict[str, Tensor]:
    """EMOTE's content-emotion exchange: `exchange_lips` and `exchange_emotion`.

    predicted: (B, T, K) motion of each clip's audio with another clip's emotion. own: the true motion of the audio's clip,
    source: that of the clip the emotion came from. gap: `geometry.gap` of the inner lips. lips, emotion: losses of predicted
    and reference, such as `lipreading` and `video_emotion` with their networks.
    """
    return {"exchange_lips": lips(remove_expression(predicted, own, gap), own), "exchange_emotion": emotion(predicted, source)}


def remove_expression(predicted: Tensor, own: Tensor, gap: tuple[Tensor, Tensor]) -> Tensor:
    """Subtracts from (B, T, K) `predicted` its difference to the neutral clip `own`, averaged over a second (`SLOW`).

    A smile widens the mouth as long as it lasts, which is no error. Where the difference opens lips that should be shut, it
    stays, as does every short one. The result is speech without emotion, as lip-reading networks were trained on. The
    gradient is that of `predicted`.
    """
    with torch.no_grad():
        offset = _smooth(predicted - own, SLOW)
        matrix, rest = gap
        down = matrix[:, 1]  # (K,) mm of lip gap for each weight
        shut = 1 - ((own @ matrix + rest)[..., 1] / WIDE).clamp(0, 1)
        parting = (offset @ down).clamp_min(0) * shut
        offset -= parting[..., None] * down / down.square().sum().clamp_min(1e-9)
    return predicted - offset


def exchange_partners(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) a permutation without fixed points: the clip whose emotion each clip gets. One clip alone gets its own."""
    order = rng.permutation(count)
    out = np.empty(count, np.int64)
    out[order] = np.roll(order, -1)  # one cycle through all
    return out


def _smooth(motion: Tensor, frames: int) -> Tensor:
    """(B, T, K) -> the mean over `frames` around each frame, over fewer at the ends."""
    b, t, k = motion.shape
    flat = motion.transpose(1, 2)
    return functional.avg_pool1d(flat, frames, 1, frames // 2, count_include_pad=False).transpose(1, 2).view(b, t, k)


def _places(motion: Tensor, start: int, net: Network) -> Tensor:
    """Frames of a window; past the end of a clip its last frame."""
    return torch.arange(start, start + net.frames * net.step, net.step, device=motion.device).clamp_max(motion.shape[1] - 1)


def _starts(frames: int, net: MeshEmotion) -> list[int]:
    span = net.frames * net.step
    count = max(1, -(-(frames - span) // (span // 2)) + 1)
    return np.linspace(0, max(0, frames - span), count).round().astype(int).tolist()


def _seen(motion: Tensor, net: MeshEmotion, places: Tensor) -> EmotionPrediction:
    """`net` on the windows of (B, T, K), clip by clip."""
    span = torch.arange(net.frames * net.step, device=motion.device)
    windows = [motion[:, (start + span).clamp_max(motion.shape[1] - 1)] for start in _starts(motion.shape[1], net)]
    return net.classify(torch.stack(windows, 1).flatten(0, 1), places)
