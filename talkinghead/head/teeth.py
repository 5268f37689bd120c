"""Where the upper front teeth end: what the lower lip touches in /f/ and /v/."""

from __future__ import annotations

import numpy as np

from talkinghead.head.head import Head, per_head

STILL = 0.001  # metres: upper teeth move less than this with the jaw
FRONT = 0.1  # of the width of the row of teeth, on either side of its middle: the incisors
LOWEST = 8  # vertices whose mean is the edge


@per_head
def incisal_edge(head: Head) -> np.ndarray | None:
    """(3,) metres of the template: the middle of the edge of the upper incisors; None for a head without teeth or ARKit's jaw.

    Upper teeth are those of region "teeth" that jawOpen leaves alone; the edge is that of their lowest vertices in the middle.
    """
    teeth = head.regions.get("teeth")
    if teeth is None or "jawOpen" not in head.names:
        return None
    moved = np.linalg.norm(head.basis[head.index("jawOpen")], axis=-1)
    upper = head.template[(teeth > 0.5) & (moved < STILL)].astype(np.float64)
    if not len(upper):
        return None
    middle, width = (upper[:, 0].max() + upper[:, 0].min()) / 2, np.ptp(upper[:, 0])
    front = upper[np.abs(upper[:, 0] - middle) <= FRONT * width + 1e-9]
    if not len(front):
        return None
    edge = front[np.argsort(front[:, 1], kind="stable")[:LOWEST]].mean(0)
    return np.array([middle, edge[1], edge[2]], np.float32)
