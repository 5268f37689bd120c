"""The 52 ARKit units on the head's pieces, with correctives for the faults of MakeHuman's shapes."""

from __future__ import annotations

import numpy as np
from head_mesh import Piece, Skin
from head_source import MakeHuman
from scipy import sparse

from talkinghead.head.lip_seal import SealGeometry
from talkinghead.motion.easing import smoothstep

# Units in which the lips stay shut, with what they are used together with. Their source shapes part or cross the lips.
SHUT = {
    **{name: {} for name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight", "mouthPucker", "mouthRollLower")},
    **{name: {} for name in ("mouthRollUpper", "mouthShrugLower", "cheekPuff")},
    "mouthClose": {"jawOpen": 1.0},
}
SHUT_BOTH_SIDES = ("mouthPress", "mouthDimple", "mouthFrown", "mouthSmile", "mouthStretch")
SOFTEN = {"mouthSmileLeft": 10, "mouthSmileRight": 10, "cheekPuff": 3, "noseSneerLeft": 6, "noseSneerRight": 6}  # rounds


def units(source: MakeHuman, body: np.ndarray, pieces: list[Piece], skin: Skin, lips: SealGeometry) -> dict[str, np.ndarray]:
    """Name -> (V, 3) decimetres at weight 1 on all pieces, skin first."""
    skins = {name: skin.piece.follow(body, source.unit(name), turns=True) for name in source.units}
    for name, rounds in SOFTEN.items():
        skins[name] = _soften(skin, lips, skins[name], rounds)
    _shut(skins, lips)
    out = {}
    for name in source.units:
        change = source.unit(name)
        others = [p.follow(body, change, turns=True) for p in pieces[1:]]
        for piece, shift in zip(pieces[1:], others, strict=True):
            if piece.part in ("teeth", "gums") and abs(shift).max() < 0.005:
                shift[:] = 0  # strays of the source
            if piece.part == "tongue" and name == "tongueOut":
                shift += _over_the_lip(piece.place(body), shift, lips)
        out[name] = np.concatenate([skins[name], *others])
    return out


def _shut(skins: dict[str, np.ndarray], lips: SealGeometry) -> None:
    for name, company in SHUT.items():
        pose = lips.points + skins[name] + sum(w * skins[n] for n, w in company.items())
        skins[name] = skins[name] + lips.correction(pose)
    left = smoothstep(lips.points[:, 0] / 0.10 + 0.5)[:, None]
    for name in SHUT_BOTH_SIDES:  # shut alone and together
        for side in ("Left", "Right"):
            skins[name + side] = skins[name + side] + lips.correction(lips.points + skins[name + side])
        change = lips.correction(lips.points + skins[f"{name}Left"] + skins[f"{name}Right"])
        skins[f"{name}Left"] = skins[f"{name}Left"] + left * change
        skins[f"{name}Right"] = skins[f"{name}Right"] + (1 - left) * change


def _soften(skin: Skin, lips: SealGeometry, shift: np.ndarray, rounds: int) -> np.ndarray:
    """Displacement smoothed over the cheeks, where MakeHuman's leaves scratch-like creases; the lips keep theirs."""
    faces, count = skin.piece.faces, len(shift)
    a, b = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    graph = sparse.coo_matrix((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), shape=(count, count)).tocsr()
    graph.data[:] = 1
    mean = sparse.diags(1 / graph.sum(1).A1) @ graph
    points = lips.points
    away = np.linalg.norm((points - [0, 6.73, 1.42]) / [1.35, 1, 1.5], axis=1)
    share = np.clip((away - 0.19) / 0.10, 0, 1) * np.clip((7.25 - points[:, 1]) / 0.1, 0, 1) * (points[:, 2] > 0.3)
    for _ in range(rounds):
        shift = shift + 0.6 * share[:, None] * (mean @ shift - shift)
    return shift


def tongue_rest(points: np.ndarray) -> np.ndarray:
    """(v, 3) offset that lays the tongue back and down between the lower teeth."""
    middle = np.array([0, points[:, 1].min(), points[:, 2].min()])
    return (points - middle) * [-0.20, -0.10, -0.06] + [0, -0.07, -0.06]


def _over_the_lip(rest: np.ndarray, shift: np.ndarray, lips: SealGeometry) -> np.ndarray:
    """(v, 3) to add to tongueOut: further out, narrower, and over the lower teeth and lip instead of through them."""
    pose = rest + shift
    ahead = smoothstep((pose[:, 2] - 1.0) / 0.30)
    out = pose[:, 2] + 0.17 * ahead
    ridge = lips.points[lips.lower_ring, 1].max() + 0.006
    crossing = (out > 1.36) & (out < 1.50)
    lift = max(0.0, float((ridge - pose[crossing, 1]).max()))
    droop = np.clip((out - 1.47) / 0.1, 0, 1) ** 2 * 0.05
    return np.stack([-pose[:, 0] * 0.10 * ahead, lift * ahead - droop, 0.17 * ahead], 1)
