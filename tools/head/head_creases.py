"""Creases that expressions draw into the skin, and where blood comes and goes: `talkinghead.head.looks.creases` shows them.

A crease lies in the picture of lines wherever a muscle may draw one; masks over the vertices say which muscle draws it.
"""

from __future__ import annotations

import numpy as np
from head_layers import Line, arc, beside, folded

from talkinghead.head.head import Head
from talkinghead.motion.easing import smoothstep


def lines(head: Head) -> list[Line]:
    """Creases of the left half of the face, of all muscles."""

    def mark(name: str) -> np.ndarray:
        return head.landmark(name)[:2].astype(float)

    outer, lower, inner = mark("eye_left_outer"), mark("eye_left_lower"), mark("eye_left_inner")
    corner, brow, tip, bridge = mark("lip_corner_left"), mark("brow_left_middle"), mark("nose_tip"), mark("nose_bridge")
    out = []
    for k, (rise, depth) in enumerate(((0.0135, 0.8), (0.0215, 1.1), (0.030, 1.1), (0.0385, 0.9), (0.047, 0.6))):  # forehead
        y = brow[1] + rise
        out.append((arc((0, y - 0.003), (0.018, y + 0.0007 * (-1) ** k), (0.036, y + 0.001), (0.052, y - 0.004)), depth, 1.15))
    for x, height, depth in ((0.0058, 0.012, 1.3), (0.0108, 0.007, 0.7)):  # between the brows
        out.append((arc((x, brow[1] - 0.011), (x + 0.0007, brow[1] - 0.002), (x - 0.0006, brow[1] + height)), depth, 1.2))
    out.append((arc((0, bridge[1] - 0.001), (0.005, bridge[1] - 0.0004), (0.0095, bridge[1] + 0.002)), 0.9, 1.1))  # under them
    for angle, reach in ((34, 0.012), (15, 0.015), (-4, 0.016), (-22, 0.016), (-40, 0.013)):  # crow's feet
        way = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        start = outer + np.array([0.0045, 0.0]) + 0.002 * way
        out.append((arc(tuple(start), tuple(start + way * reach / 2 + [0, 0.0007]), tuple(start + way * reach)), 0.9, 0.8))
    out.append((arc(beside(inner, 0.003, -0.0075), beside(lower, 0.0, -0.0085), beside(outer, -0.001, -0.007)), 1.0, 1.2))
    out.append((arc(beside(inner, 0.006, -0.0125), beside(lower, 0.001, -0.0140), beside(outer, -0.001, -0.0125)), 0.6, 1.3))
    for k, y in enumerate((0.024, 0.0175, 0.0110)):  # over the nose, up and inwards
        out.append((arc((0.0035, y + 0.0025), (0.0078, y), (0.0118 + 0.001 * k, y - 0.0045)), 0.5, 1.25))
    fold = arc(
        (0.0150, tip[1] + 0.0085),
        (0.0212, tip[1] - 0.004),
        (corner[0] + 0.0040, corner[1] + 0.013),
        (corner[0] + 0.0085, corner[1] + 0.000),
    )
    out.append((fold, 0.75, 1.45))
    out.append((arc(beside(corner, 0.003, -0.004), beside(corner, 0.006, -0.012), beside(corner, 0.0065, -0.022)), 0.5, 1.4))
    out.append((arc((0, corner[1] - 0.0165), (0.008, corner[1] - 0.0165), (0.015, corner[1] - 0.021)), 0.9, 1.7))  # chin
    return out


def creases(head: Head, place: np.ndarray, noise) -> np.ndarray:
    """(n,) signed, see `head_layers.folded`, of texels at `place` (n, 3) metres."""
    chin = smoothstep((head.landmark("lip_lower_outer")[1] - 0.004 - place[:, 1]) / 0.006) * (abs(place[:, 0]) < 0.022)
    pebbles = 0.35 * noise(place * 330, 91) * chin * (place[:, 2] > 0.10)
    return np.clip(folded(lines(head), place, noise) + pebbles, -1.5, 1)


def masks(head: Head) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Muscle group -> (V,) in [0, 1] how far it draws the creases there, (V,) in [-1, 1] how much blood it brings.

    Groups of one side are for the left and end in `_left`; their mirror images end in `_right`.
    """
    x, y, z = head.template.T.astype(float)
    skin = np.zeros(len(x), bool)
    skin[head.faces[slice(*next(part.faces for part in head.parts if part.name == "skin"))]] = True
    ahead = skin * smoothstep((z - 0.055) / 0.03)
    lips = head.regions["lips"] * skin

    def band(value: np.ndarray, low: float, high: float, soft: float) -> np.ndarray:
        return smoothstep((value - low) / soft + 0.5) * smoothstep((high - value) / soft + 0.5)

    def spot(px: float, py: float, width: float, height: float) -> np.ndarray:
        return ahead * np.exp(-(((x - px) / width) ** 2) - ((y - py) / height) ** 2)

    brow, outer, lower = (head.landmark(n)[:2] for n in ("brow_left_middle", "eye_left_outer", "eye_left_lower"))
    tip, corner, bridge = (head.landmark(n)[:2] for n in ("nose_tip", "lip_corner_left", "nose_bridge"))
    side = smoothstep(x / 0.006 + 0.5)
    high = ahead * smoothstep((y - brow[1] - 0.0075) / 0.006)
    middle = np.exp(-((x / 0.021) ** 4))
    nothing = np.zeros(len(x))
    crow = spot(outer[0] + 0.012, outer[1] - 0.002, 0.013, 0.014) * 1.25
    under = ahead * band(y, lower[1] - 0.019, lower[1] - 0.0035, 0.006) * band(x, 0.016, outer[0] + 0.004, 0.006)
    nose = ahead * band(abs(x), -1, 0.0165, 0.005) * band(y, tip[1] + 0.008, bridge[1] - 0.004, 0.008) * side
    fold = ahead * band(x, 0.0105, 0.037, 0.006) * band(y, corner[1] - 0.010, tip[1] + 0.010, 0.010) * (1 - lips)
    below = ahead * band(x, 0.017, 0.036, 0.006) * band(y, corner[1] - 0.030, corner[1] - 0.004, 0.006) * (1 - lips)
    chin = ahead * smoothstep((corner[1] - 0.0125 - y) / 0.005) * band(abs(x), -1, 0.020, 0.010) * (1 - lips)
    left = {
        "raise": (high * (1 - middle) * side, -0.25 * high * (1 - middle) * side),
        "squint": (np.maximum(crow, 0.8 * under), nothing),
        "sneer": (nose, 0.5 * nose),
        "fold": (fold, nothing),
        "glow": (nothing, spot(0.041, tip[1] + 0.006, 0.019, 0.015)),
        "corner": (below, nothing),
    }
    between = ahead * np.exp(-((x / 0.0155) ** 4)) * band(y, bridge[1] - 0.005, brow[1] + 0.017, 0.008)
    out = {
        "raise": (high * middle, -0.25 * high * middle),
        "frown": (between, 0.45 * between),
        "chin": (chin, nothing),
        "press": (nothing, -lips),
    }
    mirror = _mirror(head.template)
    for name, pair in left.items():
        out[f"{name}_left"], out[f"{name}_right"] = pair, (pair[0][mirror], pair[1][mirror])
    return out


def _mirror(points: np.ndarray) -> np.ndarray:
    """(V,) the vertex nearest to where each lies in a mirror."""
    from scipy.spatial import KDTree

    _, nearest = KDTree(points).query(points * [-1, 1, 1])
    return np.asarray(nearest)


def arrays(head: Head) -> dict[str, np.ndarray]:
    """`masks` as they are stored: groups (J,), folds (J, V) uint8 and blood (J, V) int8."""
    found = masks(head)
    folds, blood = (np.stack([pair[k] for pair in found.values()]) for k in (0, 1))
    return {
        "groups": np.array(list(found)),
        "folds": np.round(np.clip(folds, 0, 1) * 255).astype(np.uint8),
        "blood": np.round(np.clip(blood, -1, 1) * 127).astype(np.int8),
    }
