"""FACEGOOD's Audio2Face takes (one woman, Mandarin, 30 fps) -> dataset.

Input: a folder with pairs NAME.flac (or .wav) and NAME.npz holding `weights` (T, 116), `names` (116,) and `fps`. The weights
are curves that animators made from video for a rig of their own. No document says what its channels look like: the table
below was inferred from their names (many are FACS units), from which of them move together, and from pictures of the result;
the factors bring lip aperture to about what tracked speech has on the same head. In these takes about 25 mouth channels
move and left equals right; the rest of the table is there for other takes of the same rig. Teeth and tongue channels, whose
meaning in space is unknown, are left out.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from talkinghead.audio.load import load_audio
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.data.tracking.landmarks import find_clips
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.io.files import load_npz
from talkinghead.motion.animation import Animation

VERSION = 3  # goes up when the same takes would give other motion
LICENCE = "MIT"
SPEAKER = "facegood"
FPS = 30.0

# channel -> what it does in ARKit's terms. {side} stands for both sides: _l for Left, _r for Right, the person's own.
TABLE: dict[str, dict[str, float]] = {
    "mouth_stretch_c": {"jawOpen": 0.45},
    "mouth_stretch_u": {"mouthUpperUpLeft": 0.5, "mouthUpperUpRight": 0.5},
    "mouth_oh_c": {"jawOpen": 0.08, "mouthFunnel": 0.35, "mouthPucker": 0.2},
    "mouth_oo_c": {"mouthPucker": 0.8, "mouthFunnel": 0.15},
    "mouth_funnel_dl": {"mouthFunnel": 0.15},
    "mouth_funnel_dr": {"mouthFunnel": 0.15},
    "mouth_funnel_ul": {"mouthFunnel": 0.15},
    "mouth_funnel_ur": {"mouthFunnel": 0.15},
    "mouth_pucker_l": {"mouthPucker": 0.45},
    "mouth_pucker_r": {"mouthPucker": 0.45},
    "mouth_suck_dl": {"mouthRollLower": 0.4},
    "mouth_suck_dr": {"mouthRollLower": 0.4},
    "mouth_suck_ul": {"mouthRollUpper": 0.3},
    "mouth_suck_ur": {"mouthRollUpper": 0.3},
    "mouth_press_{side}": {"mouthPress{Side}": 0.6},
    "mouth_chinRaise_d": {"mouthShrugLower": 0.8},
    "mouth_chinRaise_u": {"mouthShrugUpper": 0.6},
    "mouth_dimple_{side}": {"mouthDimple{Side}": 0.8},
    "mouth_lipCornerPull_{side}": {"mouthSmile{Side}": 0.6},
    "mouth_lipCornerPullOpen_{side}": {"mouthSmile{Side}": 0.6},
    "mouth_lipCornerDepress_{side}": {"mouthFrown{Side}": 0.8},
    "mouth_lipStretch_{side}": {"mouthStretch{Side}": 0.7},
    "mouth_lipStretchOpen_{side}": {"mouthStretch{Side}": 0.7},
    "mouth_lowerLipDepress_{side}": {"mouthLowerDown{Side}": 0.8},
    "mouth_upperLipRaise_{side}": {"mouthUpperUp{Side}": 0.8},
    "mouth_sideways_{side}": {"mouth{Side}": 0.7},
    "jaw_sideways_{side}": {"jaw{Side}": 0.7},
    "jaw_thrust_c": {"jawForward": 0.7},
    "cheek_puff_l": {"cheekPuff": 0.4},
    "cheek_puff_r": {"cheekPuff": 0.4},
    "cheek_raise_{side}": {"cheekSquint{Side}": 0.8},
    "nose_wrinkle_{side}": {"noseSneer{Side}": 0.8},
    "brow_lower_{side}": {"browDown{Side}": 0.8},
    "brow_raise_{side}": {"browOuterUp{Side}": 0.8},
    "brow_raise_c": {"browInnerUp": 0.8},
    "eye_blink1_{side}": {"eyeBlink{Side}": 1.0},
    "eye_lidTight_{side}": {"eyeSquint{Side}": 0.8},
    "eye_upperLidRaise_{side}": {"eyeWide{Side}": 0.8},
    "eye_lookUp_{side}": {"eyeLookUp{Side}": 1.0},
    "eye_lookDown1_{side}": {"eyeLookDown{Side}": 1.0},
    "eye_lookLeft_l": {"eyeLookOutLeft": 1.0},
    "eye_lookLeft_r": {"eyeLookInRight": 1.0},
    "eye_lookRight_l": {"eyeLookInLeft": 1.0},
    "eye_lookRight_r": {"eyeLookOutRight": 1.0},
}
# At these the rig's lips are shut, whatever the jaw does: at the weight given, as shut as they get. (In the takes they rise for
# a moment just before the mouth opens: /b p m/.)
SHUT = {"mouth_suck_dl": 0.2, "mouth_suck_ul": 0.2, "mouth_press_l": 0.2}
UPPER = ("brow", "eye")  # how the names begin of what a take need not have
OPENING = ("mouthFunnel", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight")


def takes(paths: list[Path], *, licence: str = LICENCE) -> tuple[list[Take], dict[str, str]]:
    """All pairs of weights and sound. licence: of the takes, if they are others than FACEGOOD's."""
    found = find_clips(paths, (".npz",))
    if not found:
        raise InputError(f"{paths[0] if paths else 'no paths'}: no takes (pairs of NAME.npz and NAME.flac)")
    out, dropped = [], {}
    for name, path in found.items():
        sound = next((p for s in (".flac", ".wav") if (p := path.with_suffix(s)).exists()), None)
        if sound is None:
            dropped[name] = f"no {path.stem}.flac or .wav beside it"
            continue
        details = {"tables": [TABLE, SHUT, OPENING]}
        out.append(Take(id=name, speaker=SPEAKER, files=(path, sound), licence=licence, details=details))
    return out, dropped


def read(take: Take) -> Recording:
    """The rig's weights as ARKit's, and the sound.

    Where no brow and no lid ever moves in a take, nobody animated them: they are left out, which says that they are not known.
    """
    path, sound = take.files
    weights, names, fps = read_take(path)
    head = _head()
    coefficients, quality = to_arkit(weights, names, head), {}
    if np.isfinite(coefficients).all():  # what is not is refused like any other recording
        aperture = Animation(coefficients, fps, head).lip_aperture()
        quality = {"mean_aperture_mm": float(aperture.mean() * 1000), "closed_share": float((aperture < 5e-4).mean())}
    upper = np.array([name.startswith(UPPER) for name in head.names])
    kept = np.ones(len(head.names), bool) if coefficients[:, upper].any() else ~upper
    names = tuple(name for name, keep in zip(head.names, kept, strict=True) if keep)
    return Recording(load_audio(sound), fps, names, coefficients[:, kept], quality=quality)


@lru_cache(maxsize=1)
def _head() -> Head:
    return Head.default()


def to_arkit(weights: np.ndarray, names: list[str], head: Head) -> np.ndarray:
    """(T, channels) of the rig -> (T, K) coefficients of `head` in [0, 1] by TABLE."""
    out = np.zeros((len(weights), len(head.names)), np.float32)
    for channel, name, factor in _rows():
        if channel in names:
            out[:, head.index(name)] += factor * np.maximum(weights[:, names.index(channel)], 0)
    marks = [weights[:, names.index(channel)] / full for channel, full in SHUT.items() if channel in names]
    shut = np.clip(np.max(marks, axis=0), 0, 1) if marks else np.zeros(len(weights), np.float32)
    out[:, [head.index(name) for name in OPENING]] *= (1 - shut)[:, None]
    out = np.clip(out, 0, 1)
    out[:, head.index("mouthClose")] = shut * out[:, head.index("jawOpen")]
    return out


def read_take(path: Path) -> tuple[np.ndarray, list[str], float]:
    """Weights (T, channels), their names and fps of an .npz. Raises InputError for anything else."""
    try:
        arrays = load_npz(path, ("weights", "names", "fps"))
        weights, names, fps = arrays["weights"].astype(np.float32), [str(n) for n in arrays["names"]], float(arrays["fps"])
    except InputError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a take ({error})") from None
    if weights.ndim != 2 or weights.shape[1] != len(names):
        raise InputError(f"{path}: weights {weights.shape} do not fit {len(names)} names")
    if not {channel for channel, _, _ in _rows()} & set(names):
        raise InputError(f"{path}: none of the channels of this rig")
    return weights, names, fps


def _rows() -> list[tuple[str, str, float]]:
    """TABLE with the sides written out: channel, ARKit name, factor."""
    sides = (("l", "Left"), ("r", "Right"))
    return [
        (channel.replace("{side}", short), name.replace("{Side}", long), factor)
        for channel, targets in TABLE.items()
        for name, factor in targets.items()
        for short, long in (sides if "{side}" in channel else (("", ""),))
    ]
