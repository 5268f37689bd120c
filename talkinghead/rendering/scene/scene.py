"""A head made ready for drawing: what is fixed is computed once, per frame only positions, normals and light remain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from talkinghead.head.head import Head, Part
from talkinghead.head.landmark_maps import lip_distance
from talkinghead.head.looks.creases import LEVEL, creases
from talkinghead.head.looks.dressing import BODY, dressed, pose_between, skull
from talkinghead.head.normals import vertex_normals
from talkinghead.motion.easing import smoothstep
from talkinghead.rendering.scene import look
from talkinghead.rendering.scene.light import Bake, bake
from talkinghead.rendering.scene.lights import STUDIO, Lights
from talkinghead.rendering.scene.refine import distinct_rows, split

FADE = 0.13  # of the head's height
COLUMNS = 12  # of what `Scene.frame` gives


@dataclass(frozen=True)
class Material:
    """One material and the run of `Scene.triangles` that has it. kind: see `look`."""

    triangles: tuple[int, int]
    colour: tuple[float, float, float]
    roughness: float
    kind: float


class Scene:
    """U drawn vertices: one per (vertex, texture vertex, part) of the head, then those that `finer` puts between them.

    source: index of each of the first into the head's vertices. uv: (U, 2), v up. triangles: (F', 3) int32 into U; hair is
    there twice, once for each side. materials: of runs of triangles. vertex_material: (U, 5) float32 colour, roughness, kind.
    fade: (U,) float32 opacity, less than 1 where the neck ends. texture: (H, W, 4) uint8, row 0 at the top: sRGB, and the
    skin's creases, LEVEL where it has none.
    """

    def __init__(self, head: Head, lights: Lights = STUDIO) -> None:
        self.lights = lights
        self.own, self.still = head, skull(head)
        self.head = head = dressed(head)
        self.worn = len(head.template) - len(self.own.template)
        self.tall = float(np.ptp(self.own.template[:, 1]))
        parts = head.parts or (Part("skin", (0, len(head.faces))),)
        bare = head.texture is None or head.uv is None or head.uv_faces is None
        if head.texture is None or head.uv is None or head.uv_faces is None:
            texture, uv, uv_faces = np.full((1, 1, 3), 255, np.uint8), np.zeros((1, 2)), np.zeros_like(head.faces)
        else:
            texture, uv, uv_faces = head.texture, head.uv, head.uv_faces
        self.creases = creases(self.own)
        self.texture = _with_lines(texture[..., :3], None if self.creases is None else self.creases.lines)
        owner = np.concatenate([np.full(p.faces[1] - p.faces[0], i) for i, p in enumerate(parts)])
        corners = np.stack([head.faces, uv_faces, np.broadcast_to(owner[:, None], head.faces.shape)], -1).reshape(-1, 3)
        unique, drawn = distinct_rows(corners)
        drawn = drawn.reshape(-1, 3).astype(np.int32)
        self.source = unique[:, 0].astype(np.int64)
        self.uv = uv[unique[:, 1]].astype(np.float32)
        self.vertex_material = np.zeros((len(unique), 5), np.float32)
        self.materials: list[Material] = []
        runs = []
        for i, part in enumerate(parts):
            run, kind = drawn[slice(*part.faces)], look.KINDS.get(part.name.split("_")[0], look.SKIN)
            plain = bare and part.colour == (1.0, 1.0, 1.0) and kind == look.SKIN
            colour = look.CLAY if plain else part.colour
            self.vertex_material[unique[:, 2] == i] = *colour, part.roughness, kind
            start = sum(map(len, runs))
            runs += [run, run[:, ::-1]] if kind == look.HAIR else [run]
            self.materials.append(Material((start, sum(map(len, runs))), colour, part.roughness, kind))
        self.fade = fade(head)[self.source]
        self._refine(np.concatenate(runs))

    def _refine(self, triangles: np.ndarray) -> None:
        template = self.head.template
        data = np.hstack([template, self.rest_normals])[self.source]
        self.finer = split(data, triangles, [s.triangles for s in self.materials], self._may_bulge(data[:, :3]), self.tall)
        self.triangles = np.ascontiguousarray(self.finer.triangles)
        self.materials = [replace(s, triangles=run) for s, run in zip(self.materials, self.finer.runs, strict=True)]
        first, second = self.finer.edges.T
        self.uv = np.concatenate([self.uv, (self.uv[first] + self.uv[second]) / 2])
        self.vertex_material = np.concatenate([self.vertex_material, self.vertex_material[first]])
        self.fade = np.concatenate([self.fade, (self.fade[first] + self.fade[second]) / 2])

    def _may_bulge(self, positions: np.ndarray) -> np.ndarray:
        """(U,) bool: skin, but not where hair grows, which would sink into it."""
        from scipy.spatial import KDTree

        kind = self.vertex_material[:, 4]
        smooth, hair = kind == look.SKIN, positions[(kind == look.HAIR) | (kind == look.LOCKS)]
        if len(hair):
            away, _ = KDTree(hair).query(positions[smooth])
            smooth[smooth] = away > 0.02 * self.tall
        return smooth

    @cached_property
    def rest_normals(self) -> np.ndarray:
        """(V + N, 3) of the template."""
        return vertex_normals(self.head.template, self.head.faces)

    @cached_property
    def light(self) -> Bake:
        """How much of each light reaches each vertex, with the mouth closed and open."""
        return bake(self.head, self.lights)

    def frame(self, vertices: np.ndarray) -> np.ndarray:
        """(V, 3) posed vertices -> (U, COLUMNS) float32: position, normal, share of ambient, key, fill and rim light, depth of
        creases, blood."""
        light = self.light.at(lip_distance(self.own, vertices))
        normals, drawn = vertex_normals(vertices, self.own.faces), np.zeros((len(light), 2), np.float32)
        if self.worn or self.creases is not None:
            turn, shift = pose_between(self.own.template[self.still], vertices[self.still])
            if self.creases is not None:
                drawn[: len(vertices)] = self.creases.at(vertices, turn, shift)
            if self.worn:
                more = self._garments(turn, shift)
                vertices, normals = np.concatenate([vertices, more[0]]), np.concatenate([normals, more[1]])
        drawn = np.concatenate([vertices, normals, light, drawn], 1)[self.source]
        return np.concatenate([drawn, self.finer.middles(drawn)]).astype(np.float32, copy=False)

    def _garments(self, turn: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions and normals (N, 3) of what is worn: hair turns with the skull, clothes stay."""
        count = len(self.own.template)
        rest, still = self.head.template[count:], self.head.regions[BODY][count:, None] > 0.5
        normals = self.rest_normals[count:]
        return np.where(still, rest, rest @ turn.T + shift), np.where(still, normals, normals @ turn.T)


def _with_lines(texture: np.ndarray, lines: np.ndarray | None) -> np.ndarray:
    """(H, W, 3) and a grey picture of any size, None for smooth -> (H, W, 4) uint8."""
    from PIL import Image

    height, width = texture.shape[:2]
    grey = np.full((height, width), LEVEL, np.uint8)
    if lines is not None:
        grey = np.asarray(Image.fromarray(lines).resize((width, height), Image.Resampling.BILINEAR))
    return np.ascontiguousarray(np.dstack([texture, grey]))


def fade(head: Head) -> np.ndarray:
    """(V,) float32 opacity: the open rim below the neck dissolves into the background instead of ending like a mask."""
    from scipy.spatial import KDTree

    edges = np.sort(np.concatenate([head.faces[:, [0, 1]], head.faces[:, [1, 2]], head.faces[:, [2, 0]]]), 1)
    unique, owner = distinct_rows(edges)
    count = np.bincount(owner)
    height, body = head.template[:, 1], head.regions.get(BODY)
    rim = np.unique(unique[count == 1])
    if body is not None:  # a neck that ends in a collar; what fades is the lower edge of the clothes
        rim = rim[body[rim] > 0.5]
        height = np.where(body > 0.5, height, height[body > 0.5].max())
    low, tall = height.min(), np.ptp(height)
    limit = low + 0.25 * tall
    strange = head.character is not None or "fitted" in head.provenance
    if strange and "neck" in head.joints:  # where hair, mouth and the edge of a mask have rims above, too
        limit = min(limit, float(head.joints["neck"][1]) + 0.05 * tall)
    rim = rim[height[rim] < limit]
    if not len(rim):
        return np.ones(len(height), np.float32)
    away, _ = KDTree(head.template[rim]).query(head.template)
    fade = smoothstep(away / (FADE * tall)).astype(np.float32)
    return fade if body is None else np.where(body > 0.5, fade, np.float32(1))
