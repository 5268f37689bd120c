"""Training sets of NVIDIA's Audio2Face-3D, such as Claire (one speaker, 30 fps) -> dataset; checked on generated files only.

Input: a speaker's folder with `audio/SHOT.wav` and `cache/skin/`, in it SHOT.npy (T, V, 3), SHOT.pc2 (Point Cache 2) or
SHOT/SHOT.mc beside its .xml (Maya, one file, mcc), each also in a folder SHOT. The neutral face is
`geom/skin/neutral_pose.npy` (V, 3), or else the first frame of the first shot whose name has "neutral" (of the first shot, if
there is none), which the head's provenance tells. The layout has no faces: give the mesh as .obj for pictures and for measures
of the lips (the two inner lip landmarks come from the middle of `geom/skin/lip_dist_vertex_list.json`).

Emotion is the one whose name is part of the shot's name (cp33_anger), in our words where we have one (anger is angry, grief is
sad); cheekiness, outofbreath and pain keep their names. Heads do not move in these sets. The tongue, jaw and eye caches and the
augmented voices (`audio/aug`) are not used. Units are taken for centimetres, Maya's own, unless `unit` says otherwise.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from talkinghead.audio.load import load_audio
from talkinghead.data.adapters import vertex_sets
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.errors import InputError
from talkinghead.files import file_name
from talkinghead.head.head import Head
from talkinghead.head.landmarks import on_triangle
from talkinghead.head.units import unit_scale
from talkinghead.io.files import parse_json
from talkinghead.io.meshes import read_mc, read_pc2
from talkinghead.io.npz import read_array
from talkinghead.motion.emotions import SPELLINGS

VERSION = 1
LICENCE = "NVIDIA Audio2Face-3D example dataset: evaluation use, see its own terms"
ANNOTATION = "claire"
FPS = 30.0
SKIN = Path("cache/skin")
CACHES = (".npy", ".pc2", ".mc")
NEUTRAL, LIPS = Path("geom/skin/neutral_pose.npy"), Path("geom/skin/lip_dist_vertex_list.json")
# the names of emotions in these sets -> ours
EMOTIONS = SPELLINGS | {
    "amazement": "surprised",
    "joy": "happy",
    "grief": "sad",
    "cheekiness": "cheekiness",
    "outofbreath": "outofbreath",
    "pain": "pain",
}


def takes(
    paths: list[Path], *, unit: str = "cm", fps: float = FPS, mesh: Path | None = None, regions: Path | None = None
) -> tuple[list[Take], dict[str, str]]:
    """Shots of a speaker's folder (data/claire) or of folders above it.

    unit: of the caches: cm, mm, m or metres a unit. fps: of the caches, which do not say it. mesh: .obj or .ply with the skin's
    faces. regions: index sets, see `topology.load_regions`.
    """
    found: list[Take] = []
    dropped: dict[str, str] = {}
    for root in vertex_sets.find_roots(paths, lambda root: (root / SKIN).is_dir(), f"no {SKIN}/ in it or in its subfolders"):
        speaker = file_name(root.resolve().name)
        shots, left = list_shots(root / SKIN)
        dropped |= left
        neutral, told = _neutral(root, shots)
        details = {"unit": unit, "fps": fps, "mesh": mesh, "regions": regions, "template": neutral, "told": told}
        details["lips"] = root / LIPS if (root / LIPS).is_file() else None
        for shot, cache in shots.items():
            sound = root / "audio" / f"{shot}.wav"
            if not sound.is_file():
                dropped[shot] = f"no sound: audio/{sound.name} is missing"
                continue
            files = tuple(dict.fromkeys((cache, sound, neutral)))
            found.append(Take(file_name(shot), speaker, files, None, ANNOTATION, emotion_of(shot), details=details))
    return found, dropped


def list_shots(folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Shot -> its cache, as a file or as a file of the same name in a folder; the reasons of those that cannot be read."""
    shots: dict[str, Path] = {}
    dropped: dict[str, str] = {}
    for entry in sorted(p for p in folder.iterdir() if not p.name.startswith(".")):
        if entry.is_dir():
            cache = next((p for s in CACHES if (p := entry / f"{entry.name}{s}").is_file()), None)
            if cache is None:
                others = sorted(p.suffix for p in entry.iterdir() if p.is_file() and p.name[0] != ".")
                what = f"it holds {', '.join(dict.fromkeys(others))}" if others else "it is empty"
                dropped[entry.name] = f"no {', '.join(CACHES)} of its name in its folder; {what}"
                continue
            shots[entry.name] = cache
        elif entry.suffix in CACHES:
            shots.setdefault(entry.stem, entry)
    return shots, dropped


def emotion_of(shot: str) -> str | None:
    """The emotion that is a word of the shot's name, or else a part of it."""
    words = re.split(r"[^a-z]+", shot.lower())
    return next((EMOTIONS[word] for word in words if word in EMOTIONS), None) or next(
        (ours for name, ours in EMOTIONS.items() if name in shot.lower()), None
    )


def read_cache(path: Path) -> np.ndarray:
    """(T, V, 3) float32 in the file's unit. Raises InputError for what is no cache."""
    if path.suffix == ".npy":
        array = read_array(path)
        if array.dtype.kind != "f" or array.ndim != 3 or array.shape[2] != 3 or not array.size:
            raise InputError(f"{path}: shape {array.shape} of {array.dtype}; (T, V, 3) numbers are expected")
        return array
    return read_pc2(path) if path.suffix == ".pc2" else read_mc(path)


def read(take: Take) -> Recording:
    """A shot in metres."""
    cache, sound = take.files[:2]
    template = template_of(take.details["template"])
    scale = np.float32(unit_scale(template, take.details["unit"], take.details["told"]))
    vertices = np.require(read_cache(cache), np.float32, ["W", "E"])  # a copy of what is mapped, and of nothing else
    if vertices.shape[1:] != template.shape:
        raise InputError(f"{vertices.shape[1]} vertices, the neutral face ({take.details['told']}) has {len(template)}")
    vertices *= scale
    return Recording(load_audio(sound), float(take.details["fps"]), vertices=vertices, template=template * scale)


def heads(takes: list[Take]) -> dict[str, Head]:
    """The skin's topology: the neutral face, the faces of `mesh`, and with these the lips' two landmarks."""
    details = takes[0].details
    templates = [template_of(path) for path in sorted({take.details["template"] for take in takes})]
    provenance = {"source": f"Audio2Face-3D training set, {details['told']}", "licence": LICENCE}
    head = vertex_sets.head_of_templates(
        ANNOTATION,
        templates,
        details["unit"],
        mesh=details["mesh"],
        regions=details["regions"],
        provenance=provenance,
        where=details["told"],
    )
    if details["lips"] is not None and len(head.faces):
        head = replace(head, landmarks=head.landmarks | _inner_lips(details["lips"], head))
    return {ANNOTATION: head}


def template_of(path: Path) -> np.ndarray:
    """(V, 3) float32 in the file's unit: a pose, or the first frame of a cache."""
    if path.suffix == ".npy" and read_array(path).ndim == 2:
        pose = read_array(path)
        if pose.dtype.kind != "f" or pose.shape[1] != 3:
            raise InputError(f"{path}: shape {pose.shape} of {pose.dtype}; (V, 3) numbers are expected")
        return np.array(pose, np.float32)
    return np.array(read_cache(path)[0], np.float32)


def _neutral(root: Path, shots: dict[str, Path]) -> tuple[Path, str]:
    """The file that the neutral face is taken from, and in words what of it."""
    if (root / NEUTRAL).is_file():
        return root / NEUTRAL, str(NEUTRAL)
    if not shots:
        raise InputError(f"{root / SKIN}: no shots ({', '.join(CACHES)})")
    reason = ""
    for shot in sorted(shots, key=lambda name: "neutral" not in name.lower()):
        try:
            template_of(shots[shot])
            return shots[shot], f"first frame of {shot}"
        except InputError as error:  # that shot is dropped with its reason, the others need not be
            reason = reason or str(error)
    raise InputError(reason)


def _inner_lips(path: Path, head: Head) -> dict[str, np.ndarray]:
    """The middle pair of the vertices that the set measures the distance of the lips with."""
    try:
        lists = parse_json(path.read_text(encoding="utf-8"))
        middle = {name: int(lists[name][len(lists[name]) // 2]) for name in ("upper", "lower")}
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{path}: not two lists of vertices, upper and lower ({error})") from None
    places = {f"lip_{name}_inner": on_triangle(head.faces, vertex) for name, vertex in middle.items()}
    if any(place is None for place in places.values()):
        raise InputError(f"{path}: vertices that no face of the mesh has; is it the mesh of this skin?")
    return {name: place for name, place in places.items() if place is not None}
