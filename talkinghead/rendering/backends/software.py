"""The picture without OpenGL: a rasteriser compiled by numba that needs nothing from the system.

Visibility is found for four points per pixel, light is computed once per surface that a pixel shows, as a GPU does it.
Rows are shared out to threads, which run outside Python's lock.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from talkinghead.rendering.camera import Camera
from talkinghead.rendering.scene.scene import Scene


class SoftwareBackend:
    """One scene, one camera, one size."""

    def __init__(self, scene: Scene, camera: Camera, width: int, height: int, wall: np.ndarray | None) -> None:
        from talkinghead.rendering.backends import kernels

        self.kernels, self.scene, self.size = kernels, scene, (width, height)
        self.aim(camera)
        self.wall = np.zeros((height, width, 4), np.uint8) if wall is None else wall
        self.depth = np.empty((2 * height, 2 * width), np.float32)
        self.owner = np.empty((2 * height, 2 * width), np.int32)
        self.still = np.hstack([scene.uv, scene.vertex_material, scene.fade[:, None]]).astype(np.float32)
        self.texels, self.levels = _pyramid(scene.texture)
        self.level = self._levels_of_detail()
        workers = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        edges = np.linspace(0, height, 2 * workers + 1).astype(int)
        self.bands = [(int(a), int(b)) for a, b in pairwise(edges) if b > a]
        self.pool = ThreadPoolExecutor(workers)

    def aim(self, camera: Camera) -> None:
        """See the scene from another camera."""
        self.matrix, self.eye = camera.matrix, camera.eye.astype(np.float32)

    def draw(self, vertices: np.ndarray) -> np.ndarray:
        """As `renderer.Backend.draw`."""
        data = self.scene.frame(vertices)
        screen = self._project(data[:, :3])
        out = self.wall.copy()
        list(self.pool.map(lambda band: self._draw_band(band, screen, data, out), self.bands))
        return out

    def close(self) -> None:
        """Stop the threads."""
        self.pool.shutdown()

    def _draw_band(self, rows: tuple[int, int], screen: np.ndarray, data: np.ndarray, out: np.ndarray) -> None:
        triangles, view = self.scene.triangles, (self.depth, self.owner)
        texture = self.level, self.texels, self.levels
        self.kernels.visibility(*rows, screen, triangles, *view)
        self.kernels.light(*rows, screen, triangles, *view, data, self.still, self.eye, self.scene.lights.table, *texture, out)

    def _project(self, positions: np.ndarray) -> np.ndarray:
        """(U, 3) -> (U, 4) float32: x right, y down in pixels, depth, 1 / distance; distance 0 where it cannot be drawn."""
        width, height = self.size
        with np.errstate(all="ignore"):
            clip = positions @ self.matrix[:, :3].T + self.matrix[:, 3]
            far = clip[:, 3:]
            flat = clip[:, :3] / far
            screen = np.hstack([(flat[:, :1] + 1) * (width / 2), (1 - flat[:, 1:2]) * (height / 2), flat[:, 2:], 1 / far])
        screen[~(np.isfinite(screen).all(1) & (clip[:, 3] > 1e-6) & (np.abs(flat) < 1e4).all(1))] = 0
        return np.ascontiguousarray(screen, np.float32)

    def _levels_of_detail(self) -> np.ndarray:
        """(F',) int32: which of the ever smaller textures fits each triangle, judged on the resting head."""
        corners = self._project(self.scene.frame(self.scene.own.template)[:, :3])[self.scene.triangles]
        height, width = self.scene.texture.shape[:2]
        texels = _area(self.scene.uv[self.scene.triangles] * (width, height))
        ratio = np.maximum(texels, 1e-6) / np.maximum(_area(corners[..., :2]), 0.05)
        return np.clip(np.round(0.5 * np.log2(ratio)), 0, len(self.levels) - 1).astype(np.int32)


def _area(corners: np.ndarray) -> np.ndarray:
    (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    return np.abs(ax * by - ay * bx)


def _pyramid(texture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) uint8 texels of ever smaller pictures, and (L, 3) int64 start, height, width of each."""
    pictures = [texture]
    while min(pictures[-1].shape[:2]) >= 2:
        big = pictures[-1][: pictures[-1].shape[0] // 2 * 2, : pictures[-1].shape[1] // 2 * 2].astype(np.uint16)
        total = big[::2, ::2] + big[1::2, ::2] + big[::2, 1::2] + big[1::2, 1::2]
        pictures.append(((total + 2) // 4).astype(np.uint8))
    sizes = [p.shape[0] * p.shape[1] for p in pictures]
    starts = np.cumsum([0, *sizes[:-1]])
    levels = np.array([(start, *p.shape[:2]) for start, p in zip(starts, pictures, strict=True)], np.int64)
    return np.concatenate([p.reshape(-1, 3) for p in pictures]), levels


def probe() -> str:
    """What draws, in words. Raises ImportError if numba is missing or broken."""
    import numba

    from talkinghead.rendering.backends import kernels  # noqa: F401  (compiling is left to the first picture)

    return f"numba {numba.__version__}, no OpenGL needed"
