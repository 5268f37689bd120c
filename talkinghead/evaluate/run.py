"""One evaluation from arguments to report."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from talkinghead.data.manifest import Clip
from talkinghead.evaluate.cache import Cache, claim
from talkinghead.evaluate.emotion.accuracy import add_emotion_accuracy
from talkinghead.evaluate.emotion.response import EmotionResponse
from talkinghead.evaluate.measurement import Measurement
from talkinghead.evaluate.output.files import build
from talkinghead.evaluate.result import TRUTH, Result
from talkinghead.evaluate.selection import VertexSets, choose_clips, choose_systems, common_clips
from talkinghead.evaluate.settings import EvaluateSettings
from talkinghead.evaluate.systems import System, paths_of
from talkinghead.files import replacing
from talkinghead.progress import progress_bar


def evaluate(
    systems: Any,
    data: str | Path,
    *,
    out: str | Path | None = None,
    settings: EvaluateSettings | None = None,
    progress: bool = False,
    **changes: Any,
) -> dict:
    """Measure systems on a split of a prepared data set; returns the report, which `out`/report.json holds, too.

    systems: a list of models' folders, folders of animations, NAME=PATH, "default" for the model that ships, `Talker`s; or a
    dict {name: one of these, or a function (path of the audio, recorded motion) -> Animation}. out: folder for report.json,
    index.html and what makes an interrupted run go on. settings, changes: see `EvaluateSettings`, whose fields are keywords
    here: `evaluate(["default"], "data", baselines=("still",), samples=10)`. progress: show a bar and the table. Raises
    InputError.
    """
    settings = replace(settings, **changes) if settings is not None else EvaluateSettings(**changes)
    folder, clips = Path(data), choose_clips(Path(data), settings.split, settings.annotation)
    annotation = clips[0].annotation
    notes: list[str] = []
    compared = choose_systems(systems, folder, annotation, settings, notes)
    emotions = EmotionResponse(compared, notes) if settings.emotions else None  # raises before the slow work
    if out is not None:
        claim(Path(out), data, paths_of(systems), settings.lips, settings.upper)
    clips = common_clips(compared, clips[: settings.clips], notes)
    sets = VertexSets(folder, settings.lips, settings.upper)
    sets.of(clips[0])  # raises before the slow work
    cache = Cache(None if out is None else Path(out))
    measurement = Measurement(folder, compared, sets, cache, settings)
    results = {name: Result() for name in (TRUTH, *(system.name for system in compared))}
    with progress_bar(progress) as bar:
        task = bar.add_task("measuring", total=len(clips) * len(results))
        for clip in clips:
            sets.of(clip)
            for name, part in measurement.of(clip):
                results[name].add(clip.id, part)
                bar.advance(task)
    add_emotion_accuracy(folder, clips, annotation, results, notes)
    _length_notes(results, notes)
    report = build(folder, clips, compared, results, sets.described(), notes, settings.conditions)
    if emotions is not None:
        report["emotions"] = emotions.measure(folder, clips, settings.emotions, cache, progress)
    if progress:
        from talkinghead.evaluate.output.terminal import show

        show(report)
    if out is not None:
        sheets = {} if emotions is None else emotions.sheets(folder, Path(out))
        write(report, Path(out), folder, clips, compared, results, settings.videos, sheets)
    return report


def write(
    report: dict,
    out: Path,
    folder: Path,
    clips: list[Clip],
    systems: list[System],
    results: dict[str, Result],
    videos: int,
    sheets: dict[str, Path],
) -> None:
    """report.json and index.html, each whole or not at all. sheets: pictures of the emotions of models, by name."""
    from talkinghead.evaluate.output.page import page
    from talkinghead.evaluate.output.videos import films

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


def _length_notes(results: dict[str, Result], notes: list[str]) -> None:
    for name, result in results.items():
        if result.short:
            worst = max(result.short, key=lambda clip: result.short[clip])
            lengths = f"{len(result.short)} clips are shorter than the recording, {worst} by {result.short[worst]:.2f} s"
            notes.append(f"{name}: {lengths}; the common part is measured")
