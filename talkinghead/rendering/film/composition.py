"""Panels, names, subtitles and the bar of a heat map -> the pictures of a film, each by its number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, log10
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.motion.animation import Animation
from talkinghead.rendering.background import wall
from talkinghead.rendering.film import text
from talkinghead.rendering.film.panels import Face, Panel, Taken
from talkinghead.rendering.output.opacity import straight
from talkinghead.rendering.settings import RenderSettings
from talkinghead.rendering.sizes import parse_size
from talkinghead.speech.subtitles import Cue, shown_at

WIDEST = 8192  # pixels of a film
LOOKED_AT = 24  # frames of which the largest distance is the end of a heat map's colours
STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)  # round ends of a scale
Shown = Animation | Path  # another animation at the rate of the film, or a film that was taken


@dataclass
class Film:
    """count: frames. size: (width, height). ground: behind the panels, where they do not fill the picture."""

    count: int
    rate: Fraction
    size: tuple[int, int]
    panels: list[tuple[Panel, int, int]] = field(default_factory=list)  # and where their upper left corners are
    layers: list[tuple[np.ndarray, int, int]] = field(default_factory=list)
    cues: list[Cue] = field(default_factory=list)
    letters: text.Letters | None = None
    ground: np.ndarray | None = None
    name: str = ""
    opaque: bool = True

    def draw(self, t: int) -> np.ndarray:
        """(H, W, 3) uint8, or (H, W, 4) of colours times opacity."""
        if self.ground is None:
            whole = self.panels[0][0].draw(t).copy()  # a panel may keep it
        else:
            whole = self.ground.copy()
            for panel, top, left in self.panels:
                picture = panel.draw(t)
                part = whole[top : top + picture.shape[0], left : left + picture.shape[1]]
                part[..., : picture.shape[2]] = picture
                if picture.shape[2] < part.shape[2]:
                    part[..., 3] = 255
        for layer, top, left in self.layers:
            text.lay(whole, layer, top, left)
        if self.cues and (said := shown_at(self.cues, float((t + Fraction(1, 2)) / self.rate))):
            self._subtitle(whole, said)
        return whole

    def pictures(self) -> Iterator[np.ndarray]:
        """All of them, drawn one at a time."""
        for t in range(self.count):
            yield self.draw(t)

    def frame_at(self, seconds: float) -> int:
        """The number of the frame that is shown at a time. Raises InputError beyond the end."""
        if seconds * self.rate > self.count:
            raise InputError(f"there is nothing at {seconds:g} s: the animation lasts {float(self.count / self.rate):.2f} s")
        return min(int(seconds * self.rate), self.count - 1)

    def close(self) -> None:
        """Release renderers and files."""
        for panel, _, _ in self.panels:
            panel.close()

    def _subtitle(self, whole: np.ndarray, said: str) -> None:
        width, height = self.size
        if self.letters is None:
            return
        layer = text.subtitle(said, width, self.letters, max(9, round(0.052 * min(width, height))))
        text.lay(whole, layer, max(0, height - layer.shape[0] - round(0.015 * height)), 0)


def compose(
    animation: Animation,
    settings: RenderSettings,
    count: int,
    *,
    name: str = "",
    beside: Mapping[str, Shown] | None = None,
    cues: list[Cue] | None = None,
) -> Film:
    """A film of `animation`, at its rate, `count` frames long, with others beside it. The caller closes it.

    name: of the animation. beside: name -> what is shown beside it, and with the look heat how far it is from the animation.
    cues: subtitles. Raises InputError for bad arguments and unreadable films.
    """
    others, cues = dict(beside or {}), cues or []
    rate = Fraction(animation.fps).limit_denominator(100_000)
    width, height = parse_size(settings.size)
    columns, rows = _grid(len(others) + 1)
    heat = settings.look == "heat"
    bands = 2 if heat and others else 1  # a second row below each, of distances
    film = Film(count, rate, (columns * width, bands * rows * height), cues=cues, name=name, opaque=not settings.transparent)
    if max(film.size) > WIDEST:
        raise InputError(f"{columns} pictures of {width} pixels side by side are too many; choose a smaller --size")
    if others or heat or cues:
        film.letters = text.Letters([name, *others, *(cue.text for cue in cues)], settings.font)
    if others:
        behind = wall(settings.background, width, height)
        behind = np.zeros((height, width, 4), np.uint8) if behind is None else behind
        film.ground = np.tile(behind, (bands * rows, columns, 1))
    try:
        if heat and not others:
            apart = _motion_of(animation)
            most = _end([(apart, len(animation))])
            film.panels.append((Face(animation, settings, apart, most), 0, 0))
            _bar(film, most, (width, height), 0, 0)
            return film
        plain = replace(settings, look="shaded") if heat else settings
        placed: list[tuple[str, Shown, int, int]] = []
        for i, (label, shown) in enumerate([(name, animation), *others.items()]):
            top, left = bands * height * (i // columns), width * (i % columns)
            placed.append((label, shown, top, left))
            panel = Taken(shown, (width, height), rate) if isinstance(shown, Path) else Face(shown, plain)
            film.panels.append((panel, top, left))
            if others:
                _name(film, label, width, height, top, left)
        if heat:
            _distances(film, animation, settings, placed[1:])
    except BaseException:
        film.close()
        raise
    return film


def _grid(count: int) -> tuple[int, int]:
    """Columns and rows."""
    rows = ceil(count / 4)
    return ceil(count / rows), rows


def _name(film: Film, label: str, width: int, height: int, top: int, left: int) -> None:
    if film.letters is not None and label:
        size = max(9, round(0.05 * min(width, height)))
        film.layers.append((text.caption(label, width, film.letters, size), top, left))


def _bar(film: Film, most: float, size: tuple[int, int], top: int, left: int) -> None:
    if film.letters is not None:
        layer = text.scale_bar(*size, most * 1000, film.letters)
        film.layers.append((layer, top + size[1] - layer.shape[0] - round(0.03 * size[1]), left))


def _distances(film: Film, first: Animation, settings: RenderSettings, placed: list[tuple[str, Shown, int, int]]) -> None:
    """Below every animation how far it is from the first; the colours mean the same in all of them."""
    width, height = parse_size(settings.size)
    meshes = [(label, shown, top, left) for label, shown, top, left in placed if isinstance(shown, Animation)]
    if not meshes:
        raise InputError("the look heat compares animations, and beside the first there are films only; leave it out")
    apart = {}
    for label, shown, _, _ in meshes:
        if len(shown.head.template) != len(first.head.template):
            sizes = f"{len(shown.head.template)} vertices, the first animation {len(first.head.template)}"
            raise InputError(f"{label}: has {sizes}: how far they are apart is not known; leave --look heat out")
        apart[label] = _between(shown, first)
    most = _end([(apart[label], min(len(shown), len(first))) for label, shown, _, _ in meshes])
    for label, shown, top, left in meshes:
        film.panels.append((Face(shown, settings, apart[label], most), top + height, left))
        mean = 1000 * _mean(apart[label], min(len(shown), len(first)))
        _name(film, f"{label}: mean {mean:.2f} mm", width, height, top + height, left)
    _name(film, f"distance from {film.name}" if film.name else "distance", width, height, height, 0)
    _bar(film, most, (width, height), height, 0)


def _motion_of(animation: Animation) -> Callable[[int], np.ndarray]:
    """How far each vertex is from where it rests, in the head's own space."""
    return lambda t: np.linalg.norm(animation.offsets(t), axis=-1)


def _between(one: Animation, other: Animation) -> Callable[[int], np.ndarray]:
    """How far the vertices of two animations are apart, in the heads' own spaces."""

    def apart(t: int) -> np.ndarray:
        return np.linalg.norm(one.vertices(min(t, len(one) - 1)) - other.vertices(min(t, len(other) - 1)), axis=-1)

    return apart


def _looked_at(count: int, most: int = LOOKED_AT) -> list[int]:
    return sorted(set(np.linspace(0, count - 1, most).round().astype(int).tolist()))


def _end(measured: list[tuple[Callable[[int], np.ndarray], int]]) -> float:
    """Metres at the end of a scale: a round number of millimetres that hardly a vertex exceeds."""
    largest = max(float(np.percentile(apart(t), 99)) for apart, count in measured for t in _looked_at(count)) * 1000
    largest = max(largest, 0.1)
    power = 10 ** np.floor(log10(largest))
    return float(next(step for step in STEPS if step * power >= 0.999 * largest) * power) / 1000


def _mean(apart: Callable[[int], np.ndarray], count: int) -> float:
    """Metres, of all vertices, and of frames evenly spread."""
    return float(np.mean([apart(t).mean() for t in _looked_at(count, 200)]))


def sheet(film: Film, moments: list[tuple[str, int]]) -> np.ndarray:
    """Frames of a film in rows, each with its name, as one picture with plain colours."""
    columns = ceil(np.sqrt(len(moments) * film.size[1] / film.size[0] * 1.5))
    columns = min(columns, len(moments))
    width, height = film.size
    rows = ceil(len(moments) / columns)
    if max(columns * width, rows * height) > 4 * WIDEST:
        raise InputError(
            f"{len(moments)} pictures of {width}x{height} pixels are too many for a sheet; choose a smaller --size"
        )
    letters = text.Letters([name for name, _ in moments])
    whole = np.zeros((rows * height, columns * width, 3 if film.opaque else 4), np.uint8)
    last: tuple[int, np.ndarray] | None = None
    for i, (name, t) in enumerate(moments):
        picture = last[1].copy() if last and last[0] == t else film.draw(t)
        last = t, picture.copy()
        size = max(9, round(0.06 * min(width, height)))
        text.lay(picture, text.caption(name, width, letters, size))
        top, left = height * (i // columns), width * (i % columns)
        whole[top : top + height, left : left + width] = picture
    return whole if film.opaque else straight(whole)
