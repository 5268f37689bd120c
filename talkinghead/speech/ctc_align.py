"""Alignment on the posteriors of a network: torchaudio's `forced_align`, with silence as its blank. T frames, P phonemes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from talkinghead.audio.clock import FPS, RATE
from talkinghead.errors import InputError
from talkinghead.speech.fit import Limits, Part
from talkinghead.speech.phonemes import SILENCE, arpabet

PIECE, MARGIN = 30.0, 1.0  # seconds that the network hears at a time, and that it hears beside them
PAUSE = 0.06  # seconds of silence between words from which on it is one
# In nats. Words that are said: 99 of 100 above -3.5; other words: half below -4.5; pauses: above -1, speech taken for one: -1.8
# to -5. Of the words of another recording at most a quarter fit, of half of the right ones 60 % and more. Measured on
# eight clips of LibriSpeech.
LIMITS = Limits(word=-4.0, doubtful=-1.5, pause=-1.5, share=0.3)


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
) -> list[Part]:
    """(T, P) posteriors of `names`, and the phonemes of each word -> words and the pauses around them, without gaps.

    Raises InputError if the words are too many for the sound.
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
    return _parts(path, path != columns[SILENCE], found - log_probabilities.max(1), words, sounds)


def _parts(
    path: np.ndarray, spoken: np.ndarray, scores: np.ndarray, words: Sequence[str], sounds: Sequence[Sequence[str]]
) -> list[Part]:
    """Frames, whether each is spoken, and its score -> parts. Short silences, closures of stops, belong to what follows."""
    starts = np.flatnonzero(spoken & np.concatenate([[True], path[1:] != path[:-1]]))
    stops = [int(start + np.argmin(np.append(path[start:] == path[start], False))) for start in starts]
    frames: list[tuple[int, list[tuple[int, int, str]]]] = []  # word, -1 for a pause, and its phonemes
    flat = [(w, arpabet(sound)) for w, word in enumerate(sounds) for sound in word]
    last, least = 0, round(PAUSE * FPS)
    for (word, name), start, stop in zip(flat, map(int, starts), stops, strict=True):
        begins = not frames or frames[-1][0] != word
        if (begins and start - last >= least) or (not frames and start > 0):
            frames.append((-1, [(last, start, SILENCE)]))
            last = start
        if begins:
            frames.append((word, []))
        frames[-1][1].append((last, stop, name))
        last = stop
    if last < len(path):
        frames.append((-1, [(last, len(path), SILENCE)]))
    return [
        Part(
            words[word] if word >= 0 else "",
            tuple((start / FPS, stop / FPS, name) for start, stop, name in phones),
            float(scores[phones[0][0] : phones[-1][1]].mean()),
        )
        for word, phones in frames
    ]
