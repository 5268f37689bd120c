"""Videos of talking faces -> dataset: landmarks are tracked, each speaker's neutral shape is estimated, weights are solved.

Every clip shows one person; clips in one folder are the same person unless `speaker` says otherwise. `landmarks/ID.npz` and
`heads/SPEAKER.npz` of the output folder keep tracks and neutral shapes, so that an interrupted run goes on.
Words, phonemes and text come from words.jsonl, phones.jsonl or transcripts.jsonl beside the clips (see `speech.transcripts`);
with `align`, words whose phonemes are not known are aligned (extra `align`, English). Emotions come from names: those of
RAVDESS, and folders named like an emotion, as MEAD's are.
Sound and picture are assumed to be in sync but for `offset`, which is not estimated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.audio.load import load_audio
from talkinghead.data.adapters.parameter_sets import emotion_by_name
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.data.motion_file import cut_sound
from talkinghead.data.tracking import landmarks, solve
from talkinghead.data.tracking.person import Person
from talkinghead.errors import InputError, OutputError
from talkinghead.files import file_name
from talkinghead.fingerprint import content_fingerprint, fingerprint
from talkinghead.head.head import Head
from talkinghead.models.recogniser import shipped_recogniser
from talkinghead.parallel import Failed
from talkinghead.speech import align as aligning
from talkinghead.speech.transcripts import Said, beside

VERSION = solve.VERSION
LICENCE = "unknown"
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg")
SHORTEST = 0.5  # seconds of a face


def takes(
    paths: list[Path],
    *,
    head: Path | None = None,
    speaker: str | None = None,
    licence: str = LICENCE,
    offset: float = 0.0,
    align: bool = False,
) -> tuple[list[Take], dict[str, str]]:
    """One take a video.

    head: file of the head to solve for, the default one if None. speaker: of all clips; None takes the name of each clip's
    folder. licence: of the recordings. offset: seconds by which the sound is later than the picture; it is taken out.
    align: find the phonemes of clips whose words are known.
    """
    if not np.isfinite(offset) or abs(offset) > 5:
        raise InputError(f"offset is {offset} seconds; the sound may be at most 5 seconds off")
    landmarks.require()
    if align:
        aligning.choose_engine(find_recogniser=shipped_recogniser)
    found = landmarks.find_clips(paths, SUFFIXES)
    if not found:
        raise InputError(f"{paths[0] if paths else 'no paths'}: no videos ({', '.join(SUFFIXES)})")
    details = {"head": head, "offset": offset, "align": align}
    takes = []
    for name, path in found.items():
        emotion, intensity = emotion_by_name(path)
        person = speaker or file_name(path.parent.name)
        takes.append(Take(name, person, (path,), emotion=emotion, intensity=intensity, licence=licence, details=details))
    return takes, {}


def preprocess(takes: list[Take], out: Path, run: Callable) -> tuple[list[Take], dict[str, str]]:
    """Track all takes and estimate all speakers; the takes with the files that `read` needs, and what is said in their runs."""
    dropped: dict[str, str] = {}
    jobs = [(take.id, take.files[0], out) for take in takes]
    # In processes even if it is one: MediaPipe writes its log to stderr from C++.
    for name, result in run(_track, jobs, title="tracking", isolate=True):
        if isinstance(result, Failed):
            dropped[name] = result.reason
    tracked = [take for take in takes if take.id not in dropped]
    for speaker in sorted({take.speaker for take in tracked}):
        own = [take for take in tracked if take.speaker == speaker]
        tracks = (landmarks.longest_run(landmarks.Track.load(_landmarks(out, take.id)))[1] for take in own)
        try:
            person = Person.estimate(speaker, tracks, _head(own[0].details["head"]), clips=len(own))
            person.save(_person(out, speaker))
        except OutputError:
            raise
        except InputError as error:
            dropped |= {take.id: str(error) for take in own}
    said = {folder: beside(folder) for folder in {take.files[0].parent for take in tracked}}
    return [_describe(take, out, said[take.files[0].parent]) for take in tracked if take.id not in dropped], dropped


def read(take: Take) -> Recording:
    """The solved motion of the longest run of pictures with a face, and the sound to it."""
    film, tracked, neutral = take.files
    face, person, whole = _head(take.details["head"]), Person.load(neutral), landmarks.Track.load(tracked)
    first, run = landmarks.longest_run(whole)
    try:
        wave = load_audio(film)
    except InputError as error:
        raise InputError(str(error).removeprefix(f"{film}: ")) from None
    wave = cut_sound(wave, first / run.fps + take.details["offset"], len(run.landmarks) / run.fps)
    animation = solve.solve(run, person, face)
    solved = [i for i, name in enumerate(face.names) if solve.is_solved(name)]  # the others are unknown, not at rest
    return Recording(
        wave=wave,
        fps=run.fps,
        names=tuple(face.names[i] for i in solved),
        coefficients=animation.coefficients[:, solved],
        rotation=animation.rotation,
        translation=animation.translation,
        gaze=animation.gaze,
        quality={
            "lip_correlation": solve.lip_correlation(animation, run, person),
            "kept": len(run.landmarks) / len(whole.landmarks),
        },
        meta={"head": face.name, "topology": face.topology, **_aligned(take, wave)},
    )


def _track(name: str, path: Path, out: Path) -> None:
    """Track one clip unless that was done. Raises InputError if it cannot be used."""
    cache = _landmarks(out, name)
    try:
        mark = content_fingerprint(path)
    except OSError as error:
        raise InputError(error.strerror or str(error)) from None
    if not (cache.exists() and landmarks.cached(cache, mark)):
        landmarks.track(path).save(cache, mark)
    _, seen = landmarks.longest_run(landmarks.Track.load(cache))
    if len(seen.landmarks) < SHORTEST * seen.fps:
        raise InputError(f"a face for only {len(seen.landmarks) / seen.fps:.2f} s")


def _describe(take: Take, out: Path, tables: dict[str, Said]) -> Take:
    """A tracked take: its files, the state of its head, and what is said in its longest run."""
    film = take.files[0]
    first, run = landmarks.longest_run(landmarks.Track.load(_landmarks(out, take.id)))
    said = tables.get(film.stem, Said()).part(first / run.fps, len(run.landmarks) / run.fps)
    face = _head(take.details["head"])
    details = {**take.details, "face": fingerprint([face.template, face.basis, np.array(list(face.landmarks.values()))])}
    if take.details["align"] and said.phones is None:
        details["text"] = said.text
    return replace(
        take,
        files=(film, _landmarks(out, take.id), _person(out, take.speaker)),
        transcript=said.text,
        words=said.words,
        phonemes=said.phones,
        details=details,
    )


def _aligned(take: Take, wave: np.ndarray) -> dict[str, Any]:
    """Aligned words and phonemes of the sound; {} if they are known, not asked for, or do not fit."""
    text = take.details.get("text")
    if not text:
        return {}
    try:
        found = aligning.align(wave, text, find_recogniser=shipped_recogniser)
    except InputError:
        return {}
    return {"words": found.words, "phonemes": found.phones}


def _landmarks(out: Path, name: str) -> Path:
    return out / "landmarks" / f"{name}.npz"


def _person(out: Path, speaker: str) -> Path:
    return out / "heads" / f"{file_name(speaker)}.npz"


@lru_cache(maxsize=2)
def _head(path: Path | None) -> Head:
    return Head.load(path) if path else Head.default()
