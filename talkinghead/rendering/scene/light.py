"""Soft shadows and ambient occlusion per vertex, computed once per head, with the mouth closed and open."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import lip_distance
from talkinghead.head.occlusion import OPEN, shaped, shares
from talkinghead.rendering.scene import look
from talkinghead.rendering.scene.lights import STUDIO, Lights, Triple

INSIDE_HAIR = np.array([0.40, 0.12, 0.25, 0.0], np.float32)  # least share of each light within hair, which lets some through
GLOW = 0.5  # least share of ambient light on the walls of an open mouth, between which light bounces
TIP = np.array([0.45, 0.40, 0.40, 0.0], np.float32)  # least share of ambient, key, fill and rim light on the tip of the tongue
BLINK = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
_known: WeakKeyDictionary[Head, dict[tuple[Lights, bool], Bake]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Bake:
    """closed, opened: (V, 4) share of ambient, key, fill and rim light. gap: metres between the lips for each of the two."""

    closed: np.ndarray
    opened: np.ndarray
    gap: tuple[float, float]

    def at(self, gap: float) -> np.ndarray:
        """(V, 4) for lips that are `gap` metres apart."""
        if self.gap[1] <= self.gap[0]:
            return self.closed
        share = np.clip((gap - self.gap[0]) / (self.gap[1] - self.gap[0]), 0, 1)
        return self.closed + np.float32(share) * (self.opened - self.closed)


def bake(head: Head, lights: Lights = STUDIO, *, tip: bool = True) -> Bake:
    """Light on `head`; remembered as long as the head lives. tip: the tongue's tip has at least the light of `TIP`."""
    known = _known.setdefault(head, {})
    if (lights, tip) not in known:
        known[lights, tip] = _bake(head, lights.directions, tip)
    return known[lights, tip]


def _bake(head: Head, lamps: tuple[Triple, ...], lit: bool) -> Bake:
    closed = shares(head, head.template, lamps)
    lids = shares(head, shaped(head, BLINK), lamps)
    lid = _lids(head)[:, None]  # in their fold lids are dark; coming down they have the light of a blink
    closed = np.where(lid, np.maximum(closed, lids), closed)
    hair = _hair(head)[:, None] * INSIDE_HAIR
    closed = np.maximum(closed, hair)
    if "jawOpen" not in head.names:
        return Bake(closed, closed, (0.0, 0.0))
    shape = shaped(head, OPEN)
    opened = shares(head, shape, lamps)
    opened = np.maximum(np.where(lid, np.maximum(opened, lids), opened), hair)
    inside = head.regions.get("mouth", np.zeros(len(opened), np.float32)) * _skin(head)
    opened[:, 0] = np.maximum(opened[:, 0], GLOW * inside)
    if lit:
        tip = _tip(head)[:, None] * TIP
        closed, opened = np.maximum(closed, tip), np.maximum(opened, tip)
    return Bake(closed, opened, (lip_distance(head, head.template), lip_distance(head, shape)))


def _tip(head: Head) -> np.ndarray:
    """(V,) in [0, 1]: the tongue from its middle to its tip, which comes out into the light; the throat stays dark."""
    tongue = head.regions.get("tongue", np.zeros(len(head.template), np.float32)) > 0.5
    if not tongue.any():
        return np.zeros(len(head.template), np.float32)
    depth = head.template[:, 2]
    back, front = depth[tongue].min(), depth[tongue].max()
    share = np.clip(2 * (depth - back) / max(front - back, 1e-9) - 1, 0, 1)
    return np.where(tongue, share**3, 0).astype(np.float32)


def _lids(head: Head) -> np.ndarray:
    """(V,) bool: skin that moves in a blink."""
    moved = np.linalg.norm(shaped(head, BLINK) - head.template, axis=1)
    lids = moved > 0.02 * moved.max() if moved.max() > 0 else np.zeros(len(moved), bool)
    return lids & _skin(head)


def _hair(head: Head) -> np.ndarray:
    """(V,) bool: vertices of the hair of the head, not of brows and lashes."""
    hair = np.zeros(len(head.template), bool)
    for part in head.parts:
        if look.KINDS.get(part.name) == look.LOCKS:
            hair[head.faces[slice(*part.faces)]] = True
    return hair


def _skin(head: Head) -> np.ndarray:
    """(V,) bool: what is no eye, tooth, tongue or hair."""
    skin = np.ones(len(head.template), bool)
    for part in head.parts:
        if part.name in look.KINDS:
            skin[head.faces[slice(*part.faces)]] = False
    return skin
