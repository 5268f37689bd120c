"""Lips by source: sources.html and the table in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from talkinghead import html
from talkinghead.evaluate.output import plots
from talkinghead.evaluate.output.format import ARROWS
from talkinghead.evaluate.result import TRUTH
from talkinghead.evaluate.sources.pooling import FIGURES, Pooled
from talkinghead.evaluate.table import LEVEL

if TYPE_CHECKING:
    from rich.table import Table

    from talkinghead.evaluate.sources.measurement import Parts
    from talkinghead.evaluate.sources.source import Source

MEAN = "mean of the sources"
PANELS = {"aperture_r": (270, 400), "width_r": (710, 270)}  # pixels: left edge and width of a chart
ROW, GAP, TOP = 17, 16, 22  # pixels of a chart: a system, between sources, above the first
NAME = 30  # characters of a source's name in the chart


def page(report: dict, sources: list[Source], parts: dict[str, Parts], pooled: dict[str, dict[str, Pooled]]) -> str:
    """The whole document. parts, pooled: {source: {system: …}}."""
    colours = plots.colours_of(report["systems"])
    seconds = sum(about["seconds"] for about in report["sources"].values())
    clips = sum(about["clips"] for about in report["sources"].values())
    size = f"{len(sources)} source{'s' * (len(sources) > 1)}, {clips} clip{'s' * (clips > 1)}, {html.duration(seconds)}"
    return html.render(
        "sources.html.j2",
        title="Lips against real lips, source by source",
        subtitle=f"{size}; split {report['conditions']['split']}; talkinghead {report['talkinghead']}",
        report=report,
        level=f"{LEVEL:g}",
        arrows=ARROWS,
        colours=colours,
        columns=list(report["results"]),
        shown={name: colours[name] for name in report["results"]},
        about={name: _about(about) for name, about in report["sources"].items()},
        table={key: list(_rows(report, key)) for key in _used(report)},
        chart=_chart(report, colours),
        drawn=[(source.name, _clips(source, parts[source.name], pooled[source.name], colours)) for source in sources],
        settings=", ".join(f"{name} {value}" for name, value in report["conditions"].items() if value is not None),
    )


def show(report: dict) -> None:
    """The table on the terminal: sources down, systems across."""
    from rich.console import Console

    console = Console()
    console.print(_rich_table(report))
    for name, about in report["sources"].items():
        console.print(f"{name}: {_about(about)}", style="dim", markup=False, highlight=False)
    console.print(f"± half of the {LEVEL:g} % interval", style="dim", markup=False, highlight=False)
    for note in report["notes"]:
        console.print(f"note: {note}", style="dim", markup=False, highlight=False)


def _rich_table(report: dict) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", overflow="fold")
    for name in report["results"]:
        table.add_column(escape(name), overflow="fold")
    for key in _used(report):
        figure = FIGURES[key]
        arrow = ARROWS.get(figure.better, "").replace(" ", "")
        table.add_row(f"[dim]{figure.name} {f'{figure.unit} ' * bool(figure.unit)}{arrow}[/dim]")
        for source, cells in _rows(report, key):
            half = [f"{value}{f' [dim]±{h}[/dim]' if h else ''}" for value, _, h, _ in cells]
            bold = [f"[bold]{text}[/bold]" if best else text for text, (_, _, _, best) in zip(half, cells, strict=True)]
            table.add_row(f"  {escape(source)}", *bold)
    return table


def _used(report: dict) -> list[str]:
    """Keys of the figures that any system has."""
    found = {key for sources in report["results"].values() for figures in sources.values() for key in figures}
    return [key for key in FIGURES if key in found]


def _about(about: dict) -> str:
    """A source in words: how many clips of whom, whose lips, what intervals are over."""
    speakers, clips, filmed = len(about["speakers"]), about["clips"], about["lips_of_film"]
    lips = "the film" if filmed == clips else "the recorded motion" if not filmed else f"the film in {filmed}, else the motion"
    few = f", intervals over clips: nothing is said of other people than {' and '.join(about['speakers'])}"
    return (
        f"{clips} clip{'s' * (clips != 1)}, {html.duration(about['seconds'])}, {speakers} speaker{'s' * (speakers != 1)}; "
        f"lips of {lips}{few if about['intervals_over'] == 'clips' else ', intervals over speakers'}"
    )


def _rows(report: dict, key: str) -> Iterator[tuple[str, list[tuple[str, str, str, bool]]]]:
    """(source, [(value, interval, half of it, whether it is the best) of each system]); the mean of the sources is the last."""
    results, digits = report["results"], FIGURES[key].digits
    lines = {source: {name: found.get(source, {}) for name, found in results.items()} for source in report["sources"]}
    if len(lines) > 1 and key != "lag":
        lines[MEAN] = report["mean"]
    for source, found in lines.items():
        values = {name: figures[key]["value"] for name, figures in found.items() if key in figures and name != TRUTH}
        top = max(values.values()) if key != "lag" and len(set(values.values())) > 1 else None
        yield source, [_cell(found[name].get(key), digits, top is not None and values.get(name) == top) for name in results]


def _cell(figure: dict | None, digits: int, best: bool) -> tuple[str, str, str, bool]:
    if figure is None:
        return "–", "", "", False
    value, low, high = (None if figure[k] is None else f"{figure[k]:.{digits}f}" for k in ("value", "low", "high"))
    if low is None or high is None or low == high:
        return str(value), "", "", best
    return str(value), f"{low} … {high}", f"{(figure['high'] - figure['low']) / 2:.{digits}f}", best


def _chart(report: dict, colours: dict[str, str]) -> dict[str, Any]:
    """Of every source and system a dot and an interval, and a mark for each speaker; coordinates in pixels."""
    results, names = report["results"], [*report["results"]]
    found = {source: {name: results[name].get(source, {}) for name in names} for source in report["sources"]}
    if len(found) > 1:
        found[MEAN] = report["mean"]
    ends = [v for by_name in found.values() for figures in by_name.values() for key in PANELS for v in _ends(figures.get(key))]
    least = min([0.0, *(np.floor(5 * v) / 5 for v in ends)])
    y, groups = TOP, []
    for source, by_name in found.items():
        top, rows = y, []
        for name, figures in by_name.items():
            if figures:
                speakers = _by_speaker(report, source, name) if source in report["sources"] else {}
                marks = [_mark(key, figures.get(key), speakers.get(key, []), least) for key in PANELS]
                rows.append({"y": y + ROW / 2, "colour": colours[name], "marks": [mark for mark in marks if mark]})
                y += ROW
        groups.append({"name": html.shorten(source, NAME), "y": top, "bottom": y, "rows": rows, "last": source == MEAN})
        y += GAP
    ticks = np.arange(least, 1.01, 0.2)
    panels = [
        {
            "name": FIGURES[key].name,
            "left": left,
            "right": left + width,
            "ticks": [(_x(key, tick, least), f"{tick:.1f}".replace("-", "−")) for tick in ticks],
        }
        for key, (left, width) in PANELS.items()
        if any(key in figures for by_name in found.values() for figures in by_name.values())
    ]
    speakers = any(mark["speakers"] for group in groups for row in group["rows"] for mark in row["marks"])
    return {"panels": panels, "groups": groups, "speakers": speakers, "height": y - GAP + 4}


def _ends(figure: dict | None) -> list[float]:
    return [] if figure is None else [figure[key] for key in ("value", "low", "high") if figure[key] is not None]


def _x(key: str, value: float, least: float) -> float:
    left, width = PANELS[key]
    return round(left + width * (value - least) / (1 - least), 1)


def _mark(key: str, figure: dict | None, speakers: list[float], least: float) -> dict[str, Any] | None:
    if figure is None:
        return None
    ends = None if figure["low"] is None else [_x(key, figure[end], least) for end in ("low", "high")]
    shown = [_x(key, value, least) for value in speakers if value >= least]
    return {"x": _x(key, figure["value"], least), "ends": ends, "speakers": shown, "text": f"{figure['value']:.3f}"}


def _by_speaker(report: dict, source: str, name: str) -> dict[str, list[float]]:
    """{figure: its mean of each speaker}; nothing of a single one, which is the figure itself."""
    values: dict[str, dict[str, list[float]]] = {}
    for clip in report["per_clip"][source].values():
        for key in PANELS:
            if key in clip.get(name, {}):
                values.setdefault(key, {}).setdefault(clip["speaker"], []).append(clip[name][key])
    return {key: [float(np.mean(v)) for v in some.values()] for key, some in values.items() if len(some) > 1}


def _clips(source: Source, parts: Parts, pooled: dict[str, Pooled], colours: dict[str, str]) -> list[dict[str, Any]]:
    """The worst and the best clip of the first system of a source that has figures."""
    judge = next((system.name for system in source.systems if system.name in pooled), None)
    if judge is None:
        return []
    ranked = sorted(pooled[judge].clips, key=lambda clip: pooled[judge].clips[clip]["aperture_r"])
    by_id = {clip.id: clip for clip in source.clips}
    out = []
    for which, clip_id in {"worst": ranked[0], "best": ranked[-1]}.items() if len(ranked) > 1 else [("only", ranked[0])]:
        clip, curves, texts = by_id[clip_id], {}, []
        for name, found in {**{n: p for n, p in pooled.items() if n != TRUTH}, TRUTH: None}.items():
            part = parts[name][clip_id]
            curves[name] = (np.array(part["times"]) - (found.lag if found else 0.0), _standard(np.array(part["aperture"])))
            if found and clip_id in found.clips:
                texts.append(f"{name}: r {found.clips[clip_id]['aperture_r']:.3f}, lag {1000 * found.lag:.0f} ms taken out")
        seconds = float(curves[TRUTH][0][-1])
        values = np.concatenate([values for _, values in curves.values()])
        ends = float(values.min()), max(float(values.max()), float(values.min()) + 1)
        out.append(
            {
                "which": f"{which} of {judge}",
                "id": clip.id,
                "said": " ".join(filter(None, [clip.transcript, f"({clip.speaker})"])),
                "figures": "; ".join(texts),
                "sound": plots.sound(source.folder, clip, seconds),
                "plot": plots.plot("aperture", curves, colours, seconds, ends),
                "colours": {name: colours[name] for name in curves},
            }
        )
    return out


def _standard(values: np.ndarray) -> np.ndarray:
    """Less the mean, over the standard deviation, which is what a correlation compares; 0 where nothing moves."""
    centred, spread = values - values.mean(), float(values.std())
    return centred / spread if spread > 1e-9 else np.zeros_like(centred)
