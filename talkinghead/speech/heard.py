"""What phoneme probabilities tell of lips and tongue. T frames, P phonemes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from talkinghead.motion.articulation import heard_rounding
from talkinghead.motion.tongue import heard_tongue
from talkinghead.speech.phonemes import BILABIALS, LABIODENTALS, SILENCE

# Columns: probabilities of bilabials, silence and labiodentals; goals of rounding and of the tongue.
COLUMNS = (1, 1, 1, 2, 5)


def heard_articulation(posteriors: np.ndarray, phones: Sequence[str]) -> np.ndarray:
    """(..., P) probabilities of `phones` -> (..., 10), columns as COLUMNS says."""
    own = tuple(phones)
    out = np.empty((*posteriors.shape[:-1], sum(COLUMNS)), np.result_type(posteriors, np.float64))
    for column, places in enumerate(_columns(own)):
        out[..., column] = posteriors[..., places].sum(-1)
    out[..., 3:5], out[..., 5:] = heard_rounding(posteriors, own), heard_tongue(posteriors, own)
    return out


@lru_cache(maxsize=8)
def _columns(phones: tuple[str, ...]) -> list[list[int]]:
    """Which of the phones are bilabials, silence and labiodentals."""
    return [[phones.index(name) for name in names if name in phones] for names in (BILABIALS, (SILENCE,), LABIODENTALS)]
