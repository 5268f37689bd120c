"""Videos of talking faces -> dataset: track, know each person's resting face, solve, cut the sound.

Every clip shows one person; clips in one folder are the same person unless `speaker` says otherwise. What is slow, the
tracking, is kept in `landmarks/ID.npz`, so that a run that was interrupted goes on, and solving again is cheap.
What is said, in words.jsonl, phones.jsonl or transcripts.jsonl beside the clips (see `speech.transcripts`), is noted; with
`align`, words whose phonemes are not known are aligned (extra `align`, English). Emotion is noted where names tell it: those of
RAVDESS, and folders named like an emotion, as MEAD's are.
The sound is taken to be in sync with the picture but for `offset`; estimating that is left to the user.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.adapters.parameter_sets import emotion_by_name
from talkinghead.data.convert.recording import Take
from talkinghead.data.convert.splits import assign_splits
from talkinghead.data.manifest import Clip
from talkinghead.data.motion_file import Motion, cut_sound, read_meta, read_motion, write_motion
from talkinghead.data.tracking import landmarks, solve
from talkinghead.data.tracking.person import Person
from talkinghead.errors import InputError
from talkinghead.files import file_name
from talkinghead.head.head import Head
from talkinghead.models.recogniser import shipped_recogniser
from talkinghead.parallel import Failed, run
from talkinghead.speech import align as aligning
from talkinghead.speech.transcripts import Said, beside

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg")
SHORTEST = 0.5  # seconds of a face


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
    said: Said
    align: bool
    emotion: str | None = None
    intensity: float | None = None  # 0 to 1


def convert(  # noqa: PLR0913
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
    align: bool = False,
) -> tuple[list[Clip], dict[str, dict[str, float]], dict[str, str]]:
    """Clips, their quality and the reasons of those that were dropped.

    head: file of the head to solve for, the default one if None. speaker: who it is in all clips; None takes the name of
    each clip's folder. licence: of the recordings. offset: seconds by which the sound is later than the picture; it is
    taken out. align: find the phonemes of clips whose words are known.
    """
    if not np.isfinite(offset) or abs(offset) > 5:
        raise InputError(f"offset is {offset} seconds; the sound may be at most 5 seconds off")
    landmarks.require()
    if align:
        aligning.choose_engine(find_recogniser=shipped_recogniser)
    found = landmarks.find_clips(paths, SUFFIXES)
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
    takes = [_take(name, path, speaker) for name, path in found.items()]
    splits, rule = assign_splits(takes)
    if notes is not None:
        notes["split"] = rule
    jobs = _jobs([take for take in takes if take.id not in dropped], splits, out, head, licence, offset, align)
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


def _jobs(
    takes: list[Take], splits: dict[str, str], out: Path, head: Path | None, licence: str, offset: float, align: bool
) -> list[Job]:
    said = {folder: beside(folder) for folder in {take.files[0].parent for take in takes}}
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
            said=said[take.files[0].parent].get(take.files[0].stem, Said()),
            align=align,
            emotion=take.emotion,
            intensity=take.intensity,
        )
        for take in takes
    ]


def _take(name: str, path: Path, speaker: str | None) -> Take:
    emotion, intensity = emotion_by_name(path)
    return Take(name, speaker or file_name(path.parent.name), (path,), emotion=emotion, intensity=intensity)


def _estimate_people(jobs: list[Job], out: Path, head: Path | None, dropped: dict[str, str]) -> None:
    """Write heads/SPEAKER.npz; clips of people that cannot be known are dropped."""
    face = _head(head)
    for speaker in sorted({job.speaker for job in jobs}):
        mine = [job for job in jobs if job.speaker == speaker]
        tracks = (landmarks.longest_run(landmarks.Track.load(_landmarks(out, job.id)))[1] for job in mine)
        try:
            Person.estimate(speaker, tracks, face, clips=len(mine)).save(_person(out, speaker))
        except InputError as error:
            dropped |= {job.id: str(error) for job in mine}


def _track(name: str, path: Path, out: Path) -> None:
    """Track one clip unless that was done. Raises InputError if it cannot be used."""
    cache = _landmarks(out, name)
    mark = landmarks.fingerprint(_readable(path))
    if not (cache.exists() and landmarks.cached(cache, mark)):
        landmarks.track(path).save(cache, mark)
    _, seen = landmarks.longest_run(landmarks.Track.load(cache))
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
    whole = landmarks.Track.load(_landmarks(job.out, name))
    first, run = landmarks.longest_run(whole)
    clip = _describe(job, first, run)
    motion, sound = job.out / clip.motion, job.out / clip.audio
    mark = _mark(job, face, person, run)
    meta = read_meta(motion)
    if not sound.exists() or meta.get("mark") != mark:
        write_audio(sound, cut_sound(load_audio(_readable(job.path)), first / run.fps + job.offset, clip.duration))
        animation = solve.solve(run, person, face)
        meta: dict[str, Any] = {"mark": mark, "head": face.name, "topology": face.topology}
        meta["lip_correlation"] = solve.lip_correlation(animation, run, person)
        write_motion(motion, _seen(Motion.of(animation, meta)))
    clip = _with_phonemes(clip, meta, job)
    return clip, {"lip_correlation": meta["lip_correlation"], "kept": len(run.landmarks) / len(whole.landmarks)}


def _describe(job: Job, first: int, run: landmarks.Track) -> Clip:
    start, duration = first / run.fps, len(run.landmarks) / run.fps
    said = job.said.part(start, duration)
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
        transcript=said.text,
        words=said.words,
        phonemes=said.phones,
        emotion=job.emotion,
        intensity=job.intensity,
    )


def _with_phonemes(clip: Clip, meta: dict[str, Any], job: Job) -> Clip:
    """The clip with aligned phonemes, kept in its motion file; as it is if they are known, not asked for, or do not fit."""
    if not job.align or clip.phonemes is not None or not clip.transcript:
        return clip
    if meta.get("aligned", {}).get("text") != clip.transcript:
        try:
            found = aligning.align(load_audio(job.out / clip.audio), clip.transcript, find_recogniser=shipped_recogniser)
        except InputError:
            return clip
        meta = {**meta, "aligned": {"text": clip.transcript, "words": found.words, "phones": found.phones}}
        write_motion(job.out / clip.motion, replace(read_motion(job.out / clip.motion), meta=meta))
    aligned = meta["aligned"]
    return replace(clip, phonemes=aligned["phones"], words=clip.words or aligned["words"])


def _seen(motion: Motion) -> Motion:
    """Without the shapes that a camera does not tell: they are unknown, rather than at rest (see `solve.PRICE`)."""
    assert motion.coefficients is not None
    columns = [i for i, name in enumerate(motion.names) if solve.is_solved(name)]
    return replace(motion, names=tuple(motion.names[i] for i in columns), coefficients=motion.coefficients[:, columns])


def _mark(job: Job, head: Head, person: Person, run: landmarks.Track) -> str:
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
