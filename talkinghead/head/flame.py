"""FLAME (Li et al., "Learning a model of facial shape and expression from 4D scans", SIGGRAPH Asia 2017), as its users have it.

The models of 2020, 2023 and 2023 Open are read from the `.pkl` that one downloads, without running it, or from an `.npz` with
the same keys. They are gated by their licences and never part of talkinghead.

Legend: T frames, V vertices, S shape and E expression parameters, J joints (root, neck, jaw, left eye, right eye).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head

SHAPES = 300  # columns of shapedirs before the expressions, in the models with 400
NAMES = {"neck": 1, "jaw": 2, "left_eye": 3, "right_eye": 4}  # joints
AXES = ("jaw_x", "jaw_y", "jaw_z")
TYPICAL = 0.2  # rad: a jaw open in speech
KEYS = ("v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table")
MASKS = "FLAME_masks.pkl"


@dataclass(frozen=True, eq=False)
class Flame:
    """A FLAME model; metres, y up, z towards the viewer, +x the head's own left."""

    template: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3) int32
    shape: np.ndarray  # (V, 3, S)
    expression: np.ndarray  # (V, 3, E)
    pose: np.ndarray  # (V, 3, 9 (J - 1)): correctives, weighted with the entries of R - 1 of every joint but the root
    regressor: np.ndarray  # (J, V): joints from vertices at rest
    weights: np.ndarray  # (V, J): skinning
    parents: tuple[int, ...]  # of each joint; -1 for the root
    regions: dict[str, np.ndarray] = field(default_factory=dict)
    name: str = "flame"

    def vertices(
        self,
        expression: np.ndarray,
        jaw: np.ndarray,
        shape: np.ndarray | None = None,
        *,
        neck: np.ndarray | None = None,
        eyes: np.ndarray | None = None,
    ) -> np.ndarray:
        """(T, up to E) expression, (T, 3) jaw, (up to S,) shape, (T, 3) neck, (T, 2, 3) eyes, axis-angle rad -> (T, V, 3)."""
        from scipy.spatial.transform import Rotation

        count = len(expression)
        rest = self.rest(shape) + _sum(self.expression[..., : expression.shape[1]], expression)
        joints = self.regressor @ rest
        turns = np.zeros((count, len(self.parents), 3))
        turns[:, NAMES["jaw"]] = jaw
        turns[:, NAMES["neck"]] = 0 if neck is None else neck
        turns[:, NAMES["left_eye"] :] = 0 if eyes is None else eyes
        matrices = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(count, -1, 3, 3)
        correctives = (matrices[:, 1:] - np.eye(3)).reshape(count, -1)
        posed = rest + _sum(self.pose, correctives)
        turned, moved = matrices.copy(), joints.copy()  # of each joint in the world
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                turned[:, joint] = turned[:, parent] @ matrices[:, joint]
                arm = joints[:, joint] - joints[:, parent]
                moved[:, joint] = moved[:, parent] + np.einsum("txy,ty->tx", turned[:, parent], arm)
        shift = moved - np.einsum("tjxy,tjy->tjx", turned, joints)
        out = np.zeros_like(posed)
        for joint in range(len(self.parents)):  # one at a time: (T, V, 3, 3) of all would be large
            out += self.weights[:, joint, None] * (posed @ np.swapaxes(turned[:, joint], 1, 2) + shift[:, joint, None])
        return out.astype(np.float32)

    def rest(self, shape: np.ndarray | None = None) -> np.ndarray:
        """(V, 3): the face of (up to S,) shape parameters at rest."""
        return self.template if shape is None else self.template + self.shape[..., : len(shape)] @ np.asarray(shape, np.float64)

    def head(self, shape: np.ndarray | None = None) -> Head:
        """The model as linear shapes: expression_000 ..., and the jaw's three angles, so that its parameters are coefficients.

        Expressions are exact while the jaw is shut. The jaw's turn becomes a straight line, a secant: it is exact at 0.2 rad
        about x (open), and about y and z the mean of both sides. A chin 0.1 m from the joint is then 0.5 mm off at 0.1 rad,
        1.5 mm at 0.3 and 4 mm at 0.4; `vertices` has no such error.
        """
        rest, none = self.rest(shape), np.zeros((3, 0))
        there = self.vertices(none, TYPICAL * np.eye(3), shape) - rest
        back = self.vertices(none, -TYPICAL * np.eye(3), shape) - rest
        jaw = np.stack([there[0], (there[1] - back[1]) / 2, (there[2] - back[2]) / 2]) / TYPICAL
        joints = self.regressor @ rest
        names = (*(f"expression_{i:03d}" for i in range(self.expression.shape[2])), *AXES)
        from talkinghead.head.landmarks import find_landmarks

        return Head(
            name=self.name,
            template=rest.astype(np.float32),
            faces=self.faces,
            basis=np.concatenate([np.moveaxis(self.expression, 2, 0), jaw]).astype(np.float32),
            names=names,
            regions=self.regions,
            landmarks=find_landmarks(rest, self.faces, self.regions),
            joints={name: joints[joint].astype(np.float32) for name, joint in NAMES.items()},
            provenance={"source": "FLAME, supplied by the user", "licence": "FLAME's; do not pass on"},
        )


def read_flame(path: str | Path) -> Flame:
    """A FLAME model from a `.pkl` or an `.npz`, with the regions of a FLAME_masks.pkl that lies beside it.

    Raises InputError for anything else.
    """
    path = Path(path)
    found = _read(path)
    missing = [key for key in KEYS if not isinstance(found.get(key), np.ndarray)]
    if missing:
        raise InputError(f"{path}: not a FLAME model: it has no {', '.join(missing[:3])}")
    arrays = {key: _numbers(path, key, found[key]) for key in KEYS}
    template, regressor, weights, poses, directions = (
        arrays[key].astype(np.float64, copy=False) for key in ("v_template", "J_regressor", "weights", "posedirs", "shapedirs")
    )
    if directions.ndim != 3:
        raise InputError(f"{path}: not a FLAME model: shapedirs has shape {directions.shape}")
    v, j = len(directions), len(NAMES) + 1
    shapes = {"v_template": (v, 3), "J_regressor": (j, v), "weights": (v, j), "posedirs": (v, 3, 9 * (j - 1))}
    wrong = [key for key, shape in shapes.items() if arrays[key].shape != shape]
    if wrong or directions.shape[:2] != (v, 3) or arrays["kintree_table"].shape != (2, j) or not v:
        key = (wrong or ["shapedirs or kintree_table"])[0]
        raise InputError(f"{path}: not a FLAME model: its {key} does not fit {v} vertices and {j} joints")
    faces, parents = arrays["f"].astype(np.int64), [int(p) for p in arrays["kintree_table"][0]]
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.min(initial=0) < 0 or faces.max(initial=0) >= v:
        raise InputError(f"{path}: not a FLAME model: its faces do not fit {v} vertices")
    if not all(0 <= parent < joint for joint, parent in enumerate(parents) if joint):
        raise InputError(f"{path}: not a FLAME model: its joints have parents {parents}")
    if directions.shape[2] <= SHAPES:
        raise InputError(
            f"{path}: {directions.shape[2]} shape directions; 300 of identity and up to 100 of expression expected"
        )
    return Flame(
        template=template,
        faces=faces.astype(np.int32),
        shape=directions[..., :SHAPES],
        expression=directions[..., SHAPES:],
        pose=poses,
        regressor=regressor,
        weights=weights,
        parents=(-1, *parents[1:]),
        regions=_regions(path.with_name(MASKS), v),
    )


def _numbers(path: Path, key: str, array: np.ndarray) -> np.ndarray:
    """An array of finite numbers, also in float32. Raises InputError."""
    with np.errstate(over="ignore"):
        if array.dtype.kind not in "iuf" or not np.isfinite(array.astype(np.float32)).all():
            raise InputError(f"{path}: not a FLAME model: {key} holds something else than finite numbers")
    return array


def _sum(directions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(V, 3, E) directions, (T, E) weights -> (T, V, 3)."""
    flat = directions.reshape(directions.shape[0] * 3, directions.shape[2])
    return (weights @ flat.T).reshape(len(weights), *directions.shape[:2])


def _read(path: Path) -> dict:
    from talkinghead.io.files import load_npz
    from talkinghead.io.pickles import read_pickle

    found = load_npz(path, KEYS) if path.suffix == ".npz" else read_pickle(path)
    if not isinstance(found, dict):
        raise InputError(f"{path}: not a FLAME model")
    return found


def _regions(path: Path, vertices: int) -> dict[str, np.ndarray]:
    from talkinghead.head.regions import load_regions

    return load_regions(path, vertices) if path.exists() else {}
