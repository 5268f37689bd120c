"""Motion as MetaHuman's control curves, `CTRL_expressions_*`, see `head.transfer.metahuman`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.transfer.metahuman import CURVES, PREFIX, to_curves
from talkinghead.motion.animation import Animation
from talkinghead.motion.transfer.retarget import to_arkit
from talkinghead.motion.transfer.surface import is_signed

SUFFIXES = (".metahuman.csv", ".metahuman.json")
NAMES = tuple(PREFIX + curve for curve in CURVES)


def is_metahuman(path: Path) -> bool:
    """Whether a file is to hold MetaHuman's curves, as its name says."""
    return path.name.lower().endswith(SUFFIXES)


def as_metahuman(animation: Animation) -> Animation:
    """The motion, without a residual, of a head that has MetaHuman's curves as shapes and no mesh; gaze is in the curves.

    Motion of such a head stays as it is. Raises InputError for a head none of whose shapes are known by name.
    """
    if animation.head.names == NAMES:
        return animation
    motion = (animation.to("arkit") if is_signed(animation.head) else animation).with_gaze_as_shapes()
    weights = to_arkit(motion.coefficients, motion.head)
    if weights is None:
        raise InputError(f"MetaHuman's curves are told from ARKit's shapes, and head {motion.head.name!r} has none")
    nowhere = np.zeros((0, 3), np.float32)
    head = Head("metahuman", nowhere, nowhere.astype(np.int32), np.zeros((len(NAMES), 0, 3), np.float32), NAMES)
    return replace(motion, coefficients=to_curves(weights), head=head, tongue=None)
