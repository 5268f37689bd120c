"""Checks of a recording; each problem is one line that says how to mend it. `check_recording` is all of it, in order.

Each check raises InputError with the reason for which the clip is dropped. T frames, V vertices, K names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from talkinghead.audio.activity import SILENT
from talkinghead.audio.clock import RATE, frame_count
from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.units import HEAD_SIZE

if TYPE_CHECKING:
    from talkinghead.data.convert.recording import Recording

FPS = (5.0, 240.0)
SHORTEST = 0.5  # seconds
SLACK = 0.25  # seconds by which sound and motion may differ in length
ALIKE = (0.7, 1.4)  # size of a moving face relative to its template; an open jaw stays within
FARTHEST = 0.1  # metres: largest displacement of a vertex; an open jaw is half of it
STILL = 1e-5  # metres, or weight: smaller ranges count as no motion
WEIGHTS = (-0.25, 1.5)  # ARKit's are 0 to 1; solvers overshoot
COMMON = (24, 25, 30, 48, 50, 60, 100, 120)  # frames a second
SCALES = {"mm": 0.001, "cm": 0.01, "dm": 0.1}
TIMED = ("coefficients", "vertices", "rotation", "translation", "gaze", "missing")


def check_recording(recording: Recording, annotation: str) -> Recording:
    """The recording, sound and motion of one length. Raises InputError, one line, if a check fails."""
    shapes(recording)
    rate(recording)
    finite(recording)
    sound(recording)
    recording = lengths(recording)
    units(recording)
    if annotation == "arkit":
        weights(recording)
    movement(recording)
    return recording


def frames(recording: Recording) -> int:
    """T."""
    values = recording.coefficients if recording.coefficients is not None else recording.vertices
    return 0 if values is None else len(values)


def shapes(recording: Recording) -> None:
    """Shapes of arrays that fit each other, which a misread layout has not."""
    t = frames(recording)
    if t == 0:
        raise InputError("no frames of motion")
    expected: dict[str, tuple] = {"rotation": (t, 3), "translation": (t, 3), "gaze": (t, 2, 2), "missing": (t,)}
    if recording.coefficients is not None:
        expected["coefficients"] = (t, len(recording.names))
    else:
        if recording.template is None:
            raise InputError("no template: the speaker's face at rest is needed")
        expected["vertices"] = (t, *recording.template.shape)
        expected["template"] = (len(recording.template), 3)
    for name, shape in expected.items():
        value = getattr(recording, name)
        if value is not None and value.shape != shape:
            raise InputError(f"{name} has shape {value.shape}, {shape} is expected")
    if recording.wave.ndim != 1:
        raise InputError(f"sound has shape {recording.wave.shape}, one channel is expected")


def rate(recording: Recording) -> None:
    """A frame rate within FPS, and at least SHORTEST seconds."""
    if not FPS[0] <= recording.fps <= FPS[1]:
        usual = f"{FPS[0]:g} to {FPS[1]:g} are expected"
        raise InputError(f"{recording.fps:g} frames a second, {usual}; mend the rate or give --fps")
    if frames(recording) < SHORTEST * recording.fps:
        t = frames(recording)
        raise InputError(f"only {t} frame{'s' * (t != 1)} ({t / recording.fps:.2f} s); {SHORTEST} s is the least")


def finite(recording: Recording) -> None:
    """No NaN, no infinity."""
    for name in ("template", *TIMED[:-1]):
        value = getattr(recording, name)
        if value is None or np.isfinite(value).all():
            continue
        if name == "template":
            raise InputError("template has values that are not finite; mend or leave out this speaker")
        bad = np.flatnonzero(~np.isfinite(value.reshape(len(value), -1)).all(1))
        where = f"frame {bad[0]} ({bad[0] / recording.fps:.2f} s)"
        more = f", the first of {len(bad)} such frames" if len(bad) > 1 else ""
        raise InputError(f"{name} not finite in {where}{more}; mend or cut the recording")


def sound(recording: Recording) -> None:
    """Sound that exists, is finite and is not silence."""
    wave = recording.wave
    if not len(wave):
        raise InputError("no sound")
    if not np.isfinite(wave).all():
        raise InputError(f"sound not finite at {np.flatnonzero(~np.isfinite(wave))[0] / RATE:.2f} s")
    if (loudest := float(np.abs(wave).max())) < SILENT:
        raise InputError(f"no sound: its loudest sample is {loudest:.1g} of full scale")


def lengths(recording: Recording) -> Recording:
    """The recording with sound and motion of one length. Differences up to SLACK are cut, to whole frames."""
    t, heard, seen = frames(recording), len(recording.wave) / RATE, frames(recording) / recording.fps
    if abs(heard - seen) > SLACK:
        nearest = min(COMMON, key=lambda fps: abs(t / fps - heard))
        fits = abs(t / nearest - heard) <= SLACK and nearest != recording.fps
        hint = f"; {nearest} frames a second would fit (--fps, if the source has it)" if fits else ""
        raise InputError(f"{seen:.2f} s of motion, {heard:.2f} s of sound: more than {SLACK} s apart{hint}")
    keep = min(t, frame_count(heard, recording.fps))
    cut = {name: value[:keep] for name in TIMED if (value := getattr(recording, name)) is not None}
    length = round(keep / recording.fps * RATE)
    wave = np.pad(recording.wave[:length], (0, max(0, length - len(recording.wave))))
    if np.abs(wave).max() < SILENT:
        raise InputError("no sound while there is motion")
    return replace(recording, wave=wave, **cut)


def units(recording: Recording) -> None:
    """Metres as the unit, judged by the size of the head."""
    if recording.template is None:
        return
    size = float(np.ptp(recording.template, axis=0).max())
    if HEAD_SIZE[0] <= size <= HEAD_SIZE[1]:
        own = size if recording.vertices is None else float(np.ptp(recording.vertices[0], axis=0).max())
        if not ALIKE[0] <= own / size <= ALIKE[1]:
            what = f"the face measures {own:.3g} m, its template {size:.3g} m"
            raise InputError(f"{what}: wrong unit of one of them, or the template of another mesh")
        return
    fits = [unit for unit, scale in SCALES.items() if HEAD_SIZE[0] <= size * scale <= HEAD_SIZE[1]]
    # A size of 1 to 7 may be decimetres, but also no unit at all (BIWI as it is passed around is scaled by area).
    advice = f"these look like {fits[0]}: give --unit {fits[0]}" if fits else "give --unit, or mend the template"
    if fits == ["dm"]:
        advice = "these look like no unit of length: give --unit with the metres that 1 is"
    raise InputError(f"the head measures {size:.3g}, {HEAD_SIZE[0]} to {HEAD_SIZE[1]} metres are expected; {advice}")


def weights(recording: Recording) -> None:
    """Names of ARKit's shapes, and weights within WEIGHTS."""
    if recording.coefficients is None:
        return
    if unknown := [name for name in recording.names if name not in ARKIT]:
        raise InputError(f"{unknown[0]!r} is not one of ARKit's shapes")
    values = recording.coefficients
    t, k = np.unravel_index(np.abs(values).argmax(), values.shape)
    if WEIGHTS[0] <= values.min() and values.max() <= WEIGHTS[1]:
        return
    advice = "they look like percent: divide them by 100" if 20 < values.max() <= 150 else "are these ARKit weights?"
    raise InputError(f"{recording.names[k]} is {values[t, k]:.3g} in frame {t}, weights are 0 to 1; {advice}")


def movement(recording: Recording) -> None:
    """Motion of at least STILL, and displacements of at most FARTHEST."""
    if recording.coefficients is not None:
        if np.ptp(recording.coefficients, axis=0).max() < STILL:
            raise InputError("the motion does not move: all frames are the same")
        return
    assert recording.vertices is not None and recording.template is not None
    if np.ptp(recording.vertices, axis=0).max() < STILL:
        raise InputError("the motion does not move: all frames are the same")
    for t, frame in enumerate(recording.vertices):  # one at a time: (T, V, 3) is large enough once
        away = np.linalg.norm(frame - recording.template, axis=1)
        if away.max() > FARTHEST:
            what = f"vertex {away.argmax()} is {away.max():.2g} m from its place in the template in frame {t}"
            raise InputError(f"{what}; wrong template, head motion left in, or a broken mesh")
