"""Compiled loops of the software renderer: which triangle is nearest at four points of each pixel. U vertices, F triangles.

Pictures are drawn in bands of rows that fit a processor's cache. Numbers are float32, so that a processor takes many at a time.
Loops of this file and of `shading` do not call each other: what numba keeps on disk is made anew when its own file changes.
"""

from __future__ import annotations

import numpy as np

from talkinghead.compiling import compiled

f32, i32, uint = np.float32, np.int32, np.uint64
LANES = 16  # points that are tested at a time
POINTS = ((0.625, 0.125), (0.125, 0.375), (0.875, 0.625), (0.375, 0.875))  # of a pixel, from its left upper corner: OpenGL's
_FOUR, _ONE = [(k // 4 + POINTS[k % 4][0], POINTS[k % 4][1]) for k in range(LANES)], [(k + 0.5, 0.5) for k in range(LANES)]
ACROSS, DOWN = np.ascontiguousarray(
    np.moveaxis(np.array([_FOUR, _ONE], np.float32), 2, 0)
)  # (2, LANES): of four a pixel, and of one
FAR = f32(2.0)  # depth where nothing is


@compiled
def project(vertices, matrix, width, height, screen):
    """(U, 4+) positions -> screen (U, 4): x right, y down in pixels, depth, 1 / distance; 0 where it cannot be drawn."""
    for i in range(len(vertices)):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        away = matrix[3, 0] * x + matrix[3, 1] * y + matrix[3, 2] * z + matrix[3, 3]
        near = f32(1) / away
        right = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]) * near
        up = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]) * near
        deep = (matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]) * near
        drawn = away > f32(1e-6) and abs(right) < f32(1e4) and abs(up) < f32(1e4) and abs(deep) < f32(1e4)
        screen[i, 0] = (right + 1) * (f32(width) * f32(0.5)) if drawn else f32(0)
        screen[i, 1] = (1 - up) * (f32(height) * f32(0.5)) if drawn else f32(0)
        screen[i, 2] = deep if drawn else f32(0)
        screen[i, 3] = near if drawn else f32(0)


@compiled
def bins(screen, triangles, height, rows, order, starts, near):
    """Which triangles seen from the front each band of `rows` rows has: order[starts[k] : starts[k + 1]]. Returns their number.

    screen: (U, 4) of `project`. order: int32, as long as the most there may be; -1 is returned if it is not.
    near: (F,) becomes 1 / distance of each of them.
    """
    bands = len(starts) - 1
    starts[:] = 0
    spans = np.empty((len(triangles), 2), i32)
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        spans[t, 1] = -1
        spans[t, 0] = 0
        if screen[a, 3] <= 0 or screen[b, 3] <= 0 or screen[c, 3] <= 0:
            continue
        ay, by, cy = screen[a, 1], screen[b, 1], screen[c, 1]
        area = (screen[b, 0] - screen[a, 0]) * (cy - ay) - (screen[c, 0] - screen[a, 0]) * (by - ay)
        if area > -1e-10:  # seen from behind, or edge on
            continue
        near[t] = screen[a, 3]
        top, bottom = min(ay, by, cy), max(ay, by, cy)
        if bottom <= 0 or top >= height:
            continue
        spans[t, 0] = max(i32(top), 0) // rows
        spans[t, 1] = min(i32(bottom), height - 1) // rows
        for k in range(spans[t, 0], spans[t, 1] + 1):
            starts[k + 1] += 1
    for k in range(bands):
        starts[k + 1] += starts[k]
    if starts[bands] > len(order):
        return -1
    place = starts[:-1].copy()
    for t in range(len(triangles)):
        for k in range(spans[t, 0], spans[t, 1] + 1):
            order[place[k]] = t
            place[k] += 1
    return starts[bands]


@compiled
def nearest(first, last, per, screen, triangles, chosen, depth, owner):
    """owner: of the `chosen` triangles the nearest at `per` points, 4 or 1, of each pixel of rows first..last, or -1.

    depth, owner: (rows, per * W, or more to a multiple of LANES) float32 and int32; a pixel's points lie side by side. The loop
    takes LANES points at a time, whether they are in the triangle or not: that is faster than to find out where its lines end.
    """
    depth[:] = FAR
    owner[:] = -1
    which = 0 if per == 4 else 1
    width = owner.shape[1] // per
    for i in range(len(chosen)):
        t = chosen[i]
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0:
            continue
        left, right = i32(max(min(ax, bx, cx), f32(0))), min(i32(min(max(ax, bx, cx), f32(width))) + 1, width)
        top, bottom = max(i32(min(ay, by, cy)), first), min(i32(max(ay, by, cy)) + 1, last)
        if left >= right or top >= bottom:
            continue
        scale, az = 1 / area, screen[a, 2]
        bz, cz = screen[b, 2] - az, screen[c, 2] - az
        zx, zy = (bz * (cy - ay) - cz * (by - ay)) * scale, (cz * (bx - ax) - bz * (cx - ax)) * scale
        x0, y0, w0 = _edge(a, b, ax, ay, bx, by)
        x1, y1, w1 = _edge(b, c, bx, by, cx, cy)
        x2, y2, w2 = _edge(c, a, cx, cy, ax, ay)
        start, stop = left * per // LANES * LANES, right * per
        for y in range(top, bottom):
            row = uint(y - first)
            for at in range(start, stop, LANES):
                x = f32(at // per)
                for k in range(LANES):
                    px, py = x + ACROSS[which, k], f32(y) + DOWN[which, k]
                    z = az + zx * (px - ax) + zy * (py - ay)
                    into = x0 * px + (y0 * py + w0), x1 * px + (y1 * py + w1), x2 * px + (y2 * py + w2)
                    before = depth[row, uint(at) + uint(k)]
                    seen = (min(into[0], min(into[1], into[2])) >= 0) & (z < before) & (z > -1)
                    depth[row, uint(at) + uint(k)] = z if seen else before
                    owner[row, uint(at) + uint(k)] = t if seen else owner[row, uint(at) + uint(k)]


@compiled
def _edge(one, two, x, y, other_x, other_y):
    """(a, b, c): a x + b y + c is positive inside of an edge, and exactly its negative for the triangle on the other side."""
    if one > two:
        a, b = y - other_y, other_x - x
        return -a, -b, b * other_y + a * other_x
    a, b = other_y - y, x - other_x
    return a, b, -(b * y + a * x)


def seen_triangles(screen: np.ndarray, triangles: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width) int32: the nearest triangle in the middle of each pixel, -1 for none. screen: (U, 4) as of `project`."""
    order, starts, near = np.empty(len(triangles), np.int32), np.empty(2, np.int32), np.empty(len(triangles), np.float32)
    count = bins(screen, triangles, height, height, order, starts, near)
    wide = -(-width // LANES) * LANES
    depth, owner = np.empty((height, wide), np.float32), np.empty((height, wide), np.int32)
    nearest(0, height, 1, screen, triangles, order[:count], depth, owner)
    return owner[:, :width]
