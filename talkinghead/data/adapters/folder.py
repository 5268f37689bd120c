"""Any folder of sound with motion of the same stem beside it -> dataset.

NAME.wav (.flac .mp3 .m4a .mp4 .mov ...) with one of

* NAME.npz saved by talkinghead (or `talkinghead animate -o`), for the default head or the one given as `head`;
* NAME.npz of your own: coefficients (T, K) float, names (K,) text, fps, and optionally rotation (T, 3) rad, translation (T, 3)
  metres, gaze (T, 2, 2) rad, all plain arrays: np.savez("NAME.npz", coefficients=..., names=np.array([...]), fps=30);
* NAME.csv, .tsv or .json with curves, see `export.curves`. Of several files of one stem the first of .npz, .csv, .tsv and .json
  is taken.

Names that are ARKit's are that annotation; expression_000 ... with jaw_x, jaw_y, jaw_z are FLAME's; others are an annotation
of their own, called after their names' hash, unless `head` has them: then it is called after the head.

The speaker is the folder of the files, or `speaker`. Splits are by speaker, as for every source.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from talkinghead.data.adapters.livelink import marked, unique_names
from talkinghead.data.adapters.parameter_sets import arkit_names, emotion_by_name, flame_heads, flame_names, wave_of
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.errors import InputError
from talkinghead.export import curves
from talkinghead.files import file_name
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.head import Head
from talkinghead.io.files import files_under, load_npz, sound_of
from talkinghead.motion.emotions import EMOTIONS

VERSION = 1
LICENCE = "unknown"
KEYS = ("coefficients", "names", "fps", "rotation", "translation", "gaze", "residual")
HEARD = (".wav", ".flac", ".m4a", ".mp3", ".ogg", ".aac")  # not films: `animate` writes them beside the motion
OPTIONAL = ("rotation", "translation", "gaze")


def takes(
    paths: list[Path],
    *,
    speaker: str | None = None,
    emotion: str | None = None,
    intensity: float | None = None,
    head: Path | None = None,
    flame: Path | None = None,
    fps: float | None = None,
    licence: str = LICENCE,
) -> tuple[list[Take], dict[str, str]]:
    """Pairs under the paths.

    speaker, emotion (one of ours), intensity (0 to 1): of all clips. head: the head file that the motion is for, if its shapes
    are not ARKit's. flame: a FLAME model, to have a mesh for its parameters. fps: of the motion, where a file says another or
    does not tell.
    """
    if emotion is not None and emotion not in EMOTIONS:
        raise InputError(f"emotion {emotion!r} is not known; one of {', '.join(EMOTIONS)}")
    if intensity is not None and not 0 <= intensity <= 1:
        raise InputError(f"intensity is {intensity}, it must be in 0 to 1")
    own = Head.load(head) if head else None
    arrays = files_under(paths, "*.npz")
    tables: list[Path] = []
    for suffix in curves.SUFFIXES:
        taken = {path.with_suffix("") for path in (*arrays, *tables)}
        fresh = [path for path in files_under(paths, f"*{suffix}") if path.with_suffix("") not in taken]
        # Much else is JSON, such as batch.json of `animate`.
        tables += [path for path in fresh if suffix != ".json" or sound_of(path.with_suffix(""))]
    files = unique_names([*arrays, *tables])
    found, dropped = [], {}
    for name, path in files.items():
        sound = sound_of(path.with_suffix(""))
        try:
            if sound is None:
                raise InputError(f"no {path.stem}.wav, or other sound, beside it")
            annotation = _annotation(_names(path), own)
        except InputError as error:
            dropped[name] = str(error).removeprefix(f"{path}: ")
            continue
        person = speaker or file_name(path.absolute().parent.name)
        details = {"fps": fps, "head": head, "flame": flame}
        told = (emotion, intensity) if emotion else emotion_by_name(path)
        more = {"annotation": annotation, "emotion": told[0], "intensity": told[1], "licence": licence}
        found.append(Take(name, person, (path, sound), details=details, **more))
    with_motion = {path.with_suffix("") for path in [*arrays, *tables]}
    for name, path in unique_names(p for p in files_under(paths, "*") if p.suffix.lower() in HEARD).items():
        if path.with_suffix("") not in with_motion and name not in files:
            dropped[name] = f"no {path.stem}.npz or {path.stem}.csv beside it"
    if not files:
        raise InputError(f"{paths[0] if paths else 'no paths'}: no NAME.npz or NAME.csv with a sound NAME.wav under it")
    return found, dropped


def read(take: Take) -> Recording:
    """Motion and sound of a pair."""
    path, sound = take.files
    own = Head.load(take.details["head"]) if take.details["head"] else None
    read_motion = _read_npz if path.suffix.lower() == ".npz" else _read_curves
    return read_motion(path, wave_of(sound), take.details["fps"], own)


def heads(takes: list[Take]) -> dict[str, Head]:
    """The head that was given, and FLAME's."""
    given = {take.details["head"] for take in takes if take.details["head"] and take.annotation not in ("arkit", "flame")}
    return {_own_name(head): head for head in map(Head.load, given)} | flame_heads(takes)


def _read_npz(path: Path, wave: np.ndarray, fps: float | None, own: Head | None) -> Recording:
    arrays = load_npz(path, KEYS)
    names, values = _names(path), arrays.get("coefficients")
    if values is None or values.ndim != 2 or values.dtype.kind not in "fiu" or values.shape[1] != len(names):
        what = "no coefficients" if values is None else f"coefficients of shape {values.shape} ({values.dtype})"
        raise InputError(f"{path}: {what} for {len(names)} names; (T, {len(names)}) numbers are expected")
    rate = np.ravel(arrays.get("fps", np.nan)) if fps is None else np.array([fps])
    if rate.size != 1 or rate.dtype.kind not in "fiu" or not np.isfinite(rate[0]):
        raise InputError(f"{path}: has no fps; save it in the file, or give fps=")
    if "residual" in arrays and np.any(arrays["residual"]):
        raise InputError(f"{path}: moves vertices beyond its shapes (residual), which a dataset of coefficients cannot keep")
    optional = {key: arrays[key].astype(np.float32) for key in OPTIONAL if key in arrays and arrays[key].dtype.kind in "fiu"}
    recording = Recording(wave, float(rate[0]), _canonical(names, path, own), values.astype(np.float32))
    return replace(recording, **optional)


def _read_curves(path: Path, wave: np.ndarray, fps: float | None, own: Head | None) -> Recording:
    names = _canonical(_names(path), path, own)
    head = own if own and set(names) <= set(own.names) else None
    if head is None and not set(names) <= set(ARKIT):
        head = _bare(names)
    motion = curves.read(path, head, fps)
    return Recording(
        wave=wave,
        fps=motion.fps,
        names=motion.head.names,
        coefficients=motion.coefficients,
        rotation=motion.rotation,
        missing=marked(motion.meta, len(motion)),
    )


def _bare(names: tuple[str, ...]) -> Head:
    """A head of no vertices, for tables of shapes that no mesh is known for."""
    nothing = np.zeros((0, 3), np.float32)
    return Head("bare", nothing, nothing.astype(np.int32), np.zeros((len(names), 0, 3), np.float32), names)


def _names(path: Path) -> tuple[str, ...]:
    """Names of the shapes, as the file writes them."""
    if path.suffix.lower() != ".npz":
        return curves.shapes(path)
    names = load_npz(path, ("names",)).get("names")
    if names is None or names.ndim != 1 or names.dtype.kind != "U" or not len(names):
        raise InputError(f"{path}: has no names of its coefficients (an array of text)")
    return tuple(str(name) for name in names)


def _canonical(names: tuple[str, ...], path: Path, own: Head | None) -> tuple[str, ...]:
    """The names as the head, ARKit or FLAME write them, or as they are."""
    if own and {name.lower() for name in names} <= {name.lower() for name in own.names}:
        table = {name.lower(): name for name in own.names}
        return tuple(table[name.lower()] for name in names)
    return arkit_names(names, path) if _annotation(names, None) == "arkit" else names


def _annotation(names: tuple[str, ...], own: Head | None) -> str:
    small = {name.lower() for name in names}
    if small <= {name.lower() for name in ARKIT}:
        return "arkit"
    if small == set(flame_names()):
        return "flame"
    if own and small <= {name.lower() for name in own.names}:
        return _own_name(own)
    return f"shapes-{hashlib.blake2b(' '.join(sorted(small)).encode(), digest_size=4).hexdigest()}"


def _own_name(head: Head) -> str:
    return file_name(f"{head.name}-{head.topology[:6]}")
