"""BEAT2 (Liu et al. 2024): BEAT's speech with FLAME expressions and jaw of SMPL-X, 30 fps -> dataset. Checked on fixtures only.

`beat_english_v2.0.0/` (or another language) with smplxflame_30/NAME.npz, wave16k/NAME.wav, textgrid/NAME.TextGrid and
train_test_split.csv, whose columns `id` and `type` (train, val, test, additional) are the published split; additional is train.
Recordings that the table does not name are dropped; without a table splits are by speaker.

An npz holds expressions (T, 100), poses (T, 165): axis-angle rad of SMPL-X's 55 joints, of which joint 22 is the jaw, and
mocap_frame_rate. The head's rotation is that of the neck (joint 12) and the head (15) together, relative to the chest. Files
are cut into clips as BEAT's are. An npz with pickled objects is refused.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np

from talkinghead.data.adapters.beat import by_stem, piece_of, recording_takes
from talkinghead.data.adapters.parameter_sets import flame_heads, flame_motion, frames, upright, wave_of
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.data.convert.segment import LONGEST
from talkinghead.errors import InputError
from talkinghead.files import file_name
from talkinghead.io.files import SOUNDS, files_under, load_npz

VERSION = 1
LICENCE = "BEAT2: non-commercial research only by its repository (its download page says Apache-2.0)"
FPS = 30.0
FOLDER = "smplxflame_30"
TABLE = "train_test_split.csv"
SPLITS = {"train": "train", "additional": "train", "val": "val", "test": "test"}
POSES = 165  # 55 joints
NECK, HEAD, JAW = (slice(3 * joint, 3 * joint + 3) for joint in (12, 15, 22))


def takes(paths: list[Path], *, flame: Path | None = None, longest: float = LONGEST) -> tuple[list[Take], dict[str, str]]:
    """Pieces of the recordings. flame: a FLAME model (.pkl or .npz), to have a mesh. longest: seconds of a clip."""
    if not longest >= 2:
        raise InputError(f"longest is {longest} seconds; at least 2 are needed")
    files = [path for path in files_under(paths, "*.npz") if path.parent.name == FOLDER or path in map(Path, paths)]
    if not files:
        raise InputError(f"{paths[0] if paths else 'no paths'}: no {FOLDER}/NAME.npz under it")
    found, dropped = [], {}
    for folder in sorted({path.parent.parent for path in files}):
        table = _table(folder / TABLE)
        sounds = by_stem([p for name in ("wave16k", "wave") if (p := folder / name).is_dir()], SOUNDS)
        grids = by_stem([folder / "textgrid"] if (folder / "textgrid").is_dir() else [], (".textgrid",))
        for path in (p for p in files if p.parent.parent == folder):
            name = file_name(path.stem)
            if table is not None and path.stem not in table:
                dropped[name] = f"not in {TABLE}"
            elif path.stem not in sounds:
                dropped[name] = f"no wave16k/{path.stem}.wav"
            else:
                split = table[path.stem] if table else None
                try:
                    sound, grid = sounds[path.stem], grids.get(path.stem)
                    found += recording_takes(path, sound, grid, longest, annotation="flame", split=split, flame=flame)
                except InputError as error:
                    dropped[name] = str(error)
    return found, dropped


def read(take: Take) -> Recording:
    """One piece."""
    path, sound = take.files[:2]
    names, values, rotation, fps = _motion(str(path), path.stat().st_mtime_ns)
    first, last, wave = piece_of(take, wave_of(sound), fps, len(values))
    turned = None if rotation is None else upright(rotation[first:last])
    return Recording(wave, fps, names, values[first:last], rotation=turned)


heads = flame_heads


@lru_cache(maxsize=2)
def _motion(path: str, changed: int) -> tuple[tuple[str, ...], np.ndarray, np.ndarray | None, float]:
    """Names, (T, 103) coefficients, (T, 3) rotation and fps of an npz."""
    from scipy.spatial.transform import Rotation

    where = Path(path)
    arrays = load_npz(where, ("expressions", "poses", "mocap_frame_rate"))
    missing = [key for key in ("expressions", "poses") if key not in arrays]
    if missing:
        raise InputError(f"{where}: has no {missing[0]!r}")
    expressions, poses = (frames(arrays[key], key, where) for key in ("expressions", "poses"))
    if poses.shape[1] != POSES:
        raise InputError(f"{where}: poses of {poses.shape[1]} values, SMPL-X has {POSES}")
    names, values = flame_motion(expressions, poses[:, JAW], where)
    rate = np.ravel(arrays.get("mocap_frame_rate", FPS))
    fps = float(rate[0]) if rate.size == 1 and rate.dtype.kind in "fiu" else np.nan
    if not 1 <= fps <= 1000:
        raise InputError(f"{where}: mocap_frame_rate is {' '.join(map(str, rate[:3]))}")
    if not np.isfinite(poses).all():
        return names, values, None, fps
    rotation = Rotation.from_rotvec(poses[:, NECK]) * Rotation.from_rotvec(poses[:, HEAD])
    return names, values, rotation.as_rotvec().astype(np.float32), fps


def _table(path: Path) -> dict[str, str] | None:
    """Recording -> split; None without a table."""
    if not path.exists():
        return None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = {row["id"]: SPLITS[row["type"].strip().lower()] for row in csv.DictReader(file)}
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    except (KeyError, AttributeError) as error:
        raise InputError(
            f"{path}: no columns id and type, or a type that is not one of {', '.join(SPLITS)} ({error})"
        ) from None
    if not table:
        raise InputError(f"{path}: names no recording")
    return table
