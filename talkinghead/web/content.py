"""What a page shows: the head as the renderers draw it and its motion, or a character's own file with the motion in it.

V vertices of the head, U drawn ones, K shapes, T frames. `static/face.js` does what `Animation.vertices` and `Scene.frame` do.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.landmark_maps import has_lip_gap
from talkinghead.head.landmarks import INNER_LIPS
from talkinghead.head.looks.creases import DEEPEST
from talkinghead.html import data_uri
from talkinghead.motion.animation import UP, eyeball
from talkinghead.motion.tongue import tongue_bend
from talkinghead.rendering.camera import bounds, place_camera
from talkinghead.web.pack import Pack

if TYPE_CHECKING:
    from talkinghead.head.character.character import Character
    from talkinghead.head.head import Head
    from talkinghead.motion.animation import Animation
    from talkinghead.rendering.scene.scene import Scene

# Steps, as shares of the head's height or as they are: a hundredth of a millimetre for what shapes move is not seen.
PLACE, SHIFT, WEIGHT, ANGLE, SHARE, UV, STRENGTH = 1e-5, 4e-5, 1e-4, 1e-5, 1 / 255, 1 / 16384, 0.01
CAMERAS = ("front", "three-quarter", "side")
FAR = 10_000  # a picture so wide, or so high, that only one of its sides decides where the camera stands
UNREAD = ("KHR_draco_mesh_compression", "KHR_texture_basisu")  # extensions of characters that the page has no decoder for


def pack(animation: Animation) -> tuple[Pack, bytes | None]:
    """The arrays of a page, and the GLB of a character that it shows in place of a mesh of its own.

    Raises InputError for a residual, and for a head without a mesh.
    """
    if animation.residual is not None:
        raise InputError("this motion has a residual, which a page cannot hold; write .npz, .pc2 or .obj")
    head = animation.head
    head.need_mesh()
    out = Pack(
        names=list(head.names),
        fps=float(animation.fps),
        frames=len(animation),
        cameras=_cameras(head),
    )
    out.add("coefficients", animation.coefficients, WEIGHT)
    if (file := _character(animation)) is not None:
        if head.character is not None:
            out.about |= _posing(head.character)
        return out, file
    _add_motion(out, animation)
    _add_head(out, animation)
    return out, None


def _posing(character: Character) -> dict[str, Any]:
    """How a page puts a frame on a character, as `export.character` does."""
    from talkinghead.export.character import bone_rest, bone_shares

    posed = []
    for name, share in bone_shares(character).items():
        frame, rest = bone_rest(character, character.turning[name])
        about = {"name": name, "node": character.turning[name], "share": share, "frame": frame.tolist(), "rest": rest.tolist()}
        posed.append(about | ({"column": len(character.names) - 1} if name == "jaw" else {}))
    carriers = [{"node": c.node, "columns": list(c.columns), "rest": c.rest.tolist()} for c in character.carriers]
    return {"turn": character.turn.tolist(), "bones": posed, "carriers": carriers}


def _cameras(head: Head) -> dict[str, Any]:
    """centre and reach in metres; view, the vertical angle of view in rad; of each camera the unit vector towards it and its
    distance, by height and by width."""
    low, high = bounds(head)
    centre = (low + high) / 2
    places, view = {}, 0.0
    for name in CAMERAS:
        flat, tall = (place_camera(head, name, *size) for size in ((FAR, 1), (1, FAR)))
        away = [float(np.linalg.norm(camera.eye - centre)) for camera in (flat, tall)]
        places[name] = {"towards": ((flat.eye - centre) / away[0]).tolist(), "high": away[0], "wide": away[1] / FAR}
        view = 2 * float(np.arctan(1 / flat.projection[1, 1]))
    return {"centre": centre.tolist(), "reach": float(np.linalg.norm(high - low)), "view": view, "places": places}


def _character(animation: Animation) -> bytes | None:
    """The character's file with the motion; None for heads of this package, and files that need a decoder."""
    from talkinghead.export import character

    mine = animation.head.character
    if mine is None or set(mine.gltf.json.get("extensionsUsed") or []) & set(UNREAD):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "character.glb"
        character.write(animation, mine, path)
        return path.read_bytes()


def _add_motion(out: Pack, animation: Animation) -> None:
    tall = float(np.ptp(animation.head.template[:, 1]))
    for name, step in (("rotation", ANGLE), ("translation", PLACE * tall), ("gaze", ANGLE)):
        if (values := getattr(animation, name)) is not None:
            out.add(name, values, step)
    if animation.tongue is not None and tongue_bend(animation.head) is not None:
        out.add("tongue", animation.tongue / tall, PLACE)


def _add_head(out: Pack, animation: Animation) -> None:
    from talkinghead.rendering.scene.scene import Scene

    head, scene = animation.head, Scene(animation.head)
    tall = float(np.ptp(head.template[:, 1]))
    out.about["tall"] = tall
    out.add("template", scene.head.template, PLACE * tall)
    out.add("faces", scene.head.faces)
    out.about["posed"] = len(scene.head.template) - sum(len(item.vertices) for item in head.garments if item.still)
    shapes = list(head.basis)
    if (bend := tongue_bend(head)) is not None and animation.tongue is not None:
        shapes += [column[:, None] * UP * tall for column in bend.T]  # raised by as much as `tongue` says of the head's height
    rows = [np.flatnonzero(np.abs(shape).max(1) > SHIFT * tall / 2) for shape in shapes]
    out.add("moved", np.concatenate([np.zeros(0, int), *rows]))
    out.add("shifts", np.concatenate([np.zeros((0, 3)), *(s[r] for s, r in zip(shapes, rows, strict=True))]), SHIFT * tall)
    out.about["counts"] = [len(r) for r in rows]
    out.about["neck"] = np.asarray(head.joints.get("neck", np.zeros(3)), float).tolist()
    lips = [head.landmarks[name] for name in INNER_LIPS] if has_lip_gap(head) else []
    out.about["lips"] = [[int(triangle), float(u), float(v)] for triangle, u, v in lips]
    out.about["eyes"] = []
    for joint in ("left_eye", "right_eye"):
        if animation.gaze is not None and (ball := eyeball(head, joint)) is not None:
            out.add(joint, np.flatnonzero(ball))
            out.about["eyes"].append(np.asarray(head.joints[joint], float).tolist())
    _add_scene(out, scene)


def _add_scene(out: Pack, scene: Scene) -> None:
    out.add("source", scene.source)
    out.add("edges", scene.finer.edges)
    out.add("triangles", scene.triangles)
    out.add("uv", scene.uv, UV)
    out.add("fade", scene.fade, SHARE)
    table, rows = np.unique(scene.vertex_material, axis=0, return_inverse=True)
    out.add("material", rows.reshape(-1))
    out.about["materials"] = table.astype(float).tolist()
    out.add("closed", scene.light.closed, SHARE)
    out.add("opened", scene.light.opened, SHARE)
    out.about["picture"], out.about["lines"] = (_picture(part) for part in (scene.texture[..., :3], scene.texture[..., 3]))
    if (creases := scene.creases) is not None:
        out.add("drivers", creases.drivers, STRENGTH)
        out.add("folds", creases.folds, SHARE)
        out.add("blood", creases.blood, SHARE)
        out.about["deepest"] = DEEPEST
    out.about["gap"] = [float(gap) for gap in scene.light.gap]


def _picture(texture: np.ndarray) -> str:
    """(H, W, 3) or (H, W) uint8 as WebP for `src`."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(texture).save(file, "webp", quality=85)
    return data_uri(file.getvalue(), "image/webp")
