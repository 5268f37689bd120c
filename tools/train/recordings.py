"""Recordings that nobody filmed: their phonemes where these are known, and which of them are held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkinghead.data.adapters.speech import SUFFIXES, UNSAID, unsaid
from talkinghead.data.tracking.landmarks import find_clips
from talkinghead.errors import InputError
from talkinghead.files import file_name
from talkinghead.speech.coarticulation import loudness_of
from talkinghead.speech.spans import Spans
from talkinghead.speech.transcripts import beside

EVERY = 25  # of so many recordings of a folder with phonemes one is for validation


@dataclass(frozen=True)
class Recording:
    """One file; `speaker` is the name of its folder."""

    id: str
    path: Path
    speaker: str
    split: str
    phones: Spans | None

    def phones_said(self, wave: np.ndarray) -> Spans | None:
        """The phonemes, or None where they leave out a part of the speech, as transcripts that stop too early do."""
        seconds, share = unsaid(self.phones, loudness_of(wave)) if self.phones else (0.0, 0.0)
        return None if seconds > UNSAID[0] and share > UNSAID[1] else self.phones


def find_recordings(paths: list[Path], held_out: int) -> list[Recording]:
    """The recordings in folders and files. Of each folder with phonemes the last `held_out` are test, one in EVERY is val.

    Phonemes are those of a phones.jsonl beside the recordings, see `speech.transcripts`. Raises InputError.
    """
    found = find_clips(paths, SUFFIXES)
    if not found:
        raise InputError(f"{' '.join(map(str, paths))}: no recordings ({', '.join(SUFFIXES)})")
    out = []
    for folder in sorted({path.parent for path in found.values()}):
        said, names = beside(folder), [name for name, path in found.items() if path.parent == folder]
        spoken = any(found[name].stem in said and said[found[name].stem].phones for name in names)
        if spoken and held_out >= len(names):
            raise InputError(f"{folder}: has {len(names)} recordings, {held_out} of them cannot be held out")
        for i, name in enumerate(names):
            split = "val" if spoken and i % EVERY == EVERY // 2 else "train"
            split = "test" if spoken and i >= len(names) - held_out else split
            known = said.get(found[name].stem)
            out.append(Recording(name, found[name], file_name(folder.name), split, known.phones if known else None))
    return out
