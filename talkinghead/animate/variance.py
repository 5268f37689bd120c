"""The speed and extent of motion that a network predicts. T frames, K shapes of a head.

What a network predicts is the mean of what lips may do, and a mean moves less, and more slowly. Speech synthesis restores the
variance of what it predicts (Toda, Tokuda 2007, A speech parameter generation algorithm considering global variance). Here slow
motion stays as it is and what departs from it grows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from talkinghead.motion.easing import smoothstep
from talkinghead.streaming.variance import MOVING, STILL

# Of 32 held-out clips of GRID, lips moved at 0.72 of the filmed speed without this and move at 0.9 with it; the spread of the
# aperture goes from 0.91 to 1.03 of the filmed one. The lips of strangers are followed as well as before.
GAIN = 0.38
SLOW = 0.32  # seconds, standard deviation of the Gaussian that leaves slow motion


def reach(fps: float) -> int:
    """Frames on either side that `restore_variance` looks at."""
    return 2 * int(4 * SLOW * fps + 0.5)


def restore_variance(weights: np.ndarray, names: Sequence[str], fps: float) -> np.ndarray:
    """(T, K) weights with faster and larger motion of the lower face.

    Other shapes stay as they are, and so does what is held or hardly moves: it would only tremble.
    """
    lower = [i for i, name in enumerate(names) if name.startswith(MOVING)]
    if not lower or not len(weights):
        return weights
    out, moving = weights.copy(), weights[:, lower]
    departs = moving - gaussian_filter1d(moving, SLOW * fps, axis=0, mode="nearest")
    extent = np.sqrt(gaussian_filter1d(np.square(departs).mean(1), SLOW * fps, mode="nearest"))
    speaks = smoothstep(extent / STILL)
    out[:, lower] = np.clip(moving + GAIN * speaks[:, None] * departs, 0, 1)
    return out
