"""What moves in a film: an animation of a head, or a film that was taken. A panel draws the moment of any frame of the film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from talkinghead.errors import InputError, brief
from talkinghead.io.media import open_media
from talkinghead.motion.animation import Animation
from talkinghead.rendering.camera import parse_view, place_camera
from talkinghead.rendering.renderer import open_renderer
from talkinghead.rendering.scene.styles import Heat
from talkinghead.rendering.settings import RenderSettings
from talkinghead.rendering.sizes import parse_size


class Panel(Protocol):
    """draw: frame of the film -> (H, W, 3) uint8, or (H, W, 4) of colours times opacity."""

    def draw(self, t: int) -> np.ndarray: ...

    def close(self) -> None: ...


class Face:
    """An animation, held at its last frame. Its camera may go around it.

    apart: frame -> (V,) metres, which the look heat shows up to `most` metres.
    """

    def __init__(
        self,
        animation: Animation,
        settings: RenderSettings,
        apart: Callable[[int], np.ndarray] | None = None,
        most: float = 0.01,
    ) -> None:
        self.animation, self.apart = animation, apart
        self.view, self.turn = parse_view(settings.camera), None
        if settings.turntable is not None:
            self.turn = 360 / (settings.turntable * animation.fps)
        self.size = parse_size(settings.size)
        shot = {name: getattr(settings, name) for name in ("lights", "look", "background", "backend")}
        self.renderer: Any = open_renderer(animation, self.size, self.view, **shot)
        if isinstance(self.renderer.scene, Heat):
            self.renderer.scene.most = most

    def draw(self, t: int) -> np.ndarray:
        """As `Panel`."""
        shown = min(t, len(self.animation) - 1)
        if self.turn is not None:
            view = replace(self.view, yaw=self.view.yaw + t * self.turn)
            self.renderer.aim(place_camera(self.animation.head, view, *self.size))
        if self.apart is not None and isinstance(self.renderer.scene, Heat):
            self.renderer.scene.amount = self.apart(shown)
        return self.renderer.draw(self.animation.vertices(shown, posed=True))

    def close(self) -> None:
        """Release the renderer."""
        self.renderer.close()


class Taken:
    """A film that was taken, at the rate of the film that shows it, within a picture of `size`; its last frame is held.

    Raises InputError for a file without pictures.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction) -> None:
        self.path, self.size, self.rate = path, size, rate
        self._open()
        self.draw(0)

    def _open(self) -> None:
        try:
            self.file: Any = open_media(self.path)
            if not self.file.streams.video:
                raise InputError(f"{self.path}: has no pictures; side by side go animations and films")
            stream = self.file.streams.video[0]
            stream.thread_type = "AUTO"
            self.coming, self.now, self.next, self.start = self.file.decode(stream), None, None, None
            self.picture: np.ndarray | None = None
        except InputError:
            raise
        except FileNotFoundError:
            raise InputError(f"{self.path}: no such file") from None
        except Exception as error:  # PyAV and FFmpeg raise anything for damaged files
            raise InputError(f"{self.path}: not a film that can be read ({brief(error)})") from None
        self.last = -1

    def draw(self, t: int) -> np.ndarray:
        """As `Panel`."""
        if t < self.last:
            self.close()
            self._open()
        self.last, moment = t, float((t + Fraction(1, 2)) / self.rate)
        fresh = self.now is None
        while self.next is None or self._time(self.next) <= moment:
            if self.next is not None:
                self.now, fresh = self.next, True
            self.next = self._decoded()
            if self.next is None:
                break
            if self.now is None:
                self.now = self.next
        if self.now is None:
            raise InputError(f"{self.path}: has no pictures that can be read")
        if fresh or self.picture is None:
            self.picture = self._fitted(self.now.to_image())
        return self.picture

    def _time(self, frame: Any) -> float:
        """Seconds from the first frame; a file may begin its clock anywhere."""
        seconds = 0.0 if frame.time is None else float(frame.time)
        self.start = seconds if self.start is None else self.start
        return seconds - self.start

    def _decoded(self) -> Any:
        try:
            return next(self.coming, None)
        except Exception:  # a damaged end is held at what came before
            return None

    def _fitted(self, picture: Any) -> np.ndarray:
        from PIL import Image, ImageOps

        inside = ImageOps.contain(picture.convert("RGB"), self.size, Image.Resampling.BICUBIC)
        out = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        top, left = (out.shape[0] - inside.height) // 2, (out.shape[1] - inside.width) // 2
        out[top : top + inside.height, left : left + inside.width] = np.asarray(inside)
        return out

    def close(self) -> None:
        """Close the file."""
        self.file.close()
