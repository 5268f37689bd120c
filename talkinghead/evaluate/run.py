"""One evaluation from arguments to report."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from talkinghead.data.manifest import SPLITS, Clip, read_manifest
from talkinghead.errors import InputError
from talkinghead.evaluate.baselines import NOTES, Baseline
from talkinghead.evaluate.cache import Cache, claim, clip_state, state
from talkinghead.evaluate.measures.clip import (
    Recorded,
    curves,
    measure,
    measure_samples,
    measure_truth,
    read_motion_of,
    read_recorded,
    rebase,
)
from talkinghead.evaluate.measures.lips import VertexSet, vertex_set
from talkinghead.evaluate.result import TRUTH, Result
from talkinghead.evaluate.systems import Options, System, find_systems
from talkinghead.evaluate.table import Record
from talkinghead.files import replacing
from talkinghead.head.units import metres
from talkinghead.metrics import emotion_classifier

if TYPE_CHECKING:
    from talkinghead.evaluate.result import Result


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


def evaluate(  # noqa: PLR0913
    systems,
    data: str | Path,
    *,
    out: str | Path | None = None,
    split: str = "test",
    baselines: tuple[str, ...] = (),
    samples: int = 1,
    seed: int = 0,
    idle: float = 1.0,
    prior: str = "parallel",
    lips: str | Path | None = None,
    upper: str | Path | None = None,
    unit: str = "m",
    fps: float | None = None,
    clips: int | None = None,
    annotation: str | None = None,
    device: str = "cpu",
    videos: int = 3,
    emotions: int = 0,
    progress: bool = False,
) -> dict:
    """Measure systems on a split of a prepared data set; returns the report, which `out`/report.json holds, too.

    systems: a list of models' folders, folders of animations, NAME=PATH, "default" for the model that ships, `Talker`s; or a
    dict {name: one of these, or a function (path of the audio, recorded motion) -> Animation}. baselines: names of
    `baselines.NOTES`. samples: drawn of each model for coverage, mean-estimate error and diversity. lips, upper: files of
    vertex indices. prior: of the models. unit, fps: of raw vertices. annotation: the kind of motion, where the data set has
    several. out: folder for report.json, index.html and what makes an interrupted run go on. emotions: on how many of the clips
    to measure the emotions of models that can be told one, see `evaluate.emotions`. progress: show a bar and the table. Raises
    InputError.
    """
    folder, found = Path(data), _clips(Path(data), split, annotation)
    if samples < 1 or videos < 0 or emotions < 0 or (clips is not None and clips < 1) or seed < 0 or not 0 <= idle < 100:
        raise InputError("evaluate: samples and clips are 1 or more, videos, emotions, seed and idle 0 or more")
    metres(unit)
    if fps is not None and not 1 <= fps <= 240:
        raise InputError(f"fps is {fps:g}: choose 1 to 240")
    notes: list[str] = []
    everyone = find_systems(systems, Options(seed, idle, unit, fps, device, prior))
    everyone += _baselines(folder, found[0].annotation, baselines, notes)
    names = [system.name for system in everyone]
    if not everyone:
        raise InputError(f"{folder}: name a system to measure, or a baseline of {', '.join(NOTES)}")
    if TRUTH in names or len(set(names)) < len(names):
        raise InputError(f"evaluate: systems need names of their own, other than {TRUTH} and those of the baselines in use")
    feeling = Feelings(everyone, notes) if emotions else None  # what has none is told before the slow work
    if out is not None:
        claim(Path(out))
    chosen = _common(everyone, found[:clips], notes)
    sets = Sets(folder, lips, upper)
    sets.of(chosen[0])  # a file that does not fit is told before the slow work
    cache, settings = Cache(None if out is None else Path(out)), f"{samples} {seed} {state(lips)} {state(upper)}"
    plan = Plan(folder, everyone, sets, cache, settings, samples, seed)
    results = {name: Result() for name in (TRUTH, *names)}
    with _bar(len(chosen) * len(results), progress) as step:
        for clip in chosen:
            sets.of(clip)
            for name, part in plan.measure(clip):
                results[name].add(clip.id, part)
                step()
    _read_emotions(folder, chosen, found[0].annotation, results, notes)
    _length_notes(results, notes)
    from talkinghead.evaluate.output.files import build
    from talkinghead.evaluate.output.terminal import show

    conditions = {"split": split, "samples": samples, "seed": seed, "idle": idle, "prior": prior, "unit": unit, "fps": fps}
    report = build(folder, chosen, everyone, results, sets.described(), notes, conditions)
    if feeling is not None:
        report["emotions"] = feeling.measure(folder, chosen, emotions, cache, progress)
    if progress:
        show(report)
    if out is not None:
        sheets = {} if feeling is None else feeling.sheets(folder, Path(out))
        write(report, Path(out), folder, chosen, everyone, results, videos, progress, sheets)
    return report


class Sets:
    """Lip and upper-face vertices of each head of a data set, found once a head."""

    def __init__(self, folder: Path, lips: str | Path | None, upper: str | Path | None) -> None:
        self.folder = folder
        self.files = {what: None if path is None else Path(path) for what, path in (("lips", lips), ("upper", upper))}
        self.known: dict[str | None, dict[str, VertexSet | None]] = {}

    def of(self, clip: Clip) -> dict[str, VertexSet | None]:
        if clip.head not in self.known:
            head = read_motion_of(self.folder, clip).head
            some = len(head.template) > 0
            self.known[clip.head] = {w: vertex_set(head, w, path) if some else None for w, path in self.files.items()}
        return self.known[clip.head]

    def described(self) -> dict[str, str]:
        """What each set is, in words; several heads may have their own."""
        out = {}
        for what in self.files:
            texts = dict.fromkeys(str(found[what] or "none: the head names no such region") for found in self.known.values())
            out[what] = "; ".join(texts)
        return out


class Feelings:
    """The emotions of those systems that can be told one. Raises InputError if there is none."""

    def __init__(self, systems: list[System], notes: list[str]) -> None:
        from talkinghead.evaluate.emotion.response import models

        self.models, told = models(systems)
        self.clips: list[Clip] = []
        notes += told

    def measure(self, folder: Path, clips: list[Clip], count: int, cache: Cache, progress: bool) -> dict[str, dict]:
        """{model: figures} on at most `count` of the clips."""
        from talkinghead.evaluate.emotion import response

        self.clips, out = response.choose(clips, count), {}
        with _bar(len(self.clips) * len(self.models), progress) as step:
            for model in self.models:
                out[model.name] = response.measure_emotions(model, folder, self.clips, cache, step=step)
        return out

    def sheets(self, folder: Path, out: Path) -> dict[str, Path]:
        """{model: picture of emotion x intensity x sound} in the folder of the report."""
        from talkinghead.evaluate.emotion.sheets import write

        where = [folder / clip.audio for clip in self.clips]
        return {model.name: write(model, where, out / "sheets") for model in self.models}


def _clips(folder: Path, split: str, annotation: str | None) -> list[Clip]:
    if split not in SPLITS:
        raise InputError(f"split {split!r}: one of {', '.join(SPLITS)}")
    everything = read_manifest(folder)
    found = [clip for clip in everything if clip.split == split]
    if not found:
        has = ", ".join(name for name in SPLITS if any(clip.split == name for clip in everything))
        raise InputError(f"{folder}: has no clips in the split {split}, only in {has}; choose with --split")
    kinds = sorted({clip.annotation for clip in found})
    if annotation is None and len(kinds) > 1:
        raise InputError(f"{folder}: has motion of several kinds, {', '.join(kinds)}; choose one with --annotation")
    if annotation is not None and annotation not in kinds:
        raise InputError(f"{folder}: has no {annotation} motion in the split {split}, only {', '.join(kinds)}")
    return [clip for clip in found if annotation in (None, clip.annotation)]


def _baselines(folder: Path, annotation: str, names: tuple[str, ...], notes: list[str]) -> list[System]:
    """Those that can be had; one that has nothing to learn from is left out with a note."""
    unknown = [name for name in names if name not in NOTES]
    if unknown:
        raise InputError(f"baseline {unknown[0]!r} is not known; one of {', '.join(NOTES)}")
    training = [clip for clip in read_manifest(folder) if clip.split == "train" and clip.annotation == annotation]
    if not training and any(name != "still" for name in names):
        notes.append("baselines that learn are left out: the data set has no training clips")
        names = tuple(name for name in names if name == "still")
    return [Baseline(name, folder, training) for name in dict.fromkeys(names)]


def _common(systems: list[System], clips: list[Clip], notes: list[str]) -> list[Clip]:
    """The clips that every system has: figures over different clips cannot be compared."""
    for system in systems:
        missing = [clip.id for clip in clips if not system.has(clip.id)]
        if len(missing) == len(clips):
            raise InputError(f"{system.name}: has nothing named like the clips, such as {clips[0].id}.npz, .csv or .npy")
        if missing:
            notes.append(f"{system.name} lacks {len(missing)} of {len(clips)} clips, such as {missing[0]}: left out for all")
    chosen = [clip for clip in clips if all(system.has(clip.id) for system in systems)]
    if not chosen:
        raise InputError("evaluate: no clip is there in all systems")
    return chosen


@dataclass
class Plan:
    """All that is the same for every clip. settings: what changes the figures, beside clips and systems."""

    folder: Path
    systems: list[System]
    sets: Sets
    cache: Cache
    settings: str
    samples: int
    seed: int

    def measure(self, clip: Clip) -> Iterator[tuple[str, dict]]:
        """(name, what it did) of the truth and of every system on a clip, measured or taken from what was kept."""
        common = f"{self.settings} {clip_state(self.folder, clip)}"
        recorded: Recorded | None = None
        for system in (None, *self.systems):
            name, mine = (TRUTH, "") if system is None else (system.name, system.identity(clip.id))
            key = None if mine is None else f"{common} {mine}"
            part = self.cache.get(name, clip.id, key)
            if part is None:
                recorded = recorded or read_recorded(self.folder, clip, *self.sets.of(clip).values())
                try:
                    part = _truth(recorded) if system is None else _predicted(system, recorded, self.samples, self.seed)
                except InputError as error:
                    raise InputError(f"{name}, clip {clip.id}: {error}") from None
                self.cache.put(name, clip.id, key, part)
            yield name, part


def _truth(recorded: Recorded) -> dict:
    record, lags = measure_truth(recorded)
    motion = recorded.motion
    feature = emotion_classifier.features(motion.coefficients, motion.fps).tolist()
    return {"record": record, "lags": lags, "curves": curves(motion), "features": feature, "short": 0.0}


def _predicted(system: System, recorded: Recorded, samples: int, seed: int) -> dict:
    motions = [rebase(motion, recorded.motion) for motion in system.motions(recorded)]
    measured = [measure(motion, recorded) for motion in motions]
    record: Record = {}
    for one, _ in measured:  # several conditions of one clip count as several motions
        for key, (num, den) in one.items():
            before = record.get(key, (0.0, 0.0))
            record[key] = (before[0] + num, before[1] + den)
    lags = {name: np.mean([each[name] for _, each in measured], axis=0).tolist() for name in measured[0][1]}
    if samples > 1 and (not system.deterministic or len(motions) > 1):
        record |= measure_samples(system.samples(recorded, samples), recorded, seed)
    first = motions[0]
    feature = emotion_classifier.features(first.coefficients, first.fps).tolist()
    short = max(recorded.motion.duration - motion.duration for motion in motions)
    return {"record": record, "lags": lags, "curves": curves(first), "features": feature, "short": short}


def _read_emotions(folder: Path, clips: list[Clip], annotation: str, results: dict[str, Result], notes: list[str]) -> None:
    """Adds the emotion that the classifier reads off each motion to the records, if the data set names at least two."""
    wanted = {clip.id: clip.emotion for clip in clips if clip.emotion}
    training = [c for c in read_manifest(folder) if c.split == "train" and c.annotation == annotation and c.emotion]
    known = {clip.emotion for clip in training}
    wanted = {name: label for name, label in wanted.items() if label in known}
    if len(known) < 2 or len(set(wanted.values())) < 2:
        return
    rows, labels = [], []
    for clip in training:
        motion = read_motion_of(folder, clip)
        rows.append(emotion_classifier.features(motion.coefficients, motion.fps))
        labels.append(str(clip.emotion))
    if len({len(row) for row in rows}) > 1:
        notes.append("emotion accuracy is left out: clips have heads with different shapes")
        return
    classify = emotion_classifier.train(np.stack(rows), labels)
    for result in results.values():
        for name, label in wanted.items():
            seen = classify(np.array(result.features[name])[None])[0]
            result.records[name]["emotion_accuracy"] = (float(seen == label), 1.0)


def _length_notes(results: dict[str, Result], notes: list[str]) -> None:
    for name, result in results.items():
        if result.short:
            worst = max(result.short, key=lambda clip: result.short[clip])
            told = f"{len(result.short)} clips are shorter than the recording, {worst} by {result.short[worst]:.2f} s"
            notes.append(f"{name}: {told}; the common part is measured")


@contextlib.contextmanager
def _bar(total: int, shown: bool) -> Iterator[Callable[[], None]]:
    if not shown or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("measuring", total=total)
        yield lambda: bar.advance(task)
