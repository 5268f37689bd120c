"""`.flame.npz`: FLAME's parameters over time, and the reader of those that other projects write.

What is written, for T frames, in radians (axis-angle) and metres:

| key | what |
|---|---|
| `expression`, `expr` | (T, E) float32, E = 100 with the published models; twice, as projects name it either way |
| `jaw_pose` | (T, 3) |
| `neck_pose` | (T, 3): the turn of the head |
| `eyes_pose` | (T, 6): left eye, right eye |
| `global_pose`, `rotation` | (T, 3): 0, as the neck turns the head |
| `translation` | (T, 3) |
| `shape` | (S,): 0, the model's mean face, or the person that was read |
| `fps` | float64; frame t is shown at (t + 0.5) / fps seconds |

Read are `.npz` and `.pkl` with arrays by the names in NAMES, which are those of DECA, EMOCA, INFERNO (EMOTE), SPECTRE, SMIRK,
VHAP (GaussianAvatars, LAM), DiffPoseTalk, BEAT2 and of the above, and `.npy` of (T, C) rows, see ROWS. A pose of 6 numbers is
the head's turn and the jaw. Fewer expressions than the model has are the first ones. T may be preceded by an axis of 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.head.flame import AXES, SHAPES
from talkinghead.head.head import Head
from talkinghead.io.npz import load_arrays
from talkinghead.io.pickles import read_pickle
from talkinghead.motion.animation import Animation

NAMES = {
    "expression": ("expression", "expr", "exp", "expcode", "expression_params", "expressions", "predicted_exp"),
    "jaw": ("jaw_pose", "jaw", "jawpose", "jaw_params", "predicted_jaw"),
    "pose": ("pose", "posecode", "pose_params", "poses"),
    "turn": ("global_pose", "globalpose", "global_orient", "rotation"),
    "neck": ("neck_pose", "neckpose", "neck"),
    "eyes": ("eyes_pose", "eye_pose", "eyes", "eyepose"),
    "translation": ("translation", "transl", "trans"),
    "shape": ("shape", "shapecode", "shape_params", "betas"),
    "fps": ("fps", "mocap_frame_rate", "frame_rate", "framerate"),
}
ROWS = {  # numbers of a row -> (expressions, where its jaw begins, where the head's turn begins)
    53: (slice(0, 50), 50, None),  # ProbTalk3D, DEEPTalk: expression, jaw
    56: (slice(0, 50), 53, 50),  # DECA, EMOCA: expression, pose
    103: (slice(0, 100), 100, None),
    106: (slice(0, 100), 103, 100),  # ARTalk: expression, pose
    403: (slice(300, 400), 400, None),  # ProbTalk3D: shape, expression, jaw
}
PER_FRAME = ("jaw", "pose", "turn", "neck", "eyes", "translation")
SMPLX, SMPLX_JOINTS = (12, 15, 22), 55  # neck, head and jaw of the joints in BEAT2's poses
PLACE = 0.1  # metres: a translation that is larger throughout is where a camera saw the head
UPRIGHT = np.pi / 2  # rad: a median turn of more is a camera's convention, not a head's pose
GET = "get FLAME from https://flame.is.tue.mpg.de"


def is_parameters(path: Path) -> bool:
    """Whether an `.npz` holds FLAME's parameters."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return False
    return bool(names & set(NAMES["expression"])) and "coefficients" not in names


def write(animation: Animation, path: Path) -> None:
    """Write the parameters. Raises InputError for a head that is not FLAME's, and for a residual."""
    head = animation.head
    if head.names[-3:] != AXES:
        raise InputError(f"{path}: parameters are of FLAME, not of head {head.name!r}; give the model with --head ({GET})")
    if animation.residual is not None:
        raise InputError(f"{path}: this motion has a residual, which FLAME's parameters cannot hold; write .npz or .obj")
    weights = animation.coefficients
    expression, jaw = weights[:, :-3], weights[:, -3:]
    shape = _shape_of(head)
    if head.flame is not None:
        expression, jaw = head.flame.to_parameters(weights, shape)
    none = np.zeros((len(animation), 3), np.float32)
    arrays = {
        "expression": expression,
        "jaw_pose": jaw,
        "neck_pose": none if animation.rotation is None else animation.rotation,
        "eyes_pose": _eyes(animation.gaze, len(animation)),
        "global_pose": none,
        "translation": none if animation.translation is None else animation.translation,
        "shape": shape.astype(np.float32),
        "fps": np.array(animation.fps, np.float64),
    }
    arrays |= {"expr": arrays["expression"], "rotation": none}
    with replacing(path) as fresh, fresh.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read(path: str | Path, head: Head | None, fps: float | None = None) -> Animation:
    """Parameters as motion of a FLAME head, which becomes the person that they tell. fps: where the file does not tell it.

    Raises InputError for a file without expressions, without a rate, or for a head that is not FLAME's.
    """
    path = Path(path)
    head = check_flame(path, head)
    return _motion(path, _parameters(path), head, fps)


def of_rows(path: Path, values: np.ndarray, head: Head, fps: float | None) -> Animation:
    """The same of (T, C) rows, of those lengths that ROWS has."""
    head = check_flame(path, head)
    which, jaw, turn = ROWS[values.shape[-1]]
    rows = values.reshape(-1, values.shape[-1])
    found = {"expression": rows[:, which], "jaw": rows[:, jaw : jaw + 3]}
    return _motion(path, found if turn is None else found | {"turn": rows[:, turn : turn + 3]}, head, fps)


def check_flame(path: Path, head: Head | None) -> Head:
    """The head. Raises InputError where it is not FLAME's."""
    if head is None or head.names[-3:] != AXES:
        what = "no head is given" if head is None else f"head {head.name!r} is not FLAME"
        raise InputError(f"{path}: FLAME's parameters, and {what}; name the model's file with --made-for or --head ({GET})")
    return head


def _parameters(path: Path) -> dict[str, np.ndarray]:
    """Name of NAMES -> array."""
    if path.suffix.lower() == ".npz":
        given: Any = load_arrays(path, sum(NAMES.values(), ()), "FLAME's parameters")
    else:
        given = read_pickle(path)
    given = given.get("flame", given) if isinstance(given, dict) else {}
    kinds = (np.ndarray, float, int)
    found = {
        name: next((given[key] for key in keys if isinstance(given.get(key), kinds)), None) for name, keys in NAMES.items()
    }
    arrays = {name: np.asarray(value) for name, value in found.items() if value is not None}
    if "expression" not in arrays:
        raise InputError(f"{path}: no FLAME parameters: it has none of {', '.join(NAMES['expression'])}")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu" or not array.size or not np.isfinite(array).all():
            raise InputError(f"{path}: {name} holds something else than finite numbers")
    return arrays


def _motion(path: Path, found: dict[str, np.ndarray], head: Head, fps: float | None) -> Animation:
    expression = _rows(path, "expression", found["expression"], None)
    count, most = len(expression), len(head.names) - 3
    if expression.shape[1] > most:
        raise InputError(f"{path}: {expression.shape[1]} expressions a frame, this FLAME has {most}")
    rows = {name: _rows(path, name, found[name], count) for name in PER_FRAME if name in found}
    rows = _split_pose(path, rows)
    for name, width in (("jaw", 3), ("turn", 3), ("neck", 3), ("eyes", 6), ("translation", 3)):
        if name in rows and rows[name].shape[1] != width:
            raise InputError(f"{path}: {name} has {rows[name].shape[1]} numbers a frame, {width} are known (axis-angle)")
    rate = float(np.ravel(found["fps"])[0]) if "fps" in found else fps
    if rate is None:
        raise InputError(f"{path}: tells no frame rate; give it with --fps")
    jaw = rows.get("jaw", np.zeros((count, 3)))
    person = _person(head, found.get("shape"))
    weights = np.zeros((count, len(head.names)), np.float32)
    weights[:, : expression.shape[1]], weights[:, -3:] = expression, jaw
    if person.flame is not None:
        weights = person.flame.to_weights(expression, jaw, _shape_of(person))
    rotation, translation = _pose(person, rows)
    gaze = _gaze(rows["eyes"]) if "eyes" in rows and rows["eyes"].any() else None
    try:
        return Animation(weights, rate, person, None, rotation, translation, gaze, {"source": path.name})
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _rows(path: Path, name: str, values: np.ndarray, count: int | None) -> np.ndarray:
    """(T, C) of an array that may have a leading axis of 1; one frame holds for all."""
    values = np.atleast_1d(values[0] if values.ndim == 3 and len(values) == 1 else values)
    values = values[None] if values.ndim == 1 else values.reshape(len(values), -1)
    if count is not None and len(values) == 1:
        values = np.repeat(values, count, 0)
    if count is not None and len(values) != count:
        raise InputError(f"{path}: {name} has {len(values)} frames, its expressions {count}")
    return values.astype(np.float64)


def _split_pose(path: Path, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A pose of several joints as the turn of the head and the jaw."""
    rows = dict(rows)
    pose = rows.pop("pose", None)
    if pose is None:
        return rows
    if pose.shape[1] == 3 * SMPLX_JOINTS:
        from scipy.spatial.transform import Rotation

        neck, head, jaw = (pose[:, 3 * joint : 3 * joint + 3] for joint in SMPLX)
        turned = (Rotation.from_rotvec(neck) * Rotation.from_rotvec(head)).as_rotvec()
        rows.pop("translation", None)  # of the body
        return {"neck": turned, "jaw": jaw} | rows
    if pose.shape[1] not in (3, 6):
        raise InputError(f"{path}: a pose of {pose.shape[1]} numbers a frame; 3, 6 and {3 * SMPLX_JOINTS} are known")
    return {"turn": pose[:, :3]} | ({"jaw": pose[:, 3:]} if pose.shape[1] == 6 else {}) | rows


def _person(head: Head, shape: np.ndarray | None) -> Head:
    """The head with the shape parameters of the file, which are those of one person."""
    if head.flame is None or shape is None or not shape.any():
        return head
    mean = shape.reshape(-1, shape.shape[-1]).mean(0)
    return Head.of_flame(head.flame, mean[: head.flame.shape.shape[2]])


def _shape_of(head: Head) -> np.ndarray:
    return np.asarray(head.provenance.get("shape", np.zeros(SHAPES)), np.float64)


def _pose(head: Head, rows: dict[str, np.ndarray]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Rotation about the neck, and translation: of the neck's turn after that about FLAME's root, which lies below it."""
    from scipy.spatial.transform import Rotation

    turn, neck, moved = (rows.get(name) for name in ("turn", "neck", "translation"))
    if turn is not None and np.median(np.linalg.norm(turn, axis=1)) > UPRIGHT:
        turn = None
    if moved is not None:
        place = np.median(moved, 0)
        moved = moved - place * (np.linalg.norm(place) > PLACE)
    whole = None if turn is None or not turn.any() else Rotation.from_rotvec(turn)
    bent = None if neck is None or not neck.any() else Rotation.from_rotvec(neck)
    if whole is not None and head.flame is not None:
        root = head.flame.regressor[0] @ head.template
        arm = head.joints["neck"] - root
        moved = whole.apply(arm) - arm + (0 if moved is None else moved)
    both = [turned for turned in (whole, bent) if turned is not None]
    rotation = None if not both else (both[0] * both[1] if len(both) == 2 else both[0]).as_rotvec()
    return rotation, None if moved is None or not moved.any() else moved


def _gaze(eyes: np.ndarray) -> np.ndarray:
    """(T, 6) axis-angle of the left and the right eye -> (T, 2, 2) yaw and pitch of where they look."""
    from scipy.spatial.transform import Rotation

    ahead = Rotation.from_rotvec(eyes.reshape(-1, 3)).apply([0, 0, 1])
    angles = np.stack([np.arctan2(ahead[:, 0], ahead[:, 2]), np.arcsin(np.clip(ahead[:, 1], -1, 1))], 1)
    return angles.reshape(-1, 2, 2)


def _eyes(gaze: np.ndarray | None, count: int) -> np.ndarray:
    """The inverse of `_gaze`; first up or down, then to the side."""
    if gaze is None:
        return np.zeros((count, 6), np.float32)
    from scipy.spatial.transform import Rotation

    angles = gaze.reshape(-1, 2) * [1, -1]
    return Rotation.from_euler("YX", angles).as_rotvec().reshape(count, 6).astype(np.float32)
