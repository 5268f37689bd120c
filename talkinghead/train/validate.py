"""How a half-trained model does on whole clips that it does not train on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from talkinghead.data.loading.dataset import TrainingData
from talkinghead.head.landmark_maps import LIP_LANDMARKS, has_lip_gap
from talkinghead.losses import geometry
from talkinghead.metrics.lips import pearson
from talkinghead.metrics.vertices import lve_mm
from talkinghead.models.config import BLENDSHAPES
from talkinghead.models.prior import emotion_input
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.models.template import template_code
from talkinghead.motion.animation import Animation
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.train.stages import predict


@torch.inference_mode()
def validate(model: SpeechToMotion, data: TrainingData, stage: str, most: int) -> dict[str, float]:
    """Means over at most `most` clips of split val (of train, if there is none).

    aperture_r, width_r: correlation of lip aperture and width with the recorded ones; aperture_mm: error of the aperture, on
    meshes with lip landmarks. lve_mm: mean over frames of the largest lip error (MeshTalk's lip vertex error), on meshes with
    a region "lips". coefficient_rmse: of the coefficients; those that a clip's motion lacks
    count as right. With several annotations each has its own, as NAME/metric, too.
    """
    model.eval()
    chosen = data.split("val") or data.split("train")
    chosen = [chosen[k] for k in np.unique(np.linspace(0, len(chosen) - 1, min(most, len(chosen))).round().astype(int))]
    scores: dict[str, list[float]] = {}
    for i in chosen:
        annotation = data.clip(i).annotation
        for name, value in _score(*predicted_and_true(model, data, stage, i)).items():
            scores.setdefault(name, []).append(value)
            if len(data.annotations) > 1:
                scores.setdefault(f"{annotation}/{name}", []).append(value)
    return {name: round(float(np.mean(values)), 5) for name, values in sorted(scores.items())}


@torch.inference_mode()
def predicted_and_true(
    model: SpeechToMotion, data: TrainingData, stage: str, i: int
) -> tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], Animation | None]]:
    """(T, K) coefficients of a clip as the model and as the data have them, and how to make an `Animation` of either."""
    device, clip = next(model.parameters()).device, data.clip(i)
    annotation = clip.annotation
    heard, motion = data.whole(i)
    features = torch.from_numpy(heard).float()[None].to(device)
    if features.ndim == 2:
        features = model.audio(features)
    target = torch.from_numpy(motion).float()[None].to(device)
    frames = min(features.shape[1], target.shape[1])
    features, target = features[:, :frames], target[:, :frames]
    head = data.heads.get(annotation)
    code = template_code(head, model.config, annotation)
    style = torch.tensor([data.style(i)], device=device)
    template = torch.from_numpy(code)[None].to(device)
    emotion, intensity = data.emotion(i)
    curve = torch.zeros(1, frames, len(EMOTIONS), device=device)
    curve[..., emotion] = intensity
    told = emotion_input(curve, torch.zeros(1, 3, device=device))
    found = predict(model, stage, annotation, features, target, style, template, told)
    found = found.clamp(0, 1) if annotation in BLENDSHAPES else found
    found = geometry.masked(found, target, torch.from_numpy(data.known(i))[None].to(device))
    names = model.config.annotations[annotation]

    def animate(values: np.ndarray) -> Animation | None:
        return None if head is None else Animation(head.scatter_coefficients(values, names), model.config.fps, head)

    return found[0].cpu().numpy(), target[0].cpu().numpy(), animate


def _score(found: np.ndarray, true: np.ndarray, animate) -> dict[str, float]:
    scores = {"coefficient_rmse": float(np.sqrt(np.square(found - true).mean()))}
    one, other = animate(found), animate(true)
    if one is None:
        return scores
    if has_lip_gap(one.head):
        a, b = (motion.lip_aperture().astype(np.float64) for motion in (one, other))
        scores |= {"aperture_r": pearson(a, b), "aperture_mm": float(np.abs(a - b).mean() * 1000)}
    if set(LIP_LANDMARKS[2:]) <= one.head.landmarks.keys():
        scores["width_r"] = pearson(*(motion.lip_width().astype(np.float64) for motion in (one, other)))
    if "lips" in one.head.regions:
        lips = one.head.regions["lips"] > 0.5
        a, b = (np.einsum("tk,kvx->tvx", motion.coefficients, motion.head.basis[:, lips]) for motion in (one, other))
        scores["lve_mm"] = lve_mm(a, b, np.arange(lips.sum()))
    return {name: value for name, value in scores.items() if np.isfinite(value)}  # nan: the recorded mouth does not move
