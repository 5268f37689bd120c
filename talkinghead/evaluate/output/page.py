"""index.html of an evaluation: what its template shows. Table, charts, films, curves and definitions, in one file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead import html
from talkinghead.audio.clock import frame_times
from talkinghead.data.manifest import Clip
from talkinghead.evaluate.output import emotions, plots
from talkinghead.evaluate.output.format import ARROWS, best_of, cell, number
from talkinghead.evaluate.output.videos import still
from talkinghead.evaluate.result import TRUTH, Result
from talkinghead.evaluate.selection import EVERY, spread
from talkinghead.evaluate.table import FAMILIES, HEADLINE, LEVEL, METRICS

MOST_CLIPS = 24  # with curves on the page; report.json has figures of all
CHART_LEFT, CHART_WIDTH = 106, 214  # pixels of a chart of dots
NAME = 15  # characters of a system's name in a chart
CLIP_METRICS = ("lve_mm", "aperture_r_lag")  # in the line above the curves of a clip
CURVES = ("aperture", "width")


def page(
    report: dict,
    folder: Path,
    clips: list[Clip],
    results: dict[str, Result],
    films: dict[str, Path],
    sheets: dict[str, Path],
) -> str:
    """The whole document. films: by clip; sheets: pictures of the emotions of models, by name."""
    colours = plots.colours_of(report["systems"])
    rest = spread([clip for clip in clips if clip.id not in films], max(0, MOST_CLIPS - len(films)))
    pages = Clips(folder, report, results, colours)
    return html.render(
        "evaluation.html.j2",
        **_titles(report),
        report=report,
        level=f"{LEVEL:g}",
        arrows=ARROWS,
        colours=colours,
        **_table(report),
        charts={key: _chart(key, report, colours) for key in HEADLINE if key in report["metrics"]},
        emotions=[_emotions(name, figures, sheets.get(name)) for name, figures in report.get("emotions", {}).items()],
        filmed=[pages.clip(clip, films[clip.id]) for clip in clips if clip.id in films],
        others=[pages.clip(clip, None) for clip in rest],
        all_drawn=len(films) + len(rest) == len(clips),
        settings=", ".join(f"{name} {value}" for name, value in report["conditions"].items() if value is not None),
    )


def _titles(report: dict) -> dict[str, str]:
    about, split = report["data"], report["conditions"]["split"]
    splits = "all splits" if split == EVERY else f"{split} split"
    speakers = about["speakers"]
    people = f"{len(speakers)} speakers" if len(speakers) > 1 else f"speaker {speakers[0]}"
    size = f"{about['clips']} clip{'s' * (about['clips'] > 1)}, {html.duration(about['seconds'])}"
    origin = f"{about['annotation']} motion from {about['source']}; lips of the {about['lips_of']}"
    return {
        "title": f"Evaluation on {about['folder']}, {splits}",
        "subtitle": f"{size}, {people}; {origin}; talkinghead {report['talkinghead']}",
    }


def _table(report: dict) -> dict[str, Any]:
    """columns: names; families: {family: {metric: [(value, interval, whether it is the best)]}}."""
    results = report["results"]
    columns = [*report["systems"], *([TRUTH] if results[TRUTH] else [])]
    families: dict[str, dict[str, list[tuple[str, str, bool]]]] = {}
    for family, keys in FAMILIES.items():
        for key in (key for key in keys.split() if key in report["metrics"]):
            best = best_of(key, results)
            cells = [(*cell(key, results[name].get(key)), name in best) for name in columns]
            families.setdefault(family, {})[key] = cells
    return {"columns": columns, "families": families}


def _chart(key: str, report: dict, colours: dict[str, str]) -> dict[str, Any]:
    """One headline metric: a dot and an interval a system, in pixels."""
    results, better = report["results"], METRICS[key].better
    figures = {name: results[name][key] for name in [*report["systems"], TRUTH] if key in results[name]}
    values = [v for figure in figures.values() for v in (figure[k] for k in ("value", "low", "high")) if v is not None]
    values += {"one": [0.0, 1.0], "lower": [0.0], "higher": [0.0, 1.0]}.get(better, [])
    least, most = min(values), max(values)

    def x(value: float) -> float:
        return round(CHART_LEFT + CHART_WIDTH * (value - least) / ((most - least) or 1.0), 1)

    rows = [
        {
            "name": html.shorten(name, NAME),
            "colour": colours[name],
            "x": x(figure["value"]),
            "ends": None if figure["low"] is None else (x(figure["low"]), x(figure["high"])),
        }
        for name, figure in figures.items()
    ]
    return {
        "left": CHART_LEFT,
        "width": CHART_WIDTH,
        "rows": rows,
        "one": x(1) if better == "one" else None,
        "least": number(key, least),
        "most": number(key, most),
    }


def _emotions(name: str, figures: dict, sheet: Path | None) -> dict[str, Any]:
    """The figures of `emotion.pooling` of one model, what was taken for what, and the sheet."""
    confusions = {}
    for reader, table in figures["confusions"].items():  # at the largest intensity
        labels = list(dict.fromkeys([*table, *(label for row in table.values() for label in row)]))
        confusions[reader] = labels, table
    return {
        "name": name,
        "summary": emotions.summary(figures),
        "caption": emotions.HEADER,
        "headings": [heading for heading, _, _ in emotions.COLUMNS],
        "rows": emotions.cells(figures),
        "explained": emotions.EXPLAINED,
        "caveat": figures["caveat"],
        "confusions": confusions,
        "sheet": None if sheet is None else html.data_uri(sheet.read_bytes(), "image/jpeg"),
    }


@dataclass(frozen=True)
class Clips:
    """What the page shows of single clips. colours: by system, the truth last."""

    folder: Path
    report: dict
    results: dict[str, Result]
    colours: dict[str, str]

    def clip(self, clip: Clip, film: Path | None) -> dict[str, Any]:
        """Film, figures, sound and curves of one clip."""
        curves = {name: self.results[name].curves.get(clip.id, {}) for name in self.colours}
        kinds = [kind for kind in CURVES if kind in curves[TRUTH]]
        seconds = len(curves[TRUTH][kinds[0]]) / curves[TRUTH]["fps"] if kinds else 0.0
        return {
            "id": clip.id,
            "said": " ".join(filter(None, [clip.transcript, f"({clip.emotion})" if clip.emotion else None])),
            "film": None if film is None else html.data_uri(film.read_bytes(), "video/mp4"),
            "poster": None if film is None else html.data_uri(still(film), "image/jpeg"),
            "figures": "; ".join(self._figures(clip)),
            "sound": plots.sound(self.folder, clip, seconds) if kinds else None,
            "plots": [self._plot(kind, {n: c for n, c in curves.items() if kind in c}, seconds) for kind in kinds],
        }

    def _figures(self, clip: Clip) -> Iterable[str]:
        """How far and how well timed each system's lips are on this clip."""
        for name in self.report["systems"]:
            values = self.report["per_clip"][name].get(clip.id, {})
            texts = [
                f"{METRICS[key].name} {number(key, value)} {METRICS[key].unit}".rstrip()
                for key in CLIP_METRICS
                if (value := values.get(key)) is not None
            ]
            if texts:
                yield f"{name}: {', '.join(texts)}"

    def _plot(self, kind: str, curves: dict[str, dict], seconds: float) -> dict[str, Any]:
        """Curves in mm over seconds; the truth last, on top."""
        values = np.concatenate([np.asarray(curve[kind]) for curve in curves.values()])
        low, high = float(values.min()), float(values.max())
        low, high = (0.0 if low >= 0 and kind == "aperture" else low), max(high, low + 1)
        lines = {name: (frame_times(len(c[kind]), c["fps"]), np.asarray(c[kind])) for name, c in curves.items()}
        return plots.plot(kind, lines, self.colours, seconds, (low, high)) | {"low": f"{low:.0f} mm", "high": f"{high:.0f}"}
