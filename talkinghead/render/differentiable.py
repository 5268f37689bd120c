"""Pictures of the mouth that have a gradient, in plain PyTorch: what a lip-reading loss looks at. CPU and GPU, no extension.

Which triangle a sample shows is decided without gradient (`visibility`). Its grey, interpolated between the corners, has one;
and where a surface ends before another, the samples on both sides are blended by where exactly the outline passes between
them (antialiasing after Laine et al. 2020, "Modular primitives for high-performance differentiable rendering"). Without this
the picture would not know that an opening jaw uncovers the inside of the mouth, and its gradient would be wrong.
Outlines are found edge by edge, not sample by sample, so that those of triangles smaller than a sample count, too.

B pictures, N vertices near the mouth, F triangles, E edges, K coefficients, S samples a side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead.errors import InputError
from talkinghead.face.head import Head
from talkinghead.render import look
from talkinghead.render.visibility import visible

SIZE = 88  # pixels a side of the crops of lip-reading networks (LRW's, Martinez et al. 2020)
MOUTHS = 2.0  # widths of the resting mouth across 88 pixels; larger crops show more of the face
LOWER = 0.08  # of the picture: how far its middle lies below that of the shut lips, to leave room for the jaw
DEPTH = 0.075  # metres behind the lips at which drawing ends: the mouth's cavity, not the nape
HIDDEN = ("eyes", "brows", "lashes")
GREY = np.array([0.2126, 0.7152, 0.0722], np.float32)  # luminance of linear sRGB (Rec. 709)
BACKGROUND = 0.3
NEAR, BEHIND = 4.0, 0.1  # samples: a sample shows an edge's surface if no further from it in depth; what is behind it is behind
THIN = 1e-2  # square samples: smaller triangles are shaded as if they had this size, their gradient would be noise
LIPS = ("lip_upper_inner", "lip_lower_inner")


@dataclass(frozen=True)
class View:
    """How the camera and the light differ from the usual: what training a lip reader varies. Angles in radians."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)  # to the right and down, in parts of the picture
    lamps: tuple[float, ...] = (1.0, 1.0, 1.0)  # strength of each of `look.LIGHTS`
    turn: float = 0.0  # of the lamps about the vertical
    ambient: float = 1.0
    skin: float = 1.0  # factor on the skin's brightness


class MouthRenderer(nn.Module):
    """Coefficients -> grey pictures of the mouth of one head, seen from far in front (an orthographic camera).

    names: of the coefficients, in their order; all of the head's if not given. size: pixels a side. samples: per pixel and
    axis; 2 shows gaps between the lips that are thinner than a pixel. outlines: False leaves the antialiasing out, for those
    who want to see what it is for. Raises InputError for a head without the landmarks of lips or with other names.
    """

    def __init__(
        self,
        head: Head,
        names: list[str] | tuple[str, ...] | None = None,
        size: int = SIZE,
        *,
        samples: int = 2,
        view: View | None = None,
        outlines: bool = True,
    ) -> None:
        super().__init__()
        view = View() if view is None else view
        missing = [m for m in (*LIPS, "lip_corner_left", "lip_corner_right") if m not in head.landmarks]
        if missing:
            raise InputError(f"head {head.name}: has no landmark {missing[0]!r}, so its mouth cannot be found")
        keep = [head.index(name) for name in (head.names if names is None else names)]
        self.size, self.samples, self.outlines = size, samples, outlines
        self.rest: Tensor
        self.moved: Tensor
        self.faces: Tensor
        self.edges: Tensor
        self.beside: Tensor
        self.across: Tensor
        self.gap_rest: Tensor
        self.gap_moved: Tensor
        self.shares_closed: Tensor
        self.shares_opened: Tensor
        self.albedo: Tensor
        self.lamps: Tensor
        self.power: Tensor
        self.around: Tensor
        corners = head.landmark(["lip_corner_left", "lip_corner_right"])
        self.pixel = float(np.linalg.norm(corners[0] - corners[1])) * MOUTHS / SIZE / view.zoom  # metres
        turned = _rotation(view)
        middle = corners.mean(0)
        faces = _near(head, (head.template - middle) @ turned.T, size * self.pixel / 2)
        used, flat = np.unique(faces, return_inverse=True)
        faces = flat.reshape(-1, 3)
        scale = samples / self.pixel
        rest = (head.template[used] - middle) @ turned.T * scale
        moved = head.basis[keep][:, used] @ turned.T * scale  # (K, N, 3)
        flip = np.array([1, -1, -1], np.float32)  # y down, z away from the viewer
        place = np.array([0.5 + view.shift[0], 0.5 - LOWER + view.shift[1], 0]) * size * samples
        self._keep("rest", rest * flip + place + [0, 0, 1000.0])
        self._keep("moved", (moved * flip).transpose(1, 2, 0).reshape(-1, len(keep)))  # (N * 3, K)
        self._keep("faces", faces.astype(np.int64))
        for name, table in _edges(faces).items():
            self._keep(name, table)
        self._light(head, used, view)
        gap = [head.landmark([*LIPS], shape) for shape in (head.template, *head.basis[keep])]
        self._keep("gap_rest", gap[0][0] - gap[0][1])
        self._keep("gap_moved", np.stack([upper - lower for upper, lower in gap[1:]]))

    def _keep(self, name: str, values: np.ndarray) -> None:
        kind = np.int64 if values.dtype.kind in "iu" else np.float32
        self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values, kind)), persistent=False)

    def _light(self, head: Head, used: np.ndarray, view: View) -> None:
        """What of the light does not change with the motion. The shares of light are those of the other renderers."""
        from talkinghead.render.light import bake

        baked, turn = bake(head), _rotation(View(yaw=view.turn))
        self.gaps = baked.gap
        self._keep("shares_closed", baked.closed[used])
        self._keep("shares_opened", baked.opened[used])
        self._keep("albedo", _albedo(head, view.skin)[used])
        directions = np.array([direction for direction, _ in look.LIGHTS]) @ turn.T @ _rotation(view).T
        self._keep("lamps", directions * [1, -1, -1])
        self._keep("power", np.array([GREY @ colour for _, colour in look.LIGHTS]) * view.lamps)
        self._keep("around", np.array([GREY @ look.SKY, GREY @ look.GROUND]) * view.ambient)

    def forward(self, coefficients: Tensor) -> Tensor:
        """(..., K) -> (..., size, size) in [0, 1]."""
        shape, weights = coefficients.shape[:-1], coefficients.reshape(-1, coefficients.shape[-1])
        points = (self.moved @ weights.T).view(len(self.rest), 3, -1) + self.rest[:, :, None]  # (N, 3, B)
        normals, front = self._normals(points)
        grey = self._shade(normals, weights)
        table = torch.cat([points[:, :2], grey[:, None]], 1).permute(2, 0, 1).contiguous()  # (B, N, 3): x, y, grey
        depth = points[:, 2].detach().T.contiguous()
        side = self.size * self.samples
        owner, nearest = visible(torch.cat([table.detach()[..., :2], depth[..., None]], -1), self.faces, side)
        picture = interior(table, self.faces, owner)
        if self.outlines:
            picture = self._antialiased(picture, table, depth, nearest, front)
        if self.samples > 1:
            picture = nn.functional.avg_pool2d(picture, self.samples)
        return picture.clamp(0, 1).view(*shape, self.size, self.size)

    def _normals(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, B) unit normals, area-weighted means of the faces', and (F, B) whether a face is turned to the viewer."""
        a, b, c = (points.index_select(0, self.faces[:, k]) for k in range(3))
        across = torch.linalg.cross(b - a, c - a, dim=1)
        total = torch.zeros_like(points)
        for k in range(3):
            total = total.index_add(0, self.faces[:, k], across)
        return nn.functional.normalize(total, dim=1), across[:, 2].detach() < 0

    def _shade(self, normals: Tensor, weights: Tensor) -> Tensor:
        """(N, B) grey of each vertex as it shows on a screen: the other renderers' diffuse light, in luminance."""
        gap = (weights @ self.gap_moved + self.gap_rest).norm(dim=-1)
        share = ((gap - self.gaps[0]) / max(self.gaps[1] - self.gaps[0], 1e-9)).clamp(0, 1)
        shares = self.shares_closed[..., None] + share * (self.shares_opened - self.shares_closed)[..., None]  # (N, 4, B)
        wrap = float(GREY @ look.WRAP)
        facing = torch.einsum("lx,nxb->nlb", self.lamps, normals)
        diffuse = ((facing + wrap) / (1 + wrap)).clamp(0, 1).square() * shares[:, 1:]
        sky, ground = self.around
        around = (ground + (sky - ground) * (0.5 - 0.5 * normals[:, 1])) * shares[:, 0]
        linear = self.albedo[:, None] * (around + torch.einsum("l,nlb->nb", self.power, diffuse))
        return linear.clamp(1e-4, 1) ** (1 / 2.2)

    def _antialiased(self, picture: Tensor, table: Tensor, depth: Tensor, nearest: Tensor, front: Tensor) -> Tensor:
        found = crossings(table.detach(), depth, nearest, front, self.edges, self.beside, self.across)
        return blend(picture, table, self.edges, found)


def interior(table: Tensor, faces: Tensor, owner: Tensor) -> Tensor:
    """(B, S, S): the third column of (B, N, 3) [x, y, value], linear over the triangle that each sample shows.

    A triangle's values are a plane over the screen, computed once and not for each of its samples.
    """
    b, n, _ = table.shape
    size, f = owner.shape[-1], len(faces)
    hit = (owner >= 0).view(-1)
    flat = (owner.clamp_min(0) + torch.arange(b, device=owner.device).view(-1, 1, 1) * f).view(-1)
    shown = torch.zeros(b * f, dtype=torch.bool, device=owner.device)
    shown[flat] = True
    ids = shown.nonzero()[:, 0]
    rank = (shown.cumsum(0) - 1)[flat]
    corners = (faces[ids % f] + (ids // f * n)[:, None]).view(-1)
    p, q, r = table.view(-1, 3).index_select(0, corners).view(-1, 3, 3).unbind(1)
    origin = p.detach()[:, :2].round()  # numbers stay small, so that thin triangles keep their digits
    u, v = q - p, r - p
    area = u[:, 0] * v[:, 1] - v[:, 0] * u[:, 1]
    area = area.clamp_max(-THIN)
    dx = (u[:, 2] * v[:, 1] - v[:, 2] * u[:, 1]) / area
    dy = (v[:, 2] * u[:, 0] - u[:, 2] * v[:, 0]) / area
    start = p[:, 2] - dx * (p[:, 0] - origin[:, 0]) - dy * (p[:, 1] - origin[:, 1])
    planes = torch.stack([start, dx, dy], 1).index_select(0, rank)
    place = torch.arange(b * size * size, device=owner.device)
    away = torch.stack([place % size + 0.5, place // size % size + 0.5], 1) - origin.index_select(0, rank)
    values = planes[:, 0] + (planes[:, 1:] * away).sum(1)
    return torch.where(hit, values, BACKGROUND).view(b, size, size)


@dataclass
class Crossings:
    """Where outlines pass between two neighbouring samples. C crossings."""

    picture: Tensor  # (C,) which of the B
    edge: Tensor  # (C,) row of the edges
    axis: Tensor  # (C,) 0: the neighbours lie side by side, 1: one below the other
    near: Tensor  # (C,) the sample that shows the surface that ends here, as an index into all B * S * S
    far: Tensor  # (C,) the one that shows what is behind


@torch.no_grad()
def crossings(
    table: Tensor, depth: Tensor, nearest: Tensor, front: Tensor, edges: Tensor, beside: Tensor, across: Tensor
) -> Crossings:
    """All places where a visible outline passes between the centres of two neighbouring samples.

    An outline is an edge with one triangle turned to the viewer and one turned away, or none. table: (B, N, >= 2) x, y. depth:
    (B, N). nearest: (B, S, S) depths. front: (F, B). edges: (E, 2) vertices. beside: (E, 2) triangles, F for none. across:
    (E, 2) their third corners.
    """
    b, n, _ = table.shape
    size = nearest.shape[-1]
    padded = torch.cat([front, front.new_zeros(1, b)])
    first, second = padded[beside[:, 0]], padded[beside[:, 1]]
    edge, picture = (first ^ second).nonzero(as_tuple=True)
    third = torch.where(first[edge, picture], across[edge, 0], across[edge, 1])
    points = table[..., :2].reshape(-1, 2)
    base = picture * n
    p, q, c = (points[base + v] for v in (edges[edge, 0], edges[edge, 1], third))
    zp, zq = (depth.reshape(-1)[base + edges[edge, k]] for k in range(2))
    along = q - p
    side = torch.sign(along[:, 0] * (c - p)[:, 1] - along[:, 1] * (c - p)[:, 0])  # on which side of p -> q the surface is
    flat = along[:, 0].abs() > along[:, 1].abs()
    out = []
    for axis, mine in ((0, ~flat), (1, flat)):  # steep edges pass between samples side by side: each is counted once
        line = 1 - axis
        low = (torch.minimum(p, q)[:, line] - 0.5).ceil().clamp(0, size).long()
        high = (torch.maximum(p, q)[:, line] - 0.5).ceil().clamp(0, size).long()
        number = torch.where(mine, high - low, 0)
        which = torch.repeat_interleave(torch.arange(len(low), device=low.device), number)
        at = torch.arange(len(which), device=low.device) - (number.cumsum(0) - number)[which] + low[which]
        share = (at + 0.5 - p[which, line]) / along[which, line]
        where = p[which, axis] + share * along[which, axis]
        z = zp[which] + share * (zq - zp)[which]
        before = (where - 0.5).floor()
        after_inside = side[which] * along[which, line] * (1 if axis else -1) > 0
        inside = torch.where(after_inside, before + 1, before).long()
        outside = torch.where(after_inside, before, before + 1).long()
        ok = (before >= 0) & (before < size - 1) & (side[which] != 0)
        which, at, inside, outside, z = (value[ok] for value in (which, at, inside, outside, z))
        row = picture[which] * size * size
        near, far = ((row + (at * size + s if axis == 0 else s * size + at)) for s in (inside, outside))
        seen = ((nearest.view(-1)[near] - z).abs() < NEAR) & (nearest.view(-1)[far] > z + BEHIND)
        which, near, far, z = which[seen], near[seen], far[seen], z[seen]
        out.append((picture[which], edge[which], torch.full_like(which, axis), near, far, z))
    picture, edge, axis, near, far, z = (torch.cat(pair) for pair in zip(*out, strict=True))
    first_of = _nearest_of(torch.minimum(near, far) * 2 + axis, z, 2 * b * size * size)
    return Crossings(*(value[first_of] for value in (picture, edge, axis, near, far)))


def _nearest_of(pair: Tensor, z: Tensor, count: int) -> Tensor:
    """Indices of one crossing for each pair of samples, the nearest: two outlines between the same two blend but once."""
    packed = z.contiguous().view(torch.int32).long() * (1 << 31) + torch.arange(len(z), device=z.device)
    best = torch.full((count,), torch.iinfo(torch.int64).max, device=z.device).scatter_reduce_(0, pair, packed, "amin")
    return (best[pair] == packed).nonzero()[:, 0]


def blend(picture: Tensor, table: Tensor, edges: Tensor, found: Crossings) -> Tensor:
    """The picture with each crossing's two samples blended by where the outline is: this is what has the outline's gradient."""
    n = table.shape[1]
    size, flat = picture.shape[-1], picture.reshape(-1)
    p, q = (table.view(-1, 3).index_select(0, found.picture * n + edges[found.edge, k])[:, :2] for k in range(2))
    near = torch.stack([found.near % size, found.near // size % size], 1) + 0.5
    axis, line = found.axis[:, None], 1 - found.axis[:, None]
    px, py, qx, qy = p.gather(1, axis), p.gather(1, line), q.gather(1, axis), q.gather(1, line)
    crossing = px + (near.gather(1, line) - py) * (qx - px) / (qy - py)
    away = (crossing - near.gather(1, axis)).abs().clamp(0, 1)[:, 0]  # from the near sample's centre to the far one's
    mine, other = flat.index_select(0, found.near), flat.index_select(0, found.far)
    change = (away - 0.5) * (mine - other)
    # Beyond the middle the surface reaches into the far sample; before it, the near sample shows some of what is behind.
    return flat.index_add(0, torch.where(away > 0.5, found.far, found.near), change).view_as(picture)


def _near(head: Head, points: np.ndarray, half: float) -> np.ndarray:
    """(F, 3) faces that may be seen in the picture: near the mouth in some shape, and turned to the viewer in some.

    points: (V, 3) seen from the camera, from the middle of the lips. half: metres from there to the picture's edge.
    """
    faces = head.faces
    if head.parts:
        faces = np.concatenate([faces[slice(*part.faces)] for part in head.parts if part.name not in HIDDEN])
    inside = (np.abs(points[:, 0]) < 1.2 * half) & (np.abs(points[:, 1]) < 1.4 * half) & (points[:, 2] > -DEPTH)
    return faces[inside[faces].any(1)]


def _edges(faces: np.ndarray) -> dict[str, np.ndarray]:
    """`edges`, `beside` and `across` of `crossings`."""
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    third = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    triangle = np.tile(np.arange(len(faces)), 3)
    edges, number = np.unique(np.sort(sides, 1), axis=0, return_inverse=True)
    number = number.reshape(-1)
    beside = np.full((len(edges), 2), len(faces))
    across = np.zeros((len(edges), 2), np.int64)
    order = np.argsort(number, kind="stable")
    place = np.arange(len(order)) - np.searchsorted(number[order], number[order])
    order, place = order[place < 2], place[place < 2]  # a third triangle on one edge is a flaw of the mesh
    beside[number[order], place], across[number[order], place] = triangle[order], third[order]
    return {"edges": edges, "beside": beside, "across": across}


def _albedo(head: Head, skin: float) -> np.ndarray:
    """(V,) linear grey of each vertex's own colour."""
    out = np.full(len(head.template), float(GREY @ look.CLAY), np.float32)
    texture = None
    if head.texture is not None and head.uv is not None and head.uv_faces is not None:
        step = max(1, head.texture.shape[0] // 256)  # about the size of a pixel of the crops
        high, wide = (side // step * step for side in head.texture.shape[:2])
        blocks = head.texture[:high, :wide, :3].reshape(high // step, step, wide // step, step, 3)
        texture = look.decode(blocks.mean((1, 3)) / 255)
    for part in head.parts:
        run = slice(*part.faces)
        colour = np.array(part.colour)
        if texture is not None and head.uv is not None and head.uv_faces is not None:
            spot = head.uv[head.uv_faces[run]]
            row = np.clip(((1 - spot[..., 1]) * len(texture)).astype(int), 0, len(texture) - 1)
            column = np.clip((spot[..., 0] * texture.shape[1]).astype(int), 0, texture.shape[1] - 1)
            colour = texture[row, column] * colour
        elif part.name not in look.KINDS:
            colour = np.array(look.CLAY) if part.colour == (1.0, 1.0, 1.0) else colour
        out[head.faces[run]] = (colour @ GREY) * (skin if part.name not in look.KINDS else 1)
    return out


def _rotation(view: View) -> np.ndarray:
    """(3, 3): yaw about y, then pitch about x, then roll about z."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(angle), np.sin(angle)) for angle in (view.yaw, view.pitch, view.roll))
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return roll @ pitch @ yaw


@lru_cache(maxsize=4)
def _renderer(head: Head, size: int) -> MouthRenderer:
    return MouthRenderer(head, size=size)


def mouth_crops(coefficients: Tensor, head: Head | None = None, size: int = SIZE) -> Tensor:
    """(B, T, K) coefficients of `head` (the default one) -> (B, T, size, size) grey crops of its mouth in [0, 1].

    They have a gradient. Whoever draws often makes a `MouthRenderer` and keeps it.
    """
    return _renderer(Head.default() if head is None else head, size).to(coefficients.device)(coefficients)
