"""The folder that `prepare` writes to, and what it tells at the end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from talkinghead.data.manifest import VERSION, Clip
from talkinghead.errors import InputError
from talkinghead.files import replacing

MARK = "prepare.json"  # tells that a folder is one of ours
REPORT = "report.json"


def claim(out: Path, source: str) -> None:
    """Make the folder, or check that it is one that `prepare` made from the same source. Raises InputError otherwise."""
    mark = out / MARK
    if mark.exists():
        try:
            before = json.loads(mark.read_text(encoding="utf-8"))
            same = before["version"] == VERSION and before["source"] == source
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{mark}: not readable; choose another folder") from None
        if not same:
            raise InputError(
                f"{out}: holds a dataset from {before['source']} (version {before['version']}); choose another folder"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: already there and not a dataset of ours; choose another folder")
    with replacing(mark) as fresh:
        fresh.write_text(json.dumps({"version": VERSION, "source": source}), encoding="utf-8")


def summarise(
    out: Path, source: str, clips: list[Clip], quality: dict[str, dict[str, float]], dropped: dict[str, str], *, quiet: bool
) -> dict:
    """Write the report, print it unless `quiet`. Raises InputError if no clip was usable."""
    names = sorted({name for values in quality.values() for name in values})
    values = {name: np.array([q[name] for q in quality.values() if name in q]) for name in names}
    report = {
        "source": source,
        "clips": len(clips),
        "hours": round(sum(clip.duration for clip in clips) / 3600, 6),
        "speakers": sorted({clip.speaker for clip in clips}),
        "splits": {name: sum(clip.split == name for clip in clips) for name in ("train", "val", "test")},
        "quality": {n: {"median": round(float(np.median(v)), 4), "worst": round(float(v.min()), 4)} for n, v in values.items()},
        "dropped": [{"id": name, "reason": reason} for name, reason in sorted(dropped.items())],
        "per_clip": {name: {k: round(float(v), 4) for k, v in quality[name].items()} for name in sorted(quality)},
    }
    if not clips:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(dropped.items())[:3])
        raise InputError(f"{out}: no usable clips ({reasons or 'nothing found'})")
    with replacing(out / REPORT) as fresh:
        fresh.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if not quiet:
        _show(report)
    return report


def withdraw(out: Path) -> None:
    """Remove a folder in which nothing was done but to claim it; an earlier run's dataset stays as it is."""
    if [path.name for path in out.iterdir()] == [MARK]:
        (out / MARK).unlink()
        out.rmdir()


def _show(report: dict) -> None:
    from rich.console import Console

    console = Console()
    seconds, people = report["hours"] * 3600, ", ".join(report["speakers"])
    length = f"{seconds / 60:.1f} minutes" if seconds >= 120 else f"{seconds:.1f} s"
    console.print(f"{report['clips']} clip{'s' * (report['clips'] != 1)}, {length}, of {people}", markup=False)
    for name, value in report["quality"].items():
        console.print(f"{name.replace('_', ' ')}: median {value['median']:g}, worst {value['worst']:g}")
    for drop in report["dropped"]:
        console.print(f"dropped {drop['id']}: {drop['reason']}", markup=False)
