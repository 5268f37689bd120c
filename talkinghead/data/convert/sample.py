"""A sample of a dataset's clips, measured and drawn, for the page about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from talkinghead.audio.load import load_audio
from talkinghead.data.manifest import Clip
from talkinghead.data.motion_file import animation_of, head_of, read_motion
from talkinghead.errors import InputError
from talkinghead.motion.animation import OPTIONAL, Animation

SAMPLE, BYTES = 60, 400e6  # clips that are measured, and bytes read of them at most
SHEET = 8  # clips on the contact sheet
PICTURE = 176  # pixels, side of a picture
LOUD = 0.1  # share of the loudest level above which sound counts as speech
WINDOW, HOP = 1600, 800  # samples at 16 kHz: 100 ms of which the level is taken, every 50 ms


@dataclass(frozen=True, eq=False)
class Measured:
    """A clip of the sample. opening: (T,) mm, of the lips where the head has landmarks, else displacement of what moves."""

    clip: Clip
    loudness: float  # dB of full scale, RMS while there is speech
    opening: np.ndarray | None
    speed: float | None  # mm/s, RMS of the opening's change
    lips: bool
    animation: Animation | None  # of the three moments on the sheet: least, median and widest
    moments: tuple[float, ...]  # seconds


def sample(out: Path, clips: Sequence[Clip]) -> list[Clip]:
    """Clips spread over the whole set, at most SAMPLE and BYTES; none of shards, whose clips are no files."""
    places = np.unique(np.linspace(0, len(clips) - 1, min(SAMPLE, len(clips))).round().astype(int))
    rng = np.random.default_rng(0)
    chosen, size = [], 0.0
    for i in rng.permutation(places):
        clip = clips[int(i)]
        if not (out / clip.motion).is_file():
            return []
        size += (out / clip.motion).stat().st_size
        if size > BYTES and chosen:
            break
        chosen.append(clip)
    return sorted(chosen, key=lambda clip: clip.id)


def measure(out: Path, clip: Clip) -> Measured:
    """Loudness and motion of a clip; no motion where the face model of its parameters is missing."""
    wave = load_audio(out / clip.audio)
    level = np.sqrt(np.convolve(wave.astype(np.float64) ** 2, np.full(WINDOW, 1 / WINDOW), "same"))[::HOP]
    loudness = float(20 * np.log10(np.sqrt(np.mean(level[level >= LOUD * level.max()] ** 2)) + 1e-9))
    motion = read_motion(out / clip.motion)
    try:
        animation = animation_of(motion, head_of(out, clip), clip.id)
    except InputError:
        return Measured(clip, loudness, None, None, False, None, ())
    lips = {"lip_upper_inner", "lip_lower_inner"} <= set(animation.head.landmarks)
    opening = 1000 * (animation.lip_aperture() if lips else _displacement(animation))
    speed = float(np.sqrt(np.mean((np.diff(opening) * motion.fps) ** 2))) if len(opening) > 1 else 0.0
    order = np.argsort(opening, kind="stable")
    moments = [int(order[i]) for i in (0, len(order) // 2, -1)]
    picked = {n: v[moments] for n in OPTIONAL if (v := getattr(animation, n)) is not None}
    three = replace(animation, coefficients=animation.coefficients[moments], **picked)
    return Measured(clip, loudness, opening, speed, lips, three, tuple((t + 0.5) / motion.fps for t in moments))


def _displacement(animation: Animation) -> np.ndarray:
    """(T,) metres, RMS over the tenth of the vertices that move most."""
    away = np.stack([np.linalg.norm(animation.offsets(t), axis=1) for t in range(len(animation))])
    most = np.argsort(away.std(0))[-max(1, away.shape[1] // 10) :]
    return np.sqrt(np.mean(away[:, most] ** 2, 1))


def various(measured: list[Measured]) -> list[Measured]:
    """At most `SHEET` clips: of all kinds of motion, of many speakers, and of all emotions, as far as possible."""
    chosen: list[Measured] = []
    left = list(measured)
    while left and len(chosen) < SHEET:
        taken = [(m.clip.annotation, m.clip.speaker, m.clip.emotion) for m in chosen]
        counts = [
            tuple(sum(t[i] == key for t in taken) for i, key in enumerate((m.clip.annotation, m.clip.speaker, m.clip.emotion)))
            for m in left
        ]
        chosen.append(left.pop(counts.index(min(counts))))
    return sorted(chosen, key=lambda m: (m.clip.annotation, m.clip.speaker, m.clip.id))


def pictures(chosen: list[Measured]) -> list[list[np.ndarray]]:
    """For each clip the (H, W, 3) uint8 pictures of its moments: rendered, or points where the mesh has no faces.

    Clips of one head are drawn together: to light a head takes longer than to draw it.
    """
    from talkinghead.rendering.renderer import choose_backend, frames

    groups: dict[int, list[int]] = {}
    for i, m in enumerate(chosen):
        assert m.animation is not None
        groups.setdefault(id(m.animation.head), []).append(i)
    out: list[list[np.ndarray]] = [[] for _ in chosen]
    backend = choose_backend()
    for places in groups.values():
        animations = [a for i in places if (a := chosen[i].animation) is not None]
        if not len(animations[0].head.faces):
            drawn = [_points(a.vertices(t)) for a in animations for t in range(len(a))]
        else:
            drawn = [picture for a in animations for picture in frames(a, size=PICTURE, backend=backend)]
        for k, i in enumerate(places):
            out[i] = drawn[3 * k : 3 * k + 3]
    return out


def _points(vertices: np.ndarray) -> np.ndarray:
    """(V, 3) as a picture (PICTURE, PICTURE, 3) uint8: points seen from the front, nearer ones darker."""
    low, high = vertices.min(0), vertices.max(0)
    scale = 0.9 * PICTURE / max(float((high - low)[:2].max()), 1e-9)
    place = (vertices - (low + high) / 2)[:, :2] * scale * [1, -1] + PICTURE / 2
    order = np.argsort(vertices[:, 2])
    column, row = np.clip(place[order].round().astype(int), 0, PICTURE - 2).T
    shade = (200 - 150 * (vertices[order, 2] - low[2]) / max(float(high[2] - low[2]), 1e-9)).astype(np.uint8)
    picture = np.full((PICTURE, PICTURE, 3), 246, np.uint8)
    grow = 1 if len(vertices) > 4000 else 2
    for dx in range(grow):
        for dy in range(grow):
            picture[row + dy, column + dx] = shade[:, None]
    return picture
