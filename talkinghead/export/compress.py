"""`.glb` made small: EXT_meshopt_compression for arrays, EXT_texture_webp for the texture. Needs the extra `compress`.

Three.js, Babylon.js, model-viewer, Unity's glTFast and Godot read both; Blender reads WebP but not meshopt. Floats keep 15
bits up to the largest value of their column, normals 10, times all.
Specification: https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/EXT_meshopt_compression
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from talkinghead.errors import InputError
from talkinghead.export.mesh import Piece

MESHOPT, WEBP = "EXT_meshopt_compression", "EXT_texture_webp"
Mode = Literal["ATTRIBUTES", "TRIANGLES", "INDICES"]
MANTISSAS = "SharedComponent"  # one exponent for each column: the steps are the same all over it
LONGEST_ROW = 256  # bytes


def check(path: Path) -> None:
    """Raise InputError without meshoptimizer."""
    try:
        import meshopt  # noqa: F401
    except ImportError:
        raise InputError(f"{path}: --compress needs a library; install it with: pip install 'talkinghead[compress]'") from None


def rounded(array: np.ndarray, bits: int) -> np.ndarray:
    """(N, C) float32 as readers get them: multiples of one step for each column, `bits` of them up to the largest value."""
    import meshopt

    rows = meshopt.encode_filter_exp(array, bits, MANTISSAS)
    data = meshopt.encode_gltf_buffer(rows, "ATTRIBUTES")
    plain = meshopt.decode_gltf_buffer(data, len(array), rows.shape[1], "ATTRIBUTES", "EXPONENTIAL")
    return np.ascontiguousarray(plain).view("<f4").reshape(array.shape)


def packed(array: np.ndarray, mode: Mode = "ATTRIBUTES", bits: int = 0) -> tuple[bytes, dict]:
    """(N, C) rows or a list of indices, and what the extension says of them, but for their place.

    mode: ATTRIBUTES, TRIANGLES or INDICES, as the specification names them. bits: of floats; 0 keeps all of them.
    """
    import meshopt

    rows = array.reshape(len(array), -1)
    about = {"mode": mode, "count": len(rows), "byteStride": rows.itemsize * rows.shape[1]}
    if bits:
        about["filter"] = "EXPONENTIAL"
        rows = meshopt.encode_filter_exp(rows, bits, MANTISSAS)
    return meshopt.encode_gltf_buffer(rows if mode == "ATTRIBUTES" else array, mode), about


def reordered(piece: Piece) -> Piece:
    """The same faces and vertices in an order that takes fewer bytes."""
    import meshopt

    faces, places, count = meshopt.reorder_mesh(piece.faces.reshape(-1).astype(np.uint32), triangles=True, optsize=True)
    order = np.argsort(places)[:count]
    uv = None if piece.uv is None else piece.uv[order]
    return replace(piece, vertices=piece.vertices[order], uv=uv, faces=np.asarray(faces, np.int64).reshape(-1, 3))
