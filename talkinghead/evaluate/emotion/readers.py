"""Two readers of emotion from the geometry of a face, neither of which was used in training, and what they can and cannot tell.

Input of both are positions of brows, lids, cheeks, nose, mouth and chin, in eye distances from the same face at rest, as means
over a clip; pictures and the weights of shapes are not. D descriptors, T frames.

units     no training: how far the descriptors moved from the neutral motion of the same clip, compared by its direction with
          what the action units of each emotion do (Friesen, Ekman 1983, EMFACS-7; Du, Tao, Martinez 2014, PNAS 111, table 1).
          It tells whether the documented units move, and not whether a stranger would name the emotion.
geometry  logistic regression with a ridge (`metrics.emotion_classifier`) on the descriptors, with neutral as a class,
          trained on the authored expressions of `motion.expressions`, the generator of the training data, over random visemes,
          on people, manners and strengths of its own. Its reference is what is authored: a model that shows exactly this
          scores 1, however little like people.

Whether people agree with either needs judges that were trained on photographs: tools/measure/judge_emotions.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from talkinghead.head.head import Head
from talkinghead.head.visemes import viseme_matrix
from talkinghead.metrics import emotion_classifier as classifier
from talkinghead.motion.animation import Animation
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner, layer

# Name, landmarks, axis (0 sideways, 1 up) and sign; of a pair left and right: their mean, or how far apart they are.
MEANS = {
    "inner_brow": ("brow_left_inner", "brow_right_inner"),
    "outer_brow": ("brow_left_outer", "brow_right_outer"),
    "upper_lid": ("eye_left_upper", "eye_right_upper"),
    "lower_lid": ("eye_left_lower", "eye_right_lower"),
    "cheek": ("tracker_280", "tracker_050"),
    "nostril": ("tracker_278", "tracker_048"),
    "corner": ("lip_corner_left", "lip_corner_right"),
    "upper_lip": ("lip_upper_outer", "lip_upper_outer"),
    "lower_lip": ("lip_lower_outer", "lip_lower_outer"),
    "chin": ("chin", "chin"),
}
SPREADS = {"brow_gap": ("brow_left_inner", "brow_right_inner"), "width": ("lip_corner_left", "lip_corner_right")}
SKEWS = {"skew": ("lip_corner_left", "lip_corner_right")}  # one corner higher than the other
GAPS = {"aperture": ("lip_upper_inner", "lip_lower_inner")}
FLESH = ("lip_upper_outer", "lip_upper_inner", "lip_lower_inner", "lip_lower_outer")  # red of both lips: pressed or rolled in
DESCRIPTORS = (*MEANS, *SPREADS, *SKEWS, *GAPS, "red")
# What the units of an emotion do to the descriptors [EMFACS-7; Du et al.]; 1 is much, signs are up, out, open, thick.
# Disgust is 9 + 10, often with 4.
PROTOTYPES: dict[str, dict[str, float]] = {
    "happy": {"cheek": 1, "lower_lid": 0.5, "corner": 1, "width": 1, "upper_lip": 0.5, "skew": -0.7},  # 6 + 12 + 25, both sides
    "sad": {"inner_brow": 1, "brow_gap": -0.5, "upper_lid": -0.5, "corner": -1, "lower_lip": 0.3},  # 1 + 4 + 15 (+ 17)
    "surprised": {"inner_brow": 1, "outer_brow": 1, "upper_lid": 1, "chin": -1, "aperture": 0.7},  # 1 + 2 + 5 + 26
    "fearful": {
        "inner_brow": 1,
        "brow_gap": -0.5,
        "upper_lid": 1,
        "width": 0.7,
        "corner": -0.4,
        "lower_lip": -0.4,
    },  # 1+2+4+5+20
    "disgusted": {"nostril": 1, "upper_lip": 0.7, "cheek": 0.5, "lower_lid": 0.4, "inner_brow": -0.5, "brow_gap": -0.5},
    "angry": {"inner_brow": -1, "outer_brow": -0.7, "brow_gap": -0.7, "lower_lid": 0.5, "red": -0.7},  # 4 + 5 + 7 + 23/24
    "contempt": {"skew": 1, "corner": 0.3},  # 12 + 14 on one side
}
UNSURE = 0.05  # of what single shapes do: noise that the trained reader learns to live with
PEOPLE, EACH = range(9001, 9007), 40  # seeds of faces that nothing else draws; clips of each emotion
CLIP, CHANGE = 60, 4  # frames of such a clip, frames from one viseme to the next


def readable(head: Head) -> bool:
    """Whether a head has all landmarks of the descriptors, and eyes to measure with."""
    pairs = {**MEANS, **SPREADS, **SKEWS, **GAPS}.values()
    wanted = {name for pair in pairs for name in pair} | {*FLESH}
    return wanted <= head.landmarks.keys() and {"left_eye", "right_eye"} <= head.joints.keys()


def descriptors(animation: Animation) -> np.ndarray:
    """(T, D) of DESCRIPTORS in eye distances, as changes from the head at rest."""
    head = animation.head
    unit = float(np.linalg.norm(head.joints["left_eye"] - head.joints["right_eye"]))
    where = {name: animation.landmark(name) - head.landmark(name) for name in _names()}
    columns = [(where[a][:, 1] + where[b][:, 1]) / 2 for a, b in MEANS.values()]
    columns += [where[a][:, 0] - where[b][:, 0] for a, b in SPREADS.values()]  # x is to the head's own left
    columns += [np.abs(where[a][:, 1] - where[b][:, 1]) for a, b in SKEWS.values()]
    columns += [where[a][:, 1] - where[b][:, 1] for a, b in GAPS.values()]
    top, upper, lower, bottom = (where[name][:, 1] for name in FLESH)
    return np.stack([*columns, top - upper + lower - bottom], 1).astype(np.float64) / unit


def _names() -> list[str]:
    pairs = {**MEANS, **SPREADS, **SKEWS, **GAPS}.values()
    return list(dict.fromkeys([name for pair in pairs for name in pair] + [*FLESH]))


@cache
def _reach() -> np.ndarray:
    """(D,) eye distances: the most that a single shape of the default head does to each descriptor, left and right together."""
    head = Head.default()
    stems = sorted({name.removesuffix("Left").removesuffix("Right") for name in head.names})
    weights = np.array([[name in (stem, f"{stem}Left", f"{stem}Right") for name in head.names] for stem in stems], np.float32)
    both = np.abs(descriptors(Animation(weights, 1.0, head))).max(0)
    alone = np.abs(descriptors(Animation(np.eye(len(head.names), dtype=np.float32), 1.0, head))).max(0)
    skewed = np.isin(DESCRIPTORS, list(SKEWS))  # what pairs together do not
    return np.where(skewed, alone, both)


def by_units(change: np.ndarray) -> str:
    """The emotion whose action units (D,) a mean change from neutral is most like; "neutral" if there is none at all."""
    x = change / _reach()
    if not np.linalg.norm(x) > 1e-6:
        return EMOTIONS[0]
    wanted = np.array([[row.get(name, 0.0) for name in DESCRIPTORS] for row in PROTOTYPES.values()])
    likeness = wanted @ x / (np.linalg.norm(wanted, axis=1) * np.linalg.norm(x))
    return list(PROTOTYPES)[int(likeness.argmax())]


@cache
def geometry() -> Callable[[np.ndarray], list[str]]:
    """The trained reader: (n, D) mean descriptors of clips -> n of EMOTIONS. Always the same; takes a few seconds once."""
    rows, labels = zip(*_examples(), strict=True)
    return classifier.train(np.stack(rows), list(labels))


def _examples() -> list[tuple[np.ndarray, str]]:
    """Mean descriptors and emotion of EACH authored clips an emotion: random visemes, people, manners and strengths."""
    rng, out = np.random.default_rng(9001), []
    people = [Head.default(seed=seed) for seed in PEOPLE]
    visemes = viseme_matrix(people[0])
    keys = np.arange(0, CLIP + CHANGE, CHANGE)
    for i, emotion in enumerate(EMOTIONS):
        for k in range(EACH):
            head = people[k % len(people)]
            said = visemes[rng.integers(0, len(visemes), len(keys))] * rng.uniform(0.4, 1.0)
            speech = np.stack([np.interp(np.arange(CLIP), keys, column) for column in said.T], 1).astype(np.float32)
            curve = np.zeros((CLIP, len(EMOTIONS)), np.float32)
            curve[:, i] = rng.uniform(0.2, 1.0)
            shown = layer(speech, curve, head.names, Manner.draw(rng))
            mean = descriptors(Animation(shown, 25.0, head)).mean(0)
            out.append((mean + UNSURE * _reach() * rng.standard_normal(len(mean)), emotion))
    return out
