"""The finished head: the user's mesh with its shapes, what is added of the default head, landmarks, regions and joints.

Legend: V vertices of the mesh, N with those that are added, K shapes, v vertices of the template's skin.
"""

from __future__ import annotations

import numpy as np

from talkinghead.head.head import Head, Part
from talkinghead.head.units import metres
from talkinghead.registration import atlas
from talkinghead.registration.gradients import Transfer, stretches
from talkinghead.registration.mouth.closing import closure, parting, shut_cavity
from talkinghead.registration.pieces import follow
from talkinghead.registration.placing import Similarity, fit_similarity
from talkinghead.registration.state import SPACING, Found, Sided
from talkinghead.registration.surface import Surface, along, shares
from talkinghead.registration.template import LOWER, UPPER, mouth_parts, positions

UNITS = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
SLACK = 1.35  # by which a head may be larger or smaller than the default one, for a unit to be believed
STRAIGHT = 0.97  # cosine between an axis of the file and one of the face, for the file's to be kept
PINNED, LOOSE = 1e3, 1e-6  # weights of a displacement: of the mouth's edge, of the rest of its cavity
JOINT_RADIUS = 0.02  # metres: a joint moves with what is this near to it
BLINK = (0.6, 2.0)  # by which a blink may be changed to close the lids
DEPTH, DEEP = 0.0005, 0.002  # metres that the cavity lies behind the skin at least, and tongue and gums
REACH = 0.008  # metres from the skin within which that is looked after
ROUND = (0.4, 0.75)  # radius of an eyeball by its extent; half a ball has 0.5
MEET = 0.05  # by which a blink may be too short or too long for lids that have skin between them


def assemble(found: Found, name: str, unit: str | float | None) -> Head:
    """The head in metres, y up, z to the front, in the file's own axes where these are straight."""
    builder = _Builder(found)
    builder.add_mesh()
    builder.add_mouth()
    builder.add_eyes()
    return builder.head(name, unit)


class _Builder:
    def __init__(self, found: Found) -> None:
        self.found, self.template = found, found.template
        self.points: list[np.ndarray] = []
        self.basis: list[np.ndarray] = []
        self.faces: dict[str, list[np.ndarray]] = {}
        self.uv: dict[str, list[np.ndarray]] = {}
        self.groups: dict[str, list[np.ndarray]] = {}
        self.count = 0
        self.texture()
        self.eyes = self._eyes()
        self.of_mouth = self._mouth_similarity()

    def texture(self) -> None:
        """One picture of the user's and ours."""
        work, head = self.found.work, self.template.head
        self.plain: dict[str, int] = {}
        if work.texture is None or work.uv is None:
            own, uv, self.plain = atlas.plain_texture()
        else:
            own, uv = atlas.user_texture(work.texture), work.uv
        assert head.texture is not None and head.uv is not None
        self.picture, (first, second) = atlas.side_by_side(own, head.texture)
        wrapped = np.where((uv < 0) | (uv > 1), uv % 1, uv)
        self.coordinates = np.concatenate([wrapped * first[0] + first[1], head.uv * second[0] + second[1]]).astype(np.float32)
        self.start = len(uv)

    def _add(self, part: str, faces: np.ndarray, uv: np.ndarray) -> None:
        self.faces.setdefault(part, []).append(faces)
        self.uv.setdefault(part, []).append(uv)

    def add_mesh(self) -> None:
        """The user's own vertices, all of them in their order."""
        found, work, roles = self.found, self.found.work, self.found.roles
        shapes = found.shapes  # those of what is not skin are filled in
        head = self.template.head
        for name, mask in (("upper", roles.upper), ("lower", roles.lower), ("tongue", roles.tongue)):
            if mask.any():
                ours = mouth_parts(head)[name]
                moved = self.of_mouth.scale * head.basis[:, ours] @ self.of_mouth.turn.T
                shapes[:, mask] = follow(work.points[mask], self.of_mouth(head.template[ours].astype(float)), moved)
        for side, mask in roles.eyes.items():
            if mask.any():
                shapes[:, mask] = self._turned(side, work.points[mask])
        if roles.rest.any():
            skin = np.flatnonzero(roles.skin)
            shapes[:, roles.rest] = follow(work.points[roles.rest], work.points, found.shapes, skin)
        self.points.append(work.points)
        self.basis.append(shapes)
        self.count = len(work.points)
        eyes = roles.eyes["left"] | roles.eyes["right"]
        teeth = roles.upper | roles.lower
        which = np.zeros(len(work.faces), int)
        for number, mask in enumerate((eyes, teeth, roles.tongue, roles.rest), 1):
            which[mask[work.faces].any(1)] = number
        for number, part in enumerate(("skin", "eyes", "teeth", "tongue", "other")):
            mine = which == number
            if mine.any():
                plain = np.full((mine.sum(), 3), self.plain.get(part, 0))
                uv = plain if self.plain or work.uv_faces is None else work.uv_faces[mine]
                if part == "eyes" and self.plain:
                    uv = self._painted_eyes(work.faces[mine])
                self._add(part, work.faces[mine], uv)
        self.groups = {"eyeballs": [np.flatnonzero(eyes)], "teeth": [np.flatnonzero(teeth)]}
        self.groups["tongue"] = [np.flatnonzero(roles.tongue)]

    def _painted_eyes(self, faces: np.ndarray) -> np.ndarray:
        """(n, 3) texture vertices that give eyeballs without colours the iris of the template's, by the direction from their
        middles."""
        from scipy.spatial import KDTree

        head, work = self.template.head, self.found.work
        assert head.uv is not None and head.uv_faces is not None
        eyes = next(slice(*p.faces) for p in head.parts if p.name == "eyes")
        ours, index = np.unique(head.faces[eyes], return_index=True)
        theirs = head.uv_faces[eyes].reshape(-1)[index]
        added = np.zeros((len(work.points), 2), np.float32)
        for side, mask in self.found.roles.eyes.items():
            if mask.any():
                sign = 1 if side == "left" else -1
                mine = sign * head.template[ours, 0] > 0
                known = _directions(head.template[ours[mine]] - head.joints[f"{side}_eye"])
                wanted = _directions(work.points[mask] - self.eyes[side][0])
                away, near = KDTree(known).query(wanted, k=3)
                weight = 1 / (away + 1e-4)
                uv = self.coordinates[theirs[mine] + self.start]
                added[mask] = np.einsum("nk,nkx->nx", weight / weight.sum(1, keepdims=True), uv[near])
        first = len(self.coordinates)
        self.coordinates = np.concatenate([self.coordinates, added])
        return faces + first

    def _mouth_similarity(self) -> Similarity:
        """From the template's mouth to the fitted one."""
        template = self.template
        around = template.sides > 0
        around &= template.seen
        return fit_similarity(template.skin.points[around], self.found.fitted.points[around])

    def _eyes(self) -> dict[str, tuple[np.ndarray, Similarity]]:
        """side -> middle of the ball, and the similarity from the template's eye to this one."""
        template, found, out = self.template, self.found, {}
        for side in ("left", "right"):
            ring = template.eye_rings[side]
            ours = positions(template.skin.points, template.skin.faces, ring)
            here = fit_similarity(ours, positions(found.fitted.points, template.skin.faces, ring))
            ball = found.roles.eyes.get(side)
            middle = None if ball is None or not ball.any() else _sphere(found.work.points[ball])
            if middle is None:  # no ball, or a flat eye that a ball would turn
                middle = here(template.head.joints[f"{side}_eye"][None].astype(float))[0]
            out[side] = middle, here
        return out

    def _turned(self, side: str, points: np.ndarray) -> np.ndarray:
        """(K, n, 3) displacements of an eyeball's points: it turns as the template's does."""
        head = self.template.head
        sign = 1 if side == "left" else -1
        ball = (head.regions["eyeballs"] > 0.5) & (sign * head.template[:, 0] > 0)
        rest = head.template[ball] - head.template[ball].mean(0)
        out = np.zeros((len(head.names), len(points), 3), np.float32)
        for row, shape in enumerate(head.basis[:, ball]):
            if np.abs(shape).max() > 1e-5:
                turn = fit_similarity(rest, rest + shape - shape.mean(0)).turn
                out[row] = (points - self.eyes[side][0]) @ (turn - np.eye(3)).T
        return out

    def add_mouth(self) -> None:
        """A cavity where there is none, and teeth and tongue where there are none."""
        report, roles = self.found.report, self.found.roles
        if self.found.edges is not None:
            self._bag(self.found.edges.upper, self.found.edges.lower)
            report.added.append("the inside of the mouth")
        wanted = [] if roles.upper.any() or roles.lower.any() else ["teeth", "gums"]
        wanted += [] if roles.tongue.any() else ["tongue"]
        if not wanted or not self._opens():
            return
        for name in wanted:
            self._ours([name], self.of_mouth if name == "teeth" else self._inside, self.of_mouth)
        report.added.append(" and ".join(name for name in wanted if name != "gums") + " of the default head")

    def _inside(self, points: np.ndarray) -> np.ndarray:
        """Places of the template's mouth in this one; a large mouth of a flat face leaves less room than the template's."""
        return self._behind(self.of_mouth(points), DEEP)

    def _opens(self) -> bool:
        return not any("stays shut" in text for text in self.found.report.missing)

    def add_eyes(self) -> None:
        """Eyeballs where the skin has holes; where the eyes are one surface with the skin, they stay as they are."""
        found = self.found
        if any(mask.any() for mask in found.roles.eyes.values()):
            for side, mask in found.roles.eyes.items():
                if not mask.any():
                    found.report.missing.append(f"the {side} eyeball")
            return
        if not found.open_eyes:
            found.report.missing.append("eyeballs: the eyes are one surface with the skin, the gaze does not move")
            return
        head = self.template.head
        for side, (_, here) in self.eyes.items():
            sign = 1 if side == "left" else -1
            self._ours(["eyes"], here, here, lambda points, sign=sign: sign * points[:, 0] > 0)
        del head
        found.report.added.append("eyeballs of the default head")

    def _ours(self, parts: list[str], place, similarity: Similarity, keep=lambda points: np.ones(len(points), bool)) -> None:
        """Parts of the default head, put in their place."""
        head = self.template.head
        for part in (p for p in head.parts if p.name in parts):
            rows = slice(*part.faces)
            assert head.uv_faces is not None
            chosen = keep(head.template[head.faces[rows]].mean(1))
            faces, uv = head.faces[rows][chosen], head.uv_faces[rows][chosen]
            used, faces = np.unique(faces, return_inverse=True)
            moved = similarity.scale * head.basis[:, used] @ similarity.turn.T
            self._append(part.name, place(head.template[used].astype(float)), moved, faces.reshape(-1, 3), uv)
            group = {"eyes": "eyeballs", "gums": "teeth"}.get(part.name, part.name)
            if part.name != "gums":
                self.groups[group].append(np.arange(self.count - len(used), self.count))

    def _append(self, part: str, points: np.ndarray, basis: np.ndarray, faces: np.ndarray, uv: np.ndarray) -> None:
        self._add(part, faces + self.count, uv + self.start)
        self.points.append(points)
        self.basis.append(basis.astype(np.float32))
        self.count += len(points)

    def _bag(self, upper: np.ndarray, lower: np.ndarray) -> None:
        """The template's cavity, hung on the edges of the lips."""
        template, found, head = self.template, self.found, self.template.head
        faces = template.skin.faces[template.bag]
        used, inner = np.unique(faces, return_inverse=True)
        inner = inner.reshape(-1, 3)
        number = np.full(template.count, -1)
        number[used] = np.arange(len(used))
        points = found.fitted.points[used]
        bag = Surface(points, inner)
        pinned, shift = np.zeros(len(used), bool), np.zeros_like(points)
        moved = np.zeros((len(found.own), len(used), 3))
        for ring, edge in zip(template.lips, (upper, lower), strict=True):
            keep = number[ring] >= 0
            at, share = number[ring][keep], shares(template.skin.points[ring])[keep]
            line = found.work.points[edge]
            pinned[at], shift[at] = True, along(line, share) - points[at]
            for k, shape in enumerate(found.shapes):
                known = shares(line)
                moved[k, at] = np.stack([np.interp(share, known, shape[edge][:, x]) for x in range(3)], 1)
        hold = np.where(pinned, PINNED, LOOSE)
        transfer = Transfer(bag, np.ones(len(inner)), hold)
        points = self._behind(points + transfer(np.zeros((len(inner), 3, 3)), shift), DEPTH, pinned)
        wanted = stretches(template.skin, template.shapes)[:, template.bag]
        basis = np.stack([transfer(w, m) for w, m in zip(wanted, moved, strict=True)])
        assert head.uv_faces is not None
        self._append("skin", points, basis, inner, head.uv_faces[: len(template.skin.faces)][template.bag])

    def _behind(self, points: np.ndarray, depth: float, kept: np.ndarray | None = None) -> np.ndarray:
        """Places (n, 3) in the mouth put `depth` behind the skin where they would stand out of it; `kept` ones stay."""
        found = self.found
        surface = Surface(found.work.points, found.work.faces)
        outside = found.roles.skin & found.seen
        near = ((surface.points > points.min(0) - REACH) & (surface.points < points.max(0) + REACH)).all(1)
        faces = np.flatnonzero(outside[surface.faces].all(1) & near[surface.faces].any(1))
        if not len(faces):
            return points
        face, _, place = surface.part(faces, SPACING)(points)
        normals = surface.face_normals[face]
        ahead = np.einsum("nx,nx->n", points - place, normals) + depth
        ahead[np.linalg.norm(points - place, axis=1) > REACH] = 0
        ahead[slice(0) if kept is None else kept] = 0
        return points - np.maximum(ahead, 0)[:, None] * normals

    def head(self, name: str, unit: str | float | None) -> Head:
        """All of it in metres."""
        found, report = self.found, self.found.report
        turn, scale = self._frame(unit)
        points, similarity = np.concatenate(self.points), found.similarity
        change = scale / similarity.scale * turn @ similarity.turn.T

        def out(places: np.ndarray) -> np.ndarray:
            return (scale * similarity.back(places) @ turn.T).astype(np.float32)

        basis = np.empty((len(found.shapes), len(points), 3), np.float32)
        for row in range(len(basis)):  # one shape at a time: all of a scan, twice and in double precision, would be gigabytes
            basis[row] = np.concatenate([part[row] for part in self.basis]) @ change.T
        order = [part for part in ("skin", "eyes", "teeth", "gums", "tongue", "other") if part in self.faces]
        faces = {part: np.concatenate(self.faces[part]) for part in order}
        ends = np.cumsum([0, *(len(faces[part]) for part in order)])
        rough = {part.name: part.roughness for part in self.template.head.parts} | {"other": 0.7}
        parts = tuple(Part(p, (int(a), int(b)), roughness=rough[p]) for p, a, b in zip(order, ends, ends[1:], strict=False))
        whole = np.concatenate([faces[part] for part in order])
        plain = Surface(points, whole)
        report.scale = scale
        head = Head(
            name=name,
            template=out(points),
            faces=whole.astype(np.int32),
            basis=basis,
            names=self.template.head.names,
            uv=self.coordinates,
            uv_faces=np.concatenate([np.concatenate(self.uv[part]) for part in order]).astype(np.int32),
            texture=self.picture,
            parts=parts,
            regions=self._regions(len(points)),
            landmarks=self._landmarks(plain, parts),
            joints={name: out(place[None])[0] for name, place in self._joints().items()},
            provenance={"source": f"{name}, the user's mesh", "fitted": "shapes of the default head"},
        )
        return self._finish(head)

    def _finish(self, head: Head) -> Head:
        """Lips that meet and lids that close, and how well they do."""
        found, report = self.found, self.found.report
        if found.edges is None:
            head, apart = shut_cavity(head)
        else:
            apart = found.edges.apart
        left = closure(head, found.edges)
        report.closure = None if left is None else left * 1000
        width = np.linalg.norm(np.subtract(*head.landmark(["lip_corner_left", "lip_corner_right"])))
        if (told := parting(apart, float(width))) is not None:
            report.notes.append(told)
        for side in ("left", "right"):
            self._blink(head, side)
        return head

    def _blink(self, head: Head, side: str) -> None:
        """The blink is made as long as the opening of the eye is high."""
        pair, row = [f"eye_{side}_upper", f"eye_{side}_lower"], head.index(f"eyeBlink{side.capitalize()}")
        rest, moved = (np.diff(head.landmark(pair, points)[:, 1])[0] for points in (head.template, head.basis[row]))
        if moved * rest < 0:
            factor = float(np.clip(-rest / moved, *BLINK))
            if not self.found.open_eyes and abs(factor - 1) < MEET:  # the lids meet as they are, with what lies between them
                factor = 1.0
            head.basis[row] *= factor
            self.found.report.lids[side] = float(abs(rest + factor * moved) * 1000)

    def _frame(self, unit: str | float | None) -> tuple[np.ndarray, float]:
        """(3, 3) from the file's axes to y up and z to the front, and metres a unit."""
        report, similarity = self.found.report, self.found.similarity
        nearest = np.round(similarity.turn / np.abs(similarity.turn).max(0))
        straight = (np.abs(similarity.turn).max(1) > STRAIGHT).all() and abs(np.linalg.det(nearest)) == 1
        turn = nearest if straight else similarity.turn
        names = {k: f"{'-' if v < 0 else ''}{'xyz'[i]}" for k in (1, 2) for i, v in enumerate(turn[k]) if abs(v) > 0.99}
        report.axes = f"{names[1]} is up, {names[2]} is to the front" if len(names) == 2 else "turned to look to the front"
        if unit is not None:
            report.unit = str(unit)
            return turn, UNITS[unit] if unit in UNITS else metres(unit)
        best = min(UNITS, key=lambda u: abs(np.log(UNITS[u] / similarity.scale)))
        if abs(np.log(UNITS[best] / similarity.scale)) < np.log(SLACK):
            report.unit = f"{best}, by the size of the face"
            return turn, UNITS[best]
        report.unit = "no unit fits, the face is made as large as the default one"
        return turn, similarity.scale

    def _regions(self, count: int) -> dict[str, np.ndarray]:
        """The template's masks on the mesh, and those of its parts."""
        found, out = self.found, {}
        skin = np.flatnonzero(found.roles.skin)
        points = found.work.points[skin]
        face, weights, *_ = Sided(found.fitted, self.template)(points, found.sides[skin], np.zeros_like(points))
        corners = found.fitted.faces[face]
        for name, mask in self.template.head.regions.items():
            values = np.zeros(count, np.float32)
            if name in self.groups:
                values[np.concatenate(self.groups[name])] = 1
            else:
                values[skin] = np.einsum("nc,nc->n", weights, mask[corners])
            out[name] = values
        return out

    def _landmarks(self, whole: Surface, parts: tuple[Part, ...]) -> dict[str, np.ndarray]:
        """name -> [triangle, u, v] on the mesh."""
        found, template, out = self.found, self.template, {}
        span = {part.name: np.arange(*part.faces) for part in parts}
        skin = span["skin"]
        table = {n: mark for n, mark in template.head.landmarks.items() if mark[0] < len(template.skin.faces)}
        names = list(table)
        marks = np.array([table[n] for n in names], np.float64)
        places = positions(found.fitted.points, template.skin.faces, marks)
        labels = template.sides[template.skin.faces[marks[:, 0].astype(int)]]
        label = np.where(
            (labels == UPPER).sum(1) > (labels == LOWER).sum(1), UPPER, np.where((labels == LOWER).any(1), LOWER, 0)
        )
        side = np.zeros(len(whole.points), int)
        side[: len(found.sides)] = found.sides
        of_face = side[whole.faces[skin]]
        own = (whole.faces[skin] < len(found.work.points)).all(1)
        choices = {0: own, UPPER: own & (of_face == UPPER).all(1), LOWER: own & (of_face == LOWER).all(1)}
        for kind, allowed in choices.items():
            mine = np.flatnonzero(label == kind)
            if len(mine):
                face, weights, _ = whole.part(skin[allowed], SPACING)(places[mine])
                out |= {names[m]: np.array([f, *w[1:]], np.float32) for m, f, w in zip(mine, face, weights, strict=True)}
        self._ring(out, whole, skin[choices[UPPER]], skin[choices[LOWER]])
        return {name: out[name] for name in template.head.landmarks if name in out}

    def _ring(self, out: dict[str, np.ndarray], whole: Surface, upper: np.ndarray, lower: np.ndarray) -> None:
        """The inner contour of the lips at vertices of the mesh."""
        from talkinghead.head.landmarks import on_triangle

        template, found = self.template, self.found
        place = {int(v): k for k, v in enumerate(template.ring)}
        edges = (None, None) if found.edges is None else (found.edges.upper, found.edges.lower)
        for ring, edge, faces in zip(template.lips, edges, (upper, lower), strict=True):
            share = shares(template.skin.points[ring])
            if edge is not None:
                line = found.work.points[edge]
                near = np.abs(shares(line)[None] - share[:, None]).argmin(1)
                vertices, among = edge[near], faces
            else:
                numbers = np.unique(whole.faces[faces])
                goal = found.fitted.points[ring]
                vertices = numbers[np.linalg.norm(whole.points[numbers][None] - goal[:, None], axis=2).argmin(1)]
                among = faces
            for v, vertex in zip(ring, vertices, strict=True):
                mark = on_triangle(whole.faces[among], int(vertex))
                if mark is None:
                    mark = on_triangle(whole.faces, int(vertex))
                elif mark is not None:
                    mark[0] = among[int(mark[0])]
                if mark is not None:
                    out[f"lip_inner_{place[int(v)]:02d}"] = mark

    def _joints(self) -> dict[str, np.ndarray]:
        """Eyes at the middles of their balls, the others moved as the skin around them."""
        template, fitted = self.template, self.found.fitted
        out = {f"{side}_eye": middle for side, (middle, _) in self.eyes.items()}
        for name, place in template.head.joints.items():
            if name not in out:
                away = np.linalg.norm(template.skin.points - place, axis=1)
                weight = np.exp(-(((away - away.min()) / JOINT_RADIUS) ** 2))
                out[name] = place + weight @ (fitted.points - template.skin.points) / weight.sum()
        return out


def _directions(points: np.ndarray) -> np.ndarray:
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)


def _sphere(points: np.ndarray) -> np.ndarray | None:
    """(3,) the middle of the sphere nearest to the points: |p|^2 = 2 p.c + r^2 - |c|^2; None where they are of no ball."""
    middle = points.mean(0)
    local = points - middle
    solution, *_ = np.linalg.lstsq(np.c_[2 * local, np.ones(len(local))], (local**2).sum(1), rcond=None)
    moved, extent = solution[:3], float(np.ptp(local, axis=0).max())
    radius = np.sqrt(max(float(solution[3] + moved @ moved), 0.0))
    return middle + moved if ROUND[0] * extent < radius < ROUND[1] * extent else None
