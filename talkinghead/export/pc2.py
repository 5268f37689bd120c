"""`.pc2`: a point cache, the posed vertices of every frame, for the mesh that is written beside it, `NAME_mesh.obj`.

Vertices carry residual, gaze and pose: whatever the motion has; their order is the head's own. Frame t is sample t. In
Blender the mesh gets the modifier Mesh Cache, with the format PC2 and the axes of the imported mesh.
Format: see `io.meshes.read_pc2`.

Vertices are read, too, also from `.npy`, as other projects write them: (T, V, 3) or (T, 3 V). They become weights.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from talkinghead.blocks import spans
from talkinghead.errors import InputError
from talkinghead.export import flame
from talkinghead.export.obj import MARK, faces, header
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.io.meshes import read_pc2
from talkinghead.io.npz import read_array
from talkinghead.motion.animation import Animation

AT_ONCE = 64  # frames in memory
FAR = 0.05  # metres from the head at rest, on average, that are no motion of a face
STILL = 0.001  # metres: a vertex that shapes move by this much counts half for the pose of the head
ROUNDS = 2
NO_POSE = (0.01, 0.0005)  # rad and metres of turns and shifts that are none


def read(path: str | Path, head: Head | None = None, fps: float | None = None) -> Animation:
    """Vertices of a head (the default one if not given) in metres, as weights of its shapes and a pose.

    `meta["left_out"]` has what the shapes cannot express. fps: needed, as the files do not tell it. An `.npy` of FLAME's
    parameters is read as such, if the head is FLAME's. Raises InputError for what does not fit the head.
    """
    path, head = Path(path), head or Head.default()
    values = read_pc2(path) if path.suffix.lower() == ".pc2" else read_array(path)
    while values.ndim > 2 and len(values) == 1:
        values = values[0]
    count = len(head.template)
    rows = values.ndim > 0 and values.shape[-1] in flame.ROWS
    if path.suffix.lower() == ".npy" and rows and values.ndim == 2 and values.shape[1] != 3 * count:
        return flame.of_rows(path, values, head, fps)
    if values.ndim < 2 or not len(values) or values[0].size != 3 * count or values.dtype.kind not in "fiu":
        raise InputError(
            f"{path}: has {values.shape}, head {head.name!r} needs (frames, {count}, 3); name its own with --made-for"
        )
    if fps is None:
        raise InputError(f"{path}: tells no frame rate; give it with --fps")
    posed = np.asarray(values).reshape(-1, count, 3)
    far = float(np.linalg.norm(posed[0] - head.template, axis=1).mean())
    if not np.isfinite(posed).all() or not far < FAR:
        raise InputError(f"{path}: vertices lie {far:.3g} m from head {head.name!r}; they must be its own, in metres")
    still = np.zeros((len(posed), len(head.names)), np.float32)
    reach = np.linalg.norm(head.basis, axis=2).max(0, initial=0)
    found = Animation(still, fps, head, meta={"source": path.name})
    found, turned = _solved(found, posed, 1 / (1 + (reach / STILL) ** 2))
    for _ in range(ROUNDS if turned else 0):  # the pose again, now from the whole face
        found, turned = _solved(found, posed, np.ones(count))
    return found


def _solved(animation: Animation, posed: np.ndarray, share: np.ndarray) -> tuple[Animation, bool]:
    """The motion with the pose in which it comes nearest to (T, V, 3) vertices, and weights for that; whether it has a pose.

    share: (V,) how much each vertex counts for the pose.
    """
    from scipy.spatial.transform import Rotation

    share = (share / share.sum()).astype(np.float32)
    pivot = animation.head.joints.get("neck", np.zeros(3, np.float32))
    turns, shifts = np.zeros((len(posed), 3, 3), np.float32), np.zeros((len(posed), 3), np.float32)
    for span in spans(len(posed), AT_ONCE):
        here, goal = posed[span].astype(np.float32) - pivot, animation.vertices(span) - pivot
        centre, middle = (np.einsum("v,tvx->tx", share, points) for points in (here, goal))
        cross = np.einsum("v,tvx,tvy->txy", share, here - centre[:, None], goal - middle[:, None], optimize=True)
        u, _, v = np.linalg.svd(cross)
        u[..., -1] *= np.sign(np.linalg.det(u @ v))[:, None]
        turns[span] = u @ v  # Kabsch 1976
        shifts[span] = centre - np.einsum("txy,ty->tx", turns[span], middle)
    rotation = Rotation.from_matrix(turns).as_rotvec().astype(np.float32)
    turned = bool(np.abs(rotation).max() > NO_POSE[0] or np.abs(shifts).max() > NO_POSE[1])
    residual = np.empty(posed.shape, np.float32)
    for span in spans(len(posed), AT_ONCE):
        here = posed[span] - animation.head.template
        if turned:
            here = (posed[span] - pivot - shifts[span][:, None]) @ turns[span] + pivot - animation.head.template
        residual[span] = here
    pose = {"rotation": rotation, "translation": shifts} if turned else {"rotation": None, "translation": None}
    bare = replace(animation, coefficients=0 * animation.coefficients, residual=residual, **pose)
    return bare.as_weights(), turned


def beside(path: Path) -> tuple[Path, ...]:
    """What is written besides the file: the mesh."""
    return (path.with_name(f"{path.stem}_mesh.obj"),)


def check(path: Path) -> None:
    """Raise InputError if the mesh would replace one of somebody else."""
    for mesh in beside(path):
        if mesh.exists() and not (mesh.is_file() and _is_ours(mesh)):
            raise InputError(f"{path}: its mesh would replace {mesh.name}, which is yours; write to another name")


def _is_ours(mesh: Path) -> bool:
    with mesh.open("rb") as file:
        return file.read(len(MARK)) == MARK.encode()


def write(animation: Animation, path: Path) -> None:
    """Write the vertices of all frames, and the mesh in the pose of rest with faces, texture coordinates and groups."""
    check(path)
    head = animation.head
    with replacing(path) as fresh:
        with fresh.open("wb") as file:
            file.write(struct.pack("<12siiffi", b"POINTCACHE2\0", 1, len(head.template), 0.0, 1.0, len(animation)))
            for start in range(0, len(animation), AT_ONCE):
                posed = animation.vertices(slice(start, start + AT_ONCE), posed=True)
                file.write(np.ascontiguousarray(posed, "<f4").tobytes())
        (mesh,) = beside(path)
        vertices = "v %.6f %.6f %.6f\n" * len(head.template) % tuple(head.template.reshape(-1).tolist())
        with replacing(mesh) as file:
            file.write_text(header(head) + vertices + faces(head, materials=False))
