"""`.vrma`: an animation for any VRM character: expressions, the turn of the head, and where it looks.

A glTF file without a mesh: a chain of bones from the hips to the head with its turn, half at the neck and half at the head,
a node for each expression, whose x is its weight, and a node that turns with the gaze. The presets of VRM 1.0 are vowels,
blinks and emotions (`motion.transfer.vrm_expressions`); ARKit's shapes are custom expressions of their names, for characters
that have them. Frame t is the key at t / fps.
Specification: https://github.com/vrm-c/vrm-specification/tree/master/specification/VRMC_vrm_animation-1.0
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkinghead.export.csv import eye_angles
from talkinghead.export.glb import Buffer, container, quaternions
from talkinghead.export.mesh import for_curves
from talkinghead.files import replacing
from talkinghead.head.blendshapes import ARKIT
from talkinghead.motion.animation import Animation
from talkinghead.motion.transfer.retarget import to_arkit
from talkinghead.motion.transfer.vrm_expressions import EXPRESSIONS, vrm_expressions
from talkinghead.version import __version__

EXTENSION = "VRMC_vrm_animation"
BONES = {"hips": 0.9, "spine": 0.15, "chest": 0.2, "neck": 0.25, "head": 0.1}  # metres above the one before
EYES = (0.0, 0.06, 0.0)  # metres from the head's bone to the middle of the eyes


def write(animation: Animation, path: Path) -> None:
    """Write the animation. Raises InputError if the motion has a residual."""
    animation = for_curves(animation, path)
    buffer, count = Buffer(), len(animation)
    held = np.minimum(np.arange(count + 1), count - 1)
    time = buffer.accessor((np.arange(count + 1) / animation.fps).astype("<f4"), limits=True)
    nodes: list[dict] = [
        {"name": name, "translation": [0.0, rise, 0.0], "children": [i]} for i, (name, rise) in enumerate(BONES.items(), 1)
    ]
    del nodes[-1]["children"]
    samplers, channels = [], []

    def channel(node: int, kind: str, values: np.ndarray) -> None:
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": kind}})
        output = buffer.accessor(np.ascontiguousarray(values[held], "<f4"))
        samplers.append({"input": time, "output": output, "interpolation": "LINEAR"})

    turns = np.zeros((count, 3)) if animation.rotation is None else animation.rotation
    for bone in ("neck", "head"):
        channel(list(BONES).index(bone), "rotation", quaternions(turns / 2))
    expressions: dict[str, dict] = {"preset": {}, "custom": {}}
    for kind, name, weights in _expressions(animation):
        expressions[kind][name] = {"node": len(nodes)}
        channel(len(nodes), "translation", np.stack([weights, 0 * weights, 0 * weights], 1))
        nodes.append({"name": name})
    channel(len(nodes), "rotation", _gaze(animation))
    look = {"node": len(nodes), "offsetFromHeadBone": list(EYES)}
    nodes.append({"name": "lookAt"})
    about = {
        "lookAt": look,
        "specVersion": "1.0",
        "humanoid": {"humanBones": {bone: {"node": i} for i, bone in enumerate(BONES)}},
    }
    gltf = {
        "asset": {"version": "2.0", "generator": f"talkinghead {__version__}"},
        "extensionsUsed": [EXTENSION],
        "extensions": {
            EXTENSION: about | {"lookAt": look, "expressions": {kind: found for kind, found in expressions.items() if found}}
        },
        "scene": 0,
        "scenes": [{"nodes": [0, *range(len(BONES), len(nodes))]}],
        "nodes": nodes,
        "animations": [{"name": "speech", "samplers": samplers, "channels": channels}],
        "bufferViews": buffer.views,
        "accessors": buffer.accessors,
        "buffers": [{"byteLength": buffer.size}],
    }
    with replacing(path) as fresh, fresh.open("wb") as file:
        file.writelines(container(gltf, buffer))


def _expressions(animation: Animation) -> list[tuple[str, str, np.ndarray]]:
    """(preset or custom, name, (T,) weights in [0, 1]) of each expression."""
    names, weights = animation.head.names, np.clip(animation.coefficients, 0, 1)
    known = to_arkit(animation.coefficients, animation.head)
    presets = np.zeros((len(EXPRESSIONS), len(animation))) if known is None else vrm_expressions(known).T
    out = [("preset", name, row) for name, row in zip(EXPRESSIONS, presets, strict=True)]
    return out + [("custom", name, weights[:, i]) for i, name in enumerate(names) if name in ARKIT]


def _gaze(animation: Animation) -> np.ndarray:
    """(T, 4) quaternions by which z becomes the mean direction of both eyes, relative to the head."""
    from scipy.spatial.transform import Rotation

    left_yaw, left_pitch, _, right_yaw, right_pitch, _ = eye_angles(animation).T
    yaw, pitch = -(left_yaw + right_yaw) / 2, (left_pitch + right_pitch) / 2
    return quaternions(Rotation.from_euler("YX", np.stack([yaw, pitch], 1)).as_rotvec())
