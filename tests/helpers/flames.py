"""FLAME models with the keys of the published files: one of five vertices, made by hand, and one with the face of a person."""

from __future__ import annotations

import pickle

import numpy as np

# vertex 0: forehead, on the root; 1: chin, on the jaw, 0.1 m in front of its joint; 2, 3: eyes; 4: half jaw, half neck
VERTICES = np.array([[0, 0.1, 0.05], [0, -0.02, 0.1], [0.03, 0.05, 0.08], [-0.03, 0.05, 0.08], [0.02, -0.02, 0.05]], np.float64)
JAW = np.array([0, -0.02, 0])


def model(**change) -> dict:
    """A FLAME of 5 vertices with the keys of the published files."""
    regressor = np.zeros((5, 5))
    for joint, vertex in ((0, 0), (1, 0), (3, 2), (4, 3)):
        regressor[joint, vertex] = 1
    # the jaw's joint from vertices: [0, -0.02, 0] = chin + 2 * (half way back) is an exact combination of 1, 2 and 3
    regressor[2] = np.linalg.lstsq(np.vstack([VERTICES.T, np.ones(5)]), [*JAW, 1], rcond=None)[0]
    weights = np.zeros((5, 5))
    weights[[0, 1, 2, 3], [0, 2, 3, 4]] = 1
    weights[4, [1, 2]] = 0.5
    directions = np.zeros((5, 3, 400))
    directions[0, 1, 0] = 0.01  # identity: a higher forehead
    directions[1, 1, 300] = -0.002  # expression: chin down
    return {
        "v_template": VERTICES,
        "f": np.array([[0, 2, 3], [1, 2, 4]], np.uint32),
        "shapedirs": directions,
        "posedirs": np.zeros((5, 3, 36)),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
        "bs_style": "lbs",
    } | change


def save(path, **change):
    content = {key: value for key, value in model(**change).items() if value is not None}
    if path.suffix == ".npz":
        np.savez(path, **content)
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))
    return path


HINGE = np.array([0.0, 0.0, 0.055])  # metres: joint of the jaw of `likeness`, between the ears
OPEN = 0.35  # rad that the jaw of `likeness` turns as far as jawOpen opens it


def likeness(seed: int = 5) -> dict:
    """A FLAME whose face is that of a person of the default head, on a mesh of its own.

    Half of the edges of the skin are collapsed to their middles. The jaw's skinning weights and the 100 expressions are made of
    the person's ARKit shapes: principal components of random mixtures, of jawOpen what turning the jaw leaves.
    """
    from talkinghead.head.head import Head

    head = Head.default(seed=seed)
    first, second, faces = collapsed(head.faces[slice(*head.parts[0].faces)])
    balls = np.flatnonzero(head.regions["eyeballs"] > 0.5)
    first, second = (np.concatenate([ends, balls]) for ends in (first, second))
    rows = head.faces[slice(*head.parts[1].faces)]
    faces = np.concatenate([faces, np.searchsorted(balls, rows) + len(first) - len(balls)])
    template = (head.template[first] + head.template[second]).astype(np.float64) / 2
    basis = (head.basis[:, first] + head.basis[:, second]).astype(np.float64) / 2
    count = len(template)
    turned = _turn(template - HINGE, OPEN) - (template - HINGE)
    jaw = basis[head.index("jawOpen")]
    share = np.clip(np.einsum("vx,vx->v", jaw, turned) / np.maximum((turned**2).sum(1), 1e-9), 0, 1)
    basis[head.index("jawOpen")] -= share[:, None] * turned
    ball = np.arange(count) >= count - len(balls)
    basis[:, ball], share[ball] = 0, 0
    mixtures = np.random.default_rng(0).exponential(0.15, (120, len(basis))) @ basis.reshape(len(basis), -1)
    _, sizes, shapes = np.linalg.svd(mixtures, full_matrices=False)
    rank = len(basis)
    directions = np.zeros((count, 3, 400))
    shapes = (sizes[:, None] * shapes / np.sqrt(len(mixtures)))[:rank].reshape(rank, count, 3)
    directions[..., 300 : 300 + rank] = np.moveaxis(shapes, 0, 2)
    weights = np.zeros((count, 5))
    left = ball & (template[:, 0] > 0)
    weights[:, 2], weights[:, 3], weights[:, 4] = share, left, ball & ~left
    weights[:, 1] = 1 - weights.sum(1)
    eyes = [head.joints["left_eye"], head.joints["right_eye"]]
    joints = np.array([head.joints["neck"] - [0, 0.05, 0], head.joints["neck"], HINGE, *eyes])
    regressor = np.zeros((5, count))
    some = np.linspace(0, count - 1, 40).astype(int)
    places, wanted = (np.vstack([points.T, np.ones(len(points))]) for points in (template[some], joints))
    regressor[:, some] = np.linalg.lstsq(places, wanted, rcond=None)[0].T
    return model(
        v_template=template,
        f=faces.astype(np.uint32),
        shapedirs=directions,
        posedirs=np.zeros((count, 3, 36)),
        J_regressor=regressor,
        weights=weights,
    )


def _turn(arm: np.ndarray, angle: float) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec([angle, 0, 0]).apply(arm)


def collapsed(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two old vertices whose middle each new one is, and the new faces: edges without a common vertex are collapsed."""
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    edges = edges[np.random.default_rng(1).permutation(len(edges))]
    partner: dict[int, int] = {}
    for a, b in edges.tolist():
        if a not in partner and b not in partner:
            partner[a], partner[b] = b, a
    used = np.unique(faces)
    first = np.array([vertex for vertex in used.tolist() if vertex <= partner.get(vertex, vertex)])
    second = np.array([partner.get(vertex, vertex) for vertex in first.tolist()])
    number = np.zeros(faces.max() + 1, int)
    number[first] = number[second] = np.arange(len(first))
    fresh = number[faces]
    whole = (fresh[:, 0] != fresh[:, 1]) & (fresh[:, 1] != fresh[:, 2]) & (fresh[:, 2] != fresh[:, 0])
    return first, second, fresh[whole]
