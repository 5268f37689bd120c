"""How well a model's tongue follows sensors on real ones: python tools/measure/measure_tongue.py FOLDER [--model FOLDER].

FOLDER has, for each recording, ID.ogg, or other sound, and ID.sensors.npz of an articulograph: one array (T, sensors, 3) and
`fps`. Printed are, for tip and body, the mean over recordings of Pearson's correlation of height at the one constant lag that
suits all best, that lag, and the typical standard deviation of the head's and of the real height, in mm.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from talkinghead import Talker
from talkinghead.audio.clock import frame_times
from talkinghead.io.files import sound_of
from talkinghead.metrics.lips import LAGS, lagged
from talkinghead.motion.animation import Animation
from talkinghead.motion.tongue import tongue_bend, tongue_tip


def heights(animation: Animation) -> dict[str, np.ndarray]:
    """(T,) mm: height of the tip and of the middle of the body."""
    head, bend = animation.head, tongue_bend(animation.head)
    tip = tongue_tip(head)
    if bend is None or tip is None:
        raise SystemExit(f"head {head.name}: has no tongue")
    body = int(np.argmax(bend[:, 1] - 10 * np.abs(head.template[:, 0])))  # near the middle of the mouth
    out = {}
    for name, vertex in (("tip", tip), ("body", body)):
        out[name] = 1000 * animation.coefficients @ head.basis[:, vertex, 1]
        if animation.tongue is not None:
            out[name] = out[name] + 1000 * animation.tongue @ bend[vertex]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default=None)
    parser.add_argument("--array", default="position_0p01mm", help="name of the array of positions")
    parser.add_argument("--millimetres", type=float, default=0.01, help="that 1 in the array is")
    parser.add_argument("--up", type=int, default=2, help="which coordinate is the height")
    parser.add_argument("--tip", type=int, default=6, help="which sensor is on the tip")
    parser.add_argument("--body", type=int, default=5, help="which sensor is on the middle")
    args = parser.parse_args()
    talker = Talker.from_pretrained(args.model)
    rows: dict[str, list] = {"tip": [], "body": []}
    for path in sorted(args.folder.glob("*.sensors.npz")):
        stem = path.name.removesuffix(".sensors.npz")
        sound = sound_of(path.with_name(stem))
        if sound is None:
            raise SystemExit(f"{path}: has no sound beside it")
        with np.load(path, allow_pickle=False) as file:
            real, fps = file[args.array][..., args.up] * args.millimetres, float(file["fps"])
        animation = talker.animate(sound, fps=50, idle=0)
        for name, ours in heights(animation).items():
            true = real[:, args.tip if name == "tip" else args.body].astype(float)
            at_lags = lagged(frame_times(len(true), fps), true, animation.times, ours)
            rows[name].append((at_lags, ours.std(), true.std()))
    for name, found in rows.items():
        table = np.nanmean([one[0] for one in found], axis=0)
        best = int(table.argmax())
        spread = [round(float(np.mean([one[i] for one in found])), 2) for i in (1, 2)]
        figures = {"r": round(float(table[best]), 3), "lag_ms": round(LAGS[best] * 1000), "mm": spread[0], "real_mm": spread[1]}
        print(json.dumps({"what": name, "recordings": len(found), **figures}))


if __name__ == "__main__":
    main()
