"""`.pc2`: a point cache, the posed vertices of every frame, for the mesh that is written beside it, `NAME_mesh.obj`.

Vertices carry residual, gaze and pose: whatever the motion has; their order is the head's own. Frame t is sample t. In
Blender the mesh gets the modifier Mesh Cache, with the format PC2 and the axes of the imported mesh.
Format: see `io.meshes.read_pc2`.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.export.obj import MARK, faces, header
from talkinghead.files import replacing
from talkinghead.motion.animation import Animation

AT_ONCE = 64  # frames in memory


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
