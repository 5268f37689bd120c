"""`.csv`: curves for engines, in the columns of Epic's Live Link Face app where the head has ARKit's shapes.

Live Link Face: `Timecode,BlendShapeCount,EyeBlinkLeft,...,TongueOut,HeadYaw,...,RightEyeRoll`, one row a frame, in the order in
which the app writes its takes. Timecodes are HH:MM:SS:FF.mmm from 00:00:00:00.000, when the sound starts; FF counts frames
and mmm thousandths of one (a rate that is no whole number counts in the next whole one, as real time). The app's nine angles
are radians. Those of the eyes have the signs that takes of the app have: yaw is negative to the own left, pitch positive down.
Those of the head are 0 in all takes at hand; written are angles about ARKit's axes of the face (x to its own left, y up, z
forward): yaw about y, then pitch about x, then roll about z, so positive means to the own left, down, and the own left side up.

Any other head: `time,<names of its shapes>` and, where the motion turns the head, `HeadYaw,HeadPitch,HeadRoll`; `time` in
seconds on the frame clock. Neither form has room for a translation.
"""

from __future__ import annotations

import csv
import warnings
from math import ceil
from pathlib import Path

import numpy as np

from talkinghead.errors import InputWarning
from talkinghead.export.curves import EYES, HEAD
from talkinghead.export.mesh import for_curves
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.motion.animation import Animation, eye_shapes
from talkinghead.motion.transfer.metahuman import is_metahuman

BLOCK = 500  # frames at a time
RATES = (30 / 1.001, 30.0, 60 / 1.001, 60.0)  # frames a second that importers of the app's takes know
LIVE_LINK = """
EyeBlinkLeft EyeLookDownLeft EyeLookInLeft EyeLookOutLeft EyeLookUpLeft EyeSquintLeft EyeWideLeft
EyeBlinkRight EyeLookDownRight EyeLookInRight EyeLookOutRight EyeLookUpRight EyeSquintRight EyeWideRight
JawForward JawRight JawLeft JawOpen MouthClose MouthFunnel MouthPucker MouthRight MouthLeft MouthSmileLeft MouthSmileRight
MouthFrownLeft MouthFrownRight MouthDimpleLeft MouthDimpleRight MouthStretchLeft MouthStretchRight MouthRollLower
MouthRollUpper MouthShrugLower MouthShrugUpper MouthPressLeft MouthPressRight MouthLowerDownLeft MouthLowerDownRight
MouthUpperUpLeft MouthUpperUpRight BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft BrowOuterUpRight CheekPuff
CheekSquintLeft CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut
""".split()


def write(animation: Animation, path: Path) -> None:
    """Write the curves. Gaze goes into the eyeLook shapes and, in Live Link's form, into the angles of the eyes too.

    Warns of a rate that Unreal and Maya misread: they take takes for 30 or 60 frames a second, whatever their timecodes say.
    """
    animation = for_curves(animation, path) if is_metahuman(path) else animation
    head = animation.head
    live_link = {name.lower() for name in head.names} <= {name.lower() for name in LIVE_LINK}
    if live_link:
        header = ["Timecode", "BlendShapeCount", *LIVE_LINK, *HEAD, *EYES]
        if not np.isclose(animation.fps, RATES, rtol=1e-4).any():
            rate = f"{path}: Unreal and Maya would play {animation.fps:g} frames a second at another speed"
            warnings.warn(f"{rate}; for them write 60 or 30, with --fps or Animation.resample", InputWarning, stacklevel=2)
    else:
        header = ["time", *head.names, *(HEAD if animation.rotation is not None else ())]
    done = 0
    with replacing(path) as fresh, fresh.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        for part in animation.parts(BLOCK):
            values = _columns(for_curves(part, path), live_link)
            for t, row in enumerate(np.stack(values, 1).tolist(), done):
                start = [timecode(t / part.fps, part.fps), str(len(row))] if live_link else [f"{(t + 0.5) / part.fps:.6f}"]
                out.writerow([*start, *(f"{value:.8f}" for value in row)])
            done += len(part)


def _columns(animation: Animation, live_link: bool) -> list[np.ndarray]:
    """(T,) values of each column but the first ones, which tell the time."""
    weights, turns = animation.coefficients, head_angles(animation)
    if not live_link:
        return [*weights.T, *(turns.T if animation.rotation is not None else ())]
    curves = dict(zip((name.lower() for name in animation.head.names), weights.T, strict=True))
    zero = np.zeros(len(animation), np.float32)
    return [*(curves.get(name.lower(), zero) for name in LIVE_LINK), *turns.T, *eye_angles(animation).T]


def timecode(seconds: float, fps: float) -> str:
    """HH:MM:SS:FF.mmm as the app writes it: frames and thousandths of a frame after whole seconds of real time."""
    nominal = ceil(fps - 1e-6)
    whole, thousandths = divmod(round(seconds * nominal * 1000), nominal * 1000)
    frame, thousandths = divmod(thousandths, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{frame:02d}.{thousandths:03d}"


def head_angles(animation: Animation) -> np.ndarray:
    """(T, 3) rad: yaw, pitch, roll as the module says."""
    return np.zeros((len(animation), 3)) if animation.rotation is None else head_turns(animation.rotation)


def head_turns(rotation: np.ndarray) -> np.ndarray:
    """(T, 3) axis-angle rad of the head -> (T, 3) yaw, pitch, roll."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(rotation).as_euler("YXZ")


def eye_angles(animation: Animation) -> np.ndarray:
    """(T, 6) rad: yaw, pitch, roll of the left and the right eye, as far as the eyeLook shapes turn them."""
    return eye_turns(animation.coefficients, animation.head)


def eye_turns(coefficients: np.ndarray, head: Head) -> np.ndarray:
    """`eye_angles` of (T, K) weights of a head."""
    out = np.zeros((len(coefficients), 6))
    for name, (eye, axis, reach) in eye_shapes(head).items():
        # `gaze` is positive to the own left and up, the app's angles to the own right and down
        out[:, 3 * eye + axis] -= reach * coefficients[:, head.index(name)]
    return out
