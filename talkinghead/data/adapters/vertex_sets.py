"""What the adapters of vertex sets share: the field's layout of .npy files, holes in the frames, and the head of a topology."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.files import file_name
from talkinghead.head.head import Head
from talkinghead.head.regions import load_regions
from talkinghead.head.topology import head_for
from talkinghead.head.units import unit_scale
from talkinghead.io.meshes import read_mesh
from talkinghead.io.npz import read_array
from talkinghead.io.pickles import read_pickle

HOLE = 5  # frames that may be missing in a row: they are interpolated
FOLDER, TEMPLATES = "vertices_npy", "templates.pkl"  # of the layout that FaceFormer introduced


def find_roots(paths: list[Path], holds: Callable[[Path], bool], what: str) -> list[Path]:
    """The folders among `paths`, their subfolders and those of these, of which `holds` is true. InputError, `what`, if none."""
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            raise InputError(f"{path}: no such folder")
        levels = [[path]]
        while levels and not any(holds(folder) for folder in levels[-1]) and len(levels) < 4:
            levels.append([p for folder in levels[-1] for p in sorted(folder.iterdir()) if p.is_dir() and p.name[0] != "."])
        found += [folder for folder in levels[-1] if holds(folder)]
    if not found:
        raise InputError(f"{', '.join(map(str, paths)) or 'no paths'}: {what}")
    return found


def converted(root: Path) -> bool:
    """Whether a folder is in the layout of FaceFormer and CodeTalker."""
    return (root / FOLDER).is_dir()


def list_converted(root: Path) -> list[tuple[str, Path, Path]]:
    """(name, .npy, .wav) of what lies in `vertices_npy/`; hidden and other files are passed over. The .wav may be missing."""
    files = sorted(p for p in (root / FOLDER).glob("*.npy") if not p.name.startswith("."))
    return [(path.stem, path, root / "wav" / f"{path.stem}.wav") for path in files]


def read_templates(path: Path) -> dict[str, np.ndarray]:
    """Speaker -> (V, 3) float32 in the file's unit, of a `templates.pkl`. Read once a process."""
    try:
        return _templates(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; it holds the speakers' faces at rest") from None


@lru_cache(maxsize=4)
def _templates(path: Path, changed: int) -> dict[str, np.ndarray]:
    found = read_pickle(path)
    if not isinstance(found, dict) or not all(isinstance(v, np.ndarray) and v.size and v.size % 3 == 0 for v in found.values()):
        raise InputError(f"{path}: is not a dict of one face a speaker")
    return {str(name): np.ascontiguousarray(value.reshape(-1, 3), np.float32) for name, value in found.items()}


def template_of(path: Path, speaker: str) -> np.ndarray:
    """(V, 3) in the file's unit. Raises InputError for a speaker that is not there."""
    templates = read_templates(path)
    if speaker not in templates:
        raise InputError(f"no template of {speaker} in {path.name}")
    return templates[speaker]


def read_vertices(path: Path, vertices: int, step: int = 1) -> np.ndarray:
    """Every `step`-th frame of an .npy (T, V * 3) or (T, V, 3): (T, V, 3) float32 in the file's unit."""
    array = read_array(path)
    if array.dtype.kind != "f" or array.ndim not in (2, 3) or array[:1].size != vertices * 3 or not len(array):
        raise InputError(f"{path}: shape {array.shape} of {array.dtype}; the template has {vertices} vertices")
    if step > 1:
        check_finite(array)
    return np.array(array[::step], np.float32).reshape(-1, vertices, 3)


def check_finite(values: np.ndarray) -> None:
    """Raises InputError if a frame of (T, ...) is not finite, also where it is one that will be left out."""
    bad = next((t for t, frame in enumerate(values) if not np.isfinite(frame).all()), None)
    if bad is not None:
        raise InputError(f"vertices not finite in frame {bad}; mend or cut the recording")


def runs(frames: np.ndarray, most: int = HOLE) -> list[slice]:
    """Where sorted (N,) frame numbers have no hole of more than `most` frames: one slice a run."""
    edges = [0, *(np.flatnonzero(np.diff(frames) > most + 1) + 1), len(frames)]
    return [slice(int(a), int(b)) for a, b in pairwise(edges) if b > a]


def fill(frames: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """(N, ...) values at sorted frame numbers (N,) -> (T, ...) at all of them from the first to the last, by linear
    interpolation, and (T,) bool: which were filled; None if none."""
    place = frames - frames[0]
    count = int(place[-1]) + 1
    if count == len(values):
        return values, None
    missing = np.ones(count, bool)
    missing[place] = False
    filled = np.empty((count, *values.shape[1:]), values.dtype)
    filled[place] = values
    for t in np.flatnonzero(missing):  # from its neighbours among those that are there
        after = int(np.searchsorted(place, t))
        a, b = place[after - 1], place[after]
        share = (t - a) / (b - a)
        filled[t] = (1 - share) * values[after - 1] + share * values[after]
    return filled, missing


def head_of_templates(
    annotation: str,
    templates: Iterable[np.ndarray],
    unit: str | float,
    *,
    mesh: Path | None = None,
    regions: Path | None = None,
    provenance: dict | None = None,
    where: str = "templates",
) -> Head:
    """The head of a topology without shapes: the mean of the speakers' templates in metres, the faces of `mesh`, the regions.

    Raises InputError where the templates have not the size of a head in that unit, or do not fit each other or the mesh.
    """
    given = list(templates)
    faces_at_rest = [template for template in given if np.isfinite(template).all()] or given  # clips of the others are dropped
    sizes = sorted({len(template) for template in faces_at_rest})
    if len(sizes) != 1:
        raise InputError(f"{where}: templates of {' and '.join(map(str, sizes))} vertices; prepare one topology at a time")
    mean = np.asarray(np.mean(np.stack(faces_at_rest), axis=0, dtype=np.float64))
    template = np.asarray(mean * unit_scale(mean, unit, where), np.float32)
    faces, note = np.zeros((0, 3), np.int32), dict(provenance or {})
    if mesh is not None:
        vertices, faces = read_mesh(mesh)
        if len(vertices) != len(template):
            raise InputError(f"{mesh}: has {len(vertices)} vertices, the templates have {len(template)}")
        note["faces"] = Path(mesh).name
    masks = load_regions(regions, len(template)) if regions is not None else None
    if regions is not None:
        note["regions"] = Path(regions).name
    return head_for(annotation, template, faces, np.zeros((0, len(template), 3), np.float32), masks, None, note)


def part_names(name: str, count: int) -> list[str]:
    """Ids of the parts of a clip; its own if there is only one."""
    return [file_name(name)] if count == 1 else [f"{file_name(name)}_part{i + 1}" for i in range(count)]
