"""The page of a prepared dataset, OUT/index.html: amounts, figures of motion and sound, pictures, dropped clips.

Figures are measured on a sample of the clips, so that the page of a large set takes seconds, too. Plots need
matplotlib (the extra `data`); without it there is a table of their figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead import html
from talkinghead.data.convert.sample import Measured, measure, pictures, sample, various
from talkinghead.data.convert.summary import meaning
from talkinghead.data.manifest import SPLITS, Clip
from talkinghead.data.motion_file import read_meta
from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.fingerprint import fingerprint

PAGE = "index.html"
VERSION = 2
LISTED = 300  # dropped clips on the page


def write_page(out: Path, report: dict, clips: Sequence[Clip]) -> Path:
    """Write the page unless it is up to date; returns its path."""
    path = out / PAGE
    chosen = sample(out, clips)
    made = [read_meta(out / clip.motion).get("mark") for clip in chosen]
    plots = find_spec("matplotlib") is not None
    mark = fingerprint([VERSION, report, made, plots])
    if path.exists() and mark in path.read_text(encoding="utf-8")[:400]:
        return path
    measured = [measure(out, clip) for clip in chosen]
    figures = _figures(clips, measured)
    text = html.render(
        "dataset.html.j2",
        mark=mark,
        title=f"{report['source']}: a dataset of talkinghead",
        report=report,
        listed=LISTED,
        measured=len(measured),
        of_sample=0 < len(measured) < len(clips),
        figures={name: [float(np.percentile(v, q)) for q in (0, 50, 100)] for name, v in figures.items()},
        histograms=html.histograms(figures) if plots else "",
        bars=_bars(clips) if plots else [],
        quality={meaning(name): values for name, values in report["quality"].items()},
        **_amounts(report, clips),
        **_sheet(measured),
    )
    with replacing(path) as fresh:
        fresh.write_text(text, encoding="utf-8")
    return path


def _amounts(report: dict, clips: Sequence[Clip]) -> dict[str, Any]:
    """The tiles at the top, and the rows of the splits."""
    seconds = {split: [clip.duration for clip in clips if clip.split == split] for split in SPLITS}
    total = sum(map(sum, seconds.values()))
    unit, scale = ("minutes", 1 / 60) if total >= 600 else ("seconds", 1)
    dropped, count = len(report["dropped"]), len(report["speakers"])
    tiles = [
        (f"{report['clips']}", "clips" if report["clips"] != 1 else "clip"),
        (html.duration(total), "of sound and motion"),
        (str(count), "speakers" if count != 1 else "speaker"),
        (", ".join(report["annotations"]), "kind of motion" if len(report["annotations"]) == 1 else "kinds of motion"),
        (str(dropped), "dropped" + (", see below" if dropped else "")),
    ]
    rows = [(split, len(some), scale * sum(some), 100 * sum(some) / max(total, 1e-9)) for split, some in seconds.items()]
    return {"tiles": tiles, "unit": unit, "splits": rows}


def _figures(clips: Sequence[Clip], measured: list[Measured]) -> dict[str, np.ndarray]:
    """{name with unit: a value a clip}; the lengths are of all clips, the others of the sample."""
    values: dict[str, np.ndarray] = {"length of a clip (s)": np.array([clip.duration for clip in clips])}
    for lips, name in ((True, "widest opening of the lips"), (False, "largest displacement")):
        some = [m for m in measured if m.opening is not None and m.lips == lips]
        if some:
            values[f"{name} (mm)"] = np.array([m.opening.max() for m in some if m.opening is not None])
            values[f"{'speed of the lips' if lips else 'speed'} (mm/s)"] = np.array([m.speed for m in some])
    if measured:
        values["loudness of speech (dBFS)"] = np.array([m.loudness for m in measured])
    return values


def _bars(clips: Sequence[Clip]) -> list[str]:
    """Charts of the minutes by speaker and by emotion, where there are several."""
    minutes = {by: _minutes(clips, by) for by in ("speaker", "emotion")}
    return [html.bars(f"minutes by {by}", amounts) for by, amounts in minutes.items() if len(amounts) > 1]


def _minutes(clips: Sequence[Clip], by: str) -> dict[str, float]:
    """{value of a clip's field: minutes of its clips}, most first."""
    total: dict[str, float] = {}
    for clip in clips:
        key = getattr(clip, by) or "unknown"
        total[key] = total.get(key, 0.0) + clip.duration / 60
    return dict(sorted(total.items(), key=lambda item: -item[1]))


def _sheet(measured: list[Measured]) -> dict[str, Any]:
    """Pictures of three moments of each of some clips, or the reason for none."""
    usable = [m for m in measured if m.animation is not None]
    chosen = various(usable)
    try:
        if not usable:
            raise InputError("no mesh is known for this kind of motion" if measured else "the clips are in shards")
        drawn = pictures(chosen)
    except InputError as error:  # also where no renderer works
        return {"no_sheet": str(error), "sheet": [], "sheet_of_lips": False}
    rows = []
    for m, three in zip(chosen, drawn, strict=True):
        about = " · ".join(filter(None, [m.clip.speaker, m.clip.emotion, m.clip.split]))
        rows.append((m.clip.id, about, [(html.jpeg_uri(p), t) for p, t in zip(three, m.moments, strict=True)]))
    return {"no_sheet": "", "sheet": rows, "sheet_of_lips": all(m.lips for m in chosen)}
