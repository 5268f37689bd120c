"""Landmarks of an unknown mesh: where its mouth, its inner lips and its nose are, found from shape and motion."""

from __future__ import annotations

import numpy as np

LIPS_SHARE = 0.05  # of the vertices: those that move most in speech
TOUCHING = 0.006  # metres between vertices of the upper and the lower lip at rest
PARTING = 0.2  # of the largest motion: what lips must move apart at least
MOUTH = (0.04, 0.015, 0.03)  # metres around the middle of the mouth where lips can be
LIPS_AROUND = 0.005  # metres around the gap that are lips
CORNER = 0.003  # metres from the end of the lips within which their corner is
# vertices of FLAME's inner lips, as used for lip distance by Perceptual-3D-Talking-Head's MTM metric
FLAME_LIPS: tuple[int, ...] = (3531, 3504)
INNER_LIPS = ("lip_upper_inner", "lip_lower_inner")
FLAME_VERTICES = 5023


def find_mouth(template: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, tuple[int, int]] | None:
    """The vertices on both sides of the gap between the lips, and the inner lips' upper and lower vertex in the middle.

    From template (V, 3), y up, z to the viewer, metres, and basis (K, V, 3) whose weights have unit spread. Where lips part,
    vertices that lie within 6 mm of each other at rest move apart: all pairs below the tip of the nose whose relative motion is
    at least 0.4 of the largest one and that lie around it. In the middle the pair is taken that moves apart most for its
    distance at rest; the lower lip is the one that moves more. None where the mesh is too coarse, or nothing moves apart.
    On our own head, whose lips are known, the mask made of it overlaps them by 0.73 (intersection over union); the vertices
    that move most would by 0.09, since the jaw moves as much as the lower lip and the upper lip hardly at all.
    """
    from scipy.spatial import KDTree

    flat = np.asarray(basis, np.float32).transpose(1, 0, 2).reshape(len(template), -1)
    rms = np.linalg.norm(flat, axis=1)
    low = np.flatnonzero((template[:, 1] < nose_height(template, rms)) & (rms > 0.1 * rms.max()))
    if len(low) < 2:
        return None
    pairs = low[KDTree(template[low]).query_pairs(TOUCHING, output_type="ndarray")]
    if not len(pairs):
        return None
    parts = np.array_split(pairs, max(1, len(pairs) * flat.shape[1] // 10**7))
    apart = np.concatenate([np.linalg.norm(flat[part[:, 0]] - flat[part[:, 1]], axis=1) for part in parts])
    if apart.max() < PARTING * rms.max():
        return None
    centre = template[pairs[apart.argmax()]].mean(axis=0)
    near = (np.abs(template[pairs] - centre) < MOUTH).all(axis=(1, 2)) & (apart > 0.4 * apart.max())
    distance = np.linalg.norm(template[pairs[:, 0]] - template[pairs[:, 1]], axis=1)
    middle = np.ptp(template[np.unique(pairs[near]), 0]) / 8
    score = np.where(near, apart / (distance + 0.001), 0)
    central = np.abs(template[pairs][..., 0] - centre[0]).max(axis=1) < max(middle, 0.003)
    best = pairs[(score * central).argmax() if (score * central).any() else score.argmax()]
    upper, lower = best[np.argsort(rms[best])]
    return np.unique(pairs[near]), (int(upper), int(lower))


def find_landmarks(
    template: np.ndarray,
    faces: np.ndarray,
    regions: dict[str, np.ndarray],
    mouth: tuple[np.ndarray, tuple[int, int]] | None = None,
) -> dict[str, np.ndarray]:
    """name -> [triangle, u, v] of the lips: the inner ones of FLAME by their indices, of other meshes by `find_mouth`; the
    corners by where the region ends, at the height of the inner lips. {} without faces."""
    if not len(faces):
        return {}
    found: dict[str, int] = dict(zip(INNER_LIPS, mouth[1], strict=True)) if mouth is not None else {}
    if len(template) == FLAME_VERTICES:
        high, low = sorted(FLAME_LIPS, key=lambda vertex: -template[vertex, 1])
        found |= {"lip_upper_inner": high, "lip_lower_inner": low}
    lips = np.flatnonzero(regions.get("lips", np.zeros(len(template))) > 0.5)
    if len(lips) > 1:
        height = np.mean(template[list(found.values()) or lips, 1])
        for name, side in (("lip_corner_left", 1), ("lip_corner_right", -1)):  # +x is the head's own left
            reach = side * template[lips, 0]
            last = lips[reach > reach.max() - CORNER]
            found[name] = int(last[np.abs(template[last, 1] - height).argmin()])
    return {name: place for name, vertex in found.items() if (place := on_triangle(faces, vertex)) is not None}


def on_triangle(faces: np.ndarray, vertex: int) -> np.ndarray | None:
    """A vertex as (3,) [triangle, u, v]; None if no triangle has it."""
    at = np.argwhere(faces == vertex)
    if not len(at):
        return None
    triangle, corner = at[0]
    return np.array([triangle, corner == 1, corner == 2], np.float32)


def nose_height(template: np.ndarray, rms: np.ndarray) -> float:
    """Height of the tip of the nose: the vertex furthest in front that lies well above those that move most."""
    height = float(np.median(template[movers(rms), 1]))
    above = template[:, 1] > height + 0.1 * (template[:, 1].max() - height)
    return float(template[np.where(above, template[:, 2], -np.inf).argmax(), 1])


def movers(rms: np.ndarray) -> np.ndarray:
    """The twentieth of the vertices that move most."""
    return np.argsort(rms)[::-1][: max(1, round(LIPS_SHARE * len(rms)))]
