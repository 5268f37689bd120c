"""Compiled loop of `head.occlusion`: one view of a mesh, hundreds of which are made of every head that is drawn."""

from __future__ import annotations

import numpy as np

from talkinghead.compiling import compiled

f32, i32 = np.float32, np.int32


@compiled
def visible(points, where, axes, cells):
    """(V,) float32 in [0, 1]: how much of `where` (3, V) is seen from far away, past `points` (3, P).

    axes: (3, 3) float32 across, up and towards the viewer, in cells. cells: of the grid from its middle to its edges, twice as
    far as the mesh reaches.
    """
    side = 2 * cells
    nearest = np.full(side * side, -np.inf, f32)
    most, middle = f32(side - 1), f32(cells)
    for i in range(points.shape[1]):
        x, y, z = points[0, i], points[1, i], points[2, i]
        row = min(max(axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z + middle, f32(0)), most)
        column = min(max(axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z + middle, f32(0)), most)
        depth, cell = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z, i32(row) * side + i32(column)
        if depth > nearest[cell]:
            nearest[cell] = depth
    share = np.empty(where.shape[1], f32)
    for i in range(where.shape[1]):
        x, y, z = where[0, i], where[1, i], where[2, i]
        u = min(max(axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z + middle - f32(0.5), f32(0)), most - 1)
        v = min(max(axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z + middle - f32(0.5), f32(0)), most - 1)
        depth = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z
        row, column = i32(u), i32(v)
        part_u, part_v, total = u - f32(row), v - f32(column), f32(0)
        for k in range(4):  # hidden when more than a cell or so behind
            behind = nearest[(row + k // 2) * side + column + k % 2] - depth
            weight = (part_u if k // 2 else 1 - part_u) * (part_v if k % 2 else 1 - part_v)
            total += weight * min(max(f32(1.5) - behind, f32(0)), f32(1))
        share[i] = total
    return share
