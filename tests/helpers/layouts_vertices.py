"""Writes the published layouts of vertex sets with few vertices: a bowl of a face with a nose, whose lower half talks."""

from __future__ import annotations

import pickle
import struct
import wave
from pathlib import Path

import numpy as np

ROWS, COLUMNS = 12, 10
VERTICES = ROWS * COLUMNS


def face(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Template (V, 3) metres, 0.24 high, y up, z to the viewer, a little different for each seed; faces (F, 3)."""
    y, x = np.meshgrid(np.linspace(-0.12, 0.12, ROWS), np.linspace(-0.08, 0.08, COLUMNS), indexing="ij")
    z = 0.03 * np.exp(-((y - 0.02) ** 2 + x**2) / 4e-4) - 3 * x**2
    template = np.stack([x, y, z], -1).reshape(-1, 3) * (1 + 0.01 * seed)
    corner = (np.arange(ROWS - 1)[:, None] * COLUMNS + np.arange(COLUMNS - 1)).ravel()
    lower = np.stack([corner, corner + 1, corner + COLUMNS], 1)
    upper = np.stack([corner + 1, corner + COLUMNS + 1, corner + COLUMNS], 1)
    return template.astype(np.float32), np.concatenate([lower, upper]).astype(np.int32)


def talk(template: np.ndarray, frames: int, fps: float, seed: int = 0) -> np.ndarray:
    """(T, V, 3): the mouth opens 4 times a second by up to 1 cm, the brows move a little and slowly."""
    t = (np.arange(frames) + 0.5) / fps
    mouth = np.exp(-((template[:, 1] + 0.06) ** 2 + template[:, 0] ** 2) / 1e-3)
    brows = np.exp(-((template[:, 1] - 0.08) ** 2) / 1e-3)
    rng = np.random.default_rng(seed)
    opening = 0.005 * (1 - np.cos(2 * np.pi * 4 * t)) * (1 + 0.1 * rng.normal())
    vertices = np.repeat(template[None], frames, 0).astype(np.float64)
    vertices[:, :, 1] += -opening[:, None] * mouth + 0.001 * np.sin(2 * np.pi * 0.5 * t)[:, None] * brows
    return vertices.astype(np.float32)


def tone(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    """int16 samples: a hum that swells 4 times a second."""
    t = np.arange(round(seconds * rate)) / rate
    swell = 0.5 * (1 - np.cos(2 * np.pi * 4 * t))
    return np.round(8000 * swell * np.sin(2 * np.pi * (150 + 10 * seed) * t) + 20).astype(np.int16)


def write_wav(path: Path, samples: np.ndarray, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def write_ply(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Binary, little-endian, as FLAME_sample.ply and BIWI.ply are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    lines += [f"property float {axis}" for axis in "xyz"]
    lines += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", ""]
    body = b"".join(struct.pack("<B3i", 3, *face) for face in faces)
    path.write_bytes("\n".join(lines).encode() + vertices.astype("<f4").tobytes() + body)


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """With texture coordinates that differ from face to face, as Multiface's have, and one quad."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["# made"] + ["v {:.6f} {:.6f} {:.6f}".format(*v) for v in vertices]
    lines += [f"vt 0.{i % 10} 0.5" for i in range(len(faces) * 3)]
    lines += ["f " + " ".join(f"{v + 1}/{3 * i + c + 1}" for c, v in enumerate(face)) for i, face in enumerate(faces)]
    path.write_text("\n".join(lines) + "\n")


def write_converted(
    root: Path, clips: dict[str, int], *, fps: float, rate: int, scale: float = 1.0, ply: str | None = None
) -> dict[str, np.ndarray]:
    """FaceFormer's layout: name -> frames; SPEAKER_REST each. Returns the templates in the file's unit."""
    (root / "vertices_npy").mkdir(parents=True)
    speakers = sorted({name.rsplit("_", 1)[0] for name in clips})
    templates = {}
    for i, speaker in enumerate(speakers):
        template, faces = face(i)
        templates[speaker] = (template * scale).astype(np.float64)
    for i, (name, frames) in enumerate(clips.items()):
        template = templates[name.rsplit("_", 1)[0]] / scale
        vertices = talk(template, frames, fps, i) * scale
        np.save(root / f"vertices_npy/{name}.npy", vertices.reshape(frames, -1).astype(np.float32))
        write_wav(root / f"wav/{name}.wav", tone(frames / fps, rate, i), rate)
    (root / "templates.pkl").write_bytes(pickle.dumps(templates, 2))
    if ply:
        write_ply(root / ply, face()[0] * scale, faces)
    (root / "vertices_npy/.DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (root / "vertices_npy/._junk.npy").write_bytes(b"\0\5\26\7")
    (root / "wav/.DS_Store").write_bytes(b"\0\0\0\1Bud1")
    return templates


def write_training_data(
    root: Path, clips: dict[tuple[str, str], int], *, lost: dict[tuple[str, str], list[int]] | None = None, rate: int = 22000
) -> dict[str, np.ndarray]:
    """VOCASET's own layout: (speaker, sentence) -> frames at 60 a second, of which some are lost. Returns the templates."""
    root.mkdir(parents=True)
    speakers = sorted({speaker for speaker, _ in clips})
    templates = {speaker: face(i)[0].astype(np.float64) for i, speaker in enumerate(speakers)}
    rows: dict[str, dict[str, dict[int, int]]] = {speaker: {} for speaker in speakers}
    sounds: dict[str, dict[str, dict]] = {speaker: {} for speaker in speakers}
    stored: list[np.ndarray] = [np.zeros((3, VERTICES, 3), np.float32)]  # rows that belong to nobody
    count = 3
    for i, ((speaker, sentence), frames) in enumerate(clips.items()):
        vertices = talk(templates[speaker], frames, 60, i)
        kept = [t for t in range(frames) if t not in (lost or {}).get((speaker, sentence), [])]
        rows[speaker][sentence] = {t: count + n for n, t in enumerate(kept)}
        stored.append(vertices[kept])
        count += len(kept)
        sounds[speaker][sentence] = {"audio": tone(frames / 60, rate, i), "sample_rate": rate}
    np.save(root / "data_verts.npy", np.concatenate(stored))
    for name, content in (("templates", templates), ("subj_seq_to_idx", rows), ("raw_audio_fixed", sounds)):
        (root / f"{name}.pkl").write_bytes(pickle.dumps(content, 2))
    (root / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    return templates


def turn(angle: float) -> np.ndarray:
    """Rotation about the vertical."""
    return np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])


def write_multiface(
    root: Path,
    sentences: dict[str, int],
    *,
    first: int = 21897,
    step: int = 1,
    lost: dict[str, list[int]] | None = None,
    short_sound: bool = False,
) -> np.ndarray:
    """One speaker, millimetres: sentence -> frames at 30 a second, some lost. Returns the template in millimetres.

    The head turns by 0.2 rad in each sentence, in a world whose axes are others. short_sound: the sound has the length of the
    meshes that are there, without the lost ones.
    """
    template, faces = face()
    template = template * 1000
    world = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float) @ turn(0.7)
    neutral = root / "tracked_mesh/E001_Neutral_Eyes_Open"
    neutral.mkdir(parents=True)
    for i, shift in enumerate((-0.5, 0.0, 0.5)):
        (template + np.float32(shift)).astype("<f4").tofile(neutral / f"{102 + 3 * i:06d}.bin")
        write_obj(neutral / f"{102 + 3 * i:06d}.obj", template, faces)
    (neutral / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    for index, (name, frames) in enumerate(sentences.items()):
        folder = root / "tracked_mesh" / name
        folder.mkdir()
        gone = (lost or {}).get(name, [])
        vertices = talk(template / 1000, frames, 30, index) * 1000
        for t in (t for t in range(frames) if t not in gone):
            stem = f"{first + t * step:06d}"
            vertices[t].astype("<f4").tofile(folder / f"{stem}.bin")
            write_obj(folder / f"{stem}.obj", template, faces)
            pose = np.column_stack([world @ turn(0.2 * (t / (frames - 1) - 0.5)), [5.0, 10.0 + t, 1000.0]])
            np.savetxt(folder / f"{stem}_transform.txt", pose)
        there = frames - len(gone) if short_sound else frames
        write_wav(root / f"audio/{name}.wav", tone(there / 30, 48000, index), 48000)
    (root / "frame_list.txt").write_text("".join(f"{name} {first:06d}\n" for name in sentences))
    return template


def write_pc2(path: Path, vertices: np.ndarray) -> None:
    header = struct.pack("<12siiffi", b"POINTCACHE2\0", 1, vertices.shape[1], 0.0, 1.0, len(vertices))
    path.write_bytes(header + vertices.astype("<f4").tobytes())


def write_mc(path: Path, vertices: np.ndarray, *, double: bool = False) -> None:
    """Maya's geometry cache in one file, mcc: big-endian groups of chunks, with the .xml beside it."""

    def chunk(tag: bytes, data: bytes) -> bytes:
        return tag + struct.pack(">I", len(data)) + data + b"\0" * (-len(data) % 4)

    number = struct.Struct(">i").pack
    header = b"CACH" + chunk(b"VRSN", b"0.1\0") + chunk(b"STIM", number(0)) + chunk(b"ETIM", number(250 * len(vertices)))
    content = chunk(b"FOR4", header)
    for t, frame in enumerate(vertices):
        data = frame.astype(">f8" if double else ">f4").tobytes()
        body = (
            b"MYCH" + chunk(b"TIME", number(200 * t)) + chunk(b"CHNM", b"head_meshShape\0") + chunk(b"SIZE", number(len(frame)))
        )
        content += chunk(b"FOR4", body + chunk(b"DVCA" if double else b"FVCA", data))
    path.write_bytes(content)
    path.with_suffix(".xml").write_text(
        '<?xml version="1.0"?>\n<Autodesk_Cache_File><cacheType Type="OneFile" Format="mcc"/></Autodesk_Cache_File>\n'
    )


def write_claire(root: Path, shots: dict[str, str], *, frames: int = 60, neutral: bool = True) -> np.ndarray:
    """Shot -> kind of cache (npy, pc2, mc, mc64), centimetres, 30 frames a second. Returns the template in centimetres."""
    template, _ = face()
    template = template * 100
    for index, (shot, kind) in enumerate(shots.items()):
        folder = root / "cache/skin"
        folder.mkdir(parents=True, exist_ok=True)
        vertices = talk(template / 100, frames, 30, index) * 100
        if kind == "npy":
            np.save(folder / f"{shot}.npy", vertices.astype(np.float32))
        elif kind == "pc2":
            write_pc2(folder / f"{shot}.pc2", vertices)
        else:
            (folder / shot).mkdir()
            write_mc(folder / shot / f"{shot}.mc", vertices, double=kind == "mc64")
        write_wav(root / f"audio/{shot}.wav", tone(frames / 30, 44100, index), 44100)
    write_wav(root / "audio/aug/voice1/cp1_neutral.wav", tone(1.0, 44100), 44100)
    if neutral:
        (root / "geom/skin").mkdir(parents=True)
        np.save(root / "geom/skin/neutral_pose.npy", template.astype(np.float32))
        middle = [ROWS // 4 * COLUMNS + c for c in range(3, 8)]
        lists = f'{{"upper": {[v + COLUMNS for v in middle]}, "lower": {middle}}}'
        (root / "geom/skin/lip_dist_vertex_list.json").write_text(lists)
    (root / "cache/skin/.DS_Store").write_bytes(b"\0\0\0\1Bud1")
    return template
