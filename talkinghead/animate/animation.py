"""`Animation` as users hold it: the data and its maths, and files and films of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from talkinghead import export
from talkinghead.export import npz
from talkinghead.head.head import Head
from talkinghead.motion import animation as motion


@dataclass(frozen=True, eq=False)
class Animation(motion.Animation):  # noqa: D101
    __doc__ = motion.Animation.__doc__

    @classmethod
    def of(cls, animation: motion.Animation) -> Animation:
        """The same motion, with the methods of this class. Nothing is copied."""
        return cls(**{field.name: getattr(animation, field.name) for field in fields(animation)})

    def save(self, path: str | Path, **options: bool) -> None:
        """Write a file whose suffix decides the format, see `talkinghead.export.formats()`.

        options: of `.glb`, compress=True and shape_normals=True.
        """
        export.save(self, Path(path), **options)

    def render(self, path: str | Path, *, audio: str | Path | None = None, **options: Any) -> None:
        """Write an .mp4; `options` are those of `talkinghead.render` (size, camera, backend, progress)."""
        from talkinghead.rendering.video import render  # PyAV takes a tenth of a second to import

        render(self, path, audio=audio, **options)

    @classmethod
    def load(cls, path: str | Path, head: Head | None = None) -> Animation:
        """Read an .npz (see `save`). `head` is needed if the motion was made for a head that is not the default one."""
        return cls.of(npz.read(Path(path), head))
