"""FLAME (Li et al., "Learning a model of facial shape and expression from 4D scans", SIGGRAPH Asia 2017), as its users have it.

The models of 2020, 2023 and 2023 Open are read from the `.pkl` that one downloads, without running it, or from an `.npz` with
the same keys. They are gated by their licences and never part of talkinghead.

Legend: T frames, V vertices, S shape and E expression parameters, J joints (root, neck, jaw, left eye, right eye).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.landmarks import find_landmarks, find_mouth
from talkinghead.head.regions import estimate_regions, load_regions

SHAPES = 300  # columns of shapedirs before the expressions, in the models with 400
NAMES = {"neck": 1, "jaw": 2, "left_eye": 3, "right_eye": 4}  # joints
AXES = ("jaw_x", "jaw_y", "jaw_z")
TYPICAL = 0.2  # rad: a jaw open in speech
STEPS = 3  # of Gauss-Newton: the jaw turns by a fraction of a radian
CHANGES, COST = (0.5, 0.05), 1e-7  # of an expression and of an angle, rad, that cost as much as this, square metres
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

    def head_fields(self, shape: np.ndarray | None = None) -> dict:
        """The fields of a `Head`: linear shapes expression_000 ..., and the jaw's three angles, so that parameters are weights.

        Expressions are exact while the jaw is shut. The jaw's turn becomes a straight line, a secant: it is exact at 0.2 rad
        about x (open), and about y and z the mean of both sides. A chin 0.1 m from the joint is then 0.5 mm off at 0.1 rad,
        1.5 mm at 0.3 and 4 mm at 0.4; `vertices` has no such error, and `to_weights` and `to_parameters` spread it.
        Regions and landmarks that no masks tell are estimated.
        """
        rest, none = self.rest(shape), np.zeros((3, 0))
        there = self.vertices(none, TYPICAL * np.eye(3), shape) - rest
        back = self.vertices(none, -TYPICAL * np.eye(3), shape) - rest
        jaw = np.stack([there[0], (there[1] - back[1]) / 2, (there[2] - back[2]) / 2]) / TYPICAL
        joints = self.regressor @ rest
        basis = np.concatenate([np.moveaxis(self.expression, 2, 0), jaw]).astype(np.float32)
        spread = basis * np.array([1.0] * self.expression.shape[2] + [TYPICAL / 2] * 3, np.float32)[:, None, None]
        mouth = find_mouth(rest, spread) if spread.any() else None
        guessed = estimate_regions(rest, spread, mouth) if mouth is not None else {}
        balls = self.weights[:, NAMES["left_eye"] :].sum(1) > 0.5
        regions = guessed | {"eyeballs": balls.astype(np.float32)} | self.regions
        return {
            "name": self.name,
            "template": rest.astype(np.float32),
            "faces": self.faces,
            "basis": basis,
            "names": (*(f"expression_{i:03d}" for i in range(self.expression.shape[2])), *AXES),
            "regions": regions,
            "landmarks": find_landmarks(rest, self.faces, regions, mouth),
            "joints": {name: joints[joint].astype(np.float32) for name, joint in NAMES.items()},
            "provenance": {"source": "FLAME, supplied by the user", "licence": "FLAME's; do not pass on"}
            | ({} if shape is None else {"shape": np.asarray(shape, np.float64).tolist()}),
        }

    def to_weights(self, expression: np.ndarray, jaw: np.ndarray, shape: np.ndarray | None = None) -> np.ndarray:
        """(T, up to E) expression, (T, 3) jaw -> (T, E + 3) weights of `head_fields` that come nearest to its vertices."""
        start = np.zeros((len(jaw), self.expression.shape[2] + 3))
        start[:, : expression.shape[1]], start[:, -3:] = expression, jaw
        flat, solve = self._linear(shape)
        missed = self._offsets(start, shape) - start @ flat
        return (start + missed @ solve).astype(np.float32)

    def to_parameters(self, weights: np.ndarray, shape: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The inverse: (T, E + 3) weights -> (T, E) expression and (T, 3) jaw, axis-angle rad (Gauss-Newton)."""
        flat, solve = self._linear(shape)
        wanted, found = weights @ flat, weights.astype(np.float64)
        for _ in range(STEPS):
            found = found + (wanted - self._offsets(found, shape)) @ solve
        return found[:, :-3].astype(np.float32), found[:, -3:].astype(np.float32)

    def _offsets(self, parameters: np.ndarray, shape: np.ndarray | None) -> np.ndarray:
        """(T, E + 3) -> (T, 3 V) metres from the face at rest."""
        found = self.vertices(parameters[:, :-3], parameters[:, -3:], shape) - self.rest(shape)
        return found.reshape(len(found), -1)

    def _linear(self, shape: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """(E + 3, 3 V) linear shapes, and (3 V, E + 3): offsets to weights, by least squares that change weights little."""
        flat = self.head_fields(shape)["basis"].reshape(self.expression.shape[2] + 3, -1).astype(np.float64)
        gram = flat @ flat.T
        gram += np.diag(COST / np.array([CHANGES[0]] * (len(gram) - 3) + [CHANGES[1]] * 3) ** 2)
        return flat, np.linalg.solve(gram, flat).T


def is_flame(path: Path) -> bool:
    """Whether a file is to be read as a FLAME model: a pickle, or an `.npz` with its template."""
    if path.suffix.lower() in (".pkl", ".pickle"):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return "v_template.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


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
    return load_regions(path, vertices) if path.exists() else {}
