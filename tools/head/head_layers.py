"""What differs from person to person in the skin's picture, as grey pictures that `talkinghead.head.looks.skin` blends.

scalp: 128 at the hairline, 6 more for each degree within. brow, beard: cover by hair. wrinkles: 128 smooth, darker in a fold.
spots: the brown spots of age. All have half the texture's side and lie in the head's axes in metres.
"""

from __future__ import annotations

import numpy as np
from head_scalp import MIDDLE, hairline
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from talkinghead.motion.easing import smoothstep

FOLD = 1.15e-3  # metres: half the width of a fold
REACH = 0.008  # metres from a fold's middle to where it is not seen any more
Line = tuple[np.ndarray, float, float]  # (n, 2) of the left half in front view; depth; width


def arc(*points: tuple[float, float]) -> np.ndarray:
    """(n, 2) a smooth line through (x, y)."""
    from scipy.interpolate import make_interp_spline

    nodes = np.array(points)
    t = np.linspace(0, 1, len(nodes))
    return make_interp_spline(t, nodes, k=min(3, len(nodes) - 1))(np.linspace(0, 1, 120))


def beside(mark: np.ndarray, x: float, y: float) -> tuple[float, float]:
    """A place so many metres from a mark."""
    return float(mark[0] + x), float(mark[1] + y)


def folds(head) -> list[Line]:
    """Those of age."""

    def mark(name: str) -> np.ndarray:
        return head.landmark(name)[:2].astype(float)

    outer, lower, inner = mark("eye_left_outer"), mark("eye_left_lower"), mark("eye_left_inner")
    corner, brow = mark("lip_corner_left"), mark("brow_left_middle")
    tip = mark("nose_tip")
    lines = []
    for k, rise in enumerate((0.017, 0.027, 0.037, 0.046)):
        y = brow[1] + rise
        lines.append((arc((0, y - 0.002), (0.018, y + 0.0006 * (-1) ** k), (0.036, y + 0.002), (0.050, y - 0.002)), 0.75, 1.0))
    for angle, reach in ((28, 0.012), (8, 0.014), (-12, 0.015), (-32, 0.014)):
        way = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        start = outer + np.array([0.0045, 0.0005]) + 0.002 * way
        lines.append(
            (arc(tuple(start), tuple(start + way * reach / 2 + np.array([0, 0.0006])), tuple(start + way * reach)), 0.8, 0.7)
        )
    fold = arc(
        (0.0165, tip[1] + 0.004),
        (0.0225, tip[1] - 0.010),
        (corner[0] + 0.0065, corner[1] + 0.006),
        (corner[0] + 0.0075, corner[1] - 0.006),
    )
    lines.append((fold, 1.25, 1.9))
    lines.append((arc(beside(corner, 0.0035, -0.004), beside(corner, 0.006, -0.013), beside(corner, 0.007, -0.023)), 0.9, 1.3))
    bag = arc(beside(inner, 0.002, -0.0065), beside(lower, 0.0, -0.0125), beside(outer, -0.001, -0.010))
    lines.append((bag, 0.9, 1.6))
    lines.append((arc(beside(inner, 0.001, -0.004), beside(lower, 0, -0.007), beside(outer, -0.002, -0.0055)), 0.6, 0.8))
    lines.append((arc((0.0062, brow[1] - 0.008), (0.0068, brow[1] + 0.002), (0.0058, brow[1] + 0.011)), 0.8, 0.9))
    lines.append((arc((0, corner[1] - 0.0165), (0.008, corner[1] - 0.0165), (0.014, corner[1] - 0.020)), 0.5, 1.4))
    for x in (0.003, 0.008, 0.0125):  # above and below the lips
        y = head.landmark("lip_upper_outer")[1]
        lines.append((arc((x, y + 0.0012), (x * 1.06, y + 0.007)), 0.5, 0.5))
    return lines


def folded(lines: list[Line], place: np.ndarray, noise) -> np.ndarray:
    """(n,) signed: below 0 in folds along lines as of `folds`, above beside them; level ones are lit from above, so that their
    upper side is dark."""
    flat = np.stack([abs(place[:, 0]), place[:, 1]], 1)
    total = np.zeros(len(place))
    ahead = np.flatnonzero(place[:, 2] > 0.07)
    here, side = place[ahead], np.where(place[ahead, 0] < 0, 7.0, 0.0)[:, None]  # both sides of a face differ
    wobble = np.stack([noise(here * 160 + side, 61), noise(here * 160 + side, 62)], 1) * 0.0008
    faint = np.clip(0.75 + 0.6 * noise(here * 55 + side, 65), 0.15, 1.1)  # no fold is as deep all along
    for line, depth, width in lines:
        offset = flat[ahead] + wobble
        away, where = np.full(len(ahead), np.inf), np.zeros(len(ahead), int)
        close = ((offset > line.min(0) - REACH) & (offset < line.max(0) + REACH)).all(1)
        away[close], where[close] = KDTree(line).query(offset[close], distance_upper_bound=REACH)
        hit = np.isfinite(away)
        along = np.gradient(line, axis=0)[where[hit]]
        up = np.stack([-along[:, 1], along[:, 0]], 1) * np.sign(along[:, :1] + 1e-12)
        up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-12)
        share = where[hit] / (len(line) - 1)
        taper = smoothstep(np.minimum(share, 1 - share) * 4 + (0.5 if line[0, 0] == 0 else 0.02))
        d = away[hit] / (FOLD * width)
        above = ((offset[hit] - line[where[hit]]) * up).sum(1) / (FOLD * width)
        even = -np.exp(-(d**2)) + 0.30 * np.exp(-((d - 2.2) ** 2) / 1.5)
        lit = -np.exp(-((above - 0.35) ** 2) / 0.8) + 0.55 * np.exp(-((above + 1.5) ** 2) / 1.4)
        level = abs(up[:, 1]) ** 2
        total[ahead[hit]] += depth * taper * faint[hit] * (level * lit + (1 - level) * even)
    return total


def wrinkles(head, place: np.ndarray, noise) -> np.ndarray:
    """(n,) what age folds, see `folded`."""
    total = folded(folds(head), place, noise)
    for y in (-0.083, -0.099):  # around the neck
        d = (place[:, 1] - y - 0.25 * (0.075 - place[:, 2]) * 0.3 + 0.002 * noise(place * 30, 63)) / (FOLD * 1.6)
        total += np.where(place[:, 1] < -0.07, 0.6 * (-np.exp(-(d**2)) + 0.4 * np.exp(-((d - 2.0) ** 2))), 0)
    fine = 0.16 * noise(place * 300, 64) * smoothstep((place[:, 2] - 0.05) / 0.03)
    return np.clip(total + fine, -1.5, 1)


def beard(head, place: np.ndarray, lips: np.ndarray, noise) -> np.ndarray:
    """(n,) in [0, 1]: how densely a beard grows."""
    x, y, z = abs(place[:, 0]), place[:, 1], place[:, 2]
    corner = head.landmark("lip_corner_left")
    nose = head.landmark("nose_tip")[1] - 0.011
    edge = np.interp(
        x, [0, 0.012, 0.030, 0.045, 0.058, 0.066, 0.075], [nose, nose - 0.001, -0.027, -0.020, -0.006, 0.022, 0.03]
    )
    upper = smoothstep((edge - y) / 0.008 + 0.2)
    lower = smoothstep((y + 0.100 - 0.12 * (0.075 - z)) / 0.022)
    back = smoothstep((z - 0.040) / 0.012)
    bare = np.exp(-((x / 0.0045) ** 2) - ((y - corner[1] + 0.019) / 0.004) ** 2) * 0.3
    patch = np.exp(-(((x - 0.024) / 0.007) ** 2) - ((y - corner[1] + 0.014) / 0.010) ** 2) * 0.45
    cover = upper * lower * back * (1 - lips) * (1 - bare - patch)
    ragged = smoothstep((cover + 0.35 * noise(place * 240, 72) - 0.12) / 0.75)  # a beard has no airbrushed edge
    return np.clip(ragged * (0.85 + 0.25 * noise(place * 90, 71)), 0, 1)


def _strands(place: np.ndarray, noise) -> np.ndarray:
    """(n,) in about [-1, 1], drawn out along the way in which hair grows from the hairline."""
    x, y, z = (place - MIDDLE).T
    around, above = np.degrees(np.arctan2(x, z)), np.degrees(np.arctan2(y, np.hypot(x, z)))
    slanted = around + 0.35 * above
    flat = np.stack([slanted * 1.7, above * 0.18, 0 * x], 1)
    return 0.6 * noise(flat, 82) + 0.4 * noise(flat * [2.3, 1.4, 1], 86)


def layers(head, place: np.ndarray, island: np.ndarray, lips: np.ndarray, brow: np.ndarray, noise) -> dict[str, np.ndarray]:
    """Name -> (n,) in [0, 1] for texels at `place` (n, 3) metres."""
    face = island < 2
    grain = np.random.default_rng(81).normal(0, 1, len(place))  # finer than any noise over the skin: a hair is a texel wide
    dots = np.clip(0.58 + 0.50 * grain + 0.60 * noise(place * 1250, 81), 0.12, 1)
    hair = hairline(place) + 3.2 * _strands(place, noise)
    spots = np.clip(noise(place * 75, 84) - 0.50, 0, 1) * 2.2 * np.clip(noise(place * 14, 85) + 0.5, 0, 1)
    out = {
        "scalp": np.clip((128 + 6 * hair) / 255, 0, 1),
        "brow": brow,
        "beard": beard(head, place, lips, noise) * dots,
        "wrinkles": signed(wrinkles(head, place, noise) * (1 - 0.8 * lips)),
        "spots": np.clip(spots, 0, 1) * (1 - lips),
        "lips": lips,
    }
    rest = {"wrinkles": 128 / 255}
    return {name: np.where(face, values, rest.get(name, 0.0)) for name, values in out.items()}


def signed(values: np.ndarray) -> np.ndarray:
    """(n,) in [-1.5, 1.5] -> in [0, 1], where 128 / 255 is 0."""
    return np.clip((128 + 84 * values) / 255, 0, 1)


def half(picture: np.ndarray) -> np.ndarray:
    """A (2n, 2n) picture at half the side."""
    n = len(picture) // 2
    return picture.reshape(n, 2, n, 2).mean((1, 3))


def grey(picture: np.ndarray) -> np.ndarray:
    """The bytes of a PNG of (n, n) values in [0, 1], in 64 steps, which compress well."""
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.fromarray(np.round(np.clip(gaussian_filter(picture, 0.3), 0, 1) * 63).astype(np.uint8) * 4).save(
        file, "PNG", optimize=True
    )
    return np.frombuffer(file.getvalue(), np.uint8)
