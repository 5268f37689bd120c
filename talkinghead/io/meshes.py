"""Faces of meshes (.obj, .ply) in the order of the file, and point caches (.pc2, Maya's .mc), which are vertices over time."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError

MOST_VERTICES = 5_000_000  # and as many faces
LARGEST = 1 << 30  # bytes of a .ply
LONGEST = 1 << 16  # characters of a line of an .obj


def read_mesh(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) float32 in the file's unit and triangles (F, 3) int32 of an .obj or .ply; polygons become fans.

    Vertices keep their order and number, which is what a topology is. Raises InputError for anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    readers = {".obj": _obj, ".ply": _ply}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path}: meshes come as .obj or .ply")
    try:
        vertices, faces = readers[path.suffix.lower()](path)
    except InputError:
        raise
    except Exception as error:  # readers of meshes raise whatever they happen to meet
        raise InputError(f"{path}: not a mesh, or damaged ({' '.join(str(error).split())[:100]})") from None
    with np.errstate(over="ignore"):
        places = np.asarray(vertices).astype(np.float32)
    if not len(places) or places.shape != (len(places), 3) or not np.isfinite(places).all():
        raise InputError(f"{path}: has no vertices, or some that are not finite")
    if len(faces) and (faces.min() < 0 or faces.max() >= len(places)):
        raise InputError(f"{path}: faces that refer to vertices outside 0..{len(places) - 1}")
    return places, faces.astype(np.int32).reshape(-1, 3)


def _obj(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Positions and faces only; libraries split vertices at seams of the texture, which would lose the topology."""
    vertices, faces = [], []
    with path.open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(LONGEST):
            if max(len(vertices), len(faces)) > MOST_VERTICES:
                raise InputError(f"{path}: more than {MOST_VERTICES} vertices or faces")
            kind, *words = line.split() or [""]
            if kind == "v":
                vertices.append([float(word) for word in words[:3]])
            elif kind == "f":
                corners = [int(word.split("/")[0]) for word in words]
                corners = [n - 1 if n > 0 else len(vertices) + n for n in corners]
                faces += [[corners[0], a, b] for a, b in pairwise(corners[1:])]
    return np.array(vertices, np.float64).reshape(-1, 3), np.array(faces, np.int64).reshape(-1, 3)


def _ply(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        import trimesh
    except ImportError:
        raise InputError(f"{path}: .ply needs trimesh: pip install 'talkinghead[data]', or convert it to .obj") from None
    with path.open("rb") as file:
        head, end, _ = file.read(1 << 14).partition(b"end_header")
        lines = [line.split() for line in head.replace(b"\r", b"\n").split(b"\n")]
        counts = [int(words[2]) for words in lines if words[:1] == [b"element"]]
        if not end or min(counts, default=0) < 0:
            raise ValueError("its header does not end, or counts less than nothing")
        if max(counts, default=0) > MOST_VERTICES or sum(counts) > path.stat().st_size:
            raise InputError(f"{path}: declares {max(counts)} vertices or faces, more than fit into the file")
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: larger than {LARGEST >> 20} MiB, too large for a mesh of a head")
        file.seek(0)
        # trimesh would read the texture that a header names, wherever that lies.
        data = BytesIO(file.read().replace(b"TextureFile", b"texture"))
    mesh = trimesh.load(data, file_type="ply", process=False, maintain_order=True, force="mesh")
    return np.asarray(mesh.vertices), np.asarray(mesh.faces)  # pyright: ignore[reportAttributeAccessIssue]


def read_bin(path: Path, vertices: int) -> np.ndarray:
    """(vertices, 3) float32 of Multiface's .bin: bare little-endian numbers. Raises InputError for another size."""
    size, expected = path.stat().st_size, vertices * 12  # bytes
    if size != expected:
        raise InputError(f"{path}: has {size} bytes, {vertices} vertices are {expected}; copy it again")
    return np.fromfile(path, "<f4").reshape(vertices, 3)


def read_pc2(path: Path) -> np.ndarray:
    """(T, V, 3) float32 of a Point Cache 2 of 3ds Max and Blender, mapped, not loaded.

    Header, little-endian, 32 bytes: "POINTCACHE2" and a zero byte, int32 version (1), int32 number of points, float32 first
    frame, float32 frames between samples, int32 number of samples; then float32 x, y, z of all points, sample by sample.
    """
    header = struct.Struct("<12siiffi")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(header.size)
    if len(start) < header.size or not start.startswith(b"POINTCACHE2\0"):
        raise InputError(f"{path}: not a Point Cache 2 file, or cut short")
    _, version, points, _, every, samples = header.unpack(start)
    if version != 1 or points <= 0 or samples <= 0:
        raise InputError(f"{path}: version {version}, {points} points, {samples} samples; version 1 with some of both is known")
    if every != 1.0:
        raise InputError(f"{path}: one sample every {every:g} frames; export one a frame")
    if size - header.size < samples * points * 12:
        raise InputError(f"{path}: is cut short: {samples} samples of {points} points do not fit {size} bytes; copy it again")
    return np.memmap(path, "<f4", "r", header.size, (samples, points, 3))


def read_mc(path: Path) -> np.ndarray:
    """(T, V, 3) float32 of a Maya geometry cache in one file, format mcc: the .mc beside an .xml.

    Groups of chunks, big-endian: FOR4, size, kind (CACH for the header, MYCH for a frame), then chunks of tag, size and data
    padded to 4 bytes: TIME (of a frame), CHNM (name), SIZE (vertices), and FVCA or DVCA (float32 or float64 x, y, z).
    """
    data = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
    frames: list[np.ndarray] = []
    kinds = {b"FVCA": np.dtype(">f4"), b"DVCA": np.dtype(">f8")}
    for kind, start, end in _groups(data, path):
        if kind != b"MYCH":
            continue
        found = [(a, b, kinds[tag]) for tag, a, b in _chunks(data, start, end, path) if tag in kinds]
        if any((b - a) % (3 * dtype.itemsize) for a, b, dtype in found):
            raise InputError(f"{path}: frame {len(frames)} has no three numbers for each vertex; copy it again")
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which whoever takes the frames refuses
            arrays = [data[a:b].view(dtype).reshape(-1, 3).astype(np.float32) for a, b, dtype in found]
        if len(arrays) != 1 or (frames and arrays[0].shape != frames[0].shape):
            shapes = [len(array) for array in arrays]
            raise InputError(f"{path}: frame {len(frames)} has meshes of {shapes} vertices; export a cache of the face alone")
        frames += arrays
    if not frames:
        raise InputError(f"{path}: no frames")
    return np.stack(frames)


def _groups(data: np.ndarray, path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each group, where its chunks begin, and where they end."""
    if bytes(data[:4]) == b"FOR8":
        raise InputError(f"{path}: is in the format mcx; export the cache as mcc")
    for tag, start, end in _chunks(data, 0, len(data), path):
        if tag != b"FOR4" or end - start < 4:
            raise InputError(f"{path}: not a Maya cache")
        yield bytes(data[start : start + 4]), start + 4, end


def _chunks(data: np.ndarray, start: int, end: int, path: Path) -> Iterator[tuple[bytes, int, int]]:
    while start < end:
        tag, size = bytes(data[start : start + 4]), int.from_bytes(bytes(data[start + 4 : start + 8]), "big")
        if start + 8 + size > end:
            raise InputError(f"{path}: not a Maya cache, or cut short; copy it again")
        yield tag, start + 8, start + 8 + size
        start += 8 + (size + 3) // 4 * 4
