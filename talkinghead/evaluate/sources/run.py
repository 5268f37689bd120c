"""Lips against the films of several sources, from arguments to report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from talkinghead.errors import InputError
from talkinghead.evaluate.cache import Cache, claim
from talkinghead.evaluate.result import TRUTH
from talkinghead.evaluate.settings import EvaluateSettings
from talkinghead.evaluate.sources.measurement import Parts, measure_source
from talkinghead.evaluate.sources.pooling import FIGURES, Pooled, drawn_from, mean_of, pool
from talkinghead.evaluate.sources.source import Source, find_sources
from talkinghead.evaluate.systems import paths_of
from talkinghead.evaluate.table import FEWEST, LEVEL, RESAMPLES
from talkinghead.files import replacing
from talkinghead.progress import progress_bar
from talkinghead.version import __version__

VERSION = 1  # of sources.json
CONDITIONS = ("split", "clips", "annotation", "seed", "idle", "prior", "unit", "fps")  # those that the report names
OTHERS = ("samples", "lips", "upper", "emotions")  # of the other report
CONVENTIONS = (
    "A source is a data set, or what came from one place within it. Each system has one lag in a source.",
    f"Intervals are {LEVEL:g} % percentile intervals of {RESAMPLES} bootstrap resamples of the speakers, each with all of "
    "their clips; the lag stays. They are too narrow where speakers are few.",
    f"Of a source with fewer than {FEWEST} speakers, clips are resampled instead. Such an interval says nothing about other "
    "people.",
    "The mean of the sources counts each alike. Its interval is for these sources, which are not resampled.",
    "The truth is the recorded motion beside the lips of the film that it was solved from: what of them the head can show.",
    "Baselines that do not move (still, mean) are left out: their r is 0.",
    "Motion is asked for at the frame rate of the recorded motion and interpolated at the times of the film, frame t at "
    "(t + 0.5) / fps.",
    "Models speak in the style of the clip's speaker, and with its emotion, where they know these.",
)


def evaluate_sources(
    systems: Any,
    data: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    settings: EvaluateSettings | None = None,
    progress: bool = False,
    **changes: Any,
) -> dict:
    """How well lips follow speech in each of several data sets; returns the report, which `out`/sources.json holds, too.

    systems, out, settings, progress, changes: as for `evaluate`. data: folders of data sets, or NAME=FOLDER. Of each source the
    report has the correlation of lip aperture and width with the real lips at one constant lag, with an interval over its
    speakers; see `FIGURES`. `out`/sources.html is the page. Raises InputError.
    """
    settings = replace(settings, **changes) if settings is not None else EvaluateSettings(**changes)
    _check(settings)
    notes: list[str] = []
    sources = find_sources(systems, data, settings, notes)
    if out is not None:
        claim(Path(out), paths_of(data), paths_of(systems))
    cache, parts = Cache(None if out is None else Path(out)), {}
    with progress_bar(progress) as bar:
        task = bar.add_task("measuring", total=sum(len(s.clips) * (1 + len(s.systems)) for s in sources))
        for source in sources:
            parts[source.name] = measure_source(source, cache, lambda: bar.advance(task))
    pooled = {source.name: _pool(source, parts[source.name], [settings.seed, i]) for i, source in enumerate(sources)}
    report = build(sources, parts, pooled, notes, settings)
    if progress:
        from talkinghead.evaluate.output.sources import show

        show(report)
    if out is not None:
        write(report, Path(out), sources, parts, pooled)
    return report


def build(
    sources: list[Source],
    parts: dict[str, Parts],
    pooled: dict[str, dict[str, Pooled]],
    notes: list[str],
    settings: EvaluateSettings,
) -> dict:
    """The report as plain data. parts, pooled: {source: {system: …}}."""
    systems = {system.name: system.note for source in sources for system in source.systems}
    names = [*systems, *([TRUTH] if any(TRUTH in found for found in pooled.values()) else [])]
    notes = [*notes, *(f"{source.name}: no clip has lips that move" for source in sources if not pooled[source.name])]
    means = {name: mean_of([found.get(name) for found in pooled.values()]) for name in names}
    return {
        "version": VERSION,
        "talkinghead": __version__,
        "conditions": {name: getattr(settings, name) for name in CONDITIONS},
        "conventions": list(CONVENTIONS),
        "notes": notes,
        "systems": {name: {"note": note} for name, note in systems.items()},
        "figures": {
            key: {"name": figure.name, "unit": figure.unit, "better": figure.better, "definition": figure.definition}
            for key, figure in FIGURES.items()
        },
        "sources": {source.name: _describe(source, parts[source.name][TRUTH]) for source in sources},
        "results": {
            name: {
                source: {key: figure.plain() for key, figure in found[name].figures.items()}
                for source, found in pooled.items()
                if name in found
            }
            for name in names
        },
        "mean": {name: {key: figure.plain() for key, figure in mean.items()} for name, mean in means.items()},
        "per_clip": {
            source.name: {
                clip.id: {"speaker": clip.speaker}
                | {name: found.clips[clip.id] for name, found in pooled[source.name].items() if clip.id in found.clips}
                for clip in source.clips
            }
            for source in sources
        },
    }


def write(
    report: dict, out: Path, sources: list[Source], parts: dict[str, Parts], pooled: dict[str, dict[str, Pooled]]
) -> None:
    """sources.json and sources.html, each whole or not at all."""
    from talkinghead.evaluate.output.sources import page

    with replacing(out / "sources.json") as fresh:
        fresh.write_text(json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    with replacing(out / "sources.html") as fresh:
        fresh.write_text(page(report, sources, parts, pooled), encoding="utf-8")


def _check(settings: EvaluateSettings) -> None:
    defaults = {field.name: field.default for field in fields(settings)}
    given = [name for name in OTHERS if getattr(settings, name) != defaults[name]]
    if given:
        raise InputError(f"evaluate: --{given[0]} is of one data set; leave it out, or --sources")


def _pool(source: Source, parts: Parts, seed: list[int]) -> dict[str, Pooled]:
    speakers = {clip.id: clip.speaker for clip in source.clips}
    found = {name: pool(parts[name], speakers, seed) for name in (*(system.name for system in source.systems), TRUTH)}
    if (truth := found[TRUTH]) is not None and "lag" not in truth.figures:  # motion that never moves was not solved from films
        del found[TRUTH]
    return {name: pooled for name, pooled in found.items() if pooled is not None}


def _describe(source: Source, truth: dict[str, dict]) -> dict:
    filmed = sum(part["film"] for part in truth.values())
    return {
        "folder": source.folder.resolve().name,
        "from": ", ".join(sorted({clip.source for clip in source.clips})),
        "annotation": source.clips[0].annotation,
        "clips": len(source.clips),
        "seconds": round(sum(clip.duration for clip in source.clips), 3),
        "speakers": source.speakers,
        "lips_of_film": filmed,
        "intervals_over": drawn_from([clip.speaker for clip in source.clips]),
    }
