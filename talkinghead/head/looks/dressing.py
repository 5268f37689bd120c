"""A head and its garments as one mesh, for renderers and formats. V vertices of the head, N of all its garments."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np

from talkinghead.head.head import Head, Part

STEADY = 1e-5  # metres: what no shape moves further turns with the skull
BODY = "body"  # region of a dressed head that the pose leaves alone
_known: WeakKeyDictionary[Head, Head] = WeakKeyDictionary()


def dressed(head: Head) -> Head:
    """The head with its garments as further parts of one mesh; its own vertices, faces and parts come first, as they were.

    Region BODY has what stays when the head turns. A head without garments comes back as it is.
    """
    if head.garments and head not in _known:
        _known[head] = _dressed(head)
    return _known.get(head, head)


def _dressed(head: Head) -> Head:
    template, faces, parts, body = [head.template], [head.faces], list(head.parts), [np.zeros(len(head.template), np.float32)]
    whole = head.uv is not None and head.uv_faces is not None
    uv, uv_faces = ([head.uv], [head.uv_faces]) if head.uv is not None and head.uv_faces is not None else ([], [])
    for item in head.garments:
        start, row = sum(map(len, template)), sum(map(len, faces))
        template.append(item.vertices)
        faces.append(item.faces + start)
        parts.append(Part(item.name, (row, row + len(item.faces)), item.colour, item.roughness))
        body.append(np.full(len(item.vertices), item.still, np.float32))
        if whole:
            uv_faces.append(item.faces + sum(map(len, uv)))
            uv.append(item.uv)
    count = sum(map(len, template)) - len(head.template)
    return replace(
        head,
        template=np.concatenate(template),
        faces=np.concatenate(faces).astype(np.int32),
        basis=np.pad(head.basis, ((0, 0), (0, count), (0, 0))),
        uv=np.concatenate(uv) if whole else None,
        uv_faces=np.concatenate(uv_faces).astype(np.int32) if whole else None,
        parts=tuple(parts),
        regions={name: np.pad(mask, (0, count)) for name, mask in head.regions.items()} | {BODY: np.concatenate(body)},
        identity={},
        garments=(),
    )


def skull(head: Head) -> np.ndarray:
    """(M,) vertices of the skin that no shape moves, from which the pose of a head can be read."""
    skin = np.zeros(len(head.template), bool)
    for part in head.parts:
        if part.name == "skin":
            skin[head.faces[slice(*part.faces)]] = True
    moved = np.abs(head.basis).max((0, 2), initial=0) > STEADY
    return np.flatnonzero(skin & ~moved)


def pose_between(rest: np.ndarray, posed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn (3, 3) and shift (3,) with posed = rest @ turn.T + shift, least squares of (M, 3) points (Kabsch 1976)."""
    here, there = rest.mean(0), posed.mean(0)
    left, _, right = np.linalg.svd((posed - there).T.astype(np.float64) @ (rest - here))
    turn = (left * [1, 1, np.sign(np.linalg.det(left @ right))] @ right).astype(np.float32)
    return turn, (there - turn @ here).astype(np.float32)


def with_garments(head: Head, vertices: np.ndarray) -> np.ndarray:
    """(V + N, 3) of the dressed head whose own posed vertices are (V, 3): hair turns with the skull, clothes stay."""
    if not head.garments:
        return vertices
    still = skull(head)
    turn, shift = pose_between(head.template[still], vertices[still])
    return np.concatenate([vertices, *(g.vertices if g.still else g.vertices @ turn.T + shift for g in head.garments)])
