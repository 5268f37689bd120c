"""A FLAME model of five vertices, made by hand, with the keys of the published files."""

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
