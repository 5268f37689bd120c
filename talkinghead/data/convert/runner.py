"""The interface of an adapter, and the conversion of its takes to clips.

An adapter is a module of `talkinghead.data.adapters` with

    VERSION            incremented when the same files give other clips
    LICENCE            of the data, as their authors name it
    takes(paths, **options) -> (list[Take], {id: reason it is not used})       quick: reads names and indices only
    read(take) -> Recording                                                    in a worker; raises InputError with a reason
    heads(takes) -> {annotation: Head}        optional: topology, regions and landmarks of annotations that are not "arkit"
    preprocess(takes, out, run) -> (list[Take], {id: reason})       optional: makes in `out` what `read` needs of several takes

`preprocess` returns takes whose `files` name what it made; `run(task, jobs, title=...)` is `parallel.run_jobs` with
the user's engine and workers.

The keyword arguments of `takes` are the options that the source knows. `convert` reads, checks and writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from talkinghead.audio.write import write_audio
from talkinghead.data.convert.recording import Converted, Recording, Take
from talkinghead.data.convert.splits import assign_splits
from talkinghead.data.manifest import Clip
from talkinghead.data.motion_file import Motion, read_meta, read_motion, write_motion
from talkinghead.errors import InputError, OutputError
from talkinghead.files import file_name
from talkinghead.fingerprint import file_stamp, fingerprint
from talkinghead.head.head import Head
from talkinghead.parallel import Failed, run_jobs
from talkinghead.speech.spans import cut_spans

VERSION = 2  # of the framework: incremented when the same recordings give other clips
ONLY_DESCRIBE = ("licence", "speaker")  # options that change a line of the manifest and no file
COMPONENTS, EXPLAINED = 128, 0.999  # largest number of shapes of a PCA, and share of the variance at which it stops


def convert(
    module: ModuleType,
    paths: list[Path],
    out: Path,
    *,
    workers: int = 1,
    progress: bool = True,
    engine: str = "local",
    **options: Any,
) -> Converted:
    """All takes of an adapter as clips in `out`.

    Clips of an earlier run are kept: a motion file stores the fingerprint of its origin (names, sizes and times of the take's
    files, the take, the options, the versions of adapter and framework) and is made again only if that changed. `options`
    are those of the adapter's `takes`. Raises InputError if there is nothing to read, and OutputError if a clip cannot be
    written: it is then neither dropped, nor is the result of an earlier run removed.
    """

    def work(task: Callable, jobs: list[tuple], title: str, **more: Any) -> Iterator[tuple[str, Any]]:
        title_shown = title if progress else None
        with closing(run_jobs(task, jobs, workers=workers, engine=engine, title=title_shown, **more)) as results:
            for name, result in results:
                if isinstance(result, Failed) and result.output:
                    raise OutputError(result.reason)
                yield name, result

    takes, dropped = module.takes(paths, **options)
    takes, twice = _unique(takes)
    splits, rule = assign_splits(takes)  # of all: one dropped take more does not change the splits of the others
    takes, unusable = module.preprocess(takes, out, work) if hasattr(module, "preprocess") else (takes, {})
    dropped = {**dropped, **twice, **unusable}
    heads = module.heads(takes) if takes and hasattr(module, "heads") else {}
    given = tuple(sorted((name, value) for name, value in options.items() if name not in ONLY_DESCRIBE))
    jobs = [(take.id, take, splits[take.id], out, module.__name__, given, take.annotation in heads) for take in takes]
    clips, quality, marks = [], {}, {}
    for name, result in work(_make, jobs, title="converting"):
        if isinstance(result, Failed):
            dropped[name] = result.reason
        else:
            clip, quality[name], marks[name] = result
            clips.append(clip)
    clips.sort(key=lambda clip: clip.id)
    _write_heads(out, clips, heads, marks)
    return Converted(clips, {clip.id: quality[clip.id] for clip in clips}, dropped, rule)


def _unique(takes: list[Take]) -> tuple[list[Take], dict[str, str]]:
    """Takes sorted by id, and the reasons of those whose output files would be another's."""
    kept: dict[str, Take] = {}
    dropped: dict[str, str] = {}
    for take in sorted(takes, key=lambda take: (take.id, [str(path) for path in take.files])):
        name = file_name(take.id).casefold()  # some file systems do not tell A from a
        if name not in kept:
            kept[name] = take
            continue
        other = kept[name]
        again = f"{take.id} ({', '.join(str(path) for path in take.files[:1])})"
        dropped[again] = f"has the same id as {other.id} ({', '.join(str(path) for path in other.files[:1])}); rename one"
    return list(kept.values()), dropped


def _make(
    name: str, take: Take, split: str, out: Path, module: str, options: tuple[tuple[str, Any], ...], head: bool
) -> tuple[Clip, dict[str, float], str]:
    """A clip of the dataset, its quality and its mark; its files are made unless they are up to date. Runs in a worker."""
    from talkinghead.data.convert.checks import check_recording

    adapter = import_module(module)
    stem = file_name(name)
    sound, motion = out / f"audio/{stem}.flac", out / f"motion/{stem}.safetensors"
    try:
        stamps = [file_stamp(path) for path in take.files]
        mark = fingerprint([VERSION, adapter.VERSION, name, take.annotation, take.details, options, stamps])
        meta = read_meta(motion)
        if meta.get("mark") != mark or not sound.exists():
            recording = check_recording(adapter.read(take), take.annotation)
            meta = _write(recording, sound, motion, mark)
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise InputError(f"{error.filename}: {error.strerror}") from None
    clip = Clip(
        id=name,
        audio=f"audio/{stem}.flac",
        motion=f"motion/{stem}.safetensors",
        speaker=take.speaker,
        split=split,
        duration=meta["duration"],
        fps=meta["fps"],
        source=module.rsplit(".", 1)[-1],
        licence=take.licence or adapter.LICENCE,
        annotation=take.annotation,
        head=_head_file(take.annotation) if head or meta["vertices"] else None,
        emotion=take.emotion,
        intensity=take.intensity,
        transcript=take.transcript or meta.get("transcript"),
        words=cut_spans(take.words or meta.get("words"), 0.0, meta["duration"]),
        phonemes=cut_spans(take.phonemes or meta.get("phonemes"), 0.0, meta["duration"]),
    )
    return clip, meta["quality"], mark


def _write(recording: Recording, sound: Path, motion: Path, mark: str) -> dict[str, Any]:
    """Write a checked recording; returns the entries of its motion file."""
    length = len(recording.coefficients if recording.coefficients is not None else recording.vertices)  # type: ignore[arg-type]
    quality = {key: float(value) for key, value in recording.quality.items()}
    if recording.missing is not None:
        quality["kept"] = float(1 - recording.missing.mean())  # the rest was filled
    meta = {
        **recording.meta,
        "mark": mark,
        "duration": round(length / recording.fps, 6),
        "fps": float(recording.fps),
        "vertices": recording.vertices is not None,
        "quality": quality,
    }
    optional = {name: getattr(recording, name) for name in ("rotation", "translation", "gaze")}
    if recording.vertices is not None and recording.template is not None:
        template = recording.template.astype(np.float32)
        offsets = recording.vertices.astype(np.float32, copy=False) - template
        motion_file = Motion(float(recording.fps), offsets=offsets, template=template, meta=meta, **optional)
    else:
        motion_file = Motion(float(recording.fps), tuple(recording.names), recording.coefficients, meta=meta, **optional)
    write_audio(sound, recording.wave)
    write_motion(motion, motion_file)  # last: its mark means that the clip is complete
    return meta


def _write_heads(out: Path, clips: list[Clip], heads: dict[str, Head], marks: dict[str, str]) -> None:
    """heads/ANNOTATION.npz of all annotations that have one, unless it is there; of raw vertices, with the PCA of their motion.

    The PCA is of the clips to train on (of all, if there are none) and reads one clip at a time.
    """
    for annotation in sorted({clip.annotation for clip in clips}):
        mine = [clip for clip in clips if clip.annotation == annotation]
        head, path = heads.get(annotation), out / _head_file(annotation)
        if mine[0].head is None:
            continue
        fitted = [clip for clip in mine if clip.split == "train"] or mine
        mark = fingerprint([VERSION, COMPONENTS, EXPLAINED, _parts(head), [marks[clip.id] for clip in fitted]])
        if path.exists() and Head.load(path).provenance.get("mark") == mark:
            continue
        if head is None or not len(head.names):
            head = _with_pca(out, annotation, head, fitted)
        replace(head, provenance={**head.provenance, "mark": mark}).save(path)


def _with_pca(out: Path, annotation: str, head: Head | None, clips: list[Clip]) -> Head:
    """`head` (or, without one, a cloud of points) with shapes by PCA of the offsets of `clips`."""
    from talkinghead.head.topology import fit_pca, head_for

    def blocks() -> Iterator[np.ndarray]:
        for clip in clips:
            offsets = read_motion(out / clip.motion).offsets
            assert offsets is not None
            yield offsets

    basis = fit_pca(blocks(), most=COMPONENTS, explained=EXPLAINED)
    if head is None:
        template = read_motion(out / clips[0].motion).template
        assert template is not None
        return head_for(annotation, template, np.zeros((0, 3), np.int32), basis)
    return head_for(annotation, head.template, head.faces, basis, head.regions, head.landmarks, head.provenance)


def _head_file(annotation: str) -> str:
    return f"heads/{file_name(annotation)}.npz"


def _parts(head: Head | None) -> list[Any]:
    """Parts of an adapter's head that the written file depends on."""
    if head is None:
        return []
    return [head.template, head.faces, head.basis, list(head.names), head.regions, head.landmarks]
