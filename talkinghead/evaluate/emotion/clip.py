"""One clip spoken neutrally and in every emotion: what is measured on each prediction. T frames at 50 a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from talkinghead import metrics
from talkinghead.audio import activity
from talkinghead.data.manifest import Clip
from talkinghead.evaluate.emotion import readers
from talkinghead.evaluate.emotion.sheets import FPS, INTENSITIES
from talkinghead.evaluate.measures.clip import Recorded, blocks, correlations, has, read_recorded_lips
from talkinghead.motion.animation import Animation
from talkinghead.motion.emotions import EMOTIONS

if TYPE_CHECKING:
    from talkinghead.animate.talker import Talker

NON_NEUTRAL = EMOTIONS[1:]
SURE = 0.5  # probability from which on a phoneme of the model's encoder is taken
STEP = 3  # frames: every so many are looked at for displacement


def measure_clip(talker: Talker, folder: Path, clip: Clip, intensities: Sequence[float] = INTENSITIES, **how) -> dict:
    """One clip, neutral and in every emotion: plain data, for `pooling.figures`. `how` goes to `Talker.animate`."""
    recorded = read_recorded_lips(folder, clip)
    motion = recorded.motion
    style = clip.speaker if clip.speaker in talker.config.styles else None
    how = {"head": motion.head, "annotation": clip.annotation, "style": style, "fps": FPS, "idle": 0.0, **how}

    def speak(emotion: str, intensity: float) -> Animation:
        return talker.animate(recorded.audio, emotion=emotion, intensity=intensity, **how)

    plain, phonemes = speak(EMOTIONS[0], 1.0), clip.phonemes
    if not phonemes and talker.config.phones:
        phonemes = likely_phonemes(talker, recorded.audio)
    out: dict = {
        "neutral": _measured(plain, plain, recorded, phonemes),
        "phonemes": "data" if clip.phonemes else "model" if phonemes else None,
        "exact": all(np.array_equal(speak(e, 0.0).coefficients, plain.coefficients) for e in (NON_NEUTRAL[0], NON_NEUTRAL[-1])),
        "emotions": {},
    }
    for emotion in NON_NEUTRAL:
        out["emotions"][emotion] = {
            f"{intensity:g}": _measured(speak(emotion, intensity), plain, recorded, phonemes) for intensity in intensities
        }
    if clip.emotion in NON_NEUTRAL:
        own = speak(clip.emotion, 1.0 if clip.intensity is None else clip.intensity)
        out["own"] = {"emotion": clip.emotion, **_measured(own, plain, recorded, phonemes)}
        if readers.readable(motion.head):
            out["own"]["truth"] = readers.descriptors(motion).mean(0).tolist()
    return out


def likely_phonemes(talker: Talker, audio: Path) -> list[tuple[float, float, str]]:
    """[(start, end, phoneme)] in seconds to which the model's own encoder gives a probability of `SURE` or more."""
    likely = np.exp(talker.phoneme_posteriors(audio))
    best, sure = likely.argmax(1), likely.max(1) >= SURE
    return [
        (float(start / FPS), float(end / FPS), name)
        for index, name in enumerate(talker.config.phones)
        for start, end in activity.runs((best == index) & sure)
    ]


def _measured(shown: Animation, plain: Animation, recorded: Recorded, phonemes) -> dict:
    """What one prediction is, beside the neutral one: numbers and lists only."""
    head = shown.head
    out: dict = {"displacement": displacement(shown, plain)}
    if readers.readable(head):
        now, before = (readers.descriptors(motion).mean(0) for motion in (shown, plain))
        out |= {"descriptors": now.tolist(), "change": (now - before).tolist()}
    if has(head, "aperture"):
        rest = replace(plain, coefficients=0 * plain.coefficients[:1], residual=None, gaze=None, tongue=None)
        shut = metrics.SHUT + float(rest.lip_aperture()[0])
        aperture = shown.lip_aperture()
        out["closures"] = metrics.bilabial_recall(aperture, shown.fps, shut, phonemes or ())
        out["recorded"] = correlations(shown, recorded)["aperture"]
        out["neutral"] = metrics.lagged(plain.times, plain.lip_aperture(), shown.times, aperture).tolist()
    paths, neutral = trajectories(shown), trajectories(plain)
    out["content"] = {name: preserved(path, neutral[name]) for name, path in paths.items()}
    return out


def displacement(shown: Animation, plain: Animation) -> float:
    """mm: mean distance of the vertices of the face from where the other prediction has them, over every STEP-th frame."""
    head = shown.head
    regions = [head.regions[name] > 0.5 for name in ("upper_face", "lower_face") if name in head.regions]
    face = np.any(regions, axis=0) if regions else np.ones(len(head.template), bool)
    face = face if face.any() else ~face
    basis = head.basis[:, face].reshape(len(head.names), -1)
    moved = (shown.coefficients - plain.coefficients)[::STEP]
    total = 0.0
    for window in blocks(len(moved), int(face.sum())):
        total += float(np.linalg.norm((moved[window] @ basis).reshape(-1, 3), axis=1).sum())
    return total / (len(moved) * int(face.sum())) * 1000


def trajectories(animation: Animation) -> dict[str, np.ndarray]:
    """(T,) mm of those of `pooling.PATHS` that the head has landmarks for."""
    out = {name: getattr(animation, f"lip_{name}")() for name in ("aperture", "width") if has(animation.head, name)}
    for name, mark in (("upper_lip", "lip_upper_inner"), ("lower_lip", "lip_lower_inner")):
        if mark in animation.head.landmarks:
            out[name] = animation.landmark(mark)[:, 1]
    return {name: 1000 * path.astype(np.float64) for name, path in out.items()}


def preserved(path: np.ndarray, plain: np.ndarray) -> tuple[float | None, float]:
    """Correlation of two (T,) trajectories (None if the second stands still), and the RMS of their difference, means apart."""
    r = metrics.pearson(path / 1000, plain / 1000)
    difference = (path - path.mean()) - (plain - plain.mean())
    return (float(r) if np.isfinite(r) else None), float(np.sqrt(np.mean(difference**2)))
