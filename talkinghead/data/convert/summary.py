"""The output folder of `prepare`: its claim, its report, and removal of outdated files."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from talkinghead import files
from talkinghead.data.convert.recording import Converted
from talkinghead.data.manifest import SPLITS, VERSION, Clip
from talkinghead.data.motion_file import read_meta
from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.html import duration
from talkinghead.writing import UNFINISHED, sweep_below

MARK = "prepare.json"  # marks an output folder of `prepare`
REPORT = "report.json"
MEANING = {"kept": "share of the frames that was recorded, not filled"}  # of figures whose names do not say it
MOST_LINES = 12  # on the terminal, of speakers and of dropped clips


def claim(out: Path, source: str) -> None:
    """Make the folder, or check that `prepare` made it from the same source. Raises InputError otherwise."""
    found = files.claim(out, MARK, {"version": VERSION, "source": source}, "a dataset")
    if not found.keys() >= {"version", "source"}:
        raise InputError(f"{out / MARK}: not readable; choose another folder")
    if (found["version"], found["source"]) != (VERSION, source):
        raise InputError(f"{out}: holds a dataset from {found['source']} (version {found['version']}); choose another folder")


def summarise(out: Path, source: str, converted: Converted, *, quiet: bool) -> dict:
    """Write the report, print it unless `quiet`. Raises InputError, with the commonest reason, if no clip was usable."""
    clips, quality, dropped = converted.clips, converted.quality, converted.dropped
    if not len(clips):
        raise InputError(f"{out}: no usable clips ({_why(dropped)})")
    names = sorted({name for values in quality.values() for name in values})
    values = {name: np.array([q[name] for q in quality.values() if name in q]) for name in names}
    seconds, splits, speakers, emotions, annotations = 0.0, Counter(), set(), Counter(), Counter()
    for clip in clips:  # once: clips of shards are read from disk
        seconds += clip.duration
        splits[clip.split] += 1
        speakers.add(clip.speaker)
        emotions[clip.emotion or "unknown"] += 1
        annotations[clip.annotation] += 1
    report = {
        "source": source,
        "clips": len(clips),
        "hours": round(seconds / 3600, 6),
        "speakers": sorted(speakers),
        "splits": {name: splits[name] for name in SPLITS},
        **({"split": converted.split} if converted.split else {}),
        "annotations": dict(sorted(annotations.items())),
        "emotions": dict(sorted(emotions.items())),
        "quality": {n: {"median": round(float(np.median(v)), 4), "worst": round(float(v.min()), 4)} for n, v in values.items()},
        "dropped": [{"id": name, "reason": reason} for name, reason in sorted(dropped.items())],
        "per_clip": {name: {k: round(float(v), 4) for k, v in quality[name].items()} for name in sorted(quality)},
    }
    with replacing(out / REPORT) as fresh:
        fresh.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if not quiet:
        _show(report)
    return report


def tidy(out: Path, clips: Sequence[Clip]) -> list[str]:
    """Remove clips of recordings that are gone, and unfinished files of killed runs; returns the names of the clips.

    Only motion files with a `mark`, and their sound, are removed; other files stay.
    """
    sweep_below(out)
    if not (out / "motion").is_dir():
        return []  # shards
    kept, removed = {name for clip in clips for name in (clip.motion, clip.audio)}, []
    for path in sorted((out / "motion").glob("*.safetensors")):
        if path.name.startswith(".") or f"motion/{path.name}" in kept or "mark" not in read_meta(path):
            continue
        if f"audio/{path.stem}.flac" not in kept:
            (out / "audio" / f"{path.stem}.flac").unlink(missing_ok=True)
        path.unlink()  # last: without it nothing tells that the sound is ours
        removed.append(path.stem)
    return removed


def _why(dropped: dict[str, str]) -> str:
    """Reasons for no clips: the one that all share but for names and numbers, or those of the first three."""
    if not dropped:
        return "nothing found"
    kinds = Counter(_kind(name, reason) for name, reason in dropped.items())
    name, reason = next(iter(sorted(dropped.items())))
    if len(kinds) == 1 and len(dropped) > 1:
        return f"all {len(dropped)} for the same reason: {name}: {reason}"
    return "; ".join(f"{name}: {reason}" for name, reason in sorted(dropped.items())[:3])


def _kind(name: str, reason: str) -> str:
    """A reason without what differs between clips."""
    return re.sub(r"\S*[/\\]\S*|[\d.]+(e[+-]?\d+)?", "#", reason.replace(name, "#"))


def withdraw(out: Path) -> None:
    """Remove a folder that holds nothing but its claim; the dataset of an earlier run stays."""
    if [path.name for path in out.iterdir() if not path.name.startswith(UNFINISHED)] == [MARK]:
        sweep_below(out)
        (out / MARK).unlink()
        out.rmdir()


def meaning(name: str) -> str:
    """A figure of quality in words."""
    return MEANING.get(name, name.replace("_", " "))


def _show(report: dict) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True)
    seconds, people = report["hours"] * 3600, report["speakers"]
    whose = ", ".join(people) if len(people) <= MOST_LINES else f"{len(people)} speakers"
    console.print(f"{report['clips']} clip{'s' * (report['clips'] != 1)}, {duration(seconds)}, of {whose}", markup=False)
    for name, value in report["quality"].items():
        console.print(f"{meaning(name)}: median {value['median']:g}, worst {value['worst']:g}")
    for drop in report["dropped"][:MOST_LINES]:
        console.print(f"dropped {drop['id']}: {drop['reason']}", markup=False)
    if (more := len(report["dropped"]) - MOST_LINES) > 0:
        console.print(f"dropped {more} more: {REPORT} lists them")
