"""Many recordings at once: a folder or a list in, a folder of animations out, and a report of what was done.

OUT/NAME.FORMAT   NAME is the path of the recording below the folder, or below the folder of the list, without its suffix
OUT/batch.json    {"version", "animated": how many now, "skipped": how many were there already,
                   "done": {NAME: {"audio", "files": {FILE: mark}}}, "failed": {NAME: {"audio", "reason"}}}

A mark is a fingerprint of the stamp of the recording, of the model's and the head's files, of an emotion curve's keyframes
and of all settings: a file that is there with the same mark is not made again. A file has the same bytes as one that a single
run on such a machine writes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkinghead.animate.lists import Item, read_items
from talkinghead.animate.settings import VIDEO, AnimateSettings, RenderSettings
from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.fingerprint import file_stamp, fingerprint
from talkinghead.io.files import find_named
from talkinghead.parallel import Failed, check, run
from talkinghead.version import __version__

if TYPE_CHECKING:
    from talkinghead.animate.talker import Talker
    from talkinghead.head.head import Head

VERSION = 1
REPORT = "batch.json"
KEEP = 5.0  # seconds between two writes of the report: what an interruption can cost


def animate_all(  # noqa: PLR0913
    source: str | Path,
    out: str | Path,
    *,
    formats: Iterable[str] = ("npz",),
    model: str | None = None,
    device: str = "cpu",
    settings: AnimateSettings | None = None,
    head: str = "default",
    drawing: RenderSettings | None = None,
    track: int | None = None,
    workers: int = 1,
    engine: str = "local",
    progress: bool = True,
) -> dict:
    """Animate the recordings of `source` into the folder `out`; returns what is written to `out/batch.json`.

    source: a folder of sound files, searched recursively, or a list: .txt with a path a line, or .csv or .jsonl with the
    columns of COLUMNS, of which only audio is needed; paths, also of heads and emotion curves, are relative to the list.
    settings, head (as `--head` names it), track: of all recordings, but for what the list says. drawing: of videos.
    formats: npz, csv, glb, usdc, obj, mp4. What fails is in the report and does not stop the rest;
    files of recordings that are gone stay. Raises InputError if nothing can be begun at all.
    """
    from talkinghead.export import check as check_export

    check(engine, workers)
    out, drawing, settings = Path(out).absolute(), drawing or RenderSettings(), settings or AnimateSettings()
    suffixes = sorted({f".{name.lower().lstrip('.')}" for name in formats})
    for suffix in suffixes:
        if suffix != VIDEO:
            check_export(out / f"x{suffix}")
    items = read_items(Path(source))
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is not a folder; name the folder to write to")
    if VIDEO in suffixes and engine == "local":
        from talkinghead.rendering.renderer import choose_backend

        drawing = replace(drawing, backend=choose_backend(drawing.backend))  # here, where it can be told
    folder, threads = _weights(model).absolute(), _threads()  # absolute: workers may start in another folder
    weights = [file_stamp(path) for path in sorted(folder.rglob("*")) if path.suffix in (".json", ".safetensors", ".npz")]
    before = _read_report(out)
    report: dict[str, Any] = {"version": VERSION, "animated": 0, "skipped": 0, "done": dict(before), "failed": {}}
    jobs, entries = [], {}
    for item in items:
        try:
            heard = item.changes.get("track", track)
            own, face = _own(settings, head, item, Path(source).parent)
            plan = _plan(item, suffixes, own, face, drawing, weights, heard)
        except InputError as error:  # also a file that went while this runs
            _failed(report, item.name, str(item.audio), Failed(str(error)))
            continue
        old = before.get(item.name, {}).get("files", {})
        missing = [out / file for file, mark in plan.items() if old.get(file) != mark or not (out / file).exists()]
        if missing:
            there = {file: mark for file, mark in old.items() if (out / file).exists()}  # other formats
            entries[item.name] = {"audio": str(item.audio), "files": {**there, **plan}}
            jobs.append((item.name, item.audio, missing, own, face, drawing, str(folder), device, threads, heard))
        else:
            report["skipped"] += 1
    written = time.monotonic()
    try:
        for name, result in run(_animate, jobs, workers=workers, engine=engine, title="animating" if progress else None):
            if isinstance(result, Failed):
                _failed(report, name, entries[name]["audio"], result)
            else:
                report["done"][name] = entries[name]
                report["animated"] += 1
            if time.monotonic() - written > KEEP:
                _write_report(out, report)
                written = time.monotonic()
    finally:
        _write_report(out, report)
    return report


def _own(settings: AnimateSettings, head: str, item: Item, root: Path) -> tuple[AnimateSettings, str]:
    """The settings and the head of a recording. Files are named relative to the list, or to the current folder."""
    changes = {name: value for name, value in item.changes.items() if name != "track"}
    if "head" in changes:
        head = changes.pop("head")
        head = head if head.startswith("default") else str(find_named(root, head))
    return replace(settings, **changes), head if head.startswith("default") else str(Path(head).absolute())


def _failed(report: dict[str, Any], name: str, audio: str, result: Failed) -> None:
    report["done"].pop(name, None)
    report["failed"][name] = {"audio": audio, "reason": result.reason}


def _plan(
    item: Item,
    suffixes: list[str],
    settings: AnimateSettings,
    head: str,
    drawing: RenderSettings,
    weights: list,
    track: int | None,
) -> dict[str, str]:
    """What is to be written for a recording: file -> mark. Raises InputError if the recording is not there."""
    try:
        made = [file_stamp(item.audio), Path(head), settings.identity(), weights, __version__]
        made += [] if track is None else [track]
    except OSError as error:
        raise InputError(f"{item.audio}: {(error.strerror or str(error)).lower()}") from None
    drawn = [drawing.size, drawing.camera]
    return {f"{item.name}{s}": fingerprint([*made, drawn] if s == VIDEO else made) for s in suffixes}


def _animate(
    name: str,
    audio: Path,
    files: list[Path],
    settings: AnimateSettings,
    head: str,
    drawing: RenderSettings,
    model: str,
    device: str,
    threads: int,
    track: int | None,
) -> None:
    """Write what is missing of one recording. Runs in a worker."""
    import torch

    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)  # the last bits of sums depend on it
    animation = _talker(model, device).animate(audio, track=track, head=_head(head), settings=settings)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == VIDEO:
            animation.render(file, audio=audio, track=track, **vars(drawing))
        else:
            animation.save(file)


@lru_cache(maxsize=1)
def _talker(model: str, device: str) -> Talker:
    from talkinghead.animate.talker import Talker

    return Talker.from_pretrained(model, device)


@lru_cache(maxsize=8)
def _head(name: str) -> Head | None:
    from talkinghead.head.spec import read_head

    return read_head(name)


def _weights(model: str | None) -> Path:
    """The folder of a model. Raises InputError."""
    from talkinghead.models.pretrained import model_folder

    return model_folder(model)


def _threads() -> int:
    """Threads that a single run would have here."""
    import torch

    return torch.get_num_threads()


def _read_report(out: Path) -> dict[str, dict]:
    """What earlier runs did: name -> entry."""
    path = out / REPORT
    if not path.exists():
        return {}
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): dict(entry) for name, entry in report["done"].items()} if report["version"] == VERSION else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: not a report of talkinghead; choose another folder, or delete it to start over") from None


def _write_report(out: Path, report: dict) -> None:
    """Write the report. What earlier runs did is in it as well, also of recordings that are not in this one."""
    report["done"] = dict(sorted(report["done"].items()))
    report["failed"] = dict(sorted(report["failed"].items()))
    with replacing(out / REPORT) as fresh:
        fresh.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
