"""A mesh of a neutral face -> a Head with the shapes of the default head.

The steps: the face is found (`placing`), the mouth opened where its lips are one surface (`mouth.opening`), the default head
laid onto the mesh (`nonrigid`), its shapes carried over (`gradients`), the lips shut (`mouth.closing`), and a mouth with teeth
and tongue added where there is none.

Legend: V vertices of the result, v of the template's skin, K shapes. Until the end all is in the default head's axes and size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.registration import atlas
from talkinghead.registration.assembly import assemble
from talkinghead.registration.coarse import MOST_SOLVED, Coarse
from talkinghead.registration.gradients import Smoothing, Transfer, stretches
from talkinghead.registration.meshes import Mesh
from talkinghead.registration.mouth import opening
from talkinghead.registration.mouth.closing import Edges
from talkinghead.registration.nonrigid import Target, register, warp
from talkinghead.registration.pieces import Roles, sort_pieces
from talkinghead.registration.placing import AXES, Placing, find, place_by_vertices, robust_similarity
from talkinghead.registration.state import SPACING, Found, Report, Sided, Work
from talkinghead.registration.surface import Surface, weld
from talkinghead.registration.template import TRACKED, Edge, Template, default, lid_edges, mouth_parts, seen
from talkinghead.registration.views import Paint

STEPS = 16  # of the progress
BODY = 0.55  # metres: what is larger is cut off below the neck
NECK = -0.135  # metres: height of this cut
SIDE = 0.15  # metres from the middle within which a head lies
STILL = 5e-5  # metres: a vertex that no shape moves further stays where it is
LOOSE, FIRM, DRAWN = 1e-5, 1.0, 0.2  # weights of a displacement: unknown, at rest, taken from the template
PINNED = 1e3  # of the rims of lids that meet
BLINK = (0.4, 3.0)  # by which a blink may be made longer
LID_RINGS, LID_SMOOTH = 3, 0.0015  # triangles around eyes that are one surface with the skin, and metres, of a smoothing there
MEASURED = 50_000  # vertices whose distance from the fitted face is looked at
FAR = 0.006  # metres between mesh and template beyond which they do not correspond


def fit(
    mesh: Mesh,
    *,
    unit: str | float | None = None,
    up: str | None = None,
    landmarks: np.ndarray | None = None,
    tick: Callable[[str], None] = lambda step: None,
) -> tuple[Head, Report]:
    """A mesh with the default head's shapes.

    unit: "m", "cm", "mm" or metres a unit; guessed by the size of the face if not given. up: an axis of AXES.
    landmarks: (478, 3) the tracker's points on the mesh, NaN where not known; found in pictures if not given.
    tick: is called with the name of each step. Raises InputError where no face is found.
    """
    if up is not None and up not in AXES:
        raise InputError(f"--up {up}: one of {' '.join(AXES)}")
    template, report = default(), Report(len(mesh.points), len(mesh.faces))
    work = Work(mesh.points, mesh.points, mesh.faces, mesh.uv, mesh.uv_faces, mesh.texture, mesh.kinds)
    if work.uv is None and mesh.colours is not None:
        work.texture, work.uv, work.uv_faces = atlas.bake_colours(mesh.colours, mesh.faces)
    tick("looking for the face")
    _turn_outwards(work)
    placing = _place(work, template, up, landmarks)
    report.landmarks = int(np.isfinite(placing.points[:TRACKED]).all(1).sum())
    similarity = placing.similarity
    if placing.pictures:
        report.landmark_spread = float(np.nanmedian(placing.spread)) * similarity.scale * 1000
    work.points = similarity(work.file)
    marks = similarity(placing.points)
    if np.ptp(work.points, axis=0).max() > BODY:
        _behead(work)
        report.notes.append("below the neck the body is left out")
    return _Fitting(template, work, marks, placing, report, tick).run(mesh.name, unit)


def _turn_outwards(work: Work) -> None:
    """Triangles counter-clockwise seen from outside, as their signed volume about the middle says."""
    a, b, c = (work.points[work.faces[:, k]] - work.points.mean(0) for k in range(3))
    if np.einsum("fx,fx->f", a, np.cross(b, c)).sum() < 0:
        work.faces = work.faces[:, ::-1]
        work.uv_faces = None if work.uv_faces is None else work.uv_faces[:, ::-1]


def _place(work: Work, template: Template, up: str | None, landmarks: np.ndarray | None) -> Placing:
    if landmarks is not None:
        known = np.isfinite(landmarks).all(1)
        similarity, _ = robust_similarity(landmarks[known], template.tracked[known])
        return Placing(similarity, landmarks, np.zeros(len(landmarks)), 0)
    found = place_by_vertices(work.points, template.tracked)
    return found or find(Surface(work.points, work.faces), _paint(work), template.tracked, up)


def _paint(work: Work) -> Paint | None:
    """The colours of the mesh's texture, for its pictures."""
    if work.texture is None or work.uv is None or work.uv_faces is None:
        return None
    uv, uv_faces, texture = work.uv, work.uv_faces, work.texture

    def paint(face: np.ndarray, weights: np.ndarray) -> np.ndarray:
        place = np.einsum("nc,ncx->nx", weights, uv[uv_faces[face]]) % 1
        row = np.minimum(((1 - place[:, 1]) * texture.shape[0]).astype(int), texture.shape[0] - 1)
        column = np.minimum((place[:, 0] * texture.shape[1]).astype(int), texture.shape[1] - 1)
        return texture[row, column, :3].astype(np.float64)

    return paint


def _behead(work: Work) -> None:
    middle = work.points[work.faces].mean(1)
    keep = (middle[:, 1] > NECK) & (np.abs(middle[:, 0]) < SIDE)
    used = np.zeros(len(work.points), bool)
    used[work.faces[keep]] = True
    place = np.cumsum(used) - 1
    work.points, work.file = work.points[used], work.file[used]
    work.kinds = None if work.kinds is None else work.kinds[used]
    work.faces = place[work.faces[keep]]
    work.uv_faces = None if work.uv_faces is None else work.uv_faces[keep]


class _Fitting:
    """One fit, step by step."""

    def __init__(self, template, work: Work, marks: np.ndarray, placing: Placing, report: Report, tick) -> None:
        self.template: Template = template
        self.work, self.marks, self.placing, self.report, self.tick = work, marks, placing, report, tick
        self.edges: tuple[np.ndarray, np.ndarray] | None = None  # vertices of the lips' edges, where there is no cavity

    def run(self, name: str, unit: str | float | None) -> tuple[Head, Report]:
        self.tick("opening the mouth")
        self._look_at_pieces()
        target = self._open_mouth()
        points = register(self.template, target, lambda: self.tick("laying the face on"))
        self.fitted = Surface(points, self.template.skin.faces)
        self._measure(target)
        self.tick("carrying the shapes over")
        own = self._own_shapes()
        shapes = self._carry(own)
        edges = None if self.edges is None else Edges(self.work.points, *self.edges, self.target_sides[self.same])
        if edges is not None:
            edges.shut(self.work.points, shapes, self.template.head.names)
        self.tick("the rest")
        return assemble(self.found(own, shapes, edges), name, unit), self.report

    def _look_at_pieces(self) -> None:
        """Which vertices are skin, eyes, teeth and so on."""
        place = warp(self.template, self.marks[:TRACKED])
        head = self.template.head
        eyes = {side: place(head.joints[f"{side}_eye"][None].astype(float))[0] for side in ("left", "right")}
        inside = {name: place(head.template[mask].astype(float)) for name, mask in mouth_parts(head).items()}
        same = weld(self.work.points, self.work.kinds)
        whole = Surface(self._places(same), same[self.work.faces])
        self.roles = sort_pieces(
            Surface(self.work.points, self.work.faces), whole.pieces[same], self.marks[:TRACKED], eyes, inside, self.work.kinds
        )
        if not self.roles.skin.any():
            raise InputError("no connected piece of it carries the face; join its skin into one mesh")
        r = self.roles
        counts = {"skin": r.skin, "left eye": r.eyes["left"], "right eye": r.eyes["right"], "upper teeth": r.upper}
        counts |= {"lower teeth": r.lower, "tongue": r.tongue, "others": r.rest}
        self.report.pieces = {key: int(mask.sum()) for key, mask in counts.items() if mask.any()}

    def _places(self, same: np.ndarray) -> np.ndarray:
        """Points of welded vertices."""
        out = np.zeros((same.max() + 1, 3))
        out[same] = self.work.points
        return out

    def _skin(self) -> tuple[Surface, np.ndarray, np.ndarray]:
        """The welded skin with its eyeballs; (V,) the welded vertex of each; indices of its skin's faces."""
        same = weld(self.work.points, self.work.kinds) if self.edges is None else self.same
        eyes = self.roles.eyes["left"] | self.roles.eyes["right"]
        keep = (self.roles.skin | eyes)[self.work.faces].all(1)
        faces = same[self.work.faces[keep]]
        whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
        surface = Surface(self._places(same), faces[whole])
        skin = np.zeros(len(surface.points), bool)
        skin[same[self.roles.skin]] = True
        return surface, same, np.flatnonzero(skin[surface.faces].all(1))

    def _open_mouth(self) -> Target:
        """The target of the registration, its lips parted."""
        self.tick("opening the mouth")
        surface, same, faces = self._skin()
        skin = np.zeros(len(surface.points), bool)
        skin[surface.faces[faces]] = True
        shown = seen(surface, both_sides=True)
        near = faces[shown[surface.faces[faces]].all(1)]
        line = opening.find_line(surface, near, self.marks)
        parted = opening.is_parted(Surface(surface.points, surface.faces[faces]), skin, self.marks)
        self.same, self.cavity = same, True
        if not parted:
            self._cut(line)
            surface, same, faces = self._skin()
            skin = np.zeros(len(surface.points), bool)
            skin[surface.faces[faces]] = True
            shown = seen(surface, both_sides=True)
        of_skin = Surface(surface.points, surface.faces[faces])
        side = opening.mouth_sides(of_skin, skin & shown, self.marks, line)
        if self.edges is None:
            self.edges = opening.rim_edges(of_skin, skin, side, line)
            if self.edges is not None:
                back = np.zeros(len(surface.points), int)
                back[same] = np.arange(len(same))
                self.edges = back[self.edges[0]], back[self.edges[1]]
                self.report.notes.append("the mouth is a hole without a cavity")
        near = faces[shown[surface.faces[faces]].all(1)]
        if self.edges is not None:
            self.cavity = False
            edges = self.work.points[self.edges[0]], self.work.points[self.edges[1]]
        else:
            edges = opening.contact(surface, near, side, line)
        self.target_sides, self.seen = side, shown
        return Target(surface, faces, shown, side, self.marks[:TRACKED], edges, self._lids(surface, same))

    def _lids(self, surface: Surface, same: np.ndarray) -> dict[str, tuple[Edge, Edge]]:
        """Where the lids of the eyes that are balls of their own end."""
        out = {}
        for side, ball in self.roles.eyes.items():
            if ball.any():
                mask = np.zeros(len(surface.points), bool)
                mask[same[ball]] = True
                middle = self.work.points[ball].mean(0)
                found = lid_edges(surface, np.asarray(mask[surface.faces].all(1)), middle)
                if found is not None:
                    out[side] = found
        return out

    def _cut(self, line: opening.Line) -> None:
        work = self.work
        allowed = np.asarray(self.roles.skin[work.faces].all(1))
        found = opening.cut(work.points, work.faces, allowed, line)
        if found is None:
            self.report.missing.append("a slit between the lips, and none could be cut: the mouth stays shut")
            return
        self.edges = found.upper, found.lower
        old = weld(work.points, work.kinds)
        self.same = np.r_[old, old.max() + 1 + np.arange(len(found.first))]
        if work.uv is not None and work.uv_faces is not None:
            work.uv, work.uv_faces = _cut_uv(work, found)
        work.points, work.file, work.faces = found.extend(work.points), found.extend(work.file), found.faces
        fresh = len(found.first)
        work.kinds = None if work.kinds is None else np.r_[work.kinds, np.zeros(fresh, int)]
        grown = {key: np.r_[mask, np.full(fresh, key == "skin")] for key, mask in vars(self.roles).items() if key != "eyes"}
        eyes = {key: np.r_[mask, np.zeros(fresh, bool)] for key, mask in self.roles.eyes.items()}
        self.roles = Roles(eyes=eyes, **grown)
        self.report.notes.append("the lips were one surface: cut along the line between them")

    def _measure(self, target: Target) -> None:
        """Distance of what is seen of the mesh's face to the fitted one."""
        used = np.zeros(len(target.surface.points), bool)
        used[target.surface.faces[target.skin]] = True
        points = target.surface.points
        front = np.flatnonzero(used & target.seen & (points[:, 2] > 0.05) & (points[:, 1] > self.fitted.points[:, 1].min()))
        front = front[:: 1 + len(front) // MEASURED]
        *_, place = self.fitted.part(np.arange(len(self.fitted.faces)), SPACING)(points[front])
        away = np.linalg.norm(place - points[front], axis=1) * 1000
        self.report.residual_median, self.report.residual_95 = (float(np.percentile(away, q)) for q in (50, 95))

    def _own_shapes(self) -> np.ndarray:
        """(K, v, 3) the shapes on the fitted template."""
        template = self.template
        still = np.abs(template.shapes).max((0, 2)) < STILL
        transfer = Transfer(self.fitted, np.ones(len(self.fitted.faces)), np.where(still, FIRM, LOOSE))
        wanted = stretches(template.skin, template.shapes)
        nothing = np.zeros_like(self.fitted.points)
        own = np.stack([transfer(row, nothing) for row in wanted]).astype(np.float32)
        rims = np.unique(np.concatenate([np.concatenate(pair) for pair in template.lids.values()]))
        pinned = np.where(still, FIRM, LOOSE)
        pinned[rims] = PINNED
        closing = Transfer(self.fitted, np.ones(len(self.fitted.faces)), pinned)
        for side, (upper, lower) in template.lids.items():
            row = template.head.index(f"eyeBlink{side.capitalize()}")
            goal = own[row].copy()
            goal[upper], goal[lower] = meeting(self.fitted.points, own[row], upper, lower)
            own[row] = closing(wanted[row], np.where((pinned >= PINNED)[:, None], goal, 0))
        return own

    def _carry(self, own: np.ndarray) -> np.ndarray:
        """(K, V, 3) the shapes on the mesh's skin; 0 elsewhere."""
        surface, same, faces = self._skin()
        of_skin = Surface(surface.points, surface.faces[faces])
        side, shown, coarse = self.target_sides, self.seen, None
        if len(of_skin.points) > MOST_SOLVED:
            coarse = Coarse(of_skin)
            of_skin, side, shown = coarse.surface, side[coarse.nearest], shown[coarse.nearest]
        places = Sided(self.fitted, self.template)
        used = np.unique(of_skin.faces)
        face, weights, away, facing = places(of_skin.points[used], side[used], of_skin.normals[used])
        good = (away < FAR) & (facing > 0.3)
        eye, between = self._eye_surface(of_skin.points[used], shown[used], own)
        self.open_eyes = not eye.any()
        hold, drawn = np.full(len(of_skin.points), LOOSE), np.zeros((len(own), len(of_skin.points), 3), np.float32)
        moved = np.einsum("nc,kncx->knx", weights, own[:, self.fitted.faces[face]])
        still = (np.abs(moved).max((0, 2)) < 2 * STILL) & ~eye
        beyond = (away > 3 * FAR) & ~eye & (side[used] == 0)
        hold[used] = np.where(eye, FIRM, np.where(still, FIRM, np.where(good, DRAWN, LOOSE)))
        hold[used[beyond]] = FIRM * 0.05
        drawn[:, used] = np.where((good & ~still)[None, :, None], moved, 0)
        drawn[:, used[eye]] = between
        at = np.zeros(len(of_skin.points), int)
        at[used] = np.arange(len(used))
        middle = of_skin.points[of_skin.faces].mean(1)
        of_face = np.sort(side[of_skin.faces], 1)[:, 1]
        owner, _, away, facing = places(middle, of_face, of_skin.face_normals)
        lids = eye[at[of_skin.faces]].any(1)
        trusted = (away < FAR) & (facing > 0.2) & ~lids
        transfer = Transfer(of_skin, np.where(trusted, 1.0, np.where(lids, 0.02, 0.05)), hold)
        wanted = stretches(self.template.skin, self.template.shapes)
        out = np.zeros((len(own), len(self.work.points), 3), np.float32)
        own_skin = self.roles.skin
        part = np.zeros(len(of_skin.points), bool)
        part[used[eye]] = True
        for _ in range(LID_RINGS):
            part[of_skin.faces[part[of_skin.faces].any(1)]] = True
        smooth = Smoothing(of_skin, part, LID_SMOOTH) if part.any() else lambda moved: moved
        for k in range(len(own)):
            mine = np.where(trusted[:, None, None], wanted[k, owner], 0)  # one shape at a time: all would be gigabytes
            moved = smooth(transfer(mine, drawn[k]))
            out[k, own_skin] = (moved if coarse is None else coarse(moved))[same[own_skin]]
        return out

    def found(self, own: np.ndarray, shapes: np.ndarray, edges: Edges | None) -> Found:
        return Found(
            self.template,
            self.work,
            self.roles,
            self.placing.similarity,
            self.fitted,
            own,
            shapes,
            self.target_sides[self.same],
            self.seen[self.same],
            edges,
            self.open_eyes,
            self.report,
        )

    def _eye_surface(self, points: np.ndarray, shown: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) bool: points of the skin in the openings of the eyes, where the eyes are one surface with it; and (K, m, 3)
        displacements of these, between those of the lids above and below."""
        inside, moved = np.zeros(len(points), bool), np.zeros((len(own), len(points), 3), np.float32)
        for eye, (upper, lower) in self.template.lids.items():
            if self.roles.eyes[eye].any():
                continue
            rims = [self.fitted.points[rim] for rim in (upper, lower)]
            outline = np.concatenate([rims[0], rims[1][-2:0:-1]])[:, :2]
            near = np.linalg.norm(points - outline_middle(rims), axis=1) < 1.2 * np.ptp(outline[:, 0])
            mine = np.flatnonzero(near & shown & within(outline, points[:, :2]))
            x = points[mine, 0]
            high, low = (np.interp(x, *rising(rim[:, 0], rim[:, 1])) for rim in rims)
            share = np.clip((points[mine, 1] - low) / np.maximum(high - low, 1e-6), 0, 1)[:, None]
            for k in range(len(own)):
                above, below = (
                    np.stack([np.interp(x, *rising(self.fitted.points[rim, 0], own[k, rim, c])) for c in range(3)], 1)
                    for rim in (upper, lower)
                )
                moved[k, mine] = share * above + (1 - share) * below
            inside[mine] = True
        return inside, moved[:, inside]


def outline_middle(rims: list[np.ndarray]) -> np.ndarray:
    """(3,) the middle of the opening of an eye."""
    return (rims[0].mean(0) + rims[1].mean(0)) / 2


def rising(x: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and values in the order of x."""
    order = np.argsort(x)
    return x[order], values[order]


def meeting(points: np.ndarray, shape: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Displacements of the rims of the lids that make them meet: those of a shape, longer or shorter by the same factor at
    each place along the opening for both lids."""
    corners = points[[upper[0], upper[-1]]]
    share = [np.clip((points[rim, 0] - corners[0, 0]) / np.ptp(corners[:, 0]), 0, 1) for rim in (upper, lower)]
    at = np.linspace(0.02, 0.98, 41)

    def heights(values: np.ndarray) -> list[np.ndarray]:
        return [np.interp(at, *rising(s, values[rim, 1])) for s, rim in zip(share, (upper, lower), strict=True)]

    rest, moved = heights(points), heights(points + shape)
    gap, left = rest[0] - rest[1], moved[0] - moved[1]
    factor = np.clip(gap / np.maximum(gap - left, 1e-5), *BLINK)
    sure = np.clip(gap / max(gap.max(), 1e-9), 0, 1)
    factor = 1 + (factor - 1) * np.minimum(2 * sure, 1)
    found = []
    for s, rim in zip(share, (upper, lower), strict=True):
        found.append(shape[rim] * np.interp(s, at, factor)[:, None])
    return found[0], found[1]


def within(outline: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n,) bool: points (n, 2) inside the closed outline (m, 2), by the number of its sides to their right."""
    out = np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, 0), strict=True):
        crosses = (ay > points[:, 1]) != (by > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            out ^= crosses & (points[:, 0] < (bx - ax) * (points[:, 1] - ay) / (by - ay) + ax)
    return out


def _cut_uv(work: Work, found: opening.Cut) -> tuple[np.ndarray, np.ndarray]:
    """Texture coordinates of the pieces of triangles, between those of their old corners."""
    assert work.uv is not None and work.uv_faces is not None
    uv, uv_faces = work.uv, work.uv_faces[found.origin].copy()
    old = work.faces[found.origin]
    count = len(work.points)
    changed = np.flatnonzero((found.faces != old).any(1))
    added: list[np.ndarray] = []
    for row in changed:
        for k, vertex in enumerate(found.faces[row]):
            if vertex < count:
                place = np.flatnonzero(old[row] == vertex)
                uv_faces[row, k] = work.uv_faces[found.origin[row], place[0]]
                continue
            a, b, t = found.first[vertex - count], found.second[vertex - count], found.share[vertex - count]
            corners = [uv[work.uv_faces[found.origin[row], np.flatnonzero(old[row] == v)[0]]] for v in (a, b)]
            uv_faces[row, k] = len(uv) + len(added)
            added.append(corners[0] * (1 - t) + corners[1] * t)
    return np.concatenate([uv, np.array(added, uv.dtype).reshape(-1, 2)]), uv_faces
