"""Chooses a backend that works on this machine, and draws pictures of an animation with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from talkinghead.errors import InputError

if TYPE_CHECKING:
    from talkinghead.motion.animation import Animation
    from talkinghead.rendering.camera import Camera, View

BACKENDS = {  # module of `rendering.backends` -> its class
    "moderngl": "ModernglBackend",
    "software": "SoftwareBackend",
    "pyrender": "PyrenderBackend",
}
DEFAULTS = ("moderngl", "software")  # in the order they are tried
EMULATED = ("llvmpipe", "softpipe", "swrast", "swiftshader")  # OpenGL drawn by the CPU, at a third of the pace of `software`


class Backend(Protocol):
    """What draws one scene at one size; made as `Backend(scene, camera, width, height, wall)`.

    wall: (height, width, 3) uint8 behind the scene, or None for nothing.

    The module of a backend also has `probe() -> str`: what it draws with; it raises any exception if the backend does not work.
    """

    def aim(self, camera: Camera) -> None:
        """See the scene from another camera."""
        ...

    def draw(self, vertices: np.ndarray) -> np.ndarray:
        """(V, 3) posed vertices -> (height, width, 3) uint8; without a wall (height, width, 4), colours times opacity."""
        ...

    def close(self) -> None:
        """Release what the drawing needed."""
        ...


def available_backends() -> list[tuple[str, bool, str]]:
    """For each backend: its name, whether it works on this machine, and what it draws with or why it does not work."""
    return [(name, *try_backend(name)) for name in BACKENDS]


def choose_backend(backend: str | None = None) -> str:
    """The name of a backend that works: `backend`, or the fastest of DEFAULTS, with a line on stderr if one is broken.

    Raises InputError if `backend` is unknown or does not work on this machine.
    """
    if backend is not None:
        if backend not in BACKENDS:
            raise InputError(f"no renderer {backend!r}: choose one of {', '.join(BACKENDS)}")
        works, detail = try_backend(backend)
        if not works:
            others = [name for name in BACKENDS if name != backend and try_backend(name)[0]]
            raise InputError(f"renderer {backend} does not work here ({detail}); {' and '.join(others) or 'none'} would")
        return backend
    reasons, emulated = [], None
    for name in DEFAULTS:
        works, detail = try_backend(name)
        if not works:
            reasons.append(f"{name} does not work here ({detail})")
        elif is_emulated(detail):
            emulated = emulated or name
        else:
            break
    else:
        name = emulated
    if name is None:
        raise InputError(f"no renderer works here: {'; '.join(reasons)}")
    if reasons:
        _tell(f"talkinghead: {'; '.join(reasons)}; the {name} renderer takes over")
    return name


def image(animation: Animation, frame: int = 0, **shot: Any) -> np.ndarray:
    """(H, W, 3) uint8 sRGB picture of one frame; see `open_renderer` for the arguments."""
    if not -len(animation) <= frame < len(animation):
        raise InputError(f"frame {frame}: the animation has frames 0 to {len(animation) - 1}")
    renderer = open_renderer(animation, **shot)
    try:
        return renderer.draw(animation.vertices(frame, posed=True))
    finally:
        renderer.close()


def frames(animation: Animation, **shot: Any) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 sRGB pictures, one per frame, drawn one at a time; see `open_renderer` for the arguments."""
    renderer = open_renderer(animation, **shot)
    return _draw_all(animation, renderer)


def _draw_all(animation: Animation, renderer: Backend) -> Iterator[np.ndarray]:
    try:
        for t in range(len(animation)):
            yield renderer.draw(animation.vertices(t, posed=True))
    finally:
        renderer.close()


def open_renderer(
    animation: Animation,
    size: int | tuple[int, int] = 512,
    camera: str | View = "front",
    backend: str | None = None,
    *,
    lights: str = "studio",
    look: str = "shaded",
    background: str | Path = "studio",
) -> Backend:
    """A backend with the animation's head as its scene; the caller closes it.

    size: pixels, a side or (width, height), rounded down to even. camera: as `camera.parse_view` reads it. backend: a name of
    BACKENDS, or None for the best that works. lights: a name of `lights.LIGHTS`. look: of `styles.STYLES`.
    background: as `background.wall` reads it; with "transparent" pictures are (H, W, 4), colours times opacity.
    Raises InputError for bad arguments.
    """
    from talkinghead.rendering.background import wall
    from talkinghead.rendering.camera import parse_view, place_camera
    from talkinghead.rendering.scene.lights import named_lights
    from talkinghead.rendering.scene.styles import open_scene
    from talkinghead.rendering.sizes import parse_size

    width, height = parse_size(size)
    animation.head.need_mesh()
    view = place_camera(animation.head, parse_view(camera), width, height)
    behind, name = wall(background, width, height), choose_backend(backend)
    scene = open_scene(animation.head, look, named_lights(lights))
    try:
        return _backend(name)(scene, view, width, height, behind)
    except Exception as error:  # a driver may work for `probe` and fail at full size
        reason = f"renderer {name} cannot draw {width}x{height} pixels here ({_words(error)})"
        if name == DEFAULTS[-1]:
            raise
        if backend is not None:
            raise InputError(f"{reason}; {DEFAULTS[-1]} would") from None
    _tell(f"talkinghead: {reason}; the {DEFAULTS[-1]} renderer takes over")
    return _backend(DEFAULTS[-1])(scene, view, width, height, behind)


def _module(name: str):
    return import_module(f"talkinghead.rendering.backends.{name}")


def _backend(name: str) -> Callable[..., Backend]:
    return getattr(_module(name), BACKENDS[name])


def try_backend(name: str) -> tuple[bool, str]:
    """Whether a backend works on this machine, and what it draws with or why it does not work."""
    try:
        return True, _module(name).probe()
    except Exception as error:  # drivers and loaders raise anything at all
        return False, _words(error)


def is_emulated(detail: str) -> bool:
    """Whether what draws, in the words of `try_backend`, is OpenGL without a graphics processor."""
    return any(driver in detail.lower() for driver in EMULATED)


def _words(error: Exception) -> str:
    """An error in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
