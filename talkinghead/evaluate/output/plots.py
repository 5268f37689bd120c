"""Sound and curves of one clip as coordinates for the templates; pixels of the viewBox."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead import html
from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.data.manifest import Clip
from talkinghead.evaluate.result import TRUTH

COLOURS = ("#d1495b", "#2e7fb8", "#e0972f", "#5b8c3e", "#8e5aa8", "#17877d", "#b5651d", "#6b7280", "#c2478f", "#4b5563")
TRUTH_COLOUR = "#111827"
LEFT, WIDTH, HEIGHT, WAVE = 46, 940, 110, 46  # margin and area of a plot, and the sound above it
LETTER = 5.5  # of a letter below the sound

Curve = tuple[np.ndarray, np.ndarray]  # seconds and values


def colours_of(systems: Iterable[str]) -> dict[str, str]:
    """{name: its colour} of systems, and of the truth, which is the last."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(systems)} | {TRUTH: TRUTH_COLOUR}


def sound(folder: Path, clip: Clip, seconds: float) -> dict[str, Any]:
    """The waveform, with phonemes or words where they are known."""
    wave, scale = load_audio(folder / clip.audio)[: round(seconds * RATE)], WIDTH / seconds
    spans = []
    for start, end, text in clip.phonemes or clip.words or ():
        if start < seconds:
            x, wide = LEFT + start * scale, (min(end, seconds) - start) * scale
            middle = f"{x + wide / 2:.1f}"
            spans.append({"x": f"{x:.1f}", "middle": middle, "fits": wide > LETTER * len(text), "text": text})
    return {"left": LEFT, "height": WAVE, "scale": scale, "path": html.waveform(wave, LEFT, WIDTH, WAVE), "spans": spans}


def plot(name: str, curves: dict[str, Curve], colours: dict[str, str], seconds: float, ends: tuple[float, float]) -> dict:
    """Curves over seconds; the last one is on top and thicker. ends: values of the lower and the upper edge."""
    scale, lines, (low, high) = WIDTH / seconds, [], ends
    for curve, (times, values) in curves.items():
        y = HEIGHT - 4 - (HEIGHT - 10) * (values - low) / (high - low)
        x = LEFT + times * scale
        inside = (x >= LEFT - 1) & (x <= LEFT + WIDTH + 1)
        look = {"colour": colours[curve], "width": 2.2 if curve == list(curves)[-1] else 1.4}
        lines.append({"points": html.polyline(x[inside], y[inside]), **look})
    step = next(s for s in (0.5, 1, 2, 5, 10, 1e9) if seconds / s <= 12)
    return {
        "name": name,
        "left": LEFT,
        "width": WIDTH,
        "height": HEIGHT,
        "scale": scale,
        "low": "",
        "high": "",
        "ticks": [(f"{LEFT + t * scale:.1f}", f"{t:g}") for t in np.arange(0, seconds + 1e-6, step)],
        "lines": lines,
    }
