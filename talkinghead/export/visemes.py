"""Which of Oculus' fifteen visemes a mouth shows when, told from the weights of ARKit's shapes.

Each frame has a log probability of every viseme: by its distance from that viseme's mean in speech whose phonemes are known, or
from the preset of `head.visemes` at the strength that fits best, whichever is nearer; distances are those of FEATURES with
the covariance that they have in speech (`tools/train/fit_visemes.py`). Lips that touch are PP; for longer than a pause
between words they are sil. The sequence is the likeliest one with a price for each change (Viterbi 1967). T frames, F features,
S visemes, A shapes of ARKit.
"""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import groupby

import numpy as np

from talkinghead.errors import InputError
from talkinghead.files import asset
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.landmarks import INNER_LIPS
from talkinghead.head.visemes import NAMES, PAIRED, VISEMES
from talkinghead.motion.animation import Animation
from talkinghead.motion.transfer.retarget import default_partings, to_arkit
from talkinghead.motion.transfer.surface import is_signed

PHONEMES = {  # ARPAbet -> viseme
    phoneme: viseme
    for viseme, phonemes in {
        **{"sil": "SIL", "PP": "P B M", "FF": "F V", "TH": "TH DH", "DD": "T D", "kk": "K G NG HH", "CH": "CH JH SH ZH"},
        **{"SS": "S Z", "nn": "N L", "RR": "R ER", "aa": "AA AE AH AW AY", "E": "EH EY", "I": "IH IY Y", "O": "AO OW OY"},
        "U": "UW UH W",
    }.items()
    for phoneme in phonemes.split()
}
SINGLE = ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugLower")
FEATURES = (*PAIRED, *SINGLE, "mouthShrugUpper", "tongueOut", "gap")  # weights, of PAIRED their mean, and the lips' gap
GAP = 4.0  # of the gap between the lips in widths of the mouth, so that it is as large as weights are
STRENGTHS = (0.35, 1.3)  # of a preset, as a share of its weights
PRESET = 2.0  # log probability that it costs to be told by a preset
RATE = 30.0  # frames a second at which CHANGE was set
CHANGE = 2.0  # price of a change, as a log probability
TOUCH = 5e-4  # metres between lips that touch
PAUSE = 0.25  # seconds: longer closures are no consonants
SURE = 30.0  # log probability that is taken off visemes which the lips rule out
SILENT, CLOSED = NAMES.index("sil"), NAMES.index("PP")


def spans(animation: Animation) -> list[tuple[float, float, str]]:
    """(start, end, viseme) in seconds, one after the other, from 0 to the end. Raises InputError without such shapes."""
    motion = animation.to("arkit") if is_signed(animation.head) else animation
    weights = to_arkit(motion.coefficients, motion.head)
    if weights is None:
        raise InputError(f"visemes are told from ARKit's shapes, and head {animation.head.name!r} has none of them")
    likely = scores(features(weights), _fitted())
    if all(name in motion.head.landmarks for name in INNER_LIPS):
        _add_closures(likely, motion.lip_aperture() < TOUCH, motion.fps)
    out, start = [], 0
    for state, run in groupby(best_path(likely, motion.fps).tolist()):
        end = start + len(list(run))
        out.append((start / motion.fps, end / motion.fps, NAMES[state]))
        start = end
    return out


def features(weights: np.ndarray) -> np.ndarray:
    """(T, A) weights in the order of ARKIT -> (T, F)."""
    rows = [[ARKIT.index(f"{name}{side}") for side in ("Left", "Right")] for name in PAIRED]
    rows += [[ARKIT.index(name)] for name in FEATURES[len(PAIRED) : -1]]
    gap = GAP * np.maximum(weights @ default_partings(), 0)
    return np.stack([*(weights[:, row].mean(1) for row in rows), gap], 1).astype(np.float64)


def scores(values: np.ndarray, fitted: dict[str, np.ndarray]) -> np.ndarray:
    """(T, F) features -> (T, S) log probabilities, but for what all visemes of a frame have in common.

    fitted: `whitening` (F, F), which makes the covariance that of unit spheres, `means` (S, F) after it, `offsets` (S,).
    """
    white, presets = values @ fitted["whitening"], _presets() @ fitted["whitening"]
    size, along = np.maximum((presets**2).sum(1), 1e-9), white @ presets.T
    strength = np.clip(along / size, *STRENGTHS)
    far = (white**2).sum(1)[:, None]
    means = far - 2 * white @ fitted["means"].T + (fitted["means"] ** 2).sum(1)
    drawn = far - 2 * strength * along + strength**2 * size
    return fitted["offsets"] - np.minimum(means / 2, drawn / 2 + PRESET)


def best_path(likely: np.ndarray, fps: float) -> np.ndarray:
    """(T, S) log probabilities -> (T,) the visemes of the likeliest sequence."""
    price = CHANGE * (1 - np.eye(likely.shape[1]))
    likely = likely * (RATE / fps)
    total, before = likely[0], []
    for row in likely[1:]:
        ways = total[:, None] - price
        before.append(ways.argmax(0))
        total = ways.max(0) + row
    path = [int(total.argmax())]
    for choice in reversed(before):
        path.append(int(choice[path[-1]]))
    return np.array(path[::-1])


@lru_cache(maxsize=1)
def _fitted() -> dict[str, np.ndarray]:
    content = json.loads(asset("visemes.json").read_text(encoding="utf-8"))
    return {name: np.array(content[name]) for name in ("whitening", "means", "offsets")}


@lru_cache(maxsize=1)
def _presets() -> np.ndarray:
    """(S, F) features of the presets."""
    weights = np.zeros((len(NAMES), len(ARKIT)))
    for row, recipe in enumerate(VISEMES.values()):
        weights[row, [ARKIT.index(name) for name in recipe]] = list(recipe.values())
    return features(weights)


def _add_closures(likely: np.ndarray, touching: np.ndarray, fps: float) -> None:
    """Runs of touching lips are PP or, if they are long, sil; without touch nothing is PP."""
    likely[~touching, CLOSED] -= SURE
    start = 0
    for closed, run in groupby(touching.tolist()):
        end = start + len(list(run))
        if closed:
            state = SILENT if end - start > PAUSE * fps or start == 0 or end == len(touching) else CLOSED
            likely[start:end, [i for i in range(len(NAMES)) if i != state]] -= SURE
        start = end
