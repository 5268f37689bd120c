"""The report as plain data, for report.json."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from talkinghead.data.manifest import Clip
from talkinghead.evaluate.systems import System
from talkinghead.evaluate.table import LEVEL, METRICS, RESAMPLES, clip_values, figures
from talkinghead.version import __version__

if TYPE_CHECKING:
    from talkinghead.evaluate.result import Result

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
    from talkinghead.evaluate.measures.clip import librosa_installed

    pooled = {name: figures(result.records, result.lags, conditions["seed"]) for name, result in results.items()}
    used = [key for key in METRICS if any(key in values for values in pooled.values())]
    notes = [*notes, *_missing(used, conditions, pooled, librosa_installed())]
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
        "results": pooled,
        "per_clip": {name: clip_values(result.records, result.lags) for name, result in results.items()},
    }


def _missing(used: list[str], conditions: dict, results: dict[str, dict], beats: bool) -> list[str]:
    """Why metrics are not in the report."""
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
        if "beat_consistency" not in used and not beats:
            notes.append("beat consistency needs librosa: pip install librosa")
    if conditions["samples"] < 2:
        notes.append("CE, MEE and diversity need several samples: --samples 10")
    elif "mve" in used:
        fixed = ", ".join(name for name, figures in results.items() if name != "truth" and "diversity" not in figures)
        if fixed:
            notes.append(f"one motion a clip, so no CE, MEE and diversity: {fixed}")
    return notes
