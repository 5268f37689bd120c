"""A2F-Bench (UniTalker, Fan et al. 2024): eight sets with six kinds of annotation in one layout -> dataset.

Checked on fixtures only. A folder per set with `train.json`, `val.json`, `test.json`, each
`{"info": {"id_list": [speaker, ...]}, "data": [{"annot_path", "audio_path", "id", "annot_type", "dataset", "fps"}, ...]}`
(`data` may be an object of such entries; `id` is a place in the list, or a name that is in it), and `id_template.npy`
(speakers, C), the faces at rest; `pca.npz` is not used. Paths are relative to the folder; annotations are .npy (T, C), sound
is a file or an .npy at 16 kHz. The JSON files are the split.

| C | kind | becomes |
|---|---|---|
| 70110 | BIWI_23370_vertices | "biwi", times 0.2, which makes metres of it (UniTalker's own factor) |
| 15069 | FLAME_5023_vertices | "flame-vertices" |
| 18516 | meshtalk_6172_vertices | "meshtalk", times 0.001 |
| 52 | 3DETF_blendshape_weight | "3detf": the 52 ARKit names in the alphabet's order, tongueOut last |
| 51 | inhouse_blendshape_weight | "arkit", in the order that UniTalker's authors gave |
| 413 | flame_params_from_dadhead | "flame": shape 300, expression 100, jaw 3, then head pose and camera (left out) |

3D-ETF's authors call their weights compatible with ARKit's but publish no order: this one is what their programs use for
blinks (columns 8 and 9), and the alphabet's. They were solved from video for a rig of its own, so they are kept apart from
"arkit" and shown on the default head.

Clips of 3D-ETF that come from RAVDESS have its emotion and intensity in their names.

UniTalker takes every second frame of 60 fps and every fourth of 100 fps; here it is the mean of the two or four, which lies
where the slower clock shows its frames.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkinghead.data.adapters.parameter_sets import (
    check_weights,
    decimate,
    emotion_by_name,
    flame_heads,
    flame_motion,
    wave_of,
)
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.errors import InputError
from talkinghead.files import file_name
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.units import HEAD_SIZE, unit_scale
from talkinghead.io.files import load_json
from talkinghead.io.npz import read_array

VERSION = 1
LICENCE = "A2F-Bench: non-commercial research only; each set keeps the licence of its source"
SPLITS = ("train", "val", "test")
TEMPLATES = "id_template.npy"
RATES = {60.0: 2, 100.0: 4}  # fps -> frames that become one
INHOUSE = """
eyeBlinkLeft eyeBlinkRight eyeSquintLeft eyeSquintRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight
eyeWideLeft eyeWideRight eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight browDownLeft browDownRight browInnerUp
browOuterUpLeft browOuterUpRight jawOpen mouthClose jawLeft jawRight jawForward mouthUpperUpLeft mouthUpperUpRight
mouthLowerDownLeft mouthLowerDownRight mouthRollUpper mouthRollLower mouthSmileLeft mouthSmileRight mouthDimpleLeft
mouthDimpleRight mouthStretchLeft mouthStretchRight mouthFrownLeft mouthFrownRight mouthPressLeft mouthPressRight mouthPucker
mouthFunnel mouthLeft mouthRight mouthShrugLower mouthShrugUpper noseSneerLeft noseSneerRight cheekPuff cheekSquintLeft
cheekSquintRight
""".split()
WEIGHTS = {51: ("arkit", tuple(INHOUSE)), 52: ("3detf", ARKIT)}  # columns -> annotation and names
VERTICES = {70110: ("biwi", 0.2), 15069: ("flame-vertices", 1.0), 18516: ("meshtalk", 0.001)}  # annotation, metres in a unit
DAD, JAW = 413, 400  # columns of FLAME parameters, and where the jaw's begin
EXPRESSION = 300


def takes(
    paths: list[Path], *, flame: Path | None = None, unit: str | float | None = None
) -> tuple[list[Take], dict[str, str]]:
    """The clips of one set or several.

    flame: a FLAME model (.pkl or .npz), to have a mesh for its parameters and faces for its vertices. unit: of the vertices,
    m, cm, mm or the metres that 1 is, if they are not as above.
    """
    tables = sorted({table for path in map(Path, paths) for table in _tables(path)})
    if not tables:
        raise InputError(f"{paths[0] if paths else 'no paths'}: no train.json, val.json or test.json under it")
    found, dropped = {}, {}
    for table in tables:
        speakers, entries = _entries(table)
        for entry in entries:
            name, take = _take(table, speakers, entry, {"flame": flame, "unit": unit})
            if isinstance(take, str):
                dropped[name] = take
            elif name in found:
                dropped[f"{name}_{table.stem}"] = f"{name} is in {found[name].split} as well"
            else:
                found[name] = take
    return list(found.values()), dropped


def read(take: Take) -> Recording:
    """One clip, in the units and at the rate above."""
    path, sound = take.files[:2]
    values = np.asarray(read_array(path), np.float32)
    values = values.reshape(len(values), -1)
    if values.shape[1] != take.details["columns"]:
        raise InputError(f"{path}: {values.shape[1]} values a frame, {take.details['columns']} are expected")
    wave = np.ravel(read_array(sound)).astype(np.float32) if sound.suffix == ".npy" else wave_of(sound)
    fps, step = take.details["fps"], RATES.get(take.details["fps"], 1)
    values, fps = (decimate(values, step), fps / step) if step > 1 else (values, fps)
    columns = values.shape[1]
    if columns in WEIGHTS:
        return Recording(wave, fps, WEIGHTS[columns][1], check_weights(values, path))
    if columns == DAD:
        names, coefficients = flame_motion(values[:, EXPRESSION:JAW], values[:, JAW : JAW + 3], path)
        return Recording(wave, fps, names, coefficients)
    template = _template(take)
    unit = take.details["unit"]
    scale = _scale(template, VERTICES[columns][1]) if unit is None else unit_scale(template, unit, str(take.files[2]))
    return Recording(wave, fps, vertices=values.reshape(len(values), -1, 3) * scale, template=template * scale)


def heads(takes: list[Take]) -> dict:
    """Heads of the kinds that have one: the default one for 3D-ETF's weights, and what a FLAME model gives."""
    from talkinghead.head.flame import read_flame
    from talkinghead.head.head import Head
    from talkinghead.head.topology import head_for

    kinds = {take.annotation for take in takes}
    found = flame_heads(takes) | ({"3detf": Head.default()} if "3detf" in kinds else {})
    model = next((take.details["flame"] for take in takes if take.annotation == "flame-vertices"), None)
    if model is not None:
        flame = read_flame(model)
        head = Head.of_flame(flame)
        none = np.zeros((0, len(flame.template), 3), np.float32)
        found["flame-vertices"] = head_for("flame-vertices", flame.template, flame.faces, none, head.regions, head.landmarks)
    return found


def _tables(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_file():
        return [path] if path.suffix == ".json" else []
    return [p for split in SPLITS for p in path.rglob(f"{split}.json")]


def _entries(table: Path) -> tuple[list, list]:
    """The speakers of a set and its entries."""
    content = load_json(table)
    info = content.get("info") if isinstance(content, dict) else None
    data = content.get("data") if isinstance(content, dict) else None
    data = list(data.values()) if isinstance(data, dict) else data
    speakers = info.get("id_list") if isinstance(info, dict) else None
    if not isinstance(data, list) or not isinstance(speakers, list):
        raise InputError(f"{table}: not a table of A2F-Bench: no data, or no info with an id_list")
    return speakers, data


def _take(table: Path, speakers: list, entry, options: dict) -> tuple[str, Take | str]:
    """Id and take of an entry, or the reason why it is none."""
    try:
        motion, heard = str(entry["annot_path"]), str(entry["audio_path"])
        number, fps, kind = entry["id"], float(entry["fps"]), str(entry.get("annot_type", ""))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return file_name(f"{table.parent.name}_{table.stem}_entry"), f"an entry without all of its fields ({error!r})"
    name = file_name(f"{table.parent.name}_{Path(motion).parent.as_posix()}_{Path(motion).stem}".replace("/", "_"))
    annotated, sound = table.parent / motion, table.parent / heard
    if not annotated.is_file() or not sound.is_file():
        return name, f"no {heard if annotated.is_file() else motion}"
    number = speakers.index(number) if isinstance(number, str) and number in speakers else number
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(speakers):
        return name, f"id {number!r} is neither one of the {len(speakers)} speakers of the id_list nor a place in it"
    try:
        columns = int(np.prod(read_array(annotated).shape[1:]))
    except InputError as error:
        return name, str(error)
    annotation = {**WEIGHTS, **VERTICES, DAD: ("flame", ())}.get(columns, (None,))[0]
    if annotation is None:
        return name, f"{columns} values a frame ({kind or 'no annot_type'}): not one of the kinds of A2F-Bench"
    templates = table.parent / TEMPLATES
    if columns in VERTICES and not templates.is_file():
        return name, f"no {TEMPLATES}: the faces at rest are needed"
    details = {"columns": columns, "fps": fps, "speaker": number} | options
    files = (annotated, sound, *([templates] if columns in VERTICES else []))
    split = table.stem if table.stem in SPLITS else None
    emotion, intensity = next((told for told in map(emotion_by_name, (Path(heard), Path(motion))) if told[0]), (None, None))
    return name, Take(name, file_name(str(speakers[number])), files, split, annotation, emotion, intensity, details=details)


def _template(take: Take) -> np.ndarray:
    """(V, 3) of the take's speaker, in the set's unit."""
    templates, number, columns = read_array(take.files[2]), take.details["speaker"], take.details["columns"]
    if templates.ndim < 2 or number >= len(templates) or np.prod(templates.shape[1:]) != columns:
        raise InputError(f"{take.files[2]}: shape {templates.shape} has no face of {columns} values for speaker {number}")
    return np.array(templates[number], np.float32).reshape(-1, 3)


def _scale(template: np.ndarray, scale: float) -> float:
    """Metres in a unit: the set's, or 1 where the numbers are metres already."""
    size = float(np.ptp(template, axis=0).max())
    fits = [factor for factor in (scale, 1.0) if HEAD_SIZE[0] <= size * factor <= HEAD_SIZE[1]]
    return fits[0] if fits else scale  # what fits neither is for the check of units to explain
