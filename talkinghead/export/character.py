"""Motion put into a character's own file: everything that was in it stays as it was, and one animation is added.

Nodes whose meshes have shapes get channels of weights; neck, head and, where no shape does it, eyes and jaw get rotations.
The rotations of the motion are about the axes of the world, with the face to the front: they are carried into the space of each
bone's parent and put before the rotation at rest. T frames; quaternions are x, y, z, w. Key t is at t / fps.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.character import bones
from talkinghead.head.character.character import JAW_OPEN, Character
from talkinghead.head.head import Head
from talkinghead.io.gltf import Gltf
from talkinghead.motion.animation import Animation

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

NECK = 0.5  # of the head's turn, where there is a neck; the rest is the head's


def write(animation: Animation, character: Character, path: Path) -> None:
    """Write the character's file with `animation` added, as the path's suffix says.

    Raises InputError for a residual, which is of one mesh, and for a `.vrm` of what is none.
    """
    check_character(animation.head, path)
    if animation.residual is not None:
        raise InputError(f"{path}: this motion has a residual, which {path.suffix} cannot hold; write .npz or .obj")
    gltf = character.gltf.packed()
    frames = np.arange(len(animation) + 1)
    held = np.minimum(frames, len(animation) - 1)  # it ends with the sound
    time = gltf.add_accessor(frames / animation.fps, limits=True)
    added: dict[str, Any] = {"name": _free_name(gltf), "samplers": [], "channels": []}
    stored: dict[bytes, int] = {}

    def channel(node: int, path: str, values: np.ndarray) -> None:
        key = np.ascontiguousarray(values, "<f4").tobytes()
        if key not in stored:
            added["samplers"].append({"input": time, "output": gltf.add_accessor(values), "interpolation": "LINEAR"})
            stored[key] = len(added["samplers"]) - 1
        added["channels"].append({"sampler": stored[key], "target": {"node": node, "path": path}})

    for carrier in character.carriers:
        moved = animation.coefficients[:, list(carrier.columns)]
        if moved.any():
            channel(carrier.node, "weights", (carrier.rest + moved)[held].reshape(-1))
    for node, turns in bone_turns(animation, character).items():
        _as_parts(gltf, node)
        channel(node, "rotation", turns[held])
    if not added["channels"] and character.carriers:
        channel(character.carriers[0].node, "weights", np.tile(character.carriers[0].rest, len(held)))
    if not added["channels"]:  # a mouth that keeps shut, of a jaw bone
        still = np.zeros((len(animation), 3))
        channel(character.bones["jaw"], "rotation", _turned(character, character.bones["jaw"], _turns(still))[held])
    added["extras"] = {"talkinghead": character.report()}
    gltf.json.setdefault("animations", []).append(added)
    gltf.write(path)


def check_character(head: Head | None, path: Path) -> None:
    """Raise InputError for a `.vrm` of a head that is no character of a VRM."""
    character = head.character if head is not None else None
    extensions = None if character is None else character.gltf.json.get("extensions")
    if path.suffix.lower() == ".vrm" and not (isinstance(extensions, dict) and {"VRM", "VRMC_vrm"} & extensions.keys()):
        raise InputError(
            f"{path}: only a character of a .vrm file is written as one; write .glb, or .vrma for any VRM character"
        )


def bone_shares(character: Character) -> dict[str, float]:
    """Which bones the motion turns, by name, and by how much of the head's turn, or for the jaw by how many rad at weight 1."""
    turning = character.turning
    neck = NECK if {"neck", "head"} <= turning.keys() else 0.0
    shares = {"neck": neck, "head": 1 - neck, "left_eye": 1.0, "right_eye": 1.0}
    shares = {name: share for name, share in shares.items() if share and name in turning}
    return shares | ({"jaw": JAW_OPEN} if character.jaw is not None else {})


def bone_turns(animation: Animation, character: Character) -> dict[int, np.ndarray]:
    """node -> (T, 4) its rotation in each frame, for the bones that the motion turns."""
    from scipy.spatial.transform import Rotation

    turning, out = character.turning, {}
    if animation.rotation is not None and "head" in turning:
        whole = animation.rotation
        if "neck" in turning:
            out[turning["neck"]] = _turned(character, turning["neck"], _turns(NECK * whole))
            whole = (1 - NECK) * whole
        out[turning["head"]] = _turned(character, turning["head"], _turns(whole))
    if character.jaw is not None:
        drop = animation.coefficients[:, character.names.index(character.jaw), None] * [JAW_OPEN, 0, 0]
        if drop.any():
            out[turning["jaw"]] = _turned(character, turning["jaw"], _turns(drop))
    if animation.gaze is not None:
        for eye, bone in enumerate(("left_eye", "right_eye")):
            if bone in turning:
                yaw, pitch = animation.gaze[:, eye].T
                turns = Rotation.from_euler("YX", np.stack([yaw, -pitch], 1))
                out[turning[bone]] = _turned(character, turning[bone], turns)
    return out


def _turns(vectors: np.ndarray) -> Rotation:
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(vectors)


def _turned(character: Character, node: int, turns: Rotation) -> np.ndarray:
    """(T, 4) of a bone: (T) turns about the axes of the face, in the space of the bone's parent, before its rest."""
    from scipy.spatial.transform import Rotation

    frame, rest = (Rotation.from_quat(turn) for turn in bone_rest(character, node))
    quaternions = (frame.inv() * turns * frame * rest).as_quat()
    flips = np.cumprod(np.where((quaternions[1:] * quaternions[:-1]).sum(1) < 0, -1.0, 1.0))
    quaternions[1:] *= flips[:, None]  # each on the side of the one before, so that blending takes the short way
    return quaternions


def bone_rest(character: Character, node: int) -> tuple[np.ndarray, np.ndarray]:
    """(4,) of a bone's parent, seen from the face, and (4,) of the bone in it, both at rest."""
    from scipy.spatial.transform import Rotation

    gltf = character.gltf
    parent = bones.parents(gltf)[node]
    above = bones.worlds(gltf)[parent] if parent >= 0 else np.eye(4)
    frame = Rotation.from_matrix(character.turn @ bones.rotation_of(above))
    return frame.as_quat(), Rotation.from_matrix(bones.rotation_of(bones.local(gltf, node))).as_quat()


def _as_parts(gltf: Gltf, node: int) -> None:
    """A node with a matrix gets translation, rotation and scale in its place, as nodes that are animated must have."""
    from scipy.spatial.transform import Rotation

    content = gltf.json["nodes"][node]
    if "matrix" not in content:
        return
    matrix = bones.local(gltf, node)
    del content["matrix"]
    turn = bones.rotation_of(matrix)
    content["translation"] = matrix[:3, 3].tolist()
    content["rotation"] = Rotation.from_matrix(turn).as_quat().tolist()
    content["scale"] = np.diag(turn.T @ matrix[:3, :3]).tolist()


def _free_name(gltf: Gltf) -> str:
    taken = {animation.get("name") for animation in gltf.items("animations")}
    return next(name for n in range(1, len(taken) + 2) if (name := "speech" if n == 1 else f"speech {n}") not in taken)
