"""`.npz`: the whole animation as plain arrays and one JSON string, readable with numpy alone.

    file = numpy.load("speech.npz", allow_pickle=False)

| key | what |
|---|---|
| `coefficients` | (T, K) float32, weights of the head's basis shapes |
| `names` | (K,) text, the names of these shapes |
| `fps` | float64; frame t is shown at (t + 0.5) / fps seconds |
| `residual` | (T, V, 3) float32 metres to add to every vertex; only where the motion has it |
| `rotation` | (T, 3) float32, axis-angle rad about the neck; only where the motion has it |
| `translation` | (T, 3) float32 metres; only where the motion has it |
| `gaze` | (T, 2, 2) float32 rad, left and right eye, (yaw to the head's left, pitch up); only where the motion has it |
| `tongue` | (T, 2) float32 metres by which tip and body of the tongue are raised; only where the motion has it |
| `json` | text: {"format": 1, "head": {"name", "topology", "person"}, "meta": {...}} |
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError, brief, shown
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.io.files import parse_json
from talkinghead.io.npz import LIMIT, load_arrays
from talkinghead.motion.animation import OPTIONAL, Animation

FORMAT = 1
KEYS = ("coefficients", "names", "fps", *OPTIONAL, "json")
SMALL = {"json": 64 << 20, "fps": 1 << 20, "names": 64 << 20}  # bytes of what does not grow with the motion


def write(animation: Animation, path: Path) -> None:
    """Write an `.npz`; reading it gives the same bytes back. Raises InputError above 4 GiB, which `read` would refuse."""
    head = animation.head
    about = {
        "format": FORMAT,
        "head": {"name": head.name, "topology": head.topology, "person": head.provenance.get("person", {})},
        "meta": animation.meta,
    }
    arrays = {
        "coefficients": animation.coefficients,
        "names": np.array(head.names, np.str_),
        "fps": np.array(animation.fps, np.float64),
        "json": np.array(json.dumps(about, default=_plain)),
    }
    arrays |= {name: value for name in OPTIONAL if (value := getattr(animation, name)) is not None}
    size = sum(array.nbytes for array in arrays.values())
    if size > LIMIT:
        raise InputError(f"{path}: {size / 2**30:.1f} GiB of motion; split it, {LIMIT >> 30} GiB a file is the limit")
    with replacing(path) as fresh, fresh.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read(path: str | Path, head: Head | None = None) -> Animation:
    """Read an animation, and put it on `head` where one is given: see `Animation.on`.

    It is needed if the motion was made for a head that is not the default one or a person of it. Raises InputError if the file
    is missing, damaged, not ours or too large, or if the head does not fit.
    """
    arrays = load_arrays(Path(path), KEYS, "an animation saved by talkinghead", limits=SMALL)
    try:
        about = parse_json(str(arrays["json"]))
        version, wanted, meta = about["format"], dict(about["head"]), dict(about["meta"])
        fps = float(arrays["fps"])
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which `Animation` refuses
            values = {name: arrays[name].astype(np.float32) for name in ("coefficients", *OPTIONAL) if name in arrays}
        coefficients = values.pop("coefficients")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not an animation saved by talkinghead ({brief(error)})") from None
    if version != FORMAT:
        raise InputError(f"{path}: its format is {shown(version)}, this talkinghead reads {FORMAT}; update talkinghead")
    own = _default(path, wanted) if head is None or head.topology != wanted.get("topology") else head
    if own.topology != wanted.get("topology"):
        if head is None:
            made = f"{path}: made for head {shown(wanted.get('name'))} ({str(wanted.get('topology'))[:40]})"
            raise InputError(f"{made}, {own.name!r} ({own.topology}) is another mesh; give the head that it was made for")
        own = _by_names(wanted, tuple(arrays["names"].astype(str).tolist()))
    try:
        motion = Animation(coefficients, fps, own, **values, meta=meta)
        return motion if head is None else motion.on(head)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _default(path: str | Path, wanted: dict) -> Head:
    """The default head, or the person of it that the file names."""
    try:
        return Head.default(**(wanted.get("person") or {}))
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: the person it was made for cannot be rebuilt ({brief(error)})") from None


def _by_names(wanted: dict, names: tuple[str, ...]) -> Head:
    """A head of which only the names of its shapes are known."""
    empty = np.zeros((0, 3), np.float32)
    return Head(str(wanted.get("name")), empty, empty.astype(np.int32), np.zeros((len(names), 0, 3), np.float32), names)


def _plain(value):
    """What JSON can hold of the numpy values and paths that callers put into `meta`."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value)
