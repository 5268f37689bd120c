"""Small sets in the exact layouts in which parameter sets are published, quirks included."""

from __future__ import annotations

import csv
import json
import wave
from pathlib import Path

import numpy as np
from sounds import voice

from talkinghead.data.adapters.a2fbench import INHOUSE
from talkinghead.data.adapters.beat import APPLE
from talkinghead.export.csv import EYES, HEAD, LIVE_LINK

BEAT_NAMES = list(APPLE)


def write_wav(path: Path, seconds: float, rate: int = 16000, seed: int = 0) -> Path:
    """16-bit mono, as the sets have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(np.round(voice(seconds, rate, seed) * 32767).astype("<i2").tobytes())
    return path


def curves(count: int, columns: int, seed: int = 0, scale: float = 0.4) -> np.ndarray:
    """(count, columns) smooth positive curves."""
    rng = np.random.default_rng(seed)
    phase, speed = rng.uniform(0, 6, columns), rng.uniform(0.05, 0.4, columns)
    return (scale * (1 + np.sin(np.arange(count)[:, None] * speed + phase)) / 2).astype(np.float32)


def mead_hdf5(
    root: Path, subject="M003", emotion="angry", level="level_2", seq="001", frames=50, expressions=100, **change
) -> Path:
    """One clip of INFERNO's layout, with its leading axis; without sound."""
    import h5py

    path = root / "EMICA-MEAD_flame2020" / subject / "front" / emotion / level / seq / "shape_pose_cam.hdf5"
    path.parent.mkdir(parents=True)
    arrays = {
        "shape": np.repeat(curves(1, 300), frames, 0)[None],
        "exp": curves(frames, expressions, 1)[None],
        "jaw": curves(frames, 3, 2, 0.2)[None],
        "global_pose": curves(frames, 3, 3, 0.1)[None],
        "cam": curves(frames, 3, 4)[None],
    } | change
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            if value is not None:
                file[name] = value
    return path


def probtalk_npy(folder: Path, name="M003_012_4_2", frames=50, columns=403) -> Path:
    """One clip of ProbTalk3D's flattening: (1, T, 403), float32."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{name}.npy", curves(frames, columns, 5)[None])
    return folder / f"{name}.npy"


def beat_json(folder: Path, name="1_wayne_0_66_66", seconds=2.0, fps=60.0, named=True, drop=(), times=True, **change) -> Path:
    """One recording of BEAT with its sound: {"names": [51], "frames": [{"weights": [51], "time": s}]}."""
    count = round(seconds * fps)
    weights = curves(count, 51).round(6).tolist()
    rows = [{"weights": w} | ({"time": round(t / fps, 6)} if times else {}) for t, w in enumerate(weights) if t not in drop]
    content = ({"names": BEAT_NAMES} if named else {}) | {"frames": rows} | change
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(content))
    write_wav(folder / f"{name}.wav", seconds)
    return folder / f"{name}.json"


def textgrid(path: Path, words: list[tuple[float, float, str]], seconds: float, short: bool = False, encoding="utf-8") -> Path:
    """As the Montreal Forced Aligner writes it: tiers words and phones, pauses as empty intervals."""
    rows, now = [], 0.0
    for start, end, word in [*words, (seconds, seconds, None)]:
        if start > now:
            rows.append((now, start, ""))
        if word is not None:
            rows.append((start, end, word))
        now = end
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {seconds}", "tiers? <exists>"]
    lines += ["size = 2", "item []:"]
    for tier, name in enumerate(("words", "phones"), 1):
        lines += [f"    item [{tier}]:", '        class = "IntervalTier"', f'        name = "{name}"', "        xmin = 0"]
        lines += [f"        xmax = {seconds}", f"        intervals: size = {len(rows)}"]
        for i, (start, end, word) in enumerate(rows, 1):
            text = word.upper()[:1] if tier == 2 else word.replace('"', '""')
            lines += [f"        intervals [{i}]:", f"            xmin = {start}", f"            xmax = {end}"]
            lines.append(f'            text = "{text}"')
    if short:
        lines = [line.split("=", 1)[1].strip() if "=" in line else line for line in lines]
        lines = [line.removeprefix("tiers? ") for line in lines if not line.strip().startswith(("item", "intervals"))]
        lines[0], lines[1] = 'File type = "ooTextFile"', '"TextGrid"'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def beat2_npz(root: Path, name="1_wayne_0_66_66", seconds=2.0, kind="train", sound=True, **change) -> Path:
    """One recording of BEAT2 with sound and a line in the table of splits."""
    count, folder = round(seconds * 30), root / "beat_english_v2.0.0"
    poses = np.zeros((count, 165), np.float32)
    poses[:, 66:69] = curves(count, 3, 2, 0.2)
    poses[:, 36:39], poses[:, 45:48] = curves(count, 3, 3, 0.1), curves(count, 3, 4, 0.1)
    arrays = {
        "betas": np.zeros(300),
        "poses": poses,
        "expressions": curves(count, 100, 1),
        "trans": np.zeros((count, 3), np.float32),
        "model": np.array("smplx2020"),
        "gender": np.array("neutral"),
        "mocap_frame_rate": np.array(30),
    } | change
    path = folder / "smplxflame_30" / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    if sound:
        write_wav(folder / "wave16k" / f"{name}.wav", seconds)
    table = folder / "train_test_split.csv"
    fresh = not table.exists()
    with table.open("a", newline="") as file:
        csv.writer(file).writerows([["id", "type"]] * fresh + [[name, kind]])
    return path


A2F_KINDS = {  # annot_type -> columns, fps, file's unit a metre
    "BIWI_23370_vertices": (70110, 25, 5.0),
    "FLAME_5023_vertices": (15069, 60, 1.0),
    "meshtalk_6172_vertices": (18516, 30, 1000.0),
    "3DETF_blendshape_weight": (52, 30, None),
    "inhouse_blendshape_weight": (51, 60, None),
    "flame_params_from_dadhead": (413, 100, None),
}


def a2f_set(
    root: Path, kind: str, folder="D0", split="train", speakers=("ann", "bob"), frames=60, as_dict=False, clips=2
) -> Path:
    """One set of A2F-Bench: json, annotations, sound (one clip's as an .npy at 16 kHz) and the faces at rest."""
    columns, fps, unit = A2F_KINDS[kind]
    place, rng, entries = root / folder, np.random.default_rng(0), []
    (place / "annot").mkdir(parents=True, exist_ok=True)
    if unit is not None:
        template = rng.uniform(-0.1, 0.1, (len(speakers), columns)).astype(np.float32) * unit
    else:
        template = np.zeros((len(speakers), columns), np.float32)
    np.save(place / "id_template.npy", template)
    np.savez(place / "pca.npz", pca_mean=np.zeros(3))
    for i in range(clips):
        who, stem = i % len(speakers), f"{split}_{i:02d}"
        values = curves(frames, columns, i, 0.4 if unit is None else 0.01 * unit)
        np.save(place / "annot" / f"{stem}.npy", values if unit is None else template[who] + values)
        sound = f"audio/{stem}.wav"
        write_wav(place / sound, frames / fps, 22050)
        if i == 1:
            sound = f"audio/{stem}.npy"
            np.save(place / sound, voice(frames / fps))
        entry = {"annot_path": f"annot/{stem}.npy", "audio_path": sound, "id": who, "annot_type": kind, "dataset": folder}
        entries.append(entry | {"fps": fps})
    data = {f"clip{i}": entry for i, entry in enumerate(entries)} if as_dict else entries
    (place / f"{split}.json").write_text(json.dumps({"info": {"id_list": list(speakers)}, "data": data}))
    return place


def livelink_csv(path: Path, frames: list[int], fps: int = 60, angles: bool = True, lost: tuple[int, ...] = ()) -> Path:
    """A take of the app: `frames` that it kept, `lost` ones among them without a face; JawOpen rises by 0.005 a frame."""
    header = ["Timecode", "BlendShapeCount", *LIVE_LINK, *((*HEAD, *EYES) if angles else ())]
    jaw, yaw, rows = header.index("JawOpen"), 2 + len(LIVE_LINK), [header]
    for t in frames:
        stamp = f"09:41:{7 + t // fps:02d}:{t % fps:02d}.{207 + 3 * t % 500:03d}"
        row = [stamp, str(len(header) - 2), *["0"] * (len(header) - 2)]
        row[jaw] = f"{0.005 * t:.6f}"
        if angles:
            row[yaw] = "0.2"
        rows.append([stamp, "0"] if t in lost else row)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    return path


assert len(INHOUSE) == 51 == len(BEAT_NAMES)
