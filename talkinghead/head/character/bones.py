"""The nodes of a glTF file in the rest pose, and which of them are bones of the head. N nodes; matrices are column vectors'."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np

from talkinghead.errors import InputError
from talkinghead.io.gltf import Gltf

PREFIX = re.compile(
    r"^(mixamorig\d*|jbipc|jadj|ccbase|facialc|bip\d*c?|def|org|valvebipedbip\d*|character\d*|armature|rig|bone)(?=[a-z])"
)
NAMES = {
    "head": {"head", "頭", "headbone", "head1", "headj", "headjnt", "bhead"},
    "neck": {"neck", "首", "neck1", "neck01", "necktwist01", "neckbone", "bneck", "necklower"},
    "jaw": {
        *(
            "jaw",
            "jawroot",
            "jawbone",
            "jawmaster",
            "jaw1",
            "jaw01",
            "jawj",
            "jawjnt",
            "jawend",
            "headjaw",
            "facejaw",
            "lowerjaw",
        ),
        *("cjaw", "mjaw", "bjaw", "cjawbonex", "jawlower", "mandible", "顎", "あご", "下顎"),
    },
    "left_eye": {"lefteye", "eyeleft", "eyel", "leye", "lfaceeye", "左目", "lefteyebone", "eyeballl", "lefteyeball"},
    "right_eye": {"righteye", "eyeright", "eyer", "reye", "rfaceeye", "右目", "righteyebone", "eyeballr", "righteyeball"},
    "left_arm": {"leftshoulder", "shoulderl", "lshoulder", "leftarm", "upperarml", "lclavicle", "claviclel", "左肩", "左腕"},
    "right_arm": {
        "rightshoulder",
        "shoulderr",
        "rshoulder",
        "rightarm",
        "upperarmr",
        "rclavicle",
        "clavicler",
        "右肩",
        "右腕",
    },
}
VRM_NAMES = {"head": "head", "neck": "neck", "jaw": "jaw", "left_eye": "leftEye", "right_eye": "rightEye"}


def parents(gltf: Gltf) -> list[int]:
    """(N,) the parent of each node, -1 for roots. Raises InputError for a node with two parents or in a circle."""
    nodes = gltf.items("nodes")
    above = [-1] * len(nodes)
    for index, node in enumerate(nodes):
        for child in _list(node.get("children")):
            if not isinstance(child, int) or not 0 <= child < len(nodes) or above[child] >= 0:
                raise InputError(f"{gltf.path}: its nodes are no tree (at node {index}); the file is damaged")
            above[child] = index
    reached = [index for index, parent in enumerate(above) if parent < 0]
    for index in reached:
        reached += _list(nodes[index].get("children"))
    if len(reached) != len(nodes):
        raise InputError(f"{gltf.path}: its nodes go in a circle; the file is damaged")
    return above


def local(gltf: Gltf, index: int) -> np.ndarray:
    """(4, 4) of a node in its parent at rest."""
    node = gltf.items("nodes")[index]
    if "matrix" in node:
        return _numbers(gltf, node["matrix"], 16, index).reshape(4, 4).T
    out = np.eye(4)
    x, y, z, w = _numbers(gltf, node.get("rotation", [0, 0, 0, 1]), 4, index)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    out[:3, :3] = turn * _numbers(gltf, node.get("scale", [1, 1, 1]), 3, index)
    out[:3, 3] = _numbers(gltf, node.get("translation", [0, 0, 0]), 3, index)
    return out


def rotation_of(matrix: np.ndarray) -> np.ndarray:
    """(3, 3) the rotation in a (4, 4) matrix, without its scale."""
    left, _, right = np.linalg.svd(matrix[:3, :3])
    turn = left @ right
    return turn if np.linalg.det(turn) > 0 else left @ np.diag([1.0, 1.0, -1.0]) @ right


def worlds(gltf: Gltf) -> np.ndarray:
    """(N, 4, 4) of all nodes at rest."""
    above, locals_ = parents(gltf), [local(gltf, index) for index in range(len(gltf.items("nodes")))]
    out: list[np.ndarray | None] = [None] * len(above)
    for index in range(len(above)):
        chain = [index]
        while above[chain[-1]] >= 0 and out[chain[-1]] is None:
            chain.append(above[chain[-1]])
        for node in reversed(chain):
            if out[node] is None:
                up = None if above[node] < 0 else out[above[node]]
                out[node] = locals_[node] if up is None else up @ locals_[node]
    return np.array(out).reshape(-1, 4, 4)


def find_bones(gltf: Gltf) -> dict[str, int]:
    """NAMES -> node, those that are there: as a VRM says, else by their names among joints, else among nodes without mesh."""
    nodes, skins = gltf.items("nodes"), gltf.items("skins")
    joints = {j for skin in skins for j in _list(skin.get("joints")) if isinstance(j, int) and 0 <= j < len(nodes)}
    free = [i for i, node in enumerate(nodes) if "mesh" not in node and i not in joints]
    found: dict[str, int] = {}
    for index in (*sorted(joints), *free):
        plain = plain_name(nodes[index].get("name"))
        for bone, words in NAMES.items():
            if plain in words or PREFIX.sub("", plain) in words:
                found.setdefault(bone, index)
    found |= {bone: index for bone, index in _of_vrm(gltf).items() if 0 <= index < len(nodes)}
    above = parents(gltf)
    if "head" in found:  # what is not on the way to the head does not carry it
        chain, eyes = _chain(above, found["head"]), ("left_eye", "right_eye")
        if found.get("neck", -1) not in chain[1:]:
            found.pop("neck", None)
        if any(found["head"] not in _chain(above, found[eye]) for eye in eyes if eye in found):
            found = {bone: index for bone, index in found.items() if bone not in eyes}
        if "jaw" in found and found["head"] not in _chain(above, found["jaw"])[1:]:
            del found["jaw"]
    elif "neck" in found:  # of a head alone, as this package writes it, the neck carries all
        neck = found.pop("neck")
        if any("mesh" in nodes[node] for node in below(gltf, neck)):
            found["head"] = neck
    return found


def below(gltf: Gltf, index: int) -> set[int]:
    """A node and all nodes below it."""
    parents(gltf)
    nodes, found = gltf.items("nodes"), [index]
    for node in found:
        found += _list(nodes[node].get("children"))
    return set(found)


def plain_name(name: Any) -> str:
    """The name of a bone without prefix of a program, case and signs."""
    text = unicodedata.normalize("NFKC", str(name)).split(":")[-1].split("|")[-1].lower()
    return re.sub(r"[\W_]", "", text)


def facing(worlds: np.ndarray, bones: dict[str, int], *, backwards: bool) -> np.ndarray:
    """(3, 3) rotation about y from the world to a face that looks to +z, by the sides on which its eyes or arms are.

    backwards: what holds where there are neither, as for VRM 0, whose characters look to -z.
    """
    for left, right in (("left_eye", "right_eye"), ("left_arm", "right_arm")):
        if left in bones and right in bones:
            x, _, z = worlds[bones[left], :3, 3] - worlds[bones[right], :3, 3]
            if (length := float(np.hypot(x, z))) > 1e-6:
                x, z = x / length, z / length
                return np.array([[x, 0, z], [0, 1, 0], [-z, 0, x]])
    return np.diag([-1.0, 1.0, -1.0]) if backwards else np.eye(3)


def _of_vrm(gltf: Gltf) -> dict[str, int]:
    extensions = gltf.json.get("extensions")
    extensions = extensions if isinstance(extensions, dict) else {}
    out: dict[str, Any] = {}
    for name in ("VRM", "VRMC_vrm"):
        vrm = extensions.get(name)
        humanoid = vrm.get("humanoid") if isinstance(vrm, dict) else None
        bones = humanoid.get("humanBones") if isinstance(humanoid, dict) else None
        if isinstance(bones, list):
            bones = {bone.get("bone"): bone for bone in bones if isinstance(bone, dict)}
        for ours, theirs in VRM_NAMES.items():
            if isinstance(bones, dict) and isinstance(bone := bones.get(theirs), dict):
                out[ours] = bone.get("node")
    return {bone: node for bone, node in out.items() if isinstance(node, int)}


def _chain(above: list[int], index: int) -> list[int]:
    out = [index]
    while above[out[-1]] >= 0:
        out.append(above[out[-1]])
    return out


def _list(value: Any) -> list:
    return value if isinstance(value, list) else []


def _numbers(gltf: Gltf, values: Any, count: int, index: int) -> np.ndarray:
    try:
        out = np.array(values, np.float64)
    except (TypeError, ValueError):
        out = np.zeros(0)
    if out.shape != (count,) or not np.isfinite(out).all():
        raise InputError(f"{gltf.path}: the transform of node {index} is not {count} numbers")
    return out
