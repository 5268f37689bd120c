"""`.json`: weights of the shapes, in one file for readers of two forms.

Audio2Face: `exportFps`, `numPoses`, `numFrames`, `facsNames`, and `weightMat`, a list of weights for each frame. BEAT:
`names`, and `frames`, each with `weights`, `time` in seconds and `rotation` of the head, angles about x, y and z in radians
as `HeadPitch`, `HeadYaw` and `HeadRoll` of the `.csv`. Frame t is at t / fps seconds.
"""

from __future__ import annotations

import json
from pathlib import Path

from talkinghead.export.csv import head_angles
from talkinghead.export.mesh import for_curves
from talkinghead.files import replacing
from talkinghead.motion.animation import Animation


def write(animation: Animation, path: Path) -> None:
    """Write the curves; gaze becomes eyeLook weights. Raises InputError if the motion has a residual."""
    animation = for_curves(animation, path)
    names = list(animation.head.names)
    weights = [[round(value, 6) for value in row] for row in animation.coefficients.tolist()]
    turns = head_angles(animation)[:, [1, 0, 2]].round(6).tolist()
    content = {
        "exportFps": animation.fps,
        "numPoses": len(names),
        "numFrames": len(animation),
        "facsNames": names,
        "weightMat": weights,
        "names": names,
        "frames": [
            {"weights": row, "time": round(t / animation.fps, 6), "rotation": turn}
            for t, (row, turn) in enumerate(zip(weights, turns, strict=True))
        ],
    }
    with replacing(path) as fresh:
        fresh.write_text(json.dumps(content, allow_nan=False, separators=(",", ":")), encoding="utf-8")
