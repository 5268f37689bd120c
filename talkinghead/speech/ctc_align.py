"""Alignment on the posteriors of a network: torchaudio's `forced_align`, with silence as its blank. T frames, P phonemes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from talkinghead.audio.clock import FPS, RATE
from talkinghead.errors import InputError
from talkinghead.speech.phonemes import SILENCE, arpabet
from talkinghead.speech.spans import Spans

PIECE, MARGIN = 30.0, 1.0  # seconds that the network hears at a time, and that it hears beside them
PAUSE = 0.06  # seconds of silence between words from which on it is one
LEAST = -3.0  # mean log-probability of the path, silences included, below which the words are not those that are said


def forced_align() -> Callable | None:
    """torchaudio's function; None if it is not installed, or for another version of torch, whose libraries it lacks."""
    try:
        from torchaudio.functional import forced_align  # pyright: ignore[reportMissingImports]
    except (ImportError, OSError, RuntimeError, AttributeError):
        return None
    return forced_align


class Recogniser(Protocol):
    """A network that tells phonemes."""

    @property
    def phones(self) -> Sequence[str]:
        """P names."""
        ...

    def posteriors(self, wave: np.ndarray) -> np.ndarray:
        """(n,) samples at 16 kHz -> (T, P) log-probabilities, 50 a second."""
        ...


def posteriors(recogniser: Recogniser, wave: np.ndarray) -> np.ndarray:
    """(T, P) log-probabilities, 50 a second, of (n,) samples at 16 kHz of any length, in pieces of PIECE seconds."""
    size, margin, hop = round(PIECE * RATE), round(MARGIN * RATE), round(RATE / FPS)
    parts = []
    for start in range(0, max(1, len(wave)), size):
        before = min(start, margin)
        heard = recogniser.posteriors(wave[start - before : start + size + margin])
        parts.append(heard[before // hop : before // hop + size // hop])
    return np.concatenate(parts)


def place(
    log_probabilities: np.ndarray, names: Sequence[str], words: Sequence[str], sounds: Sequence[Sequence[str]]
) -> tuple[Spans, Spans]:
    """(T, P) posteriors of `names`, and the phonemes of each word -> times of words, and of phonemes and pauses without gaps.

    Raises InputError if the words do not fit the sound.
    """
    import torch

    align = forced_align()
    assert align is not None, "the caller asked for it"
    columns = {arpabet(name): i for i, name in enumerate(names)}
    if SILENCE not in columns:
        raise InputError("model: its phonemes have no silence")
    targets = [columns.get(arpabet(sound)) for word in sounds for sound in word]
    missing = sorted({sound for word in sounds for sound in word if arpabet(sound) not in columns})
    if missing:
        raise InputError(f"model: its phonemes lack {', '.join(missing)}")
    scores = torch.from_numpy(np.ascontiguousarray(log_probabilities, np.float32))[None]
    try:
        path, found = align(scores, torch.tensor([targets], dtype=torch.int32), blank=columns[SILENCE])
    except (RuntimeError, ValueError) as error:
        raise InputError(f"the transcript does not fit the sound ({str(error).splitlines()[0]})") from None
    path, found = path[0].numpy(), found[0].numpy()
    spoken = path != columns[SILENCE]
    if found.mean() < LEAST:
        raise InputError("the transcript does not fit the sound")
    return _spans(path, spoken, words, sounds)


def _spans(path: np.ndarray, spoken: np.ndarray, words: Sequence[str], sounds: Sequence[Sequence[str]]) -> tuple[Spans, Spans]:
    """Frames -> seconds. Short silences belong to what follows: they are the closures of stops."""
    starts = np.flatnonzero(spoken & np.concatenate([[True], path[1:] != path[:-1]]))
    stops = [start + int(np.argmin(np.append(path[start:] == path[start], False))) for start in starts]
    flat = [(w, arpabet(sound)) for w, word in enumerate(sounds) for sound in word]
    phones: list[tuple[float, float, str]] = []
    times: dict[int, tuple[float, float]] = {}
    last, before = 0.0, -1
    for (word, name), start, stop in zip(flat, starts / FPS, np.array(stops) / FPS, strict=True):
        if (start - last >= PAUSE - 1e-6 and word != before) or (not phones and start > 0):
            phones.append((last, float(start), SILENCE))
        else:
            start = last
        phones.append((float(start), float(stop), name))
        times[word] = (times.get(word, (float(start), 0.0))[0], float(stop))
        last, before = float(stop), word
    end = len(path) / FPS
    if end - last > 1e-6:
        phones.append((last, end, SILENCE))
    return tuple((*times[w], words[w]) for w in sorted(times)), tuple(phones)
