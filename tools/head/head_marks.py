"""Named landmarks and soft regions of the head, found on the mesh by what they are, not by number."""

from __future__ import annotations

import numpy as np
from head_mesh import ISLANDS, Piece, Skin

from talkinghead.motion.easing import smoothstep


class Loops:
    """Edge loops of the quad skin: they continue straight on through vertices where four quads meet."""

    def __init__(self, quads: np.ndarray):
        self.quads_of: dict[int, list[np.ndarray]] = {}
        for quad in quads:
            for vertex in quad:
                self.quads_of.setdefault(int(vertex), []).append(quad)

    def neighbours(self, vertex: int) -> set[int]:
        return {int(q[(list(q).index(vertex) + step) % 4]) for q in self.quads_of[vertex] for step in (1, 3)}

    def trace(self, first: int, second: int, limit: int = 200) -> list[int]:
        """Vertices from `first` through `second` onwards, until the loop closes or its way is not clear."""
        path = [first, second]
        while len(path) < limit:
            before, here = path[-2], path[-1]
            beside = {int(v) for q in self.quads_of[here] if before in q for v in q}
            ahead = [v for v in self.neighbours(here) if v not in beside]
            if len(ahead) != 1 or ahead[0] == first:
                break
            path.append(ahead[0])
        return path


def contours(skin: Skin, points: np.ndarray, lips: np.ndarray) -> dict[str, list[int]]:
    """Closed loops of skin vertices, clockwise for the viewer from the top middle: lip_inner, lip_outer, eye_left, eye_right.

    lip_inner is the line where the lips touch at rest; lip_outer the border of the red; eye_* the margins of the lids.
    """
    loops = Loops(skin.quads)
    middle = np.flatnonzero((abs(points[:, 0]) < 1e-4) & (points[:, 2] > 1.3) & (lips > 0.5))
    gap = abs(points[middle][:, None] - points[middle][None]).sum(-1) + 1e3 * np.eye(len(middle))
    joined = np.array([[b in loops.neighbours(int(a)) for b in middle] for a in middle])
    pair = np.unravel_index(np.argmin(gap + 1e3 * joined), gap.shape)
    upper = int(max(middle[list(pair)], key=lambda v: points[v, 1]))
    red = np.flatnonzero((abs(points[:, 0]) < 1e-4) & (points[:, 2] > 1.3) & (lips > 0.15) & (lips < 0.9))
    outer = int(max(red, key=lambda v: points[v, 1]))
    found = {"lip_inner": _ring(loops, points, upper), "lip_outer": _ring(loops, points, outer)}
    for name in ("left", "right"):
        socket = np.unique(skin.piece.faces[skin.island == ISLANDS.index(f"{name}_socket")])
        face = np.unique(skin.piece.faces[skin.island == 0])
        border = np.intersect1d(socket, face)
        top = int(border[np.argmax(points[border, 1])])
        steps = [v for v in loops.neighbours(top) if v in border and points[v, 0] > points[top, 0]]
        path, seen = [top, steps[0]], set(border)
        while True:
            ahead = [v for v in loops.neighbours(path[-1]) if v in seen and v not in path]
            if not ahead:
                break
            path.append(ahead[0])
        found[f"eye_{name}"] = path
    return found


def _ring(loops: Loops, points: np.ndarray, start: int) -> list[int]:
    step = max(loops.neighbours(start), key=lambda v: points[v, 0] - 3 * abs(points[v, 1] - points[start, 1]))
    return loops.trace(start, step)


def contact(skin: Skin, points: np.ndarray, jaw: np.ndarray) -> list[tuple[int, int, float]]:
    """Where the upper and the lower lip touch in the middle plane: for each an edge (a, b) and the share of b.

    jaw: (v, 3) displacement of jawOpen, which tells the two lips apart.
    """
    loops = Loops(skin.quads)
    near = np.flatnonzero((abs(points[:, 0]) < 1e-4) & (points[:, 2] > 1.38) & (abs(points[:, 1] - 6.73) < 0.1))
    lower = -jaw[:, 1] > 0.1
    share = np.linspace(0, 1, 41)
    sides = []
    for mine in (near[~lower[near]], near[lower[near]]):
        edges = [(int(a), int(b)) for a in mine for b in mine if a < b and int(b) in loops.neighbours(int(a))]
        sides.append([(a, b, float(t)) for a, b in edges for t in share])
    up, down = (np.array([points[a] * (1 - t) + points[b] * t for a, b, t in side]) for side in sides)
    gap = np.linalg.norm(up[:, None] - down[None], axis=-1)
    gap -= 0.02 * (up[:, None, 2] + down[None, :, 2])  # the foremost of equals
    i, j = np.unravel_index(np.argmin(gap), gap.shape)
    return [sides[0][i], sides[1][j]]


def landmark_at(faces: np.ndarray, a: int, b: int, share: float) -> np.ndarray:
    """[triangle, u, v] of the point at `share` of the edge from vertex a to b (a == b: the vertex)."""
    mine = np.flatnonzero((faces == a).any(1) & (faces == b).any(1))[0]
    weight = np.where(faces[mine] == a, 1 - share, 0) + np.where(faces[mine] == b, share, 0)
    return np.array([mine, weight[1], weight[2]], np.float32)


def landmarks(
    skin: Skin, points: np.ndarray, rings: dict[str, list[int]], touch: list, brow: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Name -> [triangle, u, v]. points: (v, 3) skin in decimetres. brow: side -> (n, 2) front-view line, root to tail."""
    faces = skin.piece.faces

    def at(vertex: int) -> np.ndarray:
        return landmark_at(faces, vertex, vertex, 0.0)

    def front(x: float, y: float) -> np.ndarray:
        ahead = np.flatnonzero((skin.island == 0) & (points[faces][..., 2].min(1) > 0.2))
        return _under(points, faces, ahead, x, y)

    inner, outer = rings["lip_inner"], rings["lip_outer"]
    half = len(inner) // 2
    marks = {
        "lip_upper_inner": landmark_at(faces, *touch[0]),
        "lip_lower_inner": landmark_at(faces, *touch[1]),
        "lip_upper_outer": at(outer[0]),
        "lip_lower_outer": at(outer[half]),
        "lip_corner_left": at(max(inner, key=lambda v: points[v, 0])),
        "lip_corner_right": at(min(inner, key=lambda v: points[v, 0])),
    }
    for name, ring in (("lip_inner", inner), ("lip_outer", outer)):
        marks |= {f"{name}_{k:02d}": at(v) for k, v in enumerate(ring)}
    for side, sign in (("left", 1), ("right", -1)):
        ring = rings[f"eye_{side}"]
        x = points[ring, 0] * sign
        middle = (x.min() + x.max()) / 2
        upper = [v for v in ring if points[v, 1] > points[ring, 1].mean()]
        lower = [v for v in ring if v not in upper]
        marks[f"eye_{side}_outer"], marks[f"eye_{side}_inner"] = at(ring[int(x.argmax())]), at(ring[int(x.argmin())])
        marks[f"eye_{side}_upper"] = at(min(upper, key=lambda v: abs(points[v, 0] * sign - middle)))
        marks[f"eye_{side}_lower"] = at(min(lower, key=lambda v: abs(points[v, 0] * sign - middle)))
        marks |= {f"eye_{side}_{k:02d}": at(v) for k, v in enumerate(ring)}
        line = brow[side]
        for name, share in (("inner", 0.06), ("middle", 0.5), ("outer", 0.94)):
            marks[f"brow_{side}_{name}"] = front(*line[int(round(share * (len(line) - 1)))])
    middle_line = np.flatnonzero((abs(points[:, 0]) < 1e-4) & (points[:, 2] > 0.9))
    tip = max(middle_line, key=lambda v: points[v, 2])
    above = [v for v in middle_line if points[tip, 1] + 0.2 < points[v, 1] < 7.6]
    marks["nose_tip"], marks["nose_bridge"] = at(int(tip)), at(int(min(above, key=lambda v: points[v, 2])))
    chin = [v for v in middle_line if points[v, 1] < points[outer[half], 1] - 0.1]
    marks["chin"] = at(int(max(chin, key=lambda v: points[v, 2] - 0.6 * points[v, 1])))
    for k, (x, y) in enumerate(((0.16, 6.40), (0.32, 6.50), (0.46, 6.66), (0.545, 6.86), (0.60, 7.1))):
        marks[f"jaw_left_{k}"], marks[f"jaw_right_{k}"] = front(x, y), front(-x, y)
    return marks


def _under(points: np.ndarray, faces: np.ndarray, allowed: np.ndarray, x: float, y: float) -> np.ndarray:
    """Landmark on the foremost of the allowed triangles that covers (x, y) in front view, else at the nearest vertex."""
    a, b, c = (points[faces[allowed, k]] for k in range(3))
    det = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    det = np.where(abs(det) < 1e-12, np.inf, det)
    u = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (y - a[:, 1])) / det
    v = ((b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (x - a[:, 0]) * (b[:, 1] - a[:, 1])) / det
    inside = np.flatnonzero((u >= 0) & (v >= 0) & (u + v <= 1))
    if len(inside):
        depth = (1 - u - v)[inside] * a[inside, 2] + u[inside] * b[inside, 2] + v[inside] * c[inside, 2]
        best = inside[np.argmax(depth)]
        return np.array([allowed[best], u[best], v[best]], np.float32)
    vertices = np.unique(faces[allowed])
    nearest = vertices[np.argmin((points[vertices, 0] - x) ** 2 + (points[vertices, 1] - y) ** 2)]
    return landmark_at(faces, int(nearest), int(nearest), 0.0)


def regions(
    pieces: list[Piece],
    skin: Skin,
    places: list[np.ndarray],
    units: dict[str, np.ndarray],
    lips: np.ndarray,
    rings: dict[str, list[int]],
) -> dict[str, np.ndarray]:
    """Name -> (V,) soft mask in [0, 1]. places: vertices of each piece; units: name -> (V, 3); all decimetres."""
    points = np.concatenate(places)
    part = np.concatenate([np.full(len(p), k) for k, p in enumerate(places)])
    names = np.array([p.part for p in pieces])[part]
    is_skin = names == "skin"
    count = len(places[0])
    cavity = np.zeros(len(points), bool)
    for number, name in enumerate(ISLANDS):
        if name not in ("face", "neck"):
            cavity[np.unique(skin.piece.faces[skin.island == number])] = True
    cavity[np.unique(skin.piece.faces[skin.island < 2])] = False

    def near(vertices: list[int], inner: float, outer: float) -> np.ndarray:
        from scipy.spatial import cKDTree

        distance, _ = cKDTree(points[vertices]).query(points)
        return smoothstep((outer - distance) / (outer - inner))

    def moved(*chosen: str, full: float) -> np.ndarray:
        return smoothstep(sum(np.linalg.norm(units[name], axis=1) for name in chosen) / full)

    height, depth = points[:, 1], points[:, 2]
    face = is_skin & ~cavity
    lip = np.zeros(len(points))
    lip[:count] = lips
    split = points[np.array(rings["eye_left"]), 1].min() - 0.25  # half-way down the nose
    front = smoothstep((depth - 0.15) / 0.35)
    below = smoothstep((split + 0.1 - height) / 0.2)
    neck = smoothstep((6.42 + 0.20 * (0.9 - depth) - height) / 0.18) * (face | (names == "skin")) * ~cavity
    mouth_bag = np.zeros(len(points), bool)
    mouth_bag[np.unique(skin.piece.faces[skin.island == ISLANDS.index("mouth")])] = True
    hair_up = np.isin(names, ["brows", "lashes"])
    around_mouth = near(rings["lip_outer"] + rings["lip_inner"], 0.10, 0.30) * face
    around_eyes = near(rings["eye_left"] + rings["eye_right"], 0.08, 0.22) * (is_skin | hair_up)
    raised = moved("browInnerUp", "browOuterUpLeft", "browOuterUpRight", full=0.05) * face * (height > split)
    mouth = np.where(mouth_bag | np.isin(names, ["teeth", "gums", "tongue"]), 1.0, around_mouth)
    out = {
        "lips": lip,
        "mouth": mouth,
        "lower_face": np.where(face, below * front * (1 - neck), mouth * mouth_bag),
        "upper_face": np.where(face, (1 - below) * front, hair_up * 1.0),
        "eyes": np.maximum(around_eyes, np.isin(names, ["eyes", "lashes"])),
        "eyelids": np.maximum(moved("eyeBlinkLeft", "eyeBlinkRight", full=0.05) * face, names == "lashes"),
        "brows": np.maximum(raised, names == "brows"),
        "jaw": np.where(is_skin, moved("jawOpen", full=0.25), np.linalg.norm(units["jawOpen"], axis=1) > 0.1),
        "neck": neck,
        "teeth": names == "teeth",
        "tongue": names == "tongue",
        "eyeballs": names == "eyes",
    }
    return {name: np.asarray(mask, np.float32) for name, mask in out.items()}
