"""Smooth transitions from 0 to 1. A phase below 0 counts as 0, a phase above 1 as 1."""

from __future__ import annotations

import numpy as np


def smoothstep(phase: np.ndarray) -> np.ndarray:
    """0 to 1 by the cubic with slope 0 at both ends, 3 p^2 - 2 p^3; `smoothstep` of GLSL."""
    phase = np.clip(phase, 0, 1)
    return phase * phase * (3 - 2 * phase)


def ease(phase: np.ndarray) -> np.ndarray:
    """0 to 1 with the least jerk (Flash and Hogan 1985), as movements of people do."""
    phase = np.clip(phase, 0, 1)
    return phase**3 * (10 - 15 * phase + 6 * phase**2)
