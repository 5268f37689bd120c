"""The arrays of a stored head, checked: what a stranger's file holds must not fail later, where nobody knows the file.

V vertices, F triangles, K basis shapes, L landmarks, N identity directions.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError, brief, shown
from talkinghead.io.files import parse_json
from talkinghead.io.npz import load_arrays

LIMIT = 1 << 30  # bytes of all arrays of a head, and of its identity directions when they are unpacked
MOST_VERTICES = 5_000_000
MOST_PIXELS = 1 << 26  # of a texture: 8192 x 8192
TEXTS = ("name", "names", "parts", "landmarks", "provenance", "basis_scale")


def read_stored(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a head file says and its arrays, which fit each other. Raises InputError."""
    data: dict[str, np.ndarray] = {}
    try:
        data = load_arrays(path, None, "a head saved by talkinghead", limit=LIMIT)
        meta = parse_json(str(data["head"]))
        if not isinstance(meta, dict) or not all(name in meta for name in TEXTS):
            raise ValueError(f"its text has no {', '.join(TEXTS)}")
        _check_arrays(data, meta)
        _check_text(meta, len(data["faces"]))
        if "texture" in data:
            data["texture"] = _picture(data["texture"])
    except InputError as error:
        raise InputError(f"head {error}") from None
    except KeyError as error:
        what = "it is an animation" if "coefficients" in data else f"it has no {error}"
        raise InputError(f"head {path}: not a head saved by talkinghead ({what})") from None
    except (ValueError, TypeError) as error:
        raise InputError(f"head {path}: not a head saved by talkinghead ({brief(error)})") from None
    return meta, data


def _check_arrays(data: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
    v, f, k = len(data["template"]), len(data["faces"]), len(meta["names"])
    if not 0 < v <= MOST_VERTICES:
        raise ValueError(f"{v} vertices")
    shapes = {"template": (v, 3), "faces": (f, 3), "basis": (k, v, 3), "landmarks": (len(meta["landmarks"]), 3)}
    shapes |= {"basis_steps": (k, 1, 1), "uv": (len(data.get("uv", ())), 2), "uv_faces": (f, 3)}
    shapes |= {key: (v,) for key in data if key.startswith("region/")} | {key: (3,) for key in data if key.startswith("joint/")}
    for key, shape in shapes.items():
        if key not in data and key in ("basis_steps", "uv", "uv_faces"):
            continue
        array = data[key]
        if array.shape != shape or array.dtype.kind not in "iuf":
            raise ValueError(f"{key} is {array.shape} of {array.dtype}, {shape} numbers are expected")
        with np.errstate(over="ignore"):
            if not np.isfinite(array.astype(np.float32)).all():
                raise ValueError(f"{key} has numbers that are not finite")
    _check_range("faces", data["faces"], v)
    _check_range("landmarks", data["landmarks"][:, 0], f)
    if "uv_faces" in data:
        _check_range("uv_faces", data["uv_faces"], shapes["uv"][0])
    for k in range(len(meta.get("garments", []))):
        _check_garment(data, f"garment/{k}/")
    counts = data.get("identity_counts", np.zeros(0, int))
    if len(counts) != len(meta.get("identity", [])) or len(counts) * v * 12 > LIMIT:
        raise ValueError(f"{len(counts)} identity directions")
    if len(counts):
        moved, offsets = data["identity_vertices"], data["identity_offsets"]
        _check_range("identity_vertices", moved, v)
        fits = counts.min() >= 0 and counts.sum() == len(moved) and offsets.shape == (len(moved), 3)
        if not fits or offsets.dtype.kind not in "iuf":
            raise ValueError("its identity directions do not fit each other")


def _check_garment(data: dict[str, np.ndarray], prefix: str) -> None:
    vertices, faces, uv = (data[f"{prefix}{name}"] for name in ("vertices", "faces", "uv"))
    n = len(vertices)
    fits = 0 < n <= MOST_VERTICES and vertices.shape == (n, 3) and uv.shape == (n, 2) and faces.shape == (len(faces), 3)
    if not fits or vertices.dtype.kind != "f" or uv.dtype.kind != "f" or faces.dtype.kind not in "iu":
        raise ValueError("a garment's arrays do not fit each other")
    if not (np.isfinite(vertices).all() and np.isfinite(uv).all()):
        raise ValueError("a garment has numbers that are not finite")
    _check_range("garment faces", faces, n)


def _check_range(name: str, values: np.ndarray, count: int) -> None:
    if values.dtype.kind not in "iuf" or (values.size and not (values.min() >= 0 and values.max() < count)):
        raise ValueError(f"{name} has numbers outside 0 to {count - 1}")


def _check_text(meta: dict[str, Any], faces: int) -> None:
    for name in ("names", "landmarks", "identity"):
        texts = meta.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or len(set(texts)) != len(texts):
            raise ValueError(f"{name} is {shown(texts)}, a list of different names is expected")
    if not isinstance(meta["name"], str) or not isinstance(meta["provenance"], dict):
        raise ValueError("its name or provenance is something else")
    if not 0 < float(meta["basis_scale"]) < np.inf:
        raise ValueError(f"basis_scale is {shown(meta['basis_scale'])}")
    for item in meta.get("garments", []):
        numbers = np.array([*item["colour"], item["roughness"]], np.float64)
        if not isinstance(item["name"], str) or numbers.shape != (4,) or not np.isfinite(numbers).all() or len(item) != 4:
            raise ValueError(f"a garment is {shown(item)}")
        item["still"] = bool(item["still"])
    for part in meta["parts"]:
        first, last = (int(n) for n in part["faces"])
        numbers = np.array([*part["colour"], part["roughness"]], np.float64)
        good = isinstance(part["name"], str) and 0 <= first <= last <= faces
        if not good or numbers.shape != (4,) or not np.isfinite(numbers).all():
            raise ValueError(f"a part is {shown(part)}")


def _picture(texture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 of a texture stored as PNG or JPEG bytes (1-D), or as it is (3-D)."""
    if texture.dtype != np.uint8 or texture.ndim not in (1, 3) or (texture.ndim == 3 and texture.shape[2] != 3):
        raise ValueError(f"its texture is {texture.shape} of {texture.dtype}")
    if texture.ndim == 3:
        return texture
    from PIL import Image

    try:
        with Image.open(BytesIO(texture.tobytes()), formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ValueError(f"{picture.width} x {picture.height} pixels")
            return np.asarray(picture.convert("RGB"))
    except Exception as error:  # a broken picture makes Pillow raise nearly anything
        raise ValueError(f"its texture is no PNG or JPEG that can be read: {brief(error)}") from None
