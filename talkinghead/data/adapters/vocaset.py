"""VOCASET (12 speakers x 40 sentences, FLAME's 5023 vertices, 60 fps) -> dataset.

Both layouts were checked on generated files only:

* As its authors publish it ("training data"): `data_verts.npy` (N, 5023, 3), which is mapped, never loaded; `templates.pkl`
  {speaker: (5023, 3)}; `subj_seq_to_idx.pkl` {speaker: {sentence: {frame: row}}}; `raw_audio_fixed.pkl` {speaker: {sentence:
  {audio, sample_rate}}}, of which only an index is made: a worker reads its clip's bytes. Frame numbers have holes: up to 5
  frames are interpolated, at longer ones the clip is cut into parts. Two sentences have no motion at all.
* As FaceFormer, CodeTalker and others use it: `vertices_npy/SPEAKER_sentenceNN.npy` (T, 15069), `wav/`, `templates.pkl`, and
  `templates/FLAME_sample.ply` or `FLAME_sample.ply`, the only source of the mesh's faces; for the other layout give `mesh`.
  The script that makes this layout leaves the lost frames out without a trace, so that sound and motion drift apart by them:
  the authors' layout is the better one.

Vertices are metres without head motion. Frames: every second one, 30 fps, as the field does; frame t is then the one that
was seen 8 ms before the middle of its time. Splits as published: of the two speakers for validation and the two for test,
sentences 21 to 40; their sentences 1 to 20 are left out. Licence of the data: research only, no redistribution.
"""

from __future__ import annotations

import re
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
from talkinghead.io.npz import read_array
from talkinghead.io.pickled_objects import LazyArray
from talkinghead.io.pickles import read_pickle

VERSION = 1
LICENCE = "VOCASET: research only, no redistribution"
ANNOTATION = "flame-vertices"
FPS = 60
VAL = ("FaceTalk_170811_03275_TA", "FaceTalk_170908_03277_TA")
TEST = ("FaceTalk_170809_00138_TA", "FaceTalk_170731_00024_TA")
HELD_OUT = range(21, 41)  # sentences of the speakers above that the published splits use
VERTS, ROWS, AUDIO = "data_verts.npy", "subj_seq_to_idx.pkl", "raw_audio_fixed.pkl"
MESHES = ("templates/FLAME_sample.ply", "FLAME_sample.ply")
SHORTEST = 30  # frames at 60 a second that a part must have


def takes(
    paths: list[Path], *, fps: float = 30.0, unit: str = "m", mesh: Path | None = None, regions: Path | None = None
) -> tuple[list[Take], dict[str, str]]:
    """Clips of folders in either layout.

    fps: 30 (every second frame) or 60, or another divisor of 60. unit: of the vertices: m, cm, mm or metres a unit.
    mesh: .ply or .obj whose faces are FLAME's. regions: index sets such as FLAME_masks.pkl, see `topology.load_regions`.
    """
    if fps <= 0 or FPS % fps:
        raise InputError(f"fps {fps:g}: VOCASET has {FPS}; choose 30, 60 or another divisor of it")
    raw = "no vertices_npy/ and no data_verts.npy in it; VOCASET's download named training data has what is needed"
    roots = vertex_sets.find_roots(paths, lambda root: vertex_sets.converted(root) or (root / VERTS).is_file(), raw)
    common = {"fps": fps, "unit": unit, "mesh": mesh, "regions": regions}
    found: list[Take] = []
    dropped: dict[str, str] = {}
    for root in roots:
        some, left = (_converted if vertex_sets.converted(root) else _raw)(root, common)
        found, dropped = found + some, dropped | left
    return found, dropped


def split_of(speaker: str, sentence: int) -> str | None:
    """The published split; None for a sentence that it leaves out. Speakers that it does not know are for training."""
    name = "val" if speaker in VAL else "test" if speaker in TEST else "train"
    return name if name == "train" or sentence in HELD_OUT else None


def read(take: Take) -> Recording:
    """A clip, by what `takes` noted."""
    details = take.details
    template = vertex_sets.template_of(details["templates"], take.speaker)
    scale = np.float32(unit_scale(template, details["unit"], f"template of {take.speaker}"))
    step, missing = round(FPS / details["fps"]), None
    if "rows" in details:
        rows = _rows(take.files[0], details["rows"], len(template))
        vertex_sets.check_finite(rows)
        vertices, missing = vertex_sets.fill(details["frames"], rows)
        vertices, missing = vertices[::step], None if missing is None else missing[::step]
        wave = _cut(_wave(details["sound"], details["rate"], take.id), details)
    else:
        vertices = vertex_sets.read_vertices(take.files[0], len(template), step)
        wave = load_audio(take.files[1])
    return Recording(wave, float(details["fps"]), vertices=vertices * scale, template=template * scale, missing=missing)


def heads(takes: list[Take]) -> dict[str, Head]:
    """FLAME's topology: the mean of the speakers' templates; faces from FLAME_sample.ply or `mesh`, else none."""
    details = takes[0].details
    speakers = sorted({(take.details["templates"], take.speaker) for take in takes})
    mesh = details["mesh"] or next((m for take in takes if (m := take.details["found"]) is not None), None)
    head = vertex_sets.head_of_templates(
        ANNOTATION,
        [vertex_sets.template_of(path, speaker) for path, speaker in speakers],
        details["unit"],
        mesh=mesh,
        regions=details["regions"],
        provenance={"source": "VOCASET, mean of its speakers' templates", "licence": LICENCE},
        where=str(speakers[0][0]),
    )
    return {ANNOTATION: head}


def _converted(root: Path, common: dict[str, Any]) -> tuple[list[Take], dict[str, str]]:
    """Takes of the layout with one .npy a clip."""
    found: list[Take] = []
    dropped: dict[str, str] = {}
    templates = root / vertex_sets.TEMPLATES
    known = vertex_sets.read_templates(templates)
    mesh = next((path for name in MESHES if (path := root / name).is_file()), None)
    details = common | {"templates": templates, "found": mesh}
    for name, motion, sound in vertex_sets.list_converted(root):
        match = re.fullmatch(r"(.+)_sentence(\d+)", name)
        if match is None:
            dropped[name] = "its name is not SPEAKER_sentenceNN"
        elif reason := _unusable(match[1], int(match[2]), known):
            dropped[name] = reason
        elif not sound.is_file():
            dropped[name] = f"no sound: {sound.parent.name}/{sound.name} is missing"
        else:
            split = split_of(match[1], int(match[2]))
            found.append(Take(file_name(name), match[1], (motion, sound, templates), split, ANNOTATION, details=details))
    return found, dropped


def _raw(root: Path, common: dict[str, Any]) -> tuple[list[Take], dict[str, str]]:
    """Takes of the authors' layout; clips with long holes become parts."""
    found: list[Take] = []
    dropped: dict[str, str] = {}
    files = tuple(root / name for name in (VERTS, AUDIO, vertex_sets.TEMPLATES, ROWS))
    known = vertex_sets.read_templates(files[2])
    rows, sounds = _nested(files[3], lazy=False), _nested(files[1], lazy=True)
    details = common | {"templates": files[2], "found": next((p for name in MESHES if (p := root / name).is_file()), None)}
    count = len(read_array(files[0]))
    for speaker in sorted(set(rows) | set(sounds)):
        for sentence in sorted(set(rows.get(speaker, {})) | set(sounds.get(speaker, {}))):
            name = f"{speaker}_{sentence}"
            sound = sounds.get(speaker, {}).get(sentence)
            match = re.fullmatch(r"sentence(\d+)", sentence)
            if match is None:
                dropped[name] = "its name is not sentenceNN"
            elif reason := _unusable(speaker, int(match[1]), known):
                dropped[name] = reason
            elif sentence not in rows.get(speaker, {}):
                dropped[name] = f"no motion: it is not in {ROWS}"
            elif not isinstance(sound, dict) or not {"audio", "sample_rate"} <= set(sound):
                dropped[name] = f"no sound: it is not in {AUDIO}"
            else:
                split = split_of(speaker, int(match[1]))
                own = details | {"sound": sound["audio"], "rate": sound["sample_rate"]}
                parts, short = _parts(name, rows[speaker][sentence], count)
                dropped |= short
                found += [Take(part, speaker, files, split, ANNOTATION, details=own | which) for part, which in parts.items()]
    return found, dropped


def _unusable(speaker: str, sentence: int, templates: dict[str, np.ndarray]) -> str | None:
    if speaker not in templates:
        return f"no template of {speaker} in {vertex_sets.TEMPLATES}"
    if split_of(speaker, sentence) is None:
        return "sentences 1 to 20 of validation and test speakers are in no published split"
    return None


def _nested(path: Path, *, lazy: bool) -> dict[str, dict[str, Any]]:
    found = read_pickle(path, lazy=lazy)
    if not isinstance(found, dict) or not all(isinstance(value, dict) for value in found.values()):
        raise InputError(f"{path}: is not a dict of speakers and their sentences")
    return found


def _parts(name: str, rows: Any, count: int) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Id -> frames and rows of each run without long holes, and where its sound is cut; the reasons of those too short."""
    try:
        table = np.array(sorted((int(frame), int(row)) for frame, row in rows.items()), np.int64).reshape(-1, 2)
    except (AttributeError, TypeError, ValueError):
        return {}, {name: f"its entry in {ROWS} is not a dict of frames and rows"}
    if not len(table) or table.min() < 0 or table[:, 1].max() >= count:
        return {}, {name: f"no frames, or rows beyond the {count} of {VERTS}"}
    pieces = vertex_sets.runs(table[:, 0])
    found: dict[str, dict[str, Any]] = {}
    short: dict[str, str] = {}
    for index, (part, piece) in enumerate(zip(vertex_sets.part_names(name, len(pieces)), pieces, strict=True)):
        frames = table[piece, 0]
        if len(frames) < SHORTEST and len(pieces) > 1:
            short[part] = f"only {len(frames)} frames between holes of more than {vertex_sets.HOLE}"
            continue
        end = None if index == len(pieces) - 1 else float(frames[-1] + 1) / FPS
        found[part] = {"frames": frames, "rows": table[piece, 1], "start": float(frames[0]) / FPS, "end": end}
    return found, short


def _rows(path: Path, rows: np.ndarray, vertices: int) -> np.ndarray:
    """(N, V, 3) float32 rows of the mapped array."""
    array = read_array(path)
    if array.dtype.kind != "f" or array[:1].size != vertices * 3 or rows.max() >= len(array):
        raise InputError(
            f"{path}: shape {array.shape} of {array.dtype}; {vertices} vertices and {rows.max() + 1} rows are expected"
        )
    return np.asarray(array[rows], np.float32).reshape(-1, vertices, 3)


def _wave(sound: LazyArray | np.ndarray, rate: Any, name: str) -> np.ndarray:
    """(n,) at 16 kHz of a stored array: 16-bit numbers, whatever type they were kept in, or floats in [-1, 1]."""
    samples = np.asarray(sound.read() if isinstance(sound, LazyArray) else sound)
    if not isinstance(rate, int | float) or samples.dtype.kind not in "iuf" or not samples.size:
        raise InputError(f"{name}: its entry in {AUDIO} is not sound ({samples.dtype} {samples.shape} at {rate!r})")
    if samples.dtype.itemsize > 2:
        samples = samples.astype(np.float64)
        samples = samples / 32768 if np.abs(samples).max() > 2 else samples
    return load_audio(samples, source_rate=float(rate))


def _cut(wave: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    """The part of the sound that belongs to the frames; of the last part all that is left."""
    if details["end"] is None:
        return wave[round(details["start"] * RATE) :]
    return cut_sound(wave, details["start"], details["end"] - details["start"])
