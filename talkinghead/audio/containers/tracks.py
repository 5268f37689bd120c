"""Which of the sound tracks of a file is heard: screen recorders keep the microphone apart, films have languages."""

from __future__ import annotations

import warnings
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from talkinghead.audio.activity import SILENT
from talkinghead.audio.clock import RATE
from talkinghead.audio.decode import containers_of, sound_blocks
from talkinghead.errors import InputError, InputWarning

LISTENED = 600.0  # seconds of a track, silences left out, after which it is known whether it speaks
MOST = 32  # tracks that are listened to, from the first on
MUCH = 0.5  # share of the speech of the track with the most that the default track needs to be taken


class Track(NamedTuple):
    """One sound track. text: how it is described. loudest: its largest sample. speech: seconds of it."""

    text: str
    loudest: float
    speech: float


def choose_track(path: Path, wanted: int | None = None) -> int:
    """The index, from 0, of the track that is asked for (from 1), or of the one that speaks.

    That is the default track, unless it is silent or another one has more than twice as much speech; where there is a choice, a
    warning says which track was taken. Raises InputError for a track that is not there, and for what `sound_blocks` refuses.
    """
    count, default = _count(path)
    if wanted is not None and not 1 <= wanted <= count:
        raise InputError(f"{path}: has {count} sound track{'s' * (count > 1)}; --track {wanted} is none of them")
    if wanted is not None or count == 1:
        return (wanted or 1) - 1
    status = path.stat()
    chosen, said = _choice(path, count, default, status.st_mtime_ns, status.st_size)
    if said:
        warnings.warn(f"{path}: {said}", InputWarning, stacklevel=3)
    return chosen


def _count(path: Path) -> tuple[int, int]:
    """How many sound tracks a file has in its first recording, and which one is the default."""
    with closing(containers_of(path, silently=True)) as containers:
        container = next(containers)
        best, tracks = container.streams.best("audio"), container.streams.audio
        return len(tracks), next((index for index, track in enumerate(tracks) if track is best), 0)


@lru_cache(maxsize=64)
def _choice(path: Path, count: int, default: int, *stamp: int) -> tuple[int, str]:
    """The track to take and what is to be said about it."""
    tracks = [_listen(path, index) for index in range(min(count, MOST))]
    heard = [index for index, track in enumerate(tracks) if track.loudest >= SILENT]
    if not heard:
        return default, f"has {count} sound tracks, and all of them are silent"
    best = max(heard, key=lambda index: tracks[index].speech)
    chosen = best if default not in heard or tracks[default].speech < MUCH * tracks[best].speech else default
    others = ", ".join(f"{index + 1} ({track.text})" for index, track in enumerate(tracks) if index != chosen)
    taken = f"{chosen + 1} ({tracks[chosen].text})"
    return chosen, f"has {count} sound tracks: {taken} is used, not {others}; --track chooses another"


def _listen(path: Path, index: int) -> Track:
    """What is heard on a track; one that cannot be decoded is silent."""
    import soxr

    from talkinghead.audio.prosody import prosody

    loudest, pieces, kept = 0.0, [], 0
    try:
        blocks = sound_blocks(path, index)
        rate = next(blocks)
        for block in blocks:
            peak = float(np.abs(block).max(initial=0))
            loudest = max(loudest, peak if np.isfinite(peak) else 0.0)
            if peak >= SILENT and kept < LISTENED * rate:
                pieces.append(block[:, int(np.square(block).sum(0).argmax())])
                kept += len(block)
        if not pieces:
            return Track("silent", loudest, 0.0)
        wave = soxr.resample(np.nan_to_num(np.concatenate(pieces)), rate, RATE, quality="HQ")
    except (InputError, ValueError, ZeroDivisionError):
        return Track("not decodable", 0.0, 0.0)
    speech = float((prosody(wave).speaking > 0.5).mean()) * len(wave) / RATE
    return Track(f"{speech:.0f} s of speech", loudest, speech)
