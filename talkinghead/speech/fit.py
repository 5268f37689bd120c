"""Whether words that were aligned with a sound are those that are said, by how likely an aligner found each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from talkinghead.errors import InputError
from talkinghead.speech.phonemes import SILENCE
from talkinghead.speech.spans import Span, Spans

SHORTEST = 0.3  # seconds of sound without words that count


@dataclass(frozen=True)
class Part:
    """A word or a pause of an alignment. text: "" of a pause; phones: its phonemes in seconds, without gaps.

    score: how much less likely its frames are than the likeliest state of each, on average; fits: whether it fits the sound.
    """

    text: str
    phones: Spans
    score: float
    fits: bool = True

    @property
    def start(self) -> float:
        return self.phones[0][0]

    @property
    def end(self) -> float:
        return self.phones[-1][1]


@dataclass(frozen=True)
class Limits:
    """What an aligner finds where something fits at least.

    Scores of a word, of a pause, of a word beside one that does not fit (doubtful), and of all words by the second; share of
    the words that fit.
    """

    word: float
    doubtful: float
    pause: float
    all: float = -inf
    share: float = 0.0


def fitting(parts: Sequence[Part], limits: Limits) -> list[Part]:
    """The parts, told whether each fits: words that are likely enough, and pauses in which nobody speaks."""
    fits = [part.score >= (limits.word if part.text else limits.pause) for part in parts]
    for order in (
        range(1, len(parts)),
        range(len(parts) - 2, -1, -1),
    ):  # what is beside a word that was not said, on either side
        for i in order:
            beside = i - 1 if order.step > 0 else i + 1
            if parts[i].text and parts[beside].text and not fits[beside] and parts[i].score < limits.doubtful:
                fits[i] = False
    return [replace(part, fits=fit) for part, fit in zip(parts, fits, strict=True)]


def misfit(parts: Sequence[Part]) -> float:
    """Seconds that do not fit."""
    return sum(part.end - part.start for part in parts if not part.fits)


def judged(
    parts: Sequence[Part], limits: Limits, duration: float
) -> tuple[list[Span], list[Span], tuple[str, ...], tuple[tuple[float, float], ...]]:
    """Words, phonemes, words that are not heard, and (start, end) of sound without words in a recording of `duration` seconds.

    Words that do not fit become pauses. Raises InputError if too little fits.
    """
    said = [part for part in parts if part.text]
    seconds = sum(part.end - part.start for part in said)
    score = sum(part.score * (part.end - part.start) for part in said) / max(seconds, 1e-6)
    fits = sum(part.fits for part in said)
    if score < limits.all or fits <= limits.share * len(said):
        raise InputError("the transcript does not fit the sound: other words are said, or none")
    phones: list[Span] = []
    for part in parts:
        for start, end, name in part.phones if part.fits and part.text else [(part.start, part.end, SILENCE)]:
            if phones and name == SILENCE == phones[-1][2]:
                phones[-1] = (phones[-1][0], end, name)
            else:
                phones.append((start, end, name))
    odd: list[list[float]] = []
    for part in parts:
        if not part.fits and odd and part.start - odd[-1][1] < SHORTEST:
            odd[-1][1] = part.end
        elif not part.fits:
            odd.append([part.start, part.end])
    unwritten = tuple((max(0.0, a), min(b, duration)) for a, b in odd if min(b, duration) - max(0.0, a) > SHORTEST)
    unheard = tuple(part.text for part in said if not part.fits)
    return [(part.start, part.end, part.text) for part in said if part.fits], phones, unheard, unwritten
