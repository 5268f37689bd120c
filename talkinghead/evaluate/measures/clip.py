"""All metrics of one clip: a prediction beside the recording, brought to one clock, length, template and mesh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from talkinghead import metrics
from talkinghead.animate.animation import Animation as UserAnimation
from talkinghead.audio import activity
from talkinghead.audio.clock import RATE, frame_times
from talkinghead.audio.load import load_audio
from talkinghead.data.manifest import Clip
from talkinghead.data.motion_file import animation_of, head_of, project, read_motion
from talkinghead.errors import InputError
from talkinghead.evaluate.measures.lips import LipCurves, VertexSet, tracked_lips
from talkinghead.evaluate.measures.sync import likeness
from talkinghead.evaluate.table import Lags, Record
from talkinghead.head.head import Head
from talkinghead.head.teeth import incisal_edge
from talkinghead.motion.animation import OPTIONAL, Animation

BLOCK = 2**22  # vertices of all frames that are looked at together: 50 MB
MARKS = {"aperture": ("lip_upper_inner", "lip_lower_inner"), "width": ("lip_corner_left", "lip_corner_right")}
CURVE = 20.0  # seconds of a clip that are kept as curves for plots


@dataclass(frozen=True, eq=False)
class Recorded:
    """One recorded clip with what its metrics need. wave: (n,) at 16 kHz; motion: on the speaker's own template."""

    folder: Path
    clip: Clip
    motion: Animation
    lips: VertexSet | None
    upper: VertexSet | None
    real: LipCurves | None  # tracked in the film, where there is one
    beats: np.ndarray | None  # seconds of the sound's onsets; None without librosa

    @property
    def audio(self) -> Path:
        return self.folder / self.clip.audio

    @property
    def wave(self) -> np.ndarray:
        return load_audio(self.audio)

    @property
    def has_mesh(self) -> bool:
        return len(self.motion.head.template) > 0


def read_motion_of(folder: Path, clip: Clip) -> UserAnimation:
    """The recorded motion of a clip, as users hold it. Coefficients for which no mesh is known get a head without vertices."""
    motion = read_motion(Path(folder) / clip.motion)
    if clip.head is None and clip.annotation != "arkit":
        if motion.coefficients is None:
            raise InputError(f"clip {clip.id}: no mesh is known for {clip.annotation} motion; prepare the data set again")
        k = len(motion.names)
        empty = np.zeros((0, 3), np.float32)
        head = Head(clip.annotation, empty, np.zeros((0, 3), np.int32), np.zeros((k, 0, 3), np.float32), motion.names)
        return UserAnimation(motion.coefficients, motion.fps, head)
    return UserAnimation.of(animation_of(motion, head_of(folder, clip), f"clip {clip.id}"))


def read_recorded(folder: Path, clip: Clip, lips: VertexSet | None, upper: VertexSet | None) -> Recorded:
    """A clip with the beats of its sound and the lips of its film, where there are any."""
    motion = read_motion_of(folder, clip)
    return Recorded(folder, clip, motion, lips, upper, tracked_lips(folder, clip), sound_beats(load_audio(folder / clip.audio)))


def read_recorded_lips(folder: Path, clip: Clip) -> Recorded:
    """A clip for what needs its lips alone: no sets of vertices, no beats."""
    return Recorded(folder, clip, read_motion_of(folder, clip), None, None, tracked_lips(folder, clip), None)


def sound_beats(wave: np.ndarray) -> np.ndarray | None:
    """(n,) seconds of the onsets that librosa finds in 16 kHz samples; None where librosa is not installed."""
    if not librosa_installed():
        return None
    import librosa

    return np.asarray(librosa.onset.onset_detect(y=wave, sr=RATE, units="time", backtrack=False))


def rebase(prediction: Animation, truth: Animation) -> Animation:
    """The prediction as motion of the truth's own template and shapes. Raises InputError for another mesh.

    Weights of shapes that are the same, or that mean the same by their names (ARKit's), are kept; otherwise offsets are.
    """
    own, head = prediction.head, truth.head
    if len(own.template) != len(head.template):
        sizes = f"{len(own.template)} vertices, the recorded motion has {len(head.template)}"
        raise InputError(f"head {own.name}: {sizes}; only motion of one mesh can be compared")
    if own is head:
        return prediction
    if own.names == head.names and ("jawOpen" in head.names or np.array_equal(own.basis, head.basis)):
        return replace(prediction, head=head)
    return moved(prediction.offsets(), prediction.fps, head)


def moved(offsets: np.ndarray, fps: float, head: Head) -> Animation:
    """(T, V, 3) metres from the head's template as an animation: weights of its shapes, and what they cannot express."""
    weights = project(offsets, head.basis)
    flat = head.basis.reshape(len(head.basis), -1)
    residual = offsets - (weights @ flat).reshape(offsets.shape)
    return Animation(weights, fps, head, residual=residual)


def librosa_installed() -> bool:
    """Whether onsets of the sound can be found."""
    return find_spec("librosa") is not None


def align(prediction: Animation, truth: Animation) -> tuple[Animation, Animation]:
    """Both at the truth's frame rate, cut to the shorter."""
    prediction = prediction.resample(truth.fps)
    frames = min(len(prediction), len(truth))
    return cut_frames(prediction, frames), cut_frames(truth, frames)


def cut_frames(animation: Animation, frames: int) -> Animation:
    """The first `frames` frames."""
    if frames >= len(animation):
        return animation
    names = OPTIONAL
    changed = {name: value[:frames] for name in names if (value := getattr(animation, name)) is not None}
    return replace(animation, coefficients=animation.coefficients[:frames], **changed)


def measure(prediction: Animation, recorded: Recorded) -> tuple[Record, Lags]:
    """The record of one prediction of a clip (see `table`), and its correlations at all lags."""
    clip = recorded.clip
    prediction = rebase(prediction, recorded.motion)
    p, g = align(prediction, recorded.motion)
    record: Record = {}
    if clip.annotation == "arkit" or not recorded.has_mesh:
        record["coefficient_mse"] = (metrics.coefficient_mse(p.coefficients, g.coefficients) * len(p), len(p))
    if recorded.has_mesh:
        record |= _geometry(p, g, recorded)
    if has(g.head, "aperture"):
        record |= _closures(p, g, recorded)
    lags = correlations(prediction, recorded)
    record |= {f"{name}_r": (row[len(row) // 2], 1) for name, row in lags.items()}
    alike = likeness(prediction, recorded.wave)
    if alike is not None:
        lags["sync"] = alike
        record["sync_confidence"] = (metrics.sync_confidence(np.array(alike)), 1)
    return record, lags


def measure_truth(recorded: Recorded) -> tuple[Record, Lags]:
    """What the recorded motion itself scores where that means something: the ceiling of several metrics."""
    from talkinghead.evaluate.table import METRICS

    if not recorded.has_mesh:
        return {}, {}
    record, lags = measure(recorded.motion, recorded)
    kept = {key: pair for key, pair in record.items() if METRICS[key].of_truth}
    if recorded.real is None:  # it would be compared with itself
        kept = {key: pair for key, pair in kept.items() if key not in ("aperture_r", "width_r")}
        lags = {name: row for name, row in lags.items() if name == "sync"}
    return kept, lags


def measure_samples(samples: list[Animation], recorded: Recorded, seed: int) -> Record:
    """Coverage, mean-estimate error and diversity of several samples of one clip."""
    if len(samples) < 2 or not recorded.has_mesh:
        return {}
    aligned = [align(rebase(sample, recorded.motion), recorded.motion) for sample in samples]
    frames = min(len(g) for _, g in aligned)
    truth = cut_frames(aligned[0][1], frames)
    predictions = [cut_frames(p, frames) for p, _ in aligned]
    spread, sums, mean_error = 0.0, np.zeros(len(samples)), 0.0
    for window in blocks(frames, len(truth.head.template) * len(samples)):
        drawn, real = np.stack([p.offsets(window) for p in predictions]), truth.offsets(window)
        spread += metrics.diversity(drawn, seed) * len(real)
        if recorded.lips is not None:
            lips = recorded.lips.indices
            sums += [metrics.lve_frames(m, real, lips).sum() for m in drawn]
            mean_error += metrics.mean_estimate_error(drawn, real, lips) * len(real)
    record: Record = {"diversity": (spread, frames)}
    if recorded.lips is not None:
        record |= {"coverage_error": (float(sums.min()), frames), "mean_estimate_error": (mean_error, frames)}
    return record


def blocks(frames: int, vertices: int) -> Iterator[slice]:
    """Slices of frames that hold memory down on large meshes and long clips."""
    size = max(1, BLOCK // max(1, vertices))
    return (slice(start, min(start + size, frames)) for start in range(0, frames, size))


def has(head: Head, curve: str) -> bool:
    """Whether a head has the landmarks of its lips' "aperture" or "width"."""
    return all(mark in head.landmarks for mark in MARKS[curve])


def curves(animation: Animation, seconds: float = CURVE) -> dict:
    """Aperture and width in mm for plots, at most `seconds` of them, where the head has their landmarks."""
    short = cut_frames(animation, max(1, round(seconds * animation.fps)))
    shown = [name for name in MARKS if has(animation.head, name)]
    return {"fps": animation.fps} | {name: np.round(getattr(short, f"lip_{name}")() * 1000, 2).tolist() for name in shown}


def _geometry(p: Animation, g: Animation, recorded: Recorded) -> Record:
    frames, vertices = len(g), len(g.head.template)
    lips, upper = recorded.lips, recorded.upper
    distance = squared = 0.0
    worst: dict[str, list[np.ndarray]] = {"lips": [], "upper": []}
    points: dict[str, list[np.ndarray]] = {"p": [], "g": []}
    spread: dict[str, list[np.ndarray]] = {"p": [], "g": []}
    for window in blocks(frames, vertices):
        a, b = p.offsets(window), g.offsets(window)
        distance += metrics.mve(a, b) * len(b)
        squared += (metrics.mhd(a, b) / 1000) ** 2 * len(b)
        for name, vertices_of in (("lips", lips), ("upper", upper)):
            if vertices_of is not None:
                worst[name].append(metrics.lve_frames(a, b, vertices_of.indices))
        for name, offsets in (("p", a), ("g", b)):
            if lips is not None:
                points[name].append(offsets[:, lips.indices])
            if upper is not None:
                spread[name].append((offsets[:, upper.indices] ** 2).sum(-1))
    record: Record = {"mve": (distance, frames), "mhd": (squared, frames)}
    if upper is not None:
        record["eve"] = (float(np.sqrt(np.concatenate(worst["upper"])).sum() * 1000), frames)
        swing = {name: float(np.concatenate(v).std(0, dtype=np.float64).mean()) for name, v in spread.items()}
        record |= {"fdd": (swing["g"] - swing["p"], 1), "fdd_abs": (abs(swing["g"] - swing["p"]), 1)}
    if lips is not None:
        error = np.concatenate(worst["lips"])
        record["lve"] = record["lve_rms_mm"] = (float(error.sum()), frames)
        record["lve_mm"] = (float(np.sqrt(error).sum() * 1000), frames)
        record |= _dynamics(np.concatenate(points["p"]), np.concatenate(points["g"]), recorded)
    return record


def _dynamics(p: np.ndarray, g: np.ndarray, recorded: Recorded) -> Record:
    """p, g: (T, L, 3) lip offsets."""
    fps = recorded.motion.fps
    record: Record = {
        "velocity_ratio": metrics.velocity_ratio(p, g),
        "jitter_ratio": metrics.jitter_ratio(p, g),
        "stillness": metrics.stillness(p, activity.quiet_frames(recorded.wave, RATE, len(g), fps), fps),
    }
    if recorded.beats is not None and len(recorded.beats):
        record["beat_consistency"] = (metrics.beat_consistency(metrics.motion_beats(p, fps), recorded.beats), 1)
    return record


def _closures(p: Animation, g: Animation, recorded: Recorded) -> Record:
    aperture, truth, fps = p.lip_aperture(), g.lip_aperture(), g.fps
    resting = replace(cut_frames(g, 1), coefficients=np.zeros_like(g.coefficients[:1]), residual=None)
    shut = metrics.SHUT + float(resting.lip_aperture()[0])
    record: Record = {
        "mod": (metrics.mod(aperture, truth) * len(g), len(g)),
        "closure_recall": metrics.closure_recall(aperture, truth, fps, shut),
        "closure_precision": metrics.closure_precision(aperture, truth, fps, shut),
    }
    if recorded.clip.phonemes:
        record["bilabial_recall"] = metrics.bilabial_recall(aperture, fps, shut, recorded.clip.phonemes)
        record["bilabial_precision"] = metrics.bilabial_precision(aperture, fps, shut, recorded.clip.phonemes)
        if (edge := incisal_edge(g.head)) is not None:
            height = p.landmark("lip_lower_inner")[:, 1] - edge[1]
            record["labiodental_miss"] = metrics.labiodental_miss(height, fps, recorded.clip.phonemes)
    return record


def correlations(prediction: Animation, recorded: Recorded, at: np.ndarray = metrics.LAGS) -> Lags:
    """Of aperture and width with the real lips where a film shows them, with those of the recorded motion otherwise.

    at: lags in seconds.
    """
    real, truth = recorded.real, recorded.motion
    clock = frame_times(len(prediction), prediction.fps)
    lags: Lags = {}
    for name in MARKS:
        if has(truth.head, name):
            curve, times = getattr(prediction, f"lip_{name}")(), truth.times if real is None else real.times
            target = getattr(truth, f"lip_{name}")() if real is None else getattr(real, name)
            lags[name] = metrics.lagged(times, target, clock, curve, at).tolist()
    return lags
