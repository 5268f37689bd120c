"""Times of phonemes as labels of frames. T frames."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from talkinghead.errors import InputError
from talkinghead.speech.phonemes import PHONES, arpabet
from talkinghead.speech.spans import Spans

UNKNOWN = -100  # what torch's cross-entropy leaves out


def frame_labels(spans: Spans | None, times: np.ndarray) -> np.ndarray:
    """(T,) int64 at (T,) seconds: index into PHONES of the phoneme that lasts then, UNKNOWN between phonemes and without any.

    Phonemes of alphabets and languages that `arpabet` does not know are unknown, too, which is no error: clips of all kinds are
    trained on together. Where phonemes overlap, the later line counts.
    """
    labels = np.full(len(times), UNKNOWN, np.int64)
    for start, end, name in spans or ():
        first, last = np.searchsorted(times, (start, end))  # a frame belongs to the phoneme that its centre lies in
        labels[first:last] = phone_number(name)
    return labels


@lru_cache(maxsize=1024)
def phone_number(name: str) -> int:
    """Index into PHONES of a phoneme of any alphabet, or UNKNOWN."""
    try:
        return PHONES.index(arpabet(name))
    except InputError:
        return UNKNOWN
