"""MEAD with FLAME parameters (EMOTE's pseudo ground truth) -> dataset. 25 fps, head rotation where the layout has it.

Two layouts, both checked on generated files only:

* INFERNO: `.../EMICA-MEAD_flame2020/SUBJECT/front/EMOTION/level_N/SEQ/shape_pose_cam.hdf5` with shape (1, T, 300),
  exp (1, T, 100), jaw (1, T, 3) and global_pose (1, T, 3), axis-angle rad. 50 expression parameters (EMOCA) are fine.
* ProbTalk3D: `SUBJECT_SEQ_EMOTION_LEVEL.npy`, emotion 0-7, level 0-2, (1, T, 403) = shape 300, exp 100, jaw 3; without the
  shape (103) and with 50 expression parameters (53) too. 156 values are refused: DEEPTalk and EMOCA order them differently.

The parameters come without sound. For INFERNO it is looked for as SEQ.wav (.flac .m4a .mp3 .mp4 ...) or as the only sound in
a folder SEQ, first beside the parameters, then in the folder given as `audio`, then in every folder above the parameters and
their audio, wav, resampled_audio, resampled_videos, videos and videos_25fps, there at SUBJECT/audio/EMOTION/level_N (MEAD's
own place), SUBJECT/video/VIEW/EMOTION/level_N, SUBJECT/VIEW/EMOTION/level_N and SUBJECT/EMOTION/level_N. For ProbTalk3D it is
a file of the same name: beside, in `audio`, or in wav or audio beside the folder or in it.

Level 1, 2, 3 is intensity 1/3, 2/3, 1; neutral, which has one level only, is 0. The splits are by subject.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np

from talkinghead.data.adapters.parameter_sets import BROKEN, flame_heads, flame_motion, frames, upright, wave_of
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.errors import InputError, brief
from talkinghead.files import file_name
from talkinghead.io.files import SOUNDS, files_under, sound_of
from talkinghead.io.npz import read_array
from talkinghead.motion.emotions import EMOTIONS, SPELLINGS

VERSION = 1
LICENCE = "MEAD: research only; parameters of INFERNO/EMOTE: non-commercial, no redistribution"
FPS = 25.0
HDF5 = "shape_pose_cam.hdf5"
NPY = re.compile(r"(?P<subject>[A-Za-z]+\d+)_(?P<sequence>\w+?)_(?P<emotion>[0-7])_(?P<level>[0-2])")
LAYOUTS = {403: (300, 400), 103: (0, 100), 53: (0, 50)}  # columns -> where the expression is; the jaw's three follow
FOLDERS = ("audio", "wav", "resampled_audio", "resampled_videos", "videos", "videos_25fps")
CEILING = 7  # folders above a clip in which its sound is looked for
LARGEST = 2_000_000  # frames: 22 hours


def takes(
    paths: list[Path], *, audio: Path | None = None, flame: Path | None = None, fps: float = FPS
) -> tuple[list[Take], dict[str, str]]:
    """Clips of folders or files in either layout.

    audio: folder with the sound, if it is not beside the parameters. flame: a FLAME model (.pkl or .npz), to have a mesh.
    fps: of the parameters, if they were not made at 25.
    """
    for cache in (_folders, _sounds):  # files may have come since the last call
        cache.cache_clear()
    found, dropped = [], {}
    arrays = [path for path in files_under(paths, "*.npy") if NPY.fullmatch(path.stem)]
    for path in [*files_under(paths, HDF5), *arrays]:
        name, subject, emotion, level, place = (_inferno if path.name == HDF5 else _probtalk)(path)
        if emotion is None:
            dropped[name] = f"{place}: unknown emotion"
            continue
        if level is None:
            dropped[name] = f"{place}: level is not 1, 2 or 3"
            continue
        sound = _sound(path, audio)
        if sound is None:
            dropped[name] = "no sound beside it or in the folders above; give its folder with --audio"
            continue
        intensity = 0.0 if emotion == "neutral" else level / 3
        found.append(
            Take(name, subject, (path, sound), None, "flame", emotion, intensity, details={"flame": flame, "fps": fps})
        )
    if not found and not dropped:
        raise InputError(f"{paths[0] if paths else 'no paths'}: no {HDF5} and no SUBJECT_SEQ_EMOTION_LEVEL.npy under it")
    return found, dropped


def read(take: Take) -> Recording:
    """Expression and jaw of a clip, and its sound."""
    path, sound = take.files
    expression, jaw, rotation = _hdf5(path) if path.suffix == ".hdf5" else _npy(path)
    names, coefficients = flame_motion(expression, jaw, path)
    return Recording(
        wave_of(sound), take.details["fps"], names, coefficients, rotation=None if rotation is None else upright(rotation)
    )


heads = flame_heads


def _inferno(path: Path) -> tuple[str, str, str | None, int | None, str]:
    """Id, subject, emotion, level and the folder's name of a clip at SUBJECT/VIEW/EMOTION/level_N/SEQ/file."""
    parts = ("", "", "", "", "", *path.absolute().parts)
    subject, view, emotion, level, sequence = parts[-6:-1]
    name = file_name("_".join((subject, *([view] if view != "front" else []), emotion, level, sequence)))
    number = re.fullmatch(r"level_([1-3])", level)
    return name, subject or "unknown", SPELLINGS.get(emotion.lower()), int(number[1]) if number else None, f"{emotion}/{level}"


def _probtalk(path: Path) -> tuple[str, str, str | None, int | None, str]:
    match = NPY.fullmatch(path.stem)
    assert match
    return file_name(path.stem), match["subject"], EMOTIONS[int(match["emotion"])], int(match["level"]) + 1, path.stem


def _sound(path: Path, audio: Path | None) -> Path | None:
    """The sound of a clip, see above."""
    if path.name != HDF5:
        roots = [
            path.parent,
            *([Path(audio)] if audio else []),
            *(p / f for p in (path.parent, path.parent.parent) for f in FOLDERS),
        ]
        return next((sound for root in roots if (sound := sound_of(root / path.stem))), None)
    clip = path.parent
    subject, view, emotion, level, sequence = ("", "", *clip.absolute().parts)[-5:]
    ends = [
        Path(emotion, level),
        Path("audio", emotion, level),
        Path("video", view, emotion, level),
        Path(view, emotion, level),
    ]
    folders = _folders(list(clip.absolute().parents)[:5][-1], subject, audio)
    places = [clip / sequence, *(folder / end / sequence for folder in folders for end in ends)]
    for place in [clip, *places]:
        if sound := (_sounds(place.parent).get(place.name) or _only_sound(place)):
            return sound
    return None


@lru_cache(maxsize=256)
def _folders(top: Path, subject: str, audio: Path | None) -> list[Path]:
    """Folders that may hold a subject's sound; `top` is the one of all subjects. Looked for once, not for every clip."""
    roots = [root / folder for root in [top, *top.parents][:CEILING] for folder in ("", *FOLDERS)]
    return [folder for root in [*([Path(audio)] if audio else []), *roots] if (folder := root / subject).is_dir()]


@lru_cache(maxsize=1024)
def _sounds(folder: Path) -> dict[str, Path]:
    """Sound files of a folder by their stems, of several the preferred one."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in SOUNDS] if folder.is_dir() else []
    return {path.stem: path for path in sorted(files, key=lambda path: SOUNDS.index(path.suffix.lower()), reverse=True)}


def _only_sound(folder: Path) -> Path | None:
    sounds = [p for p in folder.iterdir() if p.suffix.lower() in SOUNDS] if folder.is_dir() else []
    return sounds[0] if len(sounds) == 1 else None


def _hdf5(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Expression, jaw, rotation of an INFERNO file."""
    try:
        import h5py
    except ImportError:
        raise InputError("reading HDF5 needs h5py: pip install 'talkinghead[data]'") from None
    try:
        with h5py.File(path, "r") as file:
            missing = [key for key in ("exp", "jaw") if not isinstance(file.get(key), h5py.Dataset)]
            if missing:
                raise InputError(f"{path}: has no {missing[0]!r}")
            return _dataset(file, "exp", path), _dataset(file, "jaw", path), _rotation(file, path)
    except InputError:
        raise
    except (*BROKEN, RuntimeError) as error:
        raise InputError(f"{path}: not an HDF5 file that can be read, or cut short ({brief(error)})") from None


def _rotation(file, path: Path) -> np.ndarray | None:
    if "global_pose" not in file:
        return None
    rotation = _dataset(file, "global_pose", path)
    return rotation if rotation.shape[1] == 3 else None


def _dataset(file, key: str, path: Path) -> np.ndarray:
    """(T, C) of a dataset, after a look at the size that it declares."""
    if file[key].size > LARGEST * 100:
        raise InputError(f"{path}: {key} declares {file[key].shape} values; that is no clip")
    return frames(file[key][()], key, path)


def _npy(path: Path) -> tuple[np.ndarray, np.ndarray, None]:
    """Expression and jaw of a ProbTalk3D file."""
    values = frames(read_array(path), "the array", path)
    if values.shape[1] not in LAYOUTS:
        known = "403 (shape 300, expression 100, jaw 3), 103 and 53"
        why = "; DEEPTalk and EMOCA order 156 differently" if values.shape[1] == 156 else ""
        raise InputError(f"{path}: {values.shape[1]} values a frame; {known} are known{why}: save it as one of these")
    first, last = LAYOUTS[values.shape[1]]
    return values[:, first:last], values[:, last : last + 3], None
