"""HTML pages of one file each: templates, the style sheet they share, pictures and plots. Nothing is loaded from elsewhere.

The templates are in `templates/`. Values are escaped there, except what is `markupsafe.Markup`: plots that are made here.
Needs jinja2 (the extras `data` and `evaluate`); histograms and bars need matplotlib, too.
"""

from __future__ import annotations

import base64
import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEMPLATES = Path(__file__).resolve().parent / "templates"
BLUE = "#3b6ea8"
BARS = 16  # in a chart; the rest is one bar
LABEL = 28  # characters of a bar's name


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render(template: str, **values: Any) -> str:
    """The document that a template of `templates/` makes of these values."""
    return _environment().get_template(template).render(**values)


def data_uri(content: bytes, media_type: str) -> str:
    """A file as the value of `src`."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def jpeg_uri(picture: np.ndarray, quality: int = 88) -> str:
    """(H, W, 3) uint8 as the value of `src`."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return data_uri(buffer.getvalue(), "image/jpeg")


def shorten(text: str, most: int) -> str:
    """At most so many characters, the last one an ellipsis where some are cut off."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def duration(seconds: float) -> str:
    """In hours from two hours on, in minutes from two minutes on, else in seconds."""
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.1f} minutes" if seconds >= 120 else f"{seconds:.1f} s"


def polyline(x: np.ndarray, y: np.ndarray) -> str:
    """The attribute `points` of a polyline."""
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def waveform(wave: np.ndarray, left: float, width: int, height: float) -> str:
    """The attribute `d` of a path: (n,) samples as their extremes in every second pixel of `width`."""
    loudest, middle, half = max(float(np.abs(wave).max()), 1e-6), height / 2, height / 2 - 2
    columns = [column / loudest for column in np.array_split(wave, width // 2) if len(column)]
    return "".join(
        f"M{left + 2 * i:g} {middle - half * column.max():.1f}V{middle - half * column.min():.1f}"
        for i, column in enumerate(columns)
    )


def histograms(values: dict[str, np.ndarray]) -> Markup:
    """One plot of several histograms, each with its name as title."""
    from matplotlib.figure import Figure

    columns = 4 if len(values) == 4 else min(3, len(values))
    lines = -(-len(values) // columns)
    figure = Figure(figsize=(10.5, 2.1 * lines), layout="constrained")
    for axis, (name, v) in zip(figure.subplots(lines, columns, squeeze=False).flat, values.items(), strict=False):
        bins = max(5, min(30, round(2 * np.sqrt(len(v)))))
        # Equal values are one bar, and rounding loses none at the ends.
        middle, wide = (v.min() + v.max()) / 2, 1.001 * max(np.ptp(v), 0.02 * np.abs(v).max(), 1e-9)
        axis.hist(v, bins=bins, range=(middle - wide / 2, middle + wide / 2), color=BLUE, edgecolor="white", linewidth=0.5)
        _plain(axis, name)
        axis.locator_params(axis="x", nbins=5)
        axis.locator_params(axis="y", nbins=5, integer=True)
    for axis in figure.axes[len(values) :]:
        axis.set_visible(False)
    return _svg(figure)


def bars(title: str, amounts: dict[str, float]) -> Markup:
    """One bar a name, of the first `BARS`; the others together are one more."""
    from matplotlib.figure import Figure

    shown = dict(list(amounts.items())[:BARS])
    if len(rest := list(amounts.values())[BARS:]):
        shown[f"{len(rest)} others"] = sum(rest)
    figure = Figure(figsize=(5.0, 0.6 + 0.22 * len(shown)), layout="constrained")
    axis = figure.subplots()
    axis.barh([shorten(name, LABEL) for name in shown], list(shown.values()), color=BLUE, height=0.7)
    axis.invert_yaxis()
    axis.margins(y=0.02)
    _plain(axis, title)
    return _svg(figure)


def _plain(axis: Axes, title: str) -> None:
    axis.set_title(title, fontsize=9, loc="left")
    axis.tick_params(labelsize=8, length=2)
    axis.spines[["top", "right"]].set_visible(False)


def _svg(figure: Figure) -> Markup:
    """The same text for the same figure: no date, no random ids."""
    import matplotlib
    from markupsafe import Markup

    text = io.StringIO()
    fonts: dict[Any, Any] = {"svg.fonttype": "none", "font.family": "sans-serif"}
    with matplotlib.rc_context({"svg.hashsalt": "talkinghead", **fonts}):
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    return Markup(text.getvalue()[text.getvalue().index("<svg") :])
