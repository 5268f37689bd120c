"""Ways to draw a head: lit as people are, as grey clay, or its mesh, normals and distances without lights.

U drawn vertices, V of the head, F faces.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import pairwise, zip_longest

import numpy as np

from talkinghead.errors import choose_name
from talkinghead.head.head import Head
from talkinghead.head.normals import vertex_normals
from talkinghead.rendering.scene import look
from talkinghead.rendering.scene.colours import heat_colours
from talkinghead.rendering.scene.light import Bake, bake
from talkinghead.rendering.scene.lights import STUDIO, Lights
from talkinghead.rendering.scene.scene import COLUMNS, Material, Scene, fade

CLAY = (0.40, 0.40, 0.41)  # linear light
PAPER = (0.80, 0.81, 0.83)  # sRGB of faces between wires
LAMP = look.unit(0.25, 0.35, 0.9)  # whose light lets styles without lights show the form
DIM = 0.5  # of colours that face away from it
HIDING = ("brows", "lashes")  # parts of hair that lie over the skin, whose form is what these styles show


def open_scene(head: Head, style: str = "shaded", lights: Lights = STUDIO) -> Scene | Painted:
    """A scene of `head` in a style of STYLES. Raises InputError for another."""
    return STYLES[choose_name("look", style, STYLES)](head, lights)


class Clay(Scene):
    """All of one grey, as papers show meshes."""

    def __init__(self, head: Head, lights: Lights) -> None:
        self.given = replace(head, garments=())
        super().__init__(replace(self.given, texture=None, uv=None, uv_faces=None), lights)
        hiding = [part.name in HIDING for part in head.parts]
        kept = [m for m, hides in zip_longest(self.materials, hiding) if not hides] or self.materials
        runs = [self.triangles[slice(*m.triangles)] for m in kept]
        ends = np.cumsum([0, *map(len, runs)]).tolist()
        self.triangles = np.ascontiguousarray(np.concatenate(runs))
        self.vertex_material[:] = *CLAY, 0.6, look.SKIN
        self.materials = [Material(run, CLAY, 0.6, look.SKIN) for run in pairwise(ends)]

    @cached_property
    def light(self) -> Bake:
        """That of the head as it was given, for which it may be known already."""
        return bake(self.given, self.lights)


class Painted:
    """Without lights: every vertex has a colour of its own, (V, 3) sRGB in [0, 1] by `paint`. Attributes as of `Scene`."""

    kind = look.PAINTED

    def __init__(self, head: Head, lights: Lights) -> None:
        self.own = self.head = head
        self.lights = lights
        self.texture = np.full((1, 1, 4), 255, np.uint8)
        hidden = np.zeros(len(head.faces), bool)
        for part in head.parts:
            hidden[slice(*part.faces)] = part.name in HIDING
        self.triangles = np.ascontiguousarray(head.faces if hidden.all() else head.faces[~hidden], np.int32)
        self.fade = fade(head)
        self._build()

    def _build(self) -> None:
        count = len(self.fade)
        self.uv = np.zeros((count, 2), np.float32)
        self.vertex_material = np.tile(np.array([*PAPER, 0.6, self.kind], np.float32), (count, 1))
        self.materials = [Material((0, len(self.triangles)), PAPER, 0.6, self.kind)]

    def frame(self, vertices: np.ndarray) -> np.ndarray:
        """(V, 3) posed vertices -> (U, COLUMNS) float32: position, normal, colour, shade; the rest is 0."""
        normals = vertex_normals(vertices, self.head.faces)
        shade = DIM + (1 - DIM) * np.clip(normals @ np.array(LAMP, np.float32), 0, 1)[:, None]
        rest = np.zeros((len(vertices), COLUMNS - 10), np.float32)
        return self.drawn(np.concatenate([vertices, normals, self.paint(normals, shade), shade, rest], 1))

    def drawn(self, data: np.ndarray) -> np.ndarray:
        """Of the head's vertices -> of the drawn ones."""
        return np.ascontiguousarray(data, np.float32)

    def paint(self, normals: np.ndarray, shade: np.ndarray) -> np.ndarray:
        """(V, 3) sRGB in [0, 1]. shade: (V, 1)."""
        return np.broadcast_to(np.array(PAPER), normals.shape) * shade


class Normals(Painted):
    """Red, green and blue are x, y and z of the normals, in the space of the resting head."""

    def paint(self, normals: np.ndarray, shade: np.ndarray) -> np.ndarray:
        return 0.5 + 0.5 * normals


class Heat(Painted):
    """Colours are distances: `amount` (V,) metres, up to `most`."""

    def __init__(self, head: Head, lights: Lights) -> None:
        super().__init__(head, lights)
        self.amount, self.most = np.zeros(len(head.template), np.float32), 0.01

    def paint(self, normals: np.ndarray, shade: np.ndarray) -> np.ndarray:
        return heat_colours(self.amount / self.most) * shade


class Wireframe(Painted):
    """The edges of the head's triangles, those behind the surface hidden. Each triangle has vertices of its own."""

    kind = look.WIRES

    def _build(self) -> None:
        self.corners = self.triangles.reshape(-1)
        self.triangles = np.arange(len(self.corners), dtype=np.int32).reshape(-1, 3)
        self.fade = self.fade[self.corners]
        super()._build()

    def drawn(self, data: np.ndarray) -> np.ndarray:
        out = np.ascontiguousarray(data[self.corners], np.float32)
        out[:, 6:9] = np.tile(np.eye(3, dtype=np.float32), (len(out) // 3, 1))
        return out


STYLES = {"shaded": Scene, "clay": Clay, "wireframe": Wireframe, "normals": Normals, "heat": Heat}
