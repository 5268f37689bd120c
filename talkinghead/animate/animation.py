"""`Animation` as users hold it: the data and its maths, and files and films of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from talkinghead import export
from talkinghead.animate.beside import Item, read_beside
from talkinghead.animate.settings import PAGE
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

    def save(self, path: str | Path, **options: Any) -> None:
        """Write a file whose suffix decides the format, see `talkinghead.export.formats()`; `.html` is a page that plays it.

        options: of `.glb`, compress=True and shape_normals=True; of `.html`, audio, track and title, see `web.page.write`.
        """
        if Path(path).suffix.lower() == PAGE:
            from talkinghead.web.page import write

            write(self, path, **options)
        else:
            export.save(self, Path(path), **options)

    def show(self, *, audio: str | Path | None = None, height: int = 560, title: str = "") -> Any:
        """The animation as a notebook shows it: in 3D, with `audio`, in a frame `height` pixels high.

        It is the page that `save("speech.html")` writes, and stays in the notebook's file. Needs IPython, which notebooks have.
        """
        from talkinghead.web.notebook import inline

        return inline(self, audio=audio, height=height, title=title)

    def render(
        self,
        path: str | Path,
        *,
        audio: str | Path | None = None,
        beside: Iterable[Item] | Mapping[str, Item] = (),
        **options: Any,
    ) -> None:
        """Write a film, an animated picture, frames or a picture, by the suffix: see `talkinghead.render` for the options.

        beside: what is shown side by side with it: animations, files of them, vertices of other systems, films; see
        `read_beside`.
        """
        from talkinghead.rendering.video import render  # PyAV takes a tenth of a second to import

        render(self, path, audio=audio, beside=read_beside(beside, self), **options)

    @classmethod
    def load(cls, path: str | Path, head: Head | None = None) -> Animation:
        """Read an .npz (see `save`). `head` is needed if the motion was made for a head that is not the default one."""
        return cls.of(npz.read(Path(path), head))
