"""What is told at the end: report.json, a table on the terminal, and a page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from talkinghead.data.manifest import Clip
from talkinghead.evaluate.systems import System
from talkinghead.evaluate.table import FAMILIES, LEVEL, METRICS, RESAMPLES, clip_values, figures
from talkinghead.files import replacing
from talkinghead.version import __version__

if TYPE_CHECKING:
    from rich.table import Table

    from talkinghead.evaluate.run import Result

VERSION = 1  # of report.json
CONVENTIONS = (
    "Everything is measured at the frame rate of the recorded motion (others are interpolated on the frame clock, frame t at "
    "(t + 0.5) / fps) and over the frames that both have.",
    "Positions are compared on the template of the recorded speaker, in the head's own space: head rotation and translation "
    "do not count.",
    "Models speak in the style of the clip's speaker, and with its emotion, where they know these, and are not sampled except "
    "for CE, MEE and diversity (temperature 1).",
    "Distances are pooled over all frames of all clips, closures over all events, correlations and FDD over clips.",
    f"Intervals are {LEVEL:g} % percentile intervals of {RESAMPLES} bootstrap resamples of the clips, the same resamples for "
    "every system.",
)


def build(
    folder: Path,
    clips: list[Clip],
    systems: list[System],
    results: dict[str, Result],
    sets: dict[str, str],
    notes: list[str],
    conditions: dict,
) -> dict:
    """The whole report as plain data."""
    from talkinghead.evaluate.measure import sound_beats_known

    found = {name: figures(result.records, result.lags, conditions["seed"]) for name, result in results.items()}
    used = [key for key in METRICS if any(key in values for values in found.values())]
    notes = [*notes, *_missing(used, conditions, found, sound_beats_known())]
    return {
        "version": VERSION,
        "talkinghead": __version__,
        "data": {
            "folder": folder.resolve().name,
            "source": ", ".join(sorted({clip.source for clip in clips})),
            "annotation": clips[0].annotation,
            "clips": len(clips),
            "seconds": round(sum(clip.duration for clip in clips), 3),
            "speakers": sorted({clip.speaker for clip in clips}),
            "lips_of": "film" if any("aperture" in r or "width" in r for r in results["truth"].lags.values()) else "motion",
        },
        "conditions": conditions,
        "vertex_sets": sets,
        "conventions": list(CONVENTIONS),
        "notes": notes,
        "systems": {s.name: {"note": s.note, "deterministic": s.deterministic} for s in systems},
        "metrics": {
            key: {"name": METRICS[key].name, "unit": METRICS[key].unit, "better": METRICS[key].better}
            | {"definition": METRICS[key].definition}
            for key in used
        },
        "results": found,
        "per_clip": {name: clip_values(result.records, result.lags) for name, result in results.items()},
    }


def _missing(used: list[str], conditions: dict, found: dict[str, dict], hears_beats: bool) -> list[str]:
    """Why metrics that a reader may look for are not there."""
    notes = []
    if "mve" not in used:
        notes.append(
            "no mesh is known for this motion, so only its coefficients are compared; prepare it with a model of the face"
        )
    else:
        if "lve" not in used:
            notes.append("the head names no lips: give their vertices with --lips FILE for LVE and dynamics")
        if "eve" not in used:
            notes.append("the head names no upper face: give its vertices with --upper FILE for EVE and FDD")
        if "mod" not in used:
            notes.append("the head has no landmarks of the inner lips, so aperture, closures and MOD are left out")
        if "beat_consistency" not in used and not hears_beats:
            notes.append("beat consistency needs librosa: pip install librosa")
    if conditions["samples"] < 2:
        notes.append("CE, MEE and diversity need several samples: --samples 10")
    elif "mve" in used:
        fixed = ", ".join(name for name, figures in found.items() if name != "truth" and "diversity" not in figures)
        if fixed:
            notes.append(f"one motion a clip, so no CE, MEE and diversity: {fixed}")
    return notes


def cell(key: str, figure: dict | None) -> tuple[str, str]:
    """A figure and its interval as text; "–" where there is none."""
    if figure is None:
        return "–", ""
    ends = [number(key, end) for end in (figure["low"], figure["high"]) if end is not None]
    return number(key, figure["value"]), " … ".join(ends) if len(set(ends)) > 1 else ""


def number(key: str, value: float) -> str:
    """With as many digits as its metric's unit deserves."""
    metric = METRICS[key]
    if metric.unit == "m²":
        return "0" if value == 0 else f"{value:.2e}"
    return f"{value:.{metric.digits}f}"


def best_of(key: str, results: dict[str, dict]) -> set[str]:
    """The systems with the best figure, the truth left out; none where nothing is better, or where all are alike."""
    aim = {"lower": lambda v: v, "higher": lambda v: -v, "zero": abs, "one": lambda v: abs(v - 1)}.get(METRICS[key].better)
    values = {name: found[key]["value"] for name, found in results.items() if name != "truth" and key in found}
    if key.endswith("_recall"):  # lips that never open shut at every closure: no merit
        values = {name: value for name, value in values.items() if key.replace("recall", "precision") in results[name]}
    if aim is None or len(values) < 2 or key in ("aperture_lag", "sync_lag"):
        return set()
    top = min(map(aim, values.values()))
    best = {name for name, value in values.items() if aim(value) <= top + 1e-12}
    return best if len(best) < len(values) else set()


def show(report: dict) -> None:
    """The table on the terminal: metrics down, systems across, in as many tables as the width asks for."""
    from rich.console import Console

    console, results = Console(), report["results"]
    about = report["data"]
    console.print(
        f"{about['clips']} clip{'s' * (about['clips'] != 1)}, {about['seconds']:.0f} s, of {about['folder']}"
        f" ({report['conditions']['split']}); lips of the {about['lips_of']}; ± half of the {LEVEL:g} % interval",
        markup=False,
    )
    names = [*report["systems"], *(["truth"] if results["truth"] else [])]
    while names:
        some, room = [], console.width - 26
        while names and (not some or room >= _wide(names[0], results)):
            room -= _wide(names[0], results)
            some.append(names.pop(0))
        console.print(_rich_table(report, some))
        console.print()
    if "emotions" in report:
        from talkinghead.evaluate.emotions import rich_table, told

        for name, figures in report["emotions"].items():
            console.print(rich_table(name, figures))
            console.print(told(figures), style="dim", markup=False, highlight=False)
            console.print()
    for note in report["notes"]:
        console.print(f"note: {note}", style="dim", markup=False, highlight=False)


def _rich_table(report: dict, names: list[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for name in names:
        table.add_column(name, overflow="fold")
    for family, keys in FAMILIES.items():
        rows = [key for key in keys.split() if key in report["metrics"]]
        if rows:
            table.add_row(f"[dim]{family}[/dim]")
        for key in rows:
            top = best_of(key, report["results"])
            table.add_row(_title(key), *(_rich(key, report["results"][name].get(key), name in top) for name in names))
    return table


def _wide(name: str, results: dict) -> int:
    """Characters of a system's column."""
    return max(len(name[:24]), *(len(_short(key, figure)) for key, figure in results[name].items()), 0) + 2


def _short(key: str, figure: dict | None) -> str:
    """The value and half of its interval; the interval itself is in the report."""
    value = cell(key, figure)[0]
    if not figure or figure["low"] is None:
        return value
    half = number(key, (figure["high"] - figure["low"]) / 2)
    return value if float(half) == 0 or float(half) < 1e-9 * abs(figure["value"]) else f"{value} ±{half}"


def _title(key: str) -> str:
    metric = METRICS[key]
    arrow = {"lower": "↓", "higher": "↑", "one": "→1", "zero": "→0"}.get(metric.better, "")
    return f"  {metric.name} {f'{metric.unit} ' * bool(metric.unit)}{arrow}".rstrip()


def _rich(key: str, figure: dict | None, best: bool) -> str:
    value, _, half = _short(key, figure).partition(" ")
    value = f"[bold]{value}[/bold]" if best else value
    return f"{value} [dim]{half}[/dim]" if half else value


def write(
    report: dict,
    out: Path,
    folder: Path,
    clips: list[Clip],
    systems: list[System],
    results: dict[str, Result],
    videos: int,
    progress: bool,
    sheets: dict[str, Path],
) -> None:
    """report.json and index.html, each whole or not at all. sheets: pictures of the emotions of models, by name."""
    from talkinghead.evaluate.page import page
    from talkinghead.evaluate.videos import films

    with replacing(out / "report.json") as fresh:
        fresh.write_text(json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    shown = films(out, folder, clips, systems, videos)
    with replacing(out / "index.html") as fresh:
        fresh.write_text(page(report, folder, clips, results, shown, sheets), encoding="utf-8")
    for path in (out / "videos").glob("*.mp4") if (out / "videos").exists() else ():
        if path not in shown.values():
            path.unlink()
    if not shown:
        shutil.rmtree(out / "videos", ignore_errors=True)
