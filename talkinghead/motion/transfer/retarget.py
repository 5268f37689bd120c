"""Weights for one head put onto another by the names of its shapes. T frames, K shapes, A shapes of ARKit, C controls.

Shapes that both have in ARKit's terms are copied. For visemes, expressions and other shapes that do several things at once,
weights are found with which the other head's controls do most nearly what the weights do on the default head, in millimetres.
Then the lips: where both heads tell how far a shape parts them, the gap between them is made the same share of the width of
the mouth, frame by frame; so a mouth opens as far as it should, and shuts when the first one shuts.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from talkinghead.head.blendshapes import ARKIT, solve_box
from talkinghead.head.character.controls import UNITS, Control, find_controls
from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import LIP_LANDMARKS, lip_gap
from talkinghead.head.transfer.shape_sets import SETS, set_of, shape_set

MOST = 1.5  # weight of a shape that opens the mouth: some are modelled for a small opening
LIPS = 30.0  # how much more the gap between the lips counts than a vertex of the skin
REST = 1e-3  # of the largest curvature: added to each, so that alike controls share the work


def controls_of(head: Head) -> tuple[Control, ...]:
    """What the head can be made to do by its shapes."""
    return head.character.controls if head.character is not None else find_controls(head.names)


def to_arkit(coefficients: np.ndarray, head: Head) -> np.ndarray | None:
    """(T, K) weights of a head -> (T, A) of ARKit's shapes, in the order of ARKIT; None where no name says what it does."""
    if (kind := set_of(head.names)) is not None:
        named = [list(SETS[kind]).index(name) for name in head.names]
        return coefficients @ shape_set(kind, ARKIT)[1][named]
    controls = [control for control in controls_of(head) if len(control.drives) == 1]
    if not controls:
        return None
    out = np.zeros((len(coefficients), len(ARKIT)), np.float32)
    for control in controls:
        shape = next(iter(control.drives))
        for name, weight in control.recipe.items():
            column, value = ARKIT.index(name), weight * coefficients[:, head.names.index(shape)]
            whole = control.family in UNITS  # halves of one shape, such as ICT's, say the same twice
            out[:, column] = np.maximum(out[:, column], value) if whole else out[:, column] + value
    return out


def from_arkit(weights: np.ndarray, head: Head, gap: np.ndarray | None = None) -> np.ndarray | None:
    """(T, A) weights of ARKit's shapes -> (T, K) of a head; None for a head none of whose shapes are known by name.

    gap: (T,) how far the lips are to be apart, in widths of the mouth; as on the default head if not given.
    """
    controls = controls_of(head)
    if not controls:
        return None
    out = np.zeros((len(weights), len(head.names)), np.float32)
    for control, values in zip(controls, _values(weights, controls).T, strict=True):
        for shape, share in control.drives.items():
            out[:, head.names.index(shape)] += share * values
    gap = weights @ default_partings() if gap is None else gap
    return _with_gap(np.clip(out, 0, 1), np.maximum(gap, 0), controls, head)


def lip_gap_of(coefficients: np.ndarray, head: Head) -> np.ndarray | None:
    """(T,) how far (T, K) weights of a head part its lips, in widths of its mouth; None where the head does not tell."""
    each = lip_partings(head)
    return None if each is None else coefficients @ each


def lip_partings(head: Head) -> np.ndarray | None:
    """(K,) widths of the mouth by which each shape parts the lips; None where the head does not tell."""
    if not head.landmarks.keys() >= set(LIP_LANDMARKS) or not len(head.template):
        return None
    width = float(np.linalg.norm(np.diff(head.landmark(list(LIP_LANDMARKS[2:])), axis=0)))
    return lip_gap(head)[0] / width if width > 0 else None


def _values(weights: np.ndarray, controls: tuple[Control, ...]) -> np.ndarray:
    """(T, C) how far each control goes: single shapes as they are, the others together by least squares on what is left."""
    recipes = np.zeros((len(controls), len(ARKIT)))
    for row, control in enumerate(controls):
        recipes[row, [ARKIT.index(name) for name in control.recipe]] = list(control.recipe.values())
    single = np.array([control.family in UNITS for control in controls])
    out = np.zeros((len(weights), len(controls)))
    out[:, single] = weights @ recipes[single].T
    if single.all():
        return out
    left = np.where(recipes[single].any(0), 0, weights).astype(np.float64)
    shared = recipes[~single]
    linear = gram() @ shared.T
    matrix = shared @ linear
    matrix += REST * np.eye(len(matrix)) * matrix.max()
    out[:, ~single] = solve_box(lambda w: w @ matrix, left @ linear, np.diag(matrix))
    return out


@lru_cache(maxsize=1)
def gram() -> np.ndarray:
    """(A, A) products of what ARKit's shapes do on the default head, in mm; the gap between the lips counts LIPS-fold."""
    head = Head.default()
    order = [head.index(name) for name in ARKIT]
    moved = head.basis[order].reshape(len(ARKIT), -1).astype(np.float64) * 1000
    gap = lip_gap(head)[0][order].astype(np.float64) * 1000
    return moved @ moved.T + LIPS**2 * np.outer(gap, gap)


@lru_cache(maxsize=1)
def default_partings() -> np.ndarray:
    """(A,) `lip_partings` of the default head, in the order of ARKIT."""
    head = Head.default()
    each = lip_partings(head)
    assert each is not None
    return each[[head.index(name) for name in ARKIT]]


def _with_gap(out: np.ndarray, wanted: np.ndarray, controls: tuple[Control, ...], head: Head) -> np.ndarray:
    """(T, K) with lips that are (T,) `wanted` apart, in widths of the mouth; 0 shuts them, and may press them."""
    mine = lip_partings(head)
    if mine is None:
        return out
    opener = max(controls, key=lambda control: control.recipe.get("jawOpen", 0))
    opening = np.zeros(len(head.names))
    opening[[head.names.index(shape) for shape in opener.drives]] = list(opener.drives.values())
    if (reach := float(opening @ mine)) <= 0:
        return out
    more = wanted - out @ mine
    more = np.where(wanted > 0, more, np.minimum(more, 0))
    room = (MOST - out @ opening).clip(min=0)
    out = np.maximum(out + np.clip(more / reach, -1, room)[:, None] * opening, 0)
    for shape in (s for c in controls if "mouthClose" in c.recipe and c.family in UNITS for s in c.drives):
        column = head.names.index(shape)  # it only takes back what the jaw parts
        out[:, column] = np.minimum(out[:, column], out @ opening)
    parts = out @ np.maximum(mine, 0)
    too_far = np.clip(out @ mine - wanted, 0, parts)
    keep = 1 - np.divide(too_far, parts, out=np.zeros_like(parts), where=parts > 0)
    return np.where(mine > 0, out * keep[:, None], out).astype(np.float32)
