"""What phoneme probabilities tell of lips and tongue. T frames, P phonemes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from talkinghead.motion.articulation import heard_rounding
from talkinghead.motion.tongue import heard_tongue
from talkinghead.speech.phonemes import BILABIALS, LABIODENTALS, SILENCE

# Columns: probabilities of bilabials, silence and labiodentals; goals of rounding and of the tongue.
COLUMNS = (1, 1, 1, 2, 5)


def heard_articulation(posteriors: np.ndarray, phones: Sequence[str]) -> np.ndarray:
    """(T, P) probabilities of `phones` -> (T, 10), columns as COLUMNS says."""
    named = (BILABIALS, (SILENCE,), LABIODENTALS)
    probabilities = (posteriors[:, [phones.index(name) for name in names if name in phones]].sum(-1) for names in named)
    return np.column_stack([*probabilities, heard_rounding(posteriors, phones), heard_tongue(posteriors, phones)])
