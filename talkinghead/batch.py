"""Many recordings at once: a folder or a list in, a folder of animations out, and a report of what was done.

OUT/NAME.FORMAT   NAME is the path of the recording below the folder, or below the folder of the list, without its suffix
OUT/batch.json    {"version", "animated": how many now, "skipped": how many were there already,
                   "done": {NAME: {"audio", "files": {FILE: mark}}}, "failed": {NAME: {"audio", "reason"}}}

A mark is a digest of the recording's name, size and time, of the model's and the head's files, of an emotion curve's keyframes
and of all settings: a file that is there with the same mark is not made again. A file has the same bytes as one that a single
run on such a machine writes.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.fingerprint import digest, stamp
from talkinghead.motion.emotion_curve import check_emotion, curve_file, read_emotion
from talkinghead.parallel import Failed, check, run

if TYPE_CHECKING:
    from talkinghead.head.head import Head
    from talkinghead.models.talker import Talker

VERSION = 1
REPORT = "batch.json"
LISTS = (".txt", ".csv", ".jsonl")
SOUNDS = (".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus", ".aif", ".aiff", ".caf", ".w64", ".wv", ".amr")
VIDEO = ".mp4"
DIALS = ("blinks", "gaze", "brows", "head_motion", "expressiveness", "articulation", "upper_face", "lower_face")
KEEP = 5.0  # seconds between two writes of the report: what an interruption can cost


@dataclass(frozen=True)
class Voice:
    """How a recording is spoken; the arguments of `Talker.animate`, and the head as `--head` names it."""

    emotion: str = "neutral"
    intensity: float = 1.0
    style: str | None = None
    idle: float = 1.0
    prior: str = "parallel"
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    fps: float = 30.0
    head: str = "default"
    blinks: float = 1.0
    gaze: float = 1.0
    brows: float = 1.0
    head_motion: float = 1.0
    expressiveness: float = 1.0
    articulation: float = 1.0
    upper_face: float = 1.0
    lower_face: float = 1.0

    def spoken(self) -> dict[str, Any]:
        """What `Talker.animate` takes of it, but for the head."""
        return {name: value for name, value in vars(self).items() if name != "head"}

    def lively(self) -> dict[str, Any]:
        """What of it is not the model's: emotion and the strengths."""
        return {name: getattr(self, name) for name in ("emotion", "intensity", "idle", *DIALS)}

    def said(self) -> dict[str, Any]:
        """What decides the motion, for a mark: a curve file counts by its content. Raises InputError."""
        curve = curve_file(self.emotion)
        if curve is None:
            return vars(self)
        keys = read_emotion(curve)
        return {**vars(self), "emotion": [curve.name, keys.times, keys.values]}


@dataclass(frozen=True)
class Look:
    """How videos are drawn; the arguments of `Animation.render`."""

    size: tuple[int, int] = (512, 512)
    camera: str = "front"
    backend: str | None = None


@dataclass(frozen=True)
class Item:
    """One recording, and the name of what is made of it."""

    name: str
    audio: Path
    changes: dict[str, Any] = field(default_factory=dict)  # of the Voice


COLUMNS = {"audio": str, "output": str, "emotion": str, "intensity": float, "style": str, "seed": int, "head": str}
COLUMNS |= dict.fromkeys(("idle", *DIALS), float)


def animate_all(
    source: str | Path,
    out: str | Path,
    *,
    formats: Iterable[str] = ("npz",),
    model: str | None = None,
    device: str = "cpu",
    voice: Voice | None = None,
    look: Look | None = None,
    workers: int = 1,
    engine: str = "local",
    progress: bool = True,
) -> dict:
    """Animate the recordings of `source` into the folder `out`; returns what is written to `out/batch.json`.

    source: a folder of sound files, searched recursively, or a list: .txt with a path a line, or .csv or .jsonl with the
    columns of COLUMNS, of which only audio is needed; paths, also of heads and emotion curves, are relative to the list.
    formats: npz, csv, glb, usdc, obj, mp4. What fails is in the report and does not stop the rest;
    files of recordings that are gone stay. Raises InputError if nothing can be begun at all.
    """
    from talkinghead.export import check as check_export

    check(engine, workers)
    out, look, voice = Path(out).absolute(), look or Look(), voice or Voice()  # workers may start in another folder
    check_emotion(voice.emotion, voice.intensity)
    voice = replace(voice, emotion=_placed(voice.emotion, Path()))
    suffixes = sorted({f".{name.lower().lstrip('.')}" for name in formats})
    for suffix in suffixes:
        if suffix != VIDEO:
            check_export(out / f"x{suffix}")
    items = read_items(Path(source))
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is not a folder; name the folder to write to")
    if VIDEO in suffixes and engine == "local":
        from talkinghead.render import choose

        look = Look(look.size, look.camera, choose(look.backend))  # here, where it can be told
    folder, threads = _weights(model).absolute(), _threads()
    weights = [stamp(path) for path in sorted(folder.rglob("*")) if path.suffix in (".json", ".safetensors", ".npz")]
    before = _read_report(out)
    report: dict[str, Any] = {"version": VERSION, "animated": 0, "skipped": 0, "done": dict(before), "failed": {}}
    jobs, entries = [], {}
    for item in items:
        spoken = _spoken(voice, item, Path(source).parent)
        plan = _plan(item, suffixes, spoken, look, weights)
        if isinstance(plan, Failed):
            _failed(report, item.name, str(item.audio), plan)
            continue
        old = before.get(item.name, {}).get("files", {})
        missing = [out / file for file, mark in plan.items() if old.get(file) != mark or not (out / file).exists()]
        if missing:
            there = {file: mark for file, mark in old.items() if (out / file).exists()}  # other formats
            entries[item.name] = {"audio": str(item.audio), "files": {**there, **plan}}
            jobs.append((item.name, item.audio, missing, spoken, look, str(folder), device, threads))
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


def _spoken(voice: Voice, item: Item, root: Path) -> Voice:
    """How a recording of a list is spoken. A head's file is named relative to the list; others to the current folder."""
    changes = dict(item.changes)
    if "head" in changes and not changes["head"].startswith("default"):
        changes["head"] = str((root / changes["head"]).absolute())
    voice = replace(voice, **changes)
    return voice if voice.head.startswith("default") else replace(voice, head=str(Path(voice.head).absolute()))


def _failed(report: dict[str, Any], name: str, audio: str, result: Failed) -> None:
    report["done"].pop(name, None)
    report["failed"][name] = {"audio": audio, "reason": result.reason}


def read_items(source: Path) -> list[Item]:
    """The recordings of a folder or of a list, sorted by name. Raises InputError, one line, for a list that is not right."""
    if source.is_dir():
        found = (path for path in source.rglob("*") if path.suffix.lower() in SOUNDS and path.is_file())
        rows = [{"audio": path} for path in found if not any(p.startswith(".") for p in path.relative_to(source).parts)]
        items = _named(rows, source)
    elif not source.is_file():
        raise InputError(f"{source}: no such file or folder")
    elif source.suffix.lower() in LISTS:
        items = _named(_rows(source), source.parent)
    else:
        raise InputError(f"{source}: recordings are listed in {', '.join(LISTS)} files")
    if not items:
        what = f"no sound files ({' '.join(SOUNDS)})" if source.is_dir() else "lists no recordings"
        raise InputError(f"{source}: {what}")
    return sorted(items, key=lambda item: item.name)


def _rows(path: Path) -> list[dict[str, Any]]:
    """Lines of a list as {column: value}, audio a path, and `line` where it is from."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".txt":
            rows = [(n, {"audio": line.strip()}) for n, line in enumerate(text.splitlines(), 1)]
            rows = [(n, row) for n, row in rows if row["audio"] and not row["audio"].startswith("#")]
        elif path.suffix.lower() == ".csv":
            reader = csv.DictReader(text.splitlines())
            rows = [(reader.line_num, row) for row in reader]
        else:
            rows = [(n, json.loads(line)) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as {path.suffix[1:]} ({' '.join(str(error).split())})") from None
    return [
        {**_row(row, f"{path}, line {n}", path.parent), "line": n, "audio": path.parent / _audio(row, path, n)}
        for n, row in rows
    ]


def _audio(row: Any, path: Path, number: int) -> str:
    if not isinstance(row, dict) or not isinstance(row.get("audio"), str) or not row["audio"].strip():
        raise InputError(f"{path}, line {number}: no audio; the columns are {', '.join(COLUMNS)}")
    return row["audio"].strip()


def _row(row: Any, where: str, root: Path) -> dict[str, Any]:
    """The values of a line, of the types of COLUMNS; what is empty is left out. Emotion curves are looked for from `root`."""
    if not isinstance(row, dict):
        raise InputError(f"{where}: not an object with the columns {', '.join(COLUMNS)}")
    values = {}
    for name, value in row.items():
        if name not in COLUMNS:
            near = get_close_matches(str(name), COLUMNS, 1)
            raise InputError(
                f"{where}: unknown column {name!r}; {f'did you mean {near[0]!r}?' if near else ', '.join(COLUMNS)}"
            )
        if value is None or value == "":
            continue
        try:
            values[name] = COLUMNS[name](value)
        except (TypeError, ValueError):
            raise InputError(f"{where}: {name} is {value!r}, a number is expected") from None
    try:
        if "emotion" in values:
            values["emotion"] = _placed(values["emotion"].strip(), root)
        check_emotion(values.get("emotion", "neutral"), values.get("intensity", 1.0))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return values


def _placed(emotion: str, root: Path) -> str:
    """The same emotion; a curve's file, seen from the folder `root`, with its whole path."""
    path = curve_file(emotion)
    return emotion if path is None else str((root / path).absolute())


def _named(rows: list[dict[str, Any]], root: Path) -> list[Item]:
    """Items with names of their own: the path below `root`, or below what recordings that lie elsewhere have in common."""
    root = root.absolute()
    paths = [Path(os.path.normpath(row["audio"].absolute())) for row in rows]
    outside = [path.parent for path in paths if not path.is_relative_to(root)]
    common = Path(os.path.commonpath(outside)) if outside else root
    names = [(path.relative_to(root if path.is_relative_to(root) else common)) for path in paths]
    stems = Counter(name.with_suffix("") for name in names)
    items, taken = [], {}
    for row, name, path in zip(rows, names, paths, strict=True):
        alone = stems[name.with_suffix("")] == 1  # a.wav beside a.flac keep their suffixes
        text = _output(row) if "output" in row else (name.with_suffix("") if alone else name).as_posix()
        if text in taken:  # the files of a folder have names of their own
            raise InputError(f"lines {taken[text]} and {row['line']}: both would write {text}; give them an output each")
        taken[text] = row.get("line")
        changes = {key: value for key, value in row.items() if key not in ("audio", "output", "line")}
        items.append(Item(text, path, changes))
    return items


def _output(row: dict[str, Any]) -> str:
    """The output that a line names, without a suffix, inside the folder."""
    from talkinghead.export import suffixes

    path = PurePosixPath(row["output"].replace("\\", "/"))
    path = path.with_suffix("") if path.suffix.lower() in (VIDEO, *suffixes()) else path
    if path.is_absolute() or ".." in path.parts or path == PurePosixPath("."):
        raise InputError(f"line {row['line']}: output {row['output']!r} must be a name inside the folder that is written")
    return str(path)


def _plan(item: Item, suffixes: list[str], voice: Voice, look: Look, weights: list) -> dict[str, str] | Failed:
    """What is to be written for a recording: file -> mark."""
    from talkinghead.version import __version__

    try:
        made = [stamp(item.audio), Path(voice.head), voice.said(), weights, __version__]
    except OSError as error:
        return Failed(f"{item.audio}: {(error.strerror or str(error)).lower()}")
    except InputError as error:  # an emotion curve that went while this runs
        return Failed(str(error))
    drawn = [look.size, look.camera]
    return {f"{item.name}{s}": digest([*made, drawn] if s == VIDEO else made) for s in suffixes}


def _animate(
    name: str, audio: Path, files: list[Path], voice: Voice, look: Look, model: str, device: str, threads: int
) -> None:
    """Write what is missing of one recording. Runs in a worker."""
    import torch

    from talkinghead.audio.clock import RATE
    from talkinghead.audio.load import load_audio

    wave = load_audio(audio)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)  # the last bits of sums depend on it
    animation = _talker(model, device).animate(wave, rate=RATE, head=_head(voice.head), **voice.spoken())
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == VIDEO:
            animation.render(file, audio=audio, **vars(look))
        else:
            animation.save(file)


@lru_cache(maxsize=1)
def _talker(model: str, device: str) -> Talker:
    from talkinghead.models.talker import Talker

    return Talker.from_pretrained(model, device)


@lru_cache(maxsize=8)
def _head(name: str) -> Head | None:
    from talkinghead.head.spec import read_head

    return read_head(name)


def _weights(model: str | None) -> Path:
    """The folder of a model. Raises InputError."""
    from talkinghead.models.talker import _folder

    return _folder(model)


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
