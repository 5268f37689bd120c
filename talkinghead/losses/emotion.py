"""Does the face show the emotion it should, and do lips still say the words? B batch, T frames, K coefficients, E emotions.

Danecek et al. 2023 ("EMOTE") compare features that a frozen emotion network has of a sequence of pictures, and exchange
emotions between the clips of a batch: of the result, lips must read as the audio's own clip, the face as the clip that the
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
from talkinghead.losses.sync import alike
from talkinghead.models.perceptual.emotion_net import EmotionPrediction, MeshEmotion, labels
from talkinghead.models.perceptual.sync import SyncNet

PICTURES = 24  # of each side that a micro-batch draws: what bounds the cost
INTENSITY = 2.0  # weight of a squared error of intensity beside nats
SLOW = 51  # frames: what an expression changes at the lips for about this long may stay when emotions are exchanged
WIDE = 2.5  # mm between the lips from which on they count as open


class Network(Protocol):
    """A frozen network that sees emotion in pictures of faces, such as those of `talkinghead.models.perceptual.emotion_net`."""

    frames: int  # pictures of a window
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
    """Mean cosine distance, 0 to 2, between what `net` sees in sequences of the predicted and of the true motion.

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
    """How badly a face shows the emotions that it should: nats, and the squared error of intensity times `INTENSITY`.

    predicted: (B, T, K). curve: (B, T, E). places: `emotion_map` of the mesh. The divergence (KL) of the shares that `net` sees
    in a window from those of the curve's mean there, `labels`: 0 if both are the same.
    """
    seen = _seen(predicted, net, places)
    starts = _starts(curve.shape[1], net)
    mean = torch.stack([curve[:, start : start + net.frames * net.step].mean(1) for start in starts], 1).flatten(0, 1)
    share, intensity = labels(mean)
    divergence = functional.kl_div(seen.logits.log_softmax(-1), share, reduction="batchmean")
    return divergence + INTENSITY * (seen.intensity - intensity).square().mean()


def mesh_alike(predicted: Tensor, target: Tensor, net: MeshEmotion, places: Tensor) -> Tensor:
    """`video_emotion` without pictures: mean cosine distance of what `net` sees in windows of (B, T, K) landmarks' motion.

    Windows overlap by half and cover the clips. Only `predicted` gets a gradient.
    """
    with torch.no_grad():
        wanted = _seen(target, net, places).features
    return (1 - functional.cosine_similarity(_seen(predicted, net, places).features, wanted, dim=-1)).mean()


def lips_alike(predicted: Tensor, target: Tensor, net: SyncNet, places: Tensor) -> Tensor:
    """Do the lips of (B, T, K) motions say the same, as `net` sees four landmarks: mean cosine distance, 0 to 2.

    places: `lip_map` of the mesh. The middles of the lips are compared, the corners are those of `target` in both: expressions
    move them, too, and keep out of rounded vowels, and `net` looks at them more than at anything else. Only `predicted` gets
    a gradient.
    """
    lips, wanted = predicted @ places, target @ places
    middles = 3 * sum("corner" not in name for name in LIP_LANDMARKS)
    lips = torch.cat([lips[..., :middles], wanted[..., middles:]], -1)
    return alike(net.encode_visual(lips)[0], net.encode_visual(wanted)[0])


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
    """(B, T, K) `predicted` without the expression that it wears: what the lips of an exchange should look like `own` in.

    A smile widens the mouth for as long as it lasts, which is no error; that lips open less, later or not at all is one. So
    what both differ by on average over a second (`SLOW`) is taken away, but for the part of it that opens lips which should be
    shut. What remains is speech without emotion, which networks that read lips were trained on: on top of a smile they hardly
    see how lips move. The gradient is that of `predicted`.
    """
    with torch.no_grad():
        offset = _smooth(predicted - own, SLOW)
        matrix, rest = gap
        down = matrix[:, 1]  # how weights part the lips
        shut = 1 - ((own @ matrix + rest)[..., 1] / WIDE).clamp(0, 1)
        parting = (offset @ down).clamp_min(0) * shut
        offset -= parting[..., None] * down / down.square().sum().clamp_min(1e-9)
    return predicted - offset


def others(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) a permutation without fixed points, by which clips exchange emotions; of one clip it is itself."""
    order = rng.permutation(count)
    out = np.empty(count, np.int64)
    out[order] = np.roll(order, -1)  # one cycle through all
    return out


def _smooth(motion: Tensor, frames: int) -> Tensor:
    """(B, T, K) -> the mean over `frames` around each frame, of those that there are."""
    b, t, k = motion.shape
    flat = motion.transpose(1, 2)
    return functional.avg_pool1d(flat, frames, 1, frames // 2, count_include_pad=False).transpose(1, 2).view(b, t, k)


def _places(motion: Tensor, start: int, net: Network) -> Tensor:
    """Frames of a window; a clip that is too short holds its end."""
    return torch.arange(start, start + net.frames * net.step, net.step, device=motion.device).clamp_max(motion.shape[1] - 1)


def _starts(frames: int, net: MeshEmotion) -> list[int]:
    span = net.frames * net.step
    count = max(1, -(-(frames - span) // (span // 2)) + 1)
    return np.linspace(0, max(0, frames - span), count).round().astype(int).tolist()


def _seen(motion: Tensor, net: MeshEmotion, places: Tensor) -> EmotionPrediction:
    """What `net` sees in the windows of (B, T, K), clip by clip."""
    span = torch.arange(net.frames * net.step, device=motion.device)
    windows = [motion[:, (start + span).clamp_max(motion.shape[1] - 1)] for start in _starts(motion.shape[1], net)]
    return net.classify(torch.stack(windows, 1).flatten(0, 1), places)
