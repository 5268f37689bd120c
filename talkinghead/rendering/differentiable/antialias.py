"""Pictures of triangles with a gradient also where surfaces end: shading inside, blending along outlines. Tensors only.

Outlines are found edge by edge, not sample by sample, so that those of triangles smaller than a sample count, too. After Laine
et al. 2020, "Modular primitives for high-performance differentiable rendering".
B pictures, N vertices, F triangles, E edges, S samples a side, C crossings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BACKGROUND = 0.3
NEAR, BEHIND = 4.0, 0.1  # samples: a sample shows an edge's surface if no further from it in depth; what is behind it is behind
THIN = 1e-2  # square samples: smaller triangles are shaded as if they had this size, their gradient would be noise


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
    """The picture with each crossing's two samples blended by where the outline is, which gives the outline its gradient."""
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


def edges_of(faces: np.ndarray) -> dict[str, np.ndarray]:
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
