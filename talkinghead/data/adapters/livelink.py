"""Takes of Epic's Live Link Face app (ARKit weights of an iPhone, 60 or 30 fps) -> dataset. Checked on fixtures only.

A take is a .csv with the columns Timecode, BlendShapeCount, 52 weights and, in most versions, nine angles of head and eyes,
and the recording of the same stem (.mov .mp4 .wav ...) beside it, or the only one in its folder. What the app writes beside
(NAME_raw.csv, NAME_neutral.csv, NAME_cal.csv, frame_log.csv) is left out. A slate's takes lie in a folder each.

The rate is read from the timecodes; frames that the app dropped, or in which it lost the face, are interpolated and marked.
Sound and curves begin together. HeadYaw, HeadPitch and HeadRoll become the head's rotation; of the eyes the eyeLook weights
are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from talkinghead.data.adapters.parameter_sets import wave_of
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.errors import InputError
from talkinghead.export import curves
from talkinghead.files import file_name
from talkinghead.io.files import SOUNDS, files_under, sound_of
from talkinghead.motion.emotions import EMOTIONS

VERSION = 1
LICENCE = "unknown"
EXTRA = ("_raw", "_neutral", "_cal")  # ends of the names of tables that are not the take


def takes(
    paths: list[Path],
    *,
    speaker: str | None = None,
    emotion: str | None = None,
    fps: float | None = None,
    licence: str = LICENCE,
) -> tuple[list[Take], dict[str, str]]:
    """Takes under the paths.

    speaker: who it is in all takes; by default the folder that holds the takes' folders, or the takes. emotion: one of ours,
    of all takes. fps: of takes of less than a second, whose timecodes do not tell.
    """
    if emotion is not None and emotion not in EMOTIONS:
        raise InputError(f"emotion {emotion!r} is not known; one of {', '.join(EMOTIONS)}")
    tables = [path for path in files_under(paths, "*.csv") if _is_take(path)]
    if not tables:
        raise InputError(f"{paths[0] if paths else 'no paths'}: no takes of Live Link Face (.csv with a Timecode) under it")
    found, dropped = [], {}
    for name, path in unique_names(tables).items():
        sound = sound_of(path.with_suffix("")) or only_sound(path.parent)
        if sound is None:
            dropped[name] = f"no {path.stem}.mov or .wav beside it"
            continue
        alone = sum(other.parent == path.parent for other in tables) == 1 and path.parent not in map(Path, paths)
        person = speaker or file_name((path.parent.parent if alone else path.parent).absolute().name)
        found.append(Take(name, person, (path, sound), emotion=emotion, licence=licence, details={"fps": fps}))
    return found, dropped


def read(take: Take) -> Recording:
    """The curves of a take, and its sound."""
    path, sound = take.files
    motion = curves.read(path, fps=take.details["fps"])
    return Recording(
        wave=wave_of(sound),
        fps=motion.fps,
        names=motion.head.names,
        coefficients=motion.coefficients,
        rotation=motion.rotation,
        missing=marked(motion.meta, len(motion)),
    )


def marked(meta: dict, count: int) -> np.ndarray | None:
    """(T,) bool of the frames that `export.curves.read` says it filled."""
    if not meta.get("filled"):
        return None
    missing = np.zeros(count, bool)
    missing[meta["filled"]] = True
    return missing


def only_sound(folder: Path) -> Path | None:
    """The one sound or film of a folder."""
    sounds = [path for path in folder.iterdir() if path.suffix.lower() in SOUNDS and not path.name.startswith(".")]
    return sounds[0] if len(sounds) == 1 else None


def unique_names(paths: Iterable[Path]) -> dict[str, Path]:
    """Ids of files: their stems, after their folders' names where several share one."""
    stems: dict[str, list[Path]] = {}
    for path in paths:
        stems.setdefault(file_name(path.stem).casefold(), []).append(path)
    names = {}
    for same in stems.values():
        for path in same:
            name, folder = file_name(path.stem), path.absolute().parent
            while len(same) > 1 and folder.name and (name in names or folder == path.absolute().parent):
                name, folder = f"{file_name(folder.name)}_{name}", folder.parent
            names[name] = path
    return dict(sorted(names.items()))


def _is_take(path: Path) -> bool:
    if any(path.stem.endswith(end) and path.with_name(f"{path.stem.removesuffix(end)}.csv").exists() for end in EXTRA):
        return False
    return curves.is_take(path)
