"""`.metahuman.csv` and `.metahuman.json`: MetaHuman's control curves, `CTRL_expressions_*`, see `head.transfer.metahuman`.

The forms are those of `.csv` for heads with shapes of other names and of `.json`; `export.curves` reads them back.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.export.mesh import for_curves
from talkinghead.head.head import Head
from talkinghead.head.transfer.metahuman import CURVES, PREFIX, to_curves
from talkinghead.motion.animation import Animation
from talkinghead.motion.transfer.retarget import to_arkit
from talkinghead.motion.transfer.surface import is_signed


def write(animation: Animation, path: Path) -> None:
    """Write the curves; gaze is in those of the eyes. Raises InputError for a head none of whose shapes are known by name."""
    motion = for_curves(animation.to("arkit") if is_signed(animation.head) else animation, path)
    weights = to_arkit(motion.coefficients, motion.head)
    if weights is None:
        raise InputError(f"{path}: MetaHuman's curves are told from ARKit's shapes, and head {motion.head.name!r} has none")
    names = tuple(PREFIX + curve for curve in CURVES)
    nowhere = np.zeros((0, 3), np.float32)
    head = Head("metahuman", nowhere, nowhere.astype(np.int32), np.zeros((len(names), 0, 3), np.float32), names)
    curves = replace(motion, coefficients=to_curves(weights), head=head)
    import_module(f"talkinghead.export.{path.suffix.lower()[1:]}").write(curves, path)
