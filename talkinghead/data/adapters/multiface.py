"""Multiface, and MeshTalk's subset of its vertices (13 speakers x 50 sentences, 30 fps) -> dataset; generated files only.

Input: folders `m--DATE--0000--SPEAKER--GHS` with `tracked_mesh/SEGMENT/NNNNNN.bin`, float32 (7306, 3) in millimetres, beside
each `NNNNNN_transform.txt` (3 x 4) and .obj, and `audio/SEN_....wav`. The segments SEN_* are the sentences; the template is the
mean of E001_Neutral_Eyes_Open. Meshes with 6172 vertices (`utils/multiface2meshtalk.py` of MeshTalk) are
"meshtalk"; their faces are in MeshTalk's assets/face_template.obj, to be given as `mesh`.

Head motion: the vertices are stabilised already, and the transform takes them to the cameras' world. What is kept is the
rotation and translation from the clip's mean pose, in the axes of the mesh (y up, z to the viewer).

Time: the sound begins with the first mesh. Frame numbers may go in steps (of 3 in some captures: the cameras ran faster); the
usual step of a clip is a frame. Where numbers are missing, frames were lost: up to 5 are interpolated, at longer holes the clip
is cut into parts. The authors say both that lost frames must be accounted for and that sound is as long as the meshes one after
the other (multiface#15, #31), so each clip's sound decides by its length; at a tie the numbers count.

Licence of the data: CC BY-NC 4.0.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.data.adapters import vertex_sets
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.data.motion_file import cut_sound
from talkinghead.errors import InputError
from talkinghead.files import file_name
from talkinghead.head.head import Head
from talkinghead.head.units import unit_scale
from talkinghead.io.meshes import read_bin, read_mesh

VERSION = 1
LICENCE = "CC BY-NC 4.0 (Multiface)"
FPS = 30.0
NAMES = {7306: "multiface", 6172: "meshtalk"}  # vertices -> annotation
MESHES, NEUTRAL, SENTENCE = "tracked_mesh", "E001_Neutral_Eyes_Open", "SEN_"
POSE = "_transform.txt"
SHORTEST = 15  # frames that a part must have
MOST_VERTICES = 1_000_000


def takes(
    paths: list[Path], *, unit: str = "mm", mesh: Path | None = None, regions: Path | None = None
) -> tuple[list[Take], dict[str, str]]:
    """Sentences of one speaker's folder or of a folder of such.

    unit: of the vertices: mm, cm, m or metres a unit. mesh: .obj or .ply with the faces, if no .obj lies beside the .bin files.
    regions: index sets, see `topology.load_regions`.
    """
    roots = vertex_sets.find_roots(paths, lambda root: (root / MESHES).is_dir(), f"no {MESHES}/ in it or in its subfolders")
    found: list[Take] = []
    dropped: dict[str, str] = {}
    for root in roots:
        speaker = speaker_of(root)
        sentences = sorted(p for p in (root / MESHES).glob(f"{SENTENCE}*") if p.is_dir())
        vertices, reason = _vertices(root)
        details = {"unit": unit, "mesh": mesh, "regions": regions, "vertices": vertices, "root": root}
        rest = tuple(frame_files(root / MESHES / NEUTRAL))
        for folder in sentences:
            name, sound = f"{speaker}_{folder.name}", root / "audio" / f"{folder.name}.wav"
            bins = frame_files(folder)
            if reason or not bins or not sound.is_file():
                lost = f"no sound: audio/{sound.name} is missing" if bins else "no frames: no NNNNNN.bin in its folder"
                dropped[name] = reason or lost
                continue
            try:
                parts, short = _parts(name, bins, sound)
            except InputError as error:
                dropped[name] = str(error)
                continue
            dropped |= short
            words = folder.name.removeprefix(SENTENCE).replace("_", " ")
            annotation = NAMES.get(vertices, f"multiface-{vertices}")
            for part, which in parts.items():
                mine = [folder / f"{stem}{end}" for stem in which.pop("names") for end in (".bin", POSE)]
                files = (sound, *(path for path in mine if path.is_file()), *rest)
                said = words if len(parts) == 1 else None
                found.append(Take(part, speaker, files, None, annotation, None, None, said, details=details | which))
    return found, dropped


def speaker_of(root: Path) -> str:
    """6795937 of m--20180227--0000--6795937--GHS, otherwise the folder's own name."""
    match = re.fullmatch(r"m--\d+--\d+--(\w+)--\w+", root.name.replace("\N{MINUS SIGN}", "-"))
    return match[1] if match else file_name(root.resolve().name)


def frame_files(folder: Path) -> list[Path]:
    """The .bin files of a segment whose name is a number, by number."""
    return sorted((p for p in folder.glob("*.bin") if p.stem.isdecimal()), key=lambda path: int(path.stem))


def read(take: Take) -> Recording:
    """A clip in metres: vertices without head motion, and the head's motion beside them where every mesh has its transform."""
    details = take.details
    sound = take.files[0]
    bins = [path for path in take.files if path.suffix == ".bin" and path.parent.name == sound.stem]
    template = neutral(details["root"], details["vertices"])
    scale = np.float32(unit_scale(template, details["unit"], f"{NEUTRAL} of {take.speaker}"))
    meshes = np.stack([read_bin(path, details["vertices"]) for path in bins])
    vertices, missing = vertex_sets.fill(details["frames"], meshes)
    pose = _pose([path.with_name(path.stem + POSE) for path in bins], details["frames"])
    wave = load_audio(sound)
    start, end = details["start"], details["end"]
    wave = wave[round(start * RATE) :] if end is None else cut_sound(wave, start, end - start)
    return Recording(
        wave,
        FPS,
        vertices=vertices * scale,
        template=template * scale,
        rotation=None if pose is None else pose[0],
        translation=None if pose is None else pose[1] * scale,
        missing=missing,
    )


def heads(takes: list[Take]) -> dict[str, Head]:
    """One for each number of vertices: the mean of the speakers' neutral faces, and the faces of the first .obj."""
    found = {}
    for annotation in sorted({take.annotation for take in takes}):
        mine = [take for take in takes if take.annotation == annotation]
        details = mine[0].details
        roots = sorted({take.details["root"] for take in mine})
        shape = details["mesh"] or _mesh_beside(mine[0])
        found[annotation] = vertex_sets.head_of_templates(
            annotation,
            [neutral(root, details["vertices"]) for root in roots],
            details["unit"],
            mesh=shape,
            regions=details["regions"],
            provenance={"source": f"Multiface, mean of its speakers' {NEUTRAL}", "licence": LICENCE},
            where=f"{roots[0]}/{MESHES}/{NEUTRAL}",
        )
    return found


@lru_cache(maxsize=16)
def neutral(root: Path, vertices: int) -> np.ndarray:
    """(V, 3) in the files' unit: the mean mesh of the neutral segment. Read once a process and speaker."""
    meshes = np.stack([read_bin(path, vertices) for path in frame_files(root / MESHES / NEUTRAL)])
    return np.asarray(meshes.mean(axis=0, dtype=np.float64), np.float32)


def _mesh_beside(take: Take) -> Path | None:
    """The .obj beside the first .bin, unless the .bin files are of MeshTalk's vertices and the .obj is still Multiface's."""
    path = next(path for path in take.files if path.suffix == ".bin").with_suffix(".obj")
    return path if path.is_file() and len(read_mesh(path)[0]) == take.details["vertices"] else None


def _vertices(root: Path) -> tuple[int, str | None]:
    """The number of vertices by the size of the first neutral mesh, or the reason why the speaker cannot be used."""
    bins = frame_files(root / MESHES / NEUTRAL)
    if not bins:
        return 0, f"no template: {MESHES}/{NEUTRAL} has no meshes"
    sizes = {path.stat().st_size: path.name for path in bins}
    size = max(sizes)
    if len(sizes) > 1 or not size or size % 12 or size > MOST_VERTICES * 12:
        found = ", ".join(f"{name} has {n} bytes" for n, name in sizes.items())
        return 0, f"meshes of {NEUTRAL} that are not whole: {found}; copy it again"
    return size // 12, None


def _parts(name: str, bins: list[Path], sound: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Id -> frames, file names and place in the sound of each run without long holes; the reasons of those too short."""
    numbers = np.array([int(path.stem) for path in bins])
    frames = _frames(numbers, _seconds(sound))
    pieces = vertex_sets.runs(frames)
    found: dict[str, dict[str, Any]] = {}
    short: dict[str, str] = {}
    for index, (part, piece) in enumerate(zip(vertex_sets.part_names(name, len(pieces)), pieces, strict=True)):
        mine = frames[piece]
        if len(mine) < SHORTEST and len(pieces) > 1:
            short[part] = f"only {len(mine)} frames between holes of more than {vertex_sets.HOLE}"
            continue
        end = None if index == len(pieces) - 1 else float(mine[-1] + 1) / FPS
        names = tuple(path.stem for path in bins[piece])
        found[part] = {"frames": mine, "names": names, "start": float(mine[0]) / FPS, "end": end}
    return found, short


def _frames(numbers: np.ndarray, seconds: float | None) -> np.ndarray:
    """(N,) sorted numbers of files -> (N,) frames from 0 on, at 30 a second, on the time line of the sound."""
    if len(numbers) < 2:
        return np.zeros(len(numbers), np.int64)
    steps, counts = np.unique(np.diff(numbers), return_counts=True)
    step = int(steps[counts.argmax()])
    places = (numbers - numbers[0]) / step
    frames = np.round(places).astype(np.int64)
    if np.abs(places - frames).max() > 0.01 or step < 1:
        raise InputError(f"its frames are numbered unevenly (steps of {', '.join(map(str, steps[:5]))})")
    in_a_row = np.arange(len(numbers))
    if seconds is not None and abs(seconds * FPS - len(numbers)) < abs(seconds * FPS - frames[-1] - 1):
        return in_a_row
    return frames


def _seconds(path: Path) -> float | None:
    from talkinghead.data.adapters.parameter_sets import seconds_of

    return seconds_of(path)


def _pose(paths: list[Path], frames: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """(T, 3) axis-angle rad and (T, 3) in the files' unit from the mean pose, at all frames; None unless all are there."""
    from scipy.spatial.transform import Rotation

    if not all(path.is_file() for path in paths):
        return None
    try:
        matrices = np.stack([np.loadtxt(path, max_rows=4).reshape(-1, 4)[:3] for path in paths])
        if not np.isfinite(matrices).all() or np.abs(np.linalg.det(matrices[:, :, :3]) - 1).max() > 0.05:
            raise ValueError("it does not rotate")
    except ValueError as error:
        raise InputError(f"{paths[0].parent.name}: a _transform.txt is not a 3 x 4 pose ({error})") from None
    turns = Rotation.from_matrix(matrices[:, :, :3])
    rest, place = turns.mean(), matrices[:, :, 3].mean(axis=0)
    rotation = (rest.inv() * turns).as_rotvec().astype(np.float32)
    translation = rest.inv().apply(matrices[:, :, 3] - place).astype(np.float32)
    return vertex_sets.fill(frames, rotation)[0], vertex_sets.fill(frames, translation)[0]
