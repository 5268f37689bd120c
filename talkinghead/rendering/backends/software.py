"""The picture without OpenGL: a rasteriser compiled by numba that needs nothing from the system.

Visibility is found for four points per pixel, light is computed once per surface that a pixel shows, as a GPU does it.
Rows are shared out to threads, which run outside Python's lock.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from talkinghead.rendering.camera import Camera
from talkinghead.rendering.scene import look
from talkinghead.rendering.scene.scene import Scene

BAND = 8192  # pixels that are drawn at a time, whose depth fits a cache


class SoftwareBackend:
    """One scene, one camera, one size."""

    def __init__(self, scene: Scene, camera: Camera, width: int, height: int, wall: np.ndarray | None) -> None:
        from talkinghead.rendering.backends import shading, visibility

        self.visibility, self.shading, self.scene, self.size = visibility, shading, scene, (width, height)
        self.wall = np.zeros((height, width, 4), np.uint8) if wall is None else wall
        self.vertices = np.zeros((len(scene.uv), shading.ATTRIBUTES), np.float32)
        self.vertices[:, 10:12], self.vertices[:, 12] = scene.uv, scene.fade
        self.texels, self.levels = _pyramid(scene.texture)
        first = scene.vertex_material[scene.triangles[:, 0]]
        kinds, which = np.unique(first[:, 4], return_inverse=True)
        mirror = np.array([look.SPECULAR.get(kind, 0.0) for kind in kinds.tolist()])[which]
        self.flat = np.hstack([first, mirror[:, None]]).astype(np.float32)
        self.aim(camera)
        workers = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        self.rows = max(1, BAND // width)
        bands = np.arange(-(-height // self.rows))
        self.shares = [bands[k :: 4 * workers] for k in range(min(4 * workers, len(bands)))]  # taken by whoever is free
        self.starts, self.near = np.empty(len(bands) + 1, np.int32), np.empty(len(scene.triangles), np.float32)
        self.order = np.empty(2 * len(scene.triangles), np.int32)
        self.pool = ThreadPoolExecutor(workers)

    def aim(self, camera: Camera) -> None:
        """See the scene from another camera, with textures as fine as it shows them."""
        self.matrix, self.eye = camera.matrix, camera.eye.astype(np.float32)
        self.pictures = self.levels[self._levels_of_detail()].astype(np.int32)

    def draw(self, vertices: np.ndarray) -> np.ndarray:
        """As `renderer.Backend.draw`."""
        data = self.scene.frame(vertices)
        self.vertices[:, :10], self.vertices[:, 13:] = data[:, :10], data[:, 10:]
        screen, triangles, rows = self._project(self.vertices), self.scene.triangles, self.rows
        while self.visibility.bins(screen, triangles, self.size[1], rows, self.order, self.starts, self.near) < 0:
            self.order = np.empty(2 * self.starts[-1], np.int32)
        out = self.wall.copy()
        list(self.pool.map(lambda bands: self._draw(bands, screen, out), self.shares))
        return out

    def _draw(self, bands: np.ndarray, screen: np.ndarray, out: np.ndarray) -> None:
        """Draw some bands of rows."""
        width, height = self.size
        wide = -(-4 * width // self.visibility.LANES) * self.visibility.LANES
        depth, owner = np.empty((self.rows, wide), np.float32), np.empty((self.rows, wide), np.int32)
        triangles, lights = self.scene.triangles, self.scene.lights.table
        mesh = self.near, screen, self.vertices, triangles, self.flat, self.pictures
        for k in bands.tolist():
            first, last = k * self.rows, min((k + 1) * self.rows, height)
            if len(chosen := self.order[self.starts[k] : self.starts[k + 1]]):
                self.visibility.nearest(first, last, 4, screen, triangles, chosen, depth, owner)
                self.shading.colour(first, last, owner, *mesh, self.eye, lights, self.texels, out)

    def close(self) -> None:
        """Stop the threads."""
        self.pool.shutdown()

    def _project(self, vertices: np.ndarray) -> np.ndarray:
        """(U, 4) float32: x right, y down in pixels, depth, 1 / distance; distance 0 where it cannot be drawn."""
        screen = np.empty((len(vertices), 4), np.float32)
        self.visibility.project(vertices, self.matrix, *self.size, screen)
        return screen

    def _levels_of_detail(self) -> np.ndarray:
        """(F,) int: which of the ever smaller textures fits each triangle, judged on the resting head."""
        self.vertices[:, :10] = self.scene.frame(self.scene.own.template)[:, :10]
        corners = self._project(self.vertices)[self.scene.triangles]
        height, width = self.scene.texture.shape[:2]
        texels = _area(self.scene.uv[self.scene.triangles] * (width, height))
        ratio = np.maximum(texels, 1e-6) / np.maximum(_area(corners[..., :2]), 0.05)
        return np.clip(np.round(0.5 * np.log2(ratio)), 0, len(self.levels) - 1).astype(int)


def _area(corners: np.ndarray) -> np.ndarray:
    (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    return np.abs(ax * by - ay * bx)


def _pyramid(texture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) int32 texels of ever smaller pictures, red lowest, creases highest; (L, 3) int64 start, height, width of each."""
    pictures = [texture]
    while min(pictures[-1].shape[:2]) >= 2:
        big = pictures[-1][: pictures[-1].shape[0] // 2 * 2, : pictures[-1].shape[1] // 2 * 2]
        rows = np.add(big[::2], big[1::2], dtype=np.uint16)
        pictures.append(((rows[:, ::2] + rows[:, 1::2] + 2) // 4).astype(np.uint8))
    sizes = [p.shape[0] * p.shape[1] for p in pictures]
    starts = np.cumsum([0, *sizes[:-1]])
    levels = np.array([(start, *p.shape[:2]) for start, p in zip(starts, pictures, strict=True)], np.int64)
    texels = np.concatenate([p.reshape(-1, 4) for p in pictures])
    return texels.view("<u4").ravel().astype(np.int32), levels


def probe() -> str:
    """What draws, in words. Raises ImportError if numba is missing or broken."""
    import numba

    from talkinghead.rendering.backends import shading  # noqa: F401  (compiling is left to the first picture)

    return f"numba {numba.__version__}, no OpenGL needed"
