"""BIWI 3D Audiovisual Corpus (14 speakers x 40 sentences, 23370 vertices, 25 fps) -> dataset; checked on generated files only.

Input: the layout that FaceFormer introduced and CodeTalker's scripts make from the raw scans: `vertices_npy/F2_e01.npy`
(T, 70110), `wav/F2_e01.wav`, `templates.pkl` {speaker: (23370, 3)}, and `BIWI.ply` for the mesh's faces. (The raw .vl files are
not read: aligning them is what those scripts are for.)

Units: these vertices were scaled by the area of the face and are no unit of length; times 0.2 they are about metres
(UniTalker's factor), which is the default of `unit`. Figures in metres or millimetres of this set are therefore approximate.
FaceDiffuser's scripts scale each axis of each face by itself instead; these are no shapes any more, and are refused.

Splits as published: of the speakers F2 F3 F4 M3 M4 M5 the emotional sentences e01 to e32 are for training, e33 to e36 for
validation and e37 to e40 for test (Test-A); of the eight others e37 to e40 are for test (Test-B), the rest is left out. So
are the neutral recitations, which no published split uses. Licence of the data: research only, no redistribution.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from talkinghead.audio.load import load_audio
from talkinghead.data.adapters import vertex_sets
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.errors import InputError
from talkinghead.files import file_name
from talkinghead.head.head import Head
from talkinghead.head.units import unit_scale

VERSION = 1
LICENCE = "BIWI 3D Audiovisual Corpus: research only, no redistribution"
ANNOTATION = "biwi"
FPS = 25.0
TRAIN = ("F2", "F3", "F4", "M3", "M4", "M5")
SENTENCES = {"train": range(1, 33), "val": range(33, 37), "test": range(37, 41)}
MESHES = ("BIWI.ply", "templates/BIWI.ply", "templates/BIWI_topology.obj")


def takes(
    paths: list[Path], *, unit: str = "0.2", fps: float = FPS, mesh: Path | None = None, regions: Path | None = None
) -> tuple[list[Take], dict[str, str]]:
    """Clips of folders in CodeTalker's layout.

    unit: of the vertices: m, cm, mm or metres a unit. mesh: .ply or .obj with the faces, if BIWI.ply is not there.
    regions: index sets, see `topology.load_regions`.
    """
    what = "no vertices_npy/ in it; make it from the raw scans with the scripts of CodeTalker (BIWI/data_preprocess)"
    found: list[Take] = []
    dropped: dict[str, str] = {}
    for root in vertex_sets.find_roots(paths, vertex_sets.converted, what):
        templates = root / vertex_sets.TEMPLATES
        known = vertex_sets.read_templates(templates)
        if odd := [speaker for speaker, template in known.items() if cubic(template)]:
            what = f"{odd[0]} is as wide as high as deep: every axis was scaled by itself (FaceDiffuser's scripts)"
            raise InputError(f"{templates}: {what}; make the data with CodeTalker's")
        shape = mesh or next((path for name in MESHES if (path := root / name).is_file()), None)
        details = {"templates": templates, "unit": unit, "fps": fps, "mesh": shape, "regions": regions}
        for name, motion, sound in vertex_sets.list_converted(root):
            speaker, split, reason = place(name)
            if reason is None and speaker not in known:
                reason = f"no template of {speaker} in {vertex_sets.TEMPLATES}"
            if reason is None and not sound.is_file():
                reason = f"no sound: {sound.parent.name}/{sound.name} is missing"
            if reason is not None:
                dropped[name] = reason
                continue
            found.append(Take(file_name(name), speaker, (motion, sound, templates), split, ANNOTATION, details=details))
    return found, dropped


def place(name: str) -> tuple[str, str | None, str | None]:
    """Speaker and published split of a clip by its name, and the reason if it is left out."""
    match = re.fullmatch(r"([FM]\d+)_(e?)(\d+)", name)
    if match is None:
        return "", None, "its name is not SPEAKER_eNN, such as F2_e01"
    speaker, number = match[1], int(match[3])
    if not match[2]:
        return speaker, None, "a neutral recitation; the published splits use the emotional ones, e01 to e40"
    split = next((name for name, numbers in SENTENCES.items() if number in numbers), None)
    if split is None:
        return speaker, None, "the published splits have the sentences e01 to e40"
    if speaker not in TRAIN and split != "test":
        return speaker, None, "e01 to e36 of speakers that are not for training are in no published split"
    return speaker, split, None


def cubic(template: np.ndarray) -> bool:
    """Whether a face (V, 3) was scaled to the same extent along every axis."""
    extents = np.ptp(template, axis=0)
    return bool(np.isfinite(extents).all() and np.ptp(extents) < 1e-3 * extents.max())


def read(take: Take) -> Recording:
    """A clip, in metres, or what is about metres."""
    template = vertex_sets.template_of(take.details["templates"], take.speaker)
    scale = np.float32(unit_scale(template, take.details["unit"], f"template of {take.speaker}"))
    vertices = vertex_sets.read_vertices(take.files[0], len(template))
    vertices *= scale
    return Recording(load_audio(take.files[1]), float(take.details["fps"]), vertices=vertices, template=template * scale)


def heads(takes: list[Take]) -> dict[str, Head]:
    """BIWI's topology: the mean of the speakers' templates; faces from BIWI.ply or `mesh`, else none."""
    details = takes[0].details
    speakers = sorted({(take.details["templates"], take.speaker) for take in takes})
    head = vertex_sets.head_of_templates(
        ANNOTATION,
        [vertex_sets.template_of(path, speaker) for path, speaker in speakers],
        details["unit"],
        mesh=next((m for take in takes if (m := take.details["mesh"]) is not None), None),
        regions=details["regions"],
        provenance={"source": "BIWI, mean of its speakers' templates; lengths are approximate", "licence": LICENCE},
        where=str(speakers[0][0]),
    )
    return {ANNOTATION: head}
