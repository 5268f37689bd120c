"""Many recordings at once: a folder or a list in, a folder of animations out, and a report of what was done.

OUT/NAME.FORMAT   NAME is the path of the recording below the folder, or below the folder of the list, without its suffix
OUT/batch.json    what was done: see `animate.report`

A mark is a fingerprint of the stamp of the recording, of the model's and the head's files, of an emotion curve's keyframes
and of all settings: a file that is there with the same mark is not made again. A file has the same bytes as one that a single
run on such a machine writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from talkinghead.animate.lists import Item, read_items
from talkinghead.animate.report import REPORT, Report, read_report
from talkinghead.animate.settings import PAGE, AnimateSettings
from talkinghead.errors import InputError
from talkinghead.fingerprint import file_stamp, fingerprint
from talkinghead.head.spec import WORDS, is_auto, read_head
from talkinghead.inputs import Inputs, check_replaceable
from talkinghead.io.files import find_named
from talkinghead.models.runtime.threads import limit_threads
from talkinghead.models.runtime.threads import threads as cores
from talkinghead.parallel import Failed, check_engine, run_jobs
from talkinghead.rendering.settings import FILMS, RenderSettings, check_output
from talkinghead.rendering.sizes import parse_size
from talkinghead.version import __version__
from talkinghead.writing import UNFINISHED, need_folder, sweep

if TYPE_CHECKING:
    from talkinghead.animate.talker import Talker
    from talkinghead.head.head import Head

WEIGHTS_OF = (".json", ".safetensors", ".onnx", ".npz")  # suffixes of files of a model folder that decide the motion


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
    formats: npz, mp4 and other films, html, and those of `export`. What fails is in the report and does not stop the rest;
    files of recordings that are gone stay. Raises InputError if nothing can be begun at all.
    """
    check_engine(engine, workers)
    out, drawing, settings = Path(out).absolute(), drawing or RenderSettings(), settings or AnimateSettings()
    suffixes = sorted({f".{name.lower().lstrip('.')}" for name in formats})
    for suffix in suffixes:
        _check_format(out / f"{UNFINISHED}{suffix}", drawing)
    items = read_items(Path(source))
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is not a folder; name the folder to write to")
    if not {*FILMS}.isdisjoint(suffixes) and engine == "local":
        from talkinghead.rendering.renderer import choose_backend

        drawing = replace(drawing, backend=choose_backend(drawing.backend))  # here, where it can be told
    folder, threads = _weights(model).absolute(), cores()  # absolute: workers may start in another folder
    weights = [file_stamp(path) for path in sorted(folder.rglob("*")) if path.suffix in WEIGHTS_OF]
    before, begun = read_report(out)
    ours = {file for entry in before.values() for file in entry["files"]} | set(begun)
    report = Report(out)
    inputs, planned = Inputs(Path(source)), []
    inputs.add_below(folder)
    for item in items:
        inputs.add(item.audio, list(item.changes.values()))  # also of one that cannot be animated
        try:
            heard = item.changes.get("track", track)
            own, face = _own(settings, head, item, Path(source).parent)
            planned.append((item, own, face, heard, _plan(item, suffixes, own, face, drawing, weights, heard)))
            inputs.add(item.audio, own, face)
        except InputError as error:  # also a file that went while this runs
            report.failed(item.name, str(item.audio), str(error))
    _refuse(inputs, out, [file for *_, plan in planned for file in plan])
    jobs = []
    for item, own, face, heard, plan in planned:
        files = _begin(report, out, item, plan, before.get(item.name, {}).get("files", {}), ours)
        if files:
            jobs.append((item.name, item.audio, files, own, face, drawing, str(folder), device, threads, heard))
    for place in {out, *((out / file).parent for *_, plan in planned for file in plan)}:
        sweep(place)
    _make_folders({file.parent for job in jobs for file in job[2]})
    report.write()  # before the first file: from now on these files are known as ours
    try:
        for name, result in run_jobs(_animate, jobs, workers=workers, engine=engine, title="animating" if progress else None):
            if isinstance(result, Failed):
                report.failed(name, report.entries[name]["audio"], result.reason)
            else:
                report.finished(name)
    finally:
        report.write()
    return report.content


def _check_format(path: Path, drawing: RenderSettings) -> None:
    """Raise InputError for a format that is not there, or that cannot be drawn as wished."""
    from talkinghead.export import check as check_export

    if path.suffix in FILMS:
        check_output(path, drawing)
    elif path.suffix != PAGE:
        check_export(path)


def _own(settings: AnimateSettings, head: str, item: Item, root: Path) -> tuple[AnimateSettings, str]:
    """The settings and the head of a recording. Files are named relative to the list, or to the current folder."""
    changes = {name: value for name, value in item.changes.items() if name != "track"}
    if "head" in changes:
        head = changes.pop("head")
        head = head if head.startswith(WORDS) else str(find_named(root, head))
    return replace(settings, **changes), head if head.startswith(WORDS) else str(Path(head).absolute())


def _refuse(inputs: Inputs, out: Path, files: Collection[str]) -> None:
    """Raise InputError if anything that is going to be written is one of the inputs."""
    from talkinghead.export import written

    if REPORT in files:
        raise InputError(f"{out / REPORT}: is the report of a run and cannot hold curves; give that recording another name")
    for file in (REPORT, *files):
        for path in written(out / file):
            inputs.refuse(path)


def _begin(report: Report, out: Path, item: Item, plan: dict[str, str], old: dict[str, str], ours: set[str]) -> list[Path]:
    """The files that are missing of a recording, which the report then knows; none if they cannot be written."""
    missing = [file for file, mark in plan.items() if old.get(file) != mark or not (out / file).exists()]
    try:
        _check(out, missing, ours)
    except InputError as error:
        report.failed(item.name, str(item.audio), str(error))
        return []
    if missing:
        there = {file: mark for file, mark in old.items() if (out / file).exists()}  # other formats
        report.begin(item.name, missing, {"audio": str(item.audio), "files": {**there, **plan}})
    else:
        report.skipped += 1
    return [out / file for file in missing]


def _make_folders(folders: Iterable[Path]) -> None:
    """Make folders now, so that one that is removed while this runs is missed. What is in the place of one is told later."""
    for folder in folders:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)


def _check(out: Path, files: list[str], ours: set[str]) -> None:
    """Raise InputError if one of `files` cannot be written, or is there and none of `ours`."""
    from talkinghead.export import check as check_export

    for file in files:
        path = out / file
        if file not in ours and path.exists():
            raise InputError(f"{path}: is there, and no run has written it; move it away, or choose another folder")
        check_replaceable(path) if path.suffix in (*FILMS, PAGE) else check_export(path)


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
    drawn: list = [parse_size(drawing.size), drawing.camera]
    more = {name: value for name, value in drawing.changed().items() if name not in ("size", "camera")}
    drawn += [more] if more else []
    return {f"{item.name}{s}": fingerprint([*made, drawn] if s in FILMS else made) for s in suffixes}


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
    limit_threads(threads)  # the last bits of sums depend on it
    face = _suiting(head, audio, track) if is_auto(head) else _head(head)
    animation = _talker(model, device).animate(audio, track=track, head=face, settings=settings)
    for file in files:
        need_folder(file)
        if file.suffix in FILMS:
            animation.render(file, audio=audio, track=track, settings=drawing)
        elif file.suffix == PAGE:
            animation.save(file, audio=audio, track=track)
        else:
            animation.save(file)


@lru_cache(maxsize=1)
def _talker(model: str, device: str) -> Talker:
    from talkinghead.animate.talker import Talker

    return Talker.from_pretrained(model, device)


@lru_cache(maxsize=8)
def _head(name: str) -> Head | None:
    from talkinghead.registration.stored import head_for

    return head_for(name)[0]


def _suiting(name: str, audio: Path, track: int | None) -> Head | None:
    """The person that suits the voice of a recording."""
    from talkinghead.audio.load import open_audio

    with open_audio(audio, track=track) as recording:
        return read_head(name, recording)


def _weights(model: str | None) -> Path:
    """The folder of a model. Raises InputError."""
    from talkinghead.models.folder import model_folder

    return model_folder(model)
