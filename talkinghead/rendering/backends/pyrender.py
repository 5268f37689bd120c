"""pyrender over EGL (an optional extra), with this package's shader in place of its own, so that the picture is the same.

What has to be worked around in pyrender 0.1.45: a second OffscreenRenderer in one process ends the first one's display, so
there is one and it is never deleted; it leaves its context current, which blocks other threads; it needs `np.infty`, which
NumPy 2 took away; it chooses EGL by an environment variable and loads a windowing library that asks for a display.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from talkinghead.rendering.backends import shader
from talkinghead.rendering.camera import Camera
from talkinghead.rendering.scene import look
from talkinghead.rendering.scene.lights import Lights
from talkinghead.rendering.scene.scene import Scene

ENVIRONMENT = {"PYOPENGL_PLATFORM": "egl", "PYGLET_HEADLESS": "1"}
MATERIAL = """
struct Material { vec3 emissive_factor; vec4 base_color_factor; float metallic_factor; float roughness_factor;
                  sampler2D base_color_texture; };
uniform Material material;
"""
WORDS = {
    "INPUTS": "layout(location = TEXCOORD_1_LOC) in vec2 texcoord_1; layout(location = COLOR_0_LOC) in vec4 color_0; "
    "uniform mat4 V; uniform mat4 P;" + MATERIAL,
    "TINT": "material.base_color_factor.rgb",
    "SURFACE": "vec2(material.roughness_factor, 7.0 * material.metallic_factor)",
    "FADE": "texcoord_1.x",
    "DRAWN": "color_0.xy",
    "MATRIX": "P * V",
}
_lock = RLock()
_shared: Any = None  # the one OffscreenRenderer
_cached: dict[Lights, tuple[Any, Any]] = {}  # its programs, and the folder of shaders that it reads them from


class PyrenderBackend:
    """One scene, one camera, one size; all of them share the process's one OpenGL context, one at a time."""

    def __init__(self, scene: Scene, camera: Camera, width: int, height: int, wall: np.ndarray | None) -> None:
        self.scene, self.size = scene, (width, height)
        with _lock:
            _offscreen()
            import pyrender

            self.wall = None if wall is None else wall.astype(np.uint16)
            self.stage = pyrender.Scene(bg_color=(0.0, 0.0, 0.0, 0.0))
            self.eye: Any = self.stage.add(_fixed(camera), pose=np.linalg.inv(camera.view))
            texture = pyrender.Texture(source=scene.texture, source_channels="RGBA")
            self.parts = [self._part(surface, texture) for surface in scene.materials]
            self.node = None

    def _part(self, surface, texture) -> tuple:
        """(material, indices into the drawn vertices, triangles into these)."""
        import pyrender

        material = pyrender.MetallicRoughnessMaterial(
            baseColorTexture=texture,
            baseColorFactor=(*map(float, surface.colour), 1.0),
            roughnessFactor=float(surface.roughness),
            metallicFactor=surface.kind / look.WIRES,  # which must be in [0, 1]; our shader takes the kind of surface from it
        )
        used, triangles = np.unique(self.scene.triangles[slice(*surface.triangles)], return_inverse=True)
        return material, used, triangles.reshape(-1, 3)

    def aim(self, camera: Camera) -> None:
        """See the scene from another camera."""
        with _lock:
            self.stage.remove_node(self.eye)
            self.eye = self.stage.add(_fixed(camera), pose=np.linalg.inv(camera.view))

    def draw(self, vertices: np.ndarray) -> np.ndarray:
        """As `renderer.Backend.draw`."""
        import pyrender

        data, scene = self.scene.frame(vertices), self.scene
        primitives = [
            pyrender.Primitive(
                positions=data[used, :3],
                normals=data[used, 3:6],
                tangents=data[used, 6:10],  # the shares of light
                texcoord_0=scene.uv[used],
                texcoord_1=np.repeat(scene.fade[used, None], 2, 1),
                color_0=np.pad(data[used, 10:], ((0, 0), (0, 2)), constant_values=1),  # opaque
                indices=triangles,
                material=material,
                mode=4,
            )
            for material, used, triangles in self.parts
            if len(used)
        ]
        with _lock:
            offscreen: Any = _offscreen()
            if self.node is not None:
                self.stage.remove_node(self.node)
            self.node = self.stage.add(pyrender.Mesh(primitives))
            offscreen._renderer._program_cache = _programs(scene.lights)
            offscreen.viewport_width, offscreen.viewport_height = self.size
            try:
                picture, _ = offscreen.render(self.stage, pyrender.RenderFlags.RGBA)
            finally:
                _release(offscreen)
        if self.wall is None:
            return picture
        seen = 255 - picture[..., 3:].astype(np.uint16)  # the colours are multiplied by their opacity already
        return np.minimum(picture[..., :3] + (self.wall * seen + 127) // 255, 255).astype(np.uint8)

    def close(self) -> None:
        """Nothing to do: the context stays for the next one, which takes this one's meshes out of it."""


def _fixed(camera: Camera):
    """A pyrender camera with our projection."""
    import pyrender

    class Fixed(pyrender.Camera):
        def get_projection_matrix(self, width=None, height=None):  # pyright: ignore[reportIncompatibleMethodOverride]
            return camera.projection

    near = camera.projection[2, 3] / (camera.projection[2, 2] - 1)
    far = camera.projection[2, 3] / (camera.projection[2, 2] + 1)
    return Fixed(znear=float(near), zfar=float(far))


def _offscreen():
    global _shared
    with _lock:
        if _shared is None:
            with _environment():
                if not hasattr(np, "infty"):
                    np.infty = np.inf  # noqa: NPY201  # pyright: ignore[reportAttributeAccessIssue]
                import pyrender

                offscreen: Any = pyrender.OffscreenRenderer(16, 16)
                _release(offscreen)
                _shared = offscreen
        return _shared


def _programs(lights: Lights):
    """pyrender's cache of programs, with our shader."""
    if lights not in _cached:
        from pyrender.shader_program import ShaderProgramCache

        place = tempfile.TemporaryDirectory(prefix="talkinghead-")
        folder = Path(place.name)
        fragment = (
            shader.fragment(lights)
            .replace("uniform sampler2D picture;", MATERIAL)
            .replace("texture(picture", "texture(material.base_color_texture")
        )
        (folder / "mesh.vert").write_text(shader.fill(shader.VERTEX, WORDS))
        (folder / "mesh.frag").write_text(fragment)
        _cached[lights] = ShaderProgramCache(str(folder)), place
    return _cached[lights][0]


def _release(offscreen) -> None:
    from OpenGL.EGL import EGL_NO_CONTEXT, EGL_NO_SURFACE, eglMakeCurrent

    eglMakeCurrent(offscreen._platform._egl_display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT)


@contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def probe() -> str:
    """What draws, in words. Raises whatever pyrender or the driver raises if it does not work."""
    from importlib.metadata import version

    with _lock:
        offscreen: Any = _offscreen()
        from OpenGL.GL import GL_RENDERER, glGetString

        offscreen._platform.make_current()
        name = (glGetString(GL_RENDERER) or b"").decode()
        _release(offscreen)
    return f"pyrender {version('pyrender')}, {name}"
