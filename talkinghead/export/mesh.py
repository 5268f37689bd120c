"""What the mesh formats share: corners to vertices, colours, the texture as a picture."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head, Part
from talkinghead.motion.transfer.metahuman import as_metahuman, is_metahuman

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo

    from talkinghead.motion.animation import Animation

SOFTWARE = b"tEXtSoftware\0talkinghead"  # in each PNG that is written without being named as an output
SHEETS = ("brows", "lashes", "hair")  # parts without thickness, to be seen from both sides


@dataclass(frozen=True)
class Piece:
    """The faces of one part with vertices of their own: one for each pair of a position and a texture coordinate."""

    part: Part
    vertices: np.ndarray  # (N,) rows of Head.template
    uv: np.ndarray | None  # (N, 2), v up
    faces: np.ndarray  # (F, 3) into the N


def parts(head: Head) -> tuple[Part, ...]:
    """The head's parts that have faces; one for all of them where it names none."""
    named = tuple(p for p in head.parts if p.faces[1] > p.faces[0])
    return named or (Part("head", (0, len(head.faces))),)


def pieces(head: Head) -> list[Piece]:
    """Each part with its vertices split along the seams of the texture, as glTF wants them."""
    out = []
    for part in parts(head):
        rows = slice(*part.faces)
        corners = head.faces[rows].reshape(-1)
        if head.uv is None or head.uv_faces is None:
            vertices, faces = np.unique(corners, return_inverse=True)
            uv = None
        else:
            pairs = np.stack([corners, head.uv_faces[rows].reshape(-1)], 1)
            pairs, faces = np.unique(pairs, axis=0, return_inverse=True)
            vertices, uv = pairs[:, 0], head.uv[pairs[:, 1]].astype(np.float32)
        out.append(Piece(part, vertices, uv, faces.reshape(-1, 3)))
    return out


def base_colour(part: Part) -> list[float]:
    """Linear-light RGB of a part for formats whose colours end at 1: light skin and grey brows are clipped there."""
    return [min(1.0, float(value)) for value in part.colour]


def textured(head: Head) -> bool:
    """Whether the head has a texture and coordinates to put it on."""
    return head.texture is not None and head.uv is not None and head.uv_faces is not None


def texture_png(head: Head) -> bytes | None:
    """The head's texture as a PNG file; None where there is none or no coordinates to put it on."""
    return _picture(head, "png", pnginfo=png_mark())


def png_mark() -> PngInfo:
    """What `is_ours` finds in a PNG file."""
    from PIL.PngImagePlugin import PngInfo

    about = PngInfo()
    about.add_text("Software", "talkinghead")
    return about


def is_ours(picture: Path) -> bool:
    """Whether a PNG file was written here: one that nobody named as an output may replace only such a file."""
    try:
        with picture.open("rb") as file:
            return SOFTWARE in file.read(1024)
    except OSError:
        return False


def texture_jpeg(head: Head) -> bytes | None:
    """The same as JPEG with full colour resolution: a fifth of the size, and read by whatever reads glTF or USD."""
    return _picture(head, "jpeg", quality=90, subsampling=0, comment=b"talkinghead")


def texture_webp(head: Head) -> bytes | None:
    """The same as WebP, for readers of glTF that know EXT_texture_webp."""
    return _picture(head, "webp", quality=85, method=6)


def _picture(head: Head, kind: str, **options) -> bytes | None:
    if head.texture is None or not textured(head):
        return None
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(head.texture).save(file, kind, **options)
    return file.getvalue()


def for_curves(animation: Animation, path: Path) -> Animation:
    """The animation for a format that holds weights and a pose: gaze becomes eyeLook weights, and of
    the tongue only tongueOut is left.

    Of a path such as `a.metahuman.csv` the weights are those of MetaHuman's curves. Raises InputError if the motion has a
    residual, which such a format would lose without a word.
    """
    if animation.residual is not None:
        raise InputError(f"{path}: this motion has a residual, which {path.suffix} cannot hold; write .npz or .obj")
    if is_metahuman(path):
        try:
            return as_metahuman(animation)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    return replace(animation.with_gaze_as_shapes(), tongue=None)


def for_meshes(animation: Animation, path: Path) -> Animation:
    """The animation for a format of a mesh with shapes: gaze becomes eyeLook weights, the tongue four shapes of its own.

    Raises InputError if it has a residual.
    """
    return for_curves(animation.with_tongue_as_shapes(), path)


def neck_joint(head: Head) -> np.ndarray:
    """(3,) metres: the point about which `Animation.vertices(posed=True)` turns the head."""
    return np.asarray(head.joints.get("neck", np.zeros(3)), np.float32)
