"""OpenGL 3.3 without window or display (on Linux through EGL): a GPU where there is one, Mesa's software renderer elsewhere."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from talkinghead.rendering.backends import shader
from talkinghead.rendering.camera import Camera
from talkinghead.rendering.scene import look
from talkinghead.rendering.scene.scene import COLUMNS, Scene

SAMPLES = 4  # per pixel, for smooth edges
PLAIN = """#version 330 core
void main() { gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0); }
"""
BACKDROP = """#version 330 core
uniform sampler2D picture;
out vec4 pixel;
void main() { pixel = vec4(texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb, 1.0); }
"""
WORDS = {
    "NORMAL_LOC": "1",
    "TANGENT_LOC": "2",
    "TEXCOORD_0_LOC": "3",
    "INPUTS": """layout(location = 4) in vec3 colour;
layout(location = 5) in vec2 feel;
layout(location = 6) in float fade;
layout(location = 7) in vec2 flow;
uniform mat4 matrix;""",
    "TINT": "colour",
    "SURFACE": "feel",
    "FADE": "fade",
    "DRAWN": "flow",
    "MATRIX": "matrix",
}


class ModernglBackend:
    """One scene, one camera, one size. Its context is current only while it draws, so any thread may, one at a time."""

    def __init__(self, scene: Scene, camera: Camera, width: int, height: int, wall: np.ndarray | None) -> None:
        self.scene, self.size, self.wall = scene, (width, height), None
        self.gl = _context()
        with self.gl:
            self._build(wall)
        self.aim(camera)

    def _build(self, wall: np.ndarray | None) -> None:
        gl, scene, size = self.gl, self.scene, self.size
        samples = min(SAMPLES, gl.max_samples)
        self.program: Any = gl.program(shader.fill(shader.VERTEX, WORDS), shader.fragment(scene.lights))
        self.program["picture"].value = 0
        self.skin = gl.texture(scene.texture.shape[1::-1], 4, np.ascontiguousarray(scene.texture[::-1]).tobytes(), alignment=1)
        self.skin.build_mipmaps()
        self.skin.filter = (gl.LINEAR_MIPMAP_LINEAR, gl.LINEAR)
        self.moving = gl.buffer(reserve=len(scene.uv) * 4 * COLUMNS, dynamic=True)
        still = gl.buffer(np.hstack([scene.uv, scene.vertex_material, scene.fade[:, None]]).astype(np.float32).tobytes())
        inputs = [(self.moving, "3f 3f 4f 2f", 0, 1, 2, 7), (still, "2f 3f 2f 1f", 3, 4, 5, 6)]
        self.mesh = gl.vertex_array(self.program, inputs, gl.buffer(_hidden_last(scene).tobytes()), index_element_size=4)
        plain: Any = gl.program(PLAIN, BACKDROP)
        plain["picture"].value = 1
        self.backdrop = gl.vertex_array(plain, [])
        if wall is not None:
            self.wall = gl.texture(size, 3, np.ascontiguousarray(wall[::-1]).tobytes(), alignment=1)
            self.wall.filter = (gl.NEAREST, gl.NEAREST)
        self.canvas = gl.framebuffer([gl.renderbuffer(size, 4, samples=samples)], gl.depth_renderbuffer(size, samples=samples))
        self.flat = gl.framebuffer([gl.renderbuffer(size, 4)])

    def aim(self, camera: Camera) -> None:
        """See the scene from another camera."""
        with self.gl:
            self.program["matrix"].write(np.ascontiguousarray(camera.matrix.T).tobytes())
            self.program["cam_pos"].value = tuple(camera.eye)

    def draw(self, vertices: np.ndarray) -> np.ndarray:
        """As `renderer.Backend.draw`."""
        data = self.scene.frame(vertices)
        width, height = self.size
        with self.gl as gl:
            self.moving.write(data)
            self.canvas.use()
            self.skin.use(0)
            self.canvas.clear(depth=1.0)
            if self.wall is not None:
                self.wall.use(1)
                gl.enable_only(gl.NOTHING)
                self.backdrop.render(gl.TRIANGLES, vertices=3)
            gl.enable_only(gl.DEPTH_TEST | gl.CULL_FACE | gl.BLEND)
            gl.blend_func = gl.ONE, gl.ONE_MINUS_SRC_ALPHA
            self.mesh.render()
            gl.copy_framebuffer(self.flat, self.canvas)
            channels = 4 if self.wall is None else 3
            pixels = self.flat.read(components=channels, alignment=1)
        return np.frombuffer(pixels, np.uint8).reshape(height, width, channels)[::-1].copy()

    def close(self) -> None:
        """Release the context and all that it holds."""
        with self.gl:
            self.gl.gc_mode = "context_gc"
        self.gl.release()


def _hidden_last(scene) -> np.ndarray:
    """The scene's triangles, hair and clothes first, so that what they hide is not coloured."""
    over = [item.kind in (look.LOCKS, look.CLOTH) for item in scene.materials]
    order = [item for wanted in (True, False) for item, is_over in zip(scene.materials, over, strict=True) if is_over == wanted]
    return np.concatenate([scene.triangles[slice(*item.triangles)] for item in order])


def _context():
    import moderngl

    os.environ.setdefault("EGL_LOG_LEVEL", "fatal")  # what goes wrong is raised; the library need not print it as well
    options: dict[str, Any] = {"backend": "egl"} if sys.platform == "linux" else {}
    return moderngl.create_standalone_context(require=330, **options)


def probe() -> str:
    """What draws, in words. Raises whatever the driver raises if it does not."""
    gl = _context()
    try:
        with gl:
            canvas = gl.framebuffer([gl.renderbuffer((4, 4), 4)])
            canvas.clear(1.0, 0.0, 1.0, 1.0)
            if canvas.read(components=3, alignment=1) != b"\xff\x00\xff" * 16:
                raise RuntimeError("the driver draws wrong colours")
            return f"OpenGL {gl.version_code / 100:.1f}, {gl.info['GL_RENDERER']}"
    finally:
        gl.release()
