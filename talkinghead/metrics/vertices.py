"""Distances of vertices, in all published forms. T frames, V vertices."""

from __future__ import annotations

import numpy as np


def lve_frames(p: np.ndarray, g: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """(T,) m^2: squared distance of the worst lip vertex of each frame, from which all lip vertex errors are made."""
    return ((p[:, lips] - g[:, lips]) ** 2).sum(-1).max(1)


def lve(p: np.ndarray, g: np.ndarray, lips: np.ndarray) -> float:
    """LVE = mean over all frames of all clips of max over L of ||p - g||^2, in m^2. No root is taken.

    Source: the published evaluation code of CodeTalker, FaceDiffuser and ProbTalk3D; torchmetrics' LipVertexError.
    Traps: papers print it as "mm" though it is squared; it depends on the lip set, the frame rate and the unit (data in mm
    give 10^6 times as much); it rewards motion that is smoothed towards the mean.
    """
    return float(lve_frames(p, g, lips).mean())


def lve_mm(p: np.ndarray, g: np.ndarray, lips: np.ndarray) -> float:
    """Rooted LVE = mean over all frames of all clips of max over L of ||p - g||, in mm.

    Source: the form of MeshTalk's paper and of UniTalker's "L2 norm". Trap: it is not the root of LVE, which is never smaller.
    """
    return float(np.sqrt(lve_frames(p, g, lips)).mean() * 1000)


def lve_rms_mm(p: np.ndarray, g: np.ndarray, lips: np.ndarray) -> float:
    """LVE (RMS) = sqrt(LVE), in mm.

    Source: ARTalk. Trap: tables of ARTalk, DiffPoseTalk and later ones print this under the name LVE.
    """
    return float(np.sqrt(lve(p, g, lips)) * 1000)


def mve(p: np.ndarray, g: np.ndarray) -> float:
    """MVE = mean over all frames and all vertices of ||p - g||, in mm.

    Source: FaceDiffuser, ProbTalk3D. Trap: vertices that hardly move (neck, scalp, eyeballs, teeth) count like the lips, so
    values of different heads cannot be compared.
    """
    return float(np.linalg.norm(p - g, axis=-1).mean() * 1000)


def mhd(p: np.ndarray, g: np.ndarray) -> float:
    """MHD = sqrt(mean over all frames and all vertices of ||p - g||^2), in mm.

    Source: ARTalk's mean head distance. Trap: as for MVE; large errors weigh more.
    """
    return float(np.sqrt(((p - g) ** 2).sum(-1).mean()) * 1000)


def eve(p: np.ndarray, g: np.ndarray, upper: np.ndarray) -> float:
    """EVE = mean over all frames of all clips of max over U of ||p - g||, in mm: the rooted LVE of eyes, brows and forehead.

    Source: EmoTalk, which means it for emotional expression and squares it. Trap: speech does not tell when a person blinks,
    so a face that blinks at other times than the recorded one is worse here than a face that never blinks.
    """
    return float(np.sqrt(lve_frames(p, g, upper)).mean() * 1000)


def coefficient_mse(p: np.ndarray, g: np.ndarray) -> float:
    """Mean over all frames and coefficients of (p - g)^2, in the coefficients' own units.

    For ARKit weights and FLAME parameters. Papers on blendshapes sometimes call this or its root LVE; it is not, and values of
    different sets of coefficients cannot be compared.
    """
    return float(((p - g) ** 2).mean())
