"""Which triangle each sample of a picture shows: a z-buffer for triangles in screen space, without gradient.

Two implementations with the same result: loops compiled by numba for the CPU, tensor operations for any device. Only triangles
that face the viewer count: their corners run clockwise in numbers with y down.
B pictures, N vertices, F triangles, S samples a side.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from talkinghead.compiling import compiled

CHUNK = 4_000_000  # candidates (a triangle and a sample in its box) at a time
IDS = 1 << 20  # triangles that fit beside a depth in 64 bits
FAR = 3e38
HALF, ONE, NOTHING = np.float32(0.5), np.float32(1), np.float32(FAR)


def visible(screen: Tensor, faces: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """(B, S, S) int64 owners, -1 where there is none, and (B, S, S) depths, FAR there.

    screen: (B, N, 3) x right and y down in samples, depth above 0, larger is further; sample (i, j) lies at i + 0.5, j + 0.5.
    """
    screen = screen.detach()
    return visible_compiled(screen, faces, size) if screen.device.type == "cpu" else visible_tensors(screen, faces, size)


def visible_compiled(screen: Tensor, faces: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """`visible` by numba, on the CPU."""
    owner = torch.empty((len(screen), size, size), dtype=torch.int64)
    depth = torch.empty((len(screen), size, size), dtype=torch.float32)
    _compiled()(screen.contiguous().numpy(), faces.contiguous().numpy(), owner.numpy(), depth.numpy())
    return owner, depth


def visible_tensors(screen: Tensor, faces: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """`visible` by tensor operations: all samples in the box of each triangle, the nearest wins."""
    b, device = len(screen), screen.device
    corners = screen[:, faces]  # (B, F, 3, 3)
    low = (corners[..., :2].amin(2) - 0.5).ceil().clamp(0, size).long()
    high = (corners[..., :2].amax(2) - 0.5).floor().clamp(-1, size - 1).long()
    wide, tall = (high - low + 1).clamp_min(0).unbind(-1)
    counts = torch.where(_area(corners) < -1e-9, wide * tall, 0).reshape(-1)
    found = torch.full((b * size * size,), torch.iinfo(torch.int64).max, device=device)
    boxes = counts.nonzero()[:, 0]
    ends = counts[boxes].cumsum(0)
    pieces = torch.searchsorted(ends, torch.arange(0, int(ends[-1]) if len(ends) else 0, CHUNK, device=device))
    for first, last in pairwise([*pieces.tolist(), len(boxes)]):
        _try(corners, boxes[first:last], counts, low, wide, found, size)
    owner = torch.where(found == torch.iinfo(torch.int64).max, -1, found % IDS)
    depth = (found // IDS).clamp_max(2**31 - 1).int().view(torch.float32)
    depth = torch.where(owner < 0, FAR, depth)
    return owner.view(b, size, size), depth.view(b, size, size)


def _try(corners: Tensor, boxes: Tensor, counts: Tensor, low: Tensor, wide: Tensor, found: Tensor, size: int) -> None:
    """All samples in the boxes of some triangles: the nearest depth and its triangle, packed in 64 bits, stay in `found`."""
    count = counts[boxes]
    box = torch.repeat_interleave(boxes, count)
    place = torch.arange(len(box), device=box.device) - torch.repeat_interleave(count.cumsum(0) - count, count)
    wide, low = wide.reshape(-1)[box], low.reshape(-1, 2)[box]
    x, y = low[:, 0] + place % wide, low[:, 1] + place // wide
    (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = (corner.unbind(-1) for corner in corners.reshape(-1, 3, 3)[box].unbind(1))
    px, py = x + 0.5, y + 0.5
    scale = 1 / ((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0))
    w1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) * scale
    w2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) * scale
    w0 = 1 - w1 - w2
    inside = (w0 >= 0) & (w1 >= 0) & (w2 >= 0)
    depth = (w0 * z0 + w1 * z1 + w2 * z2)[inside]
    picture, triangle = box[inside] // corners.shape[1], box[inside] % corners.shape[1]
    sample = (picture * size + y[inside]) * size + x[inside]
    # Floats above 0 sort like the integers with the same bits.
    found.scatter_reduce_(0, sample, depth.contiguous().view(torch.int32).long() * IDS + triangle, "amin")


def _area(corners: Tensor) -> Tensor:
    """(..., 3, >= 2) corners -> (...) twice the area on the screen, below 0 if they face the viewer."""
    first, second = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    return first[..., 0] * second[..., 1] - second[..., 0] * first[..., 1]


def _rasterise(screen, faces, owner, depth):
    size = owner.shape[1]
    for b in range(owner.shape[0]):
        owner[b], depth[b] = -1, NOTHING
        for t in range(faces.shape[0]):
            x0, y0, z0 = screen[b, faces[t, 0]]
            x1, y1, z1 = screen[b, faces[t, 1]]
            x2, y2, z2 = screen[b, faces[t, 2]]
            area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
            if not area < -1e-9:
                continue
            scale = ONE / area
            left, right = max(np.ceil(min(x0, x1, x2) - HALF), 0), min(np.floor(max(x0, x1, x2) - HALF), size - 1)
            top, bottom = max(np.ceil(min(y0, y1, y2) - HALF), 0), min(np.floor(max(y0, y1, y2) - HALF), size - 1)
            for y in range(int(top), int(bottom) + 1):
                py = np.float32(y) + HALF
                for x in range(int(left), int(right) + 1):
                    px = np.float32(x) + HALF
                    w1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) * scale
                    w2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) * scale
                    w0 = ONE - w1 - w2
                    if w0 >= 0 and w1 >= 0 and w2 >= 0:
                        z = w0 * z0 + w1 * z1 + w2 * z2
                        if z < depth[b, y, x]:
                            depth[b, y, x], owner[b, y, x] = z, t


@lru_cache(maxsize=1)
def _compiled():
    return compiled(_rasterise, fast=False)
