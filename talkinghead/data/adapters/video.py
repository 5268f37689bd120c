"""Videos of talking faces -> dataset: track, know each person's resting face, solve, cut the sound.

Every clip shows one person; clips in one folder are the same person unless `speaker` says otherwise. What is slow, the
tracking, is kept in `landmarks/ID.npz`, so that a run that was interrupted goes on, and solving again is cheap.
The sound is taken to be in sync with the picture but for `offset`; estimating that is left to the user.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.audio import load_audio
from talkinghead.data import solve, video
from talkinghead.data.manifest import Clip, Spans, file_name, read_words, write_audio
from talkinghead.data.motion import Motion, cut_sound, read_meta, write_motion
from talkinghead.data.person import Person
from talkinghead.data.recording import Take, assign_splits
from talkinghead.errors import InputError
from talkinghead.face.head import Head
from talkinghead.parallel import Failed, run

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg")
SHORTEST = 0.5  # seconds of a face
PAUSES = ("sil", "sp", "spn", "")  # marks in word times that are no words


@dataclass(frozen=True)
class Job:
    """One clip to be solved."""

    id: str
    path: Path
    speaker: str
    split: str
    out: Path
    head: Path | None
    offset: float
    licence: str
    words: Spans | None


def convert(
    paths: list[Path],
    out: Path,
    *,
    workers: int = 1,
    progress: bool = True,
    engine: str = "local",
    notes: dict[str, Any] | None = None,
    head: Path | None = None,
    speaker: str | None = None,
    licence: str = "unknown",
    offset: float = 0.0,
) -> tuple[list[Clip], dict[str, dict[str, float]], dict[str, str]]:
    """Clips, their quality and the reasons of those that were dropped.

    head: file of the head to solve for, the default one if None. speaker: who it is in all clips; None takes the name of
    each clip's folder. licence: of the recordings. offset: seconds by which the sound is later than the picture; it is
    taken out.
    """
    if not np.isfinite(offset) or abs(offset) > 5:
        raise InputError(f"offset is {offset} seconds; the sound may be at most 5 seconds off")
    video.require()
    found = video.find_clips(paths, SUFFIXES)
    if not found:
        raise InputError(f"{paths[0] if paths else 'no paths'}: no videos ({', '.join(SUFFIXES)})")
    dropped: dict[str, str] = {}
    tracking = [(name, path, out) for name, path in found.items()]
    # In processes even if it is one: MediaPipe writes its log to stderr from C++.
    how: dict[str, Any] = {"workers": workers, "engine": engine, "isolate": True}
    for name, result in run(_track, tracking, title="tracking" if progress else None, **how):
        if isinstance(result, Failed):
            dropped[name] = result.reason
    # Of all clips, also those that were dropped: splits do not change when one more is dropped.
    takes = [Take(name, speaker or file_name(path.parent.name), (path,)) for name, path in found.items()]
    splits, rule = assign_splits(takes)
    if notes is not None:
        notes["split"] = rule
    jobs = _jobs([take for take in takes if take.id not in dropped], splits, out, head, licence, offset)
    _estimate_people(jobs, out, head, dropped)
    clips, quality = [], {}
    left = [job for job in jobs if job.id not in dropped]
    for name, result in run(_solve, [(job.id, job) for job in left], title="solving" if progress else None, **how):
        if isinstance(result, Failed):
            dropped[name] = result.reason.removeprefix(f"{found[name]}: ")
        else:
            clips.append(result[0])
            quality[name] = result[1]
    return sorted(clips, key=lambda clip: clip.id), quality, dropped


def _jobs(takes: list[Take], splits: dict[str, str], out: Path, head: Path | None, licence: str, offset: float) -> list[Job]:
    words = {folder: read_words(folder / "words.jsonl") for folder in {take.files[0].parent for take in takes}}
    return [
        Job(
            id=take.id,
            path=take.files[0],
            speaker=take.speaker,
            split=splits[take.id],
            out=out,
            head=head,
            offset=offset,
            licence=licence,
            words=words[take.files[0].parent].get(take.files[0].stem),
        )
        for take in takes
    ]


def _estimate_people(jobs: list[Job], out: Path, head: Path | None, dropped: dict[str, str]) -> None:
    """Write heads/SPEAKER.npz; clips of people that cannot be known are dropped."""
    face = _head(head)
    for speaker in sorted({job.speaker for job in jobs}):
        mine = [job for job in jobs if job.speaker == speaker]
        tracks = (video.longest_run(video.Track.load(_landmarks(out, job.id)))[1] for job in mine)
        try:
            Person.estimate(speaker, tracks, face, clips=len(mine)).save(_person(out, speaker))
        except InputError as error:
            dropped |= {job.id: str(error) for job in mine}


def _track(name: str, path: Path, out: Path) -> None:
    """Track one clip unless that was done. Raises InputError if it cannot be used."""
    cache = _landmarks(out, name)
    mark = video.fingerprint(_readable(path))
    if not (cache.exists() and video.cached(cache, mark)):
        video.track(path).save(cache, mark)
    _, seen = video.longest_run(video.Track.load(cache))
    if len(seen.landmarks) < SHORTEST * seen.fps:
        raise InputError(f"a face for only {len(seen.landmarks) / seen.fps:.2f} s")


def _readable(path: Path) -> Path:
    """Raises InputError if a file cannot be opened."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(error.strerror or str(error)) from None
    return path


def _solve(name: str, job: Job) -> tuple[Clip, dict[str, float]]:
    """Solve one clip and write its motion and sound, unless that was done. Raises InputError if it cannot be."""
    face, person = _head(job.head), Person.load(_person(job.out, job.speaker))
    whole = video.Track.load(_landmarks(job.out, name))
    first, run = video.longest_run(whole)
    clip = _describe(job, first, run)
    motion, sound = job.out / clip.motion, job.out / clip.audio
    mark = _mark(job, face, person, run)
    meta = read_meta(motion)
    if not sound.exists() or meta.get("mark") != mark:
        write_audio(sound, cut_sound(load_audio(_readable(job.path)), first / run.fps + job.offset, clip.duration))
        animation = solve.solve(run, person, face)
        meta: dict[str, Any] = {"mark": mark, "head": face.name, "topology": face.topology}
        meta["lip_correlation"] = solve.lip_correlation(animation, run, person)
        write_motion(motion, Motion.of(animation, meta))
    return clip, {"lip_correlation": meta["lip_correlation"], "kept": len(run.landmarks) / len(whole.landmarks)}


def _describe(job: Job, first: int, run: video.Track) -> Clip:
    start, duration = first / run.fps, len(run.landmarks) / run.fps
    words = None
    if job.words is not None:
        inside = [
            (max(a - start, 0.0), min(b - start, duration), w) for a, b, w in job.words if b > start and a < start + duration
        ]
        words = tuple((round(a, 4), round(b, 4), w) for a, b, w in inside)
    return Clip(
        id=job.id,
        audio=f"audio/{job.id}.flac",
        motion=f"motion/{job.id}.safetensors",
        speaker=job.speaker,
        split=job.split,
        duration=round(duration, 6),
        fps=run.fps,
        source="video",
        licence=job.licence,
        transcript=" ".join(w for _, _, w in words if w not in PAUSES) if words else None,
        words=words,
    )


def _mark(job: Job, head: Head, person: Person, run: video.Track) -> str:
    """Hash of all that the motion and the sound of a clip depend on."""
    parts = (head.template, head.basis, np.array(list(head.landmarks.values())), person.neutral, person.closed, person.lids)
    digest = hashlib.blake2b(f"{solve.VERSION} {job.offset} {run.fps} {run.size}".encode(), digest_size=8)
    for array in (*parts, person.rotation, run.landmarks):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _landmarks(out: Path, name: str) -> Path:
    return out / "landmarks" / f"{name}.npz"


def _person(out: Path, speaker: str) -> Path:
    return out / "heads" / f"{file_name(speaker)}.npz"


@lru_cache(maxsize=2)
def _head(path: Path | None) -> Head:
    return Head.load(path) if path else Head.default()
