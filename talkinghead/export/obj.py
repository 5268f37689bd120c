"""`.obj`: a folder `speech.obj/` of meshes `00000.obj`, `00001.obj`, ... with one material file and one texture.

Frame t is shown at (t + 0.5) / fps seconds. Vertices are posed and carry residual and gaze: whatever the motion has. Their
order is the head's own, then that of its hair and clothes; faces, texture coordinates and groups (one per part) are the same in
every file.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.export.mesh import base_colour, parts, texture_png
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.head.looks.dressing import dressed, with_garments
from talkinghead.motion.animation import Animation
from talkinghead.version import __version__

MATERIALS, TEXTURE = "head.mtl", "head.png"
BLOCK = 100_000  # lines
MARK = "# talkinghead"  # how the material file begins by which a folder of ours is known


def write(animation: Animation, path: Path) -> None:
    """Write the folder. Raises InputError if `path` exists and is neither an empty folder nor one that this function wrote."""
    check(path)
    animation.head.need_mesh()
    with replacing(path) as fresh:
        fresh.mkdir()
        _fill(animation, fresh)


def check(path: Path) -> None:
    """Raise InputError if `path` is something that `write` must not replace."""
    if not path.exists():
        return
    if not path.is_dir():
        raise InputError(f"{path}: is a file; .obj output is a folder of frames, give it another name")
    names = {entry.name for entry in path.iterdir()}
    mark = path / MATERIALS
    ours = mark.is_file() and mark.read_bytes().startswith(MARK.encode())
    if names and not (ours and all(re.fullmatch(rf"\d{{5,}}\.obj|{MATERIALS}|{TEXTURE}", name) for name in names)):
        raise InputError(f"{path}: a folder with other files is in the way; give another name or remove it")


def _fill(animation: Animation, folder: Path) -> None:
    head = dressed(animation.head)
    png = texture_png(head)
    if png:
        (folder / TEXTURE).write_bytes(png)
    (folder / MATERIALS).write_text(_materials(head, png is not None))
    start, rest = f"{header(head)}mtllib {MATERIALS}\n", faces(head)
    for t in range(len(animation)):
        vertices = with_garments(animation.head, animation.vertices(t, posed=True))
        (folder / f"{t:05d}.obj").write_text(start + _lines("v %.6f %.6f %.6f\n", vertices) + rest)  # micrometres


def header(head: Head) -> str:
    """The first line: what wrote the mesh, and the head's licence."""
    licence = head.provenance.get("licence", "as the head's")
    return f"{MARK} {__version__}, head {head.name}, licence {licence}\n"


def faces(head: Head, *, materials: bool = True) -> str:
    """Texture coordinates and the faces of each part, a group of its own; OBJ counts from 1."""
    corners, pattern, lines = head.faces + 1, "f %d %d %d\n", []
    if head.uv is not None and head.uv_faces is not None:
        lines.append(_lines("vt %.6f %.6f\n", head.uv))
        corners = np.stack([corners, head.uv_faces + 1], -1)
        pattern = "f %d/%d %d/%d %d/%d\n"
    for part in parts(head):
        rows = corners[slice(*part.faces)]
        lines.append(f"g {part.name}\n" + f"usemtl {part.name}\n" * materials + _lines(pattern, rows))
    return "".join(lines)


def _lines(pattern: str, rows: np.ndarray) -> str:
    """A line for each row of numbers; some at a time, as numbers of Python take many times the memory of an array."""
    blocks = (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))
    return "".join(pattern * len(block) % tuple(block.reshape(-1).tolist()) for block in blocks)


def _materials(head: Head, textured: bool) -> str:
    """Wavefront's materials, with `Pr`, the roughness of its widely read PBR extension."""
    blocks = [f"{MARK} {__version__}\n"]
    for part in parts(head):
        colour = " ".join(f"{value:.4f}" for value in base_colour(part))
        blocks.append(f"newmtl {part.name}\nKd {colour}\nKs 0.04 0.04 0.04\nPr {part.roughness:.3f}\nillum 2\n")
        if textured:
            blocks.append(f"map_Kd {TEXTURE}\n")
    return "".join(blocks)
