"""The look of the default head on which the perceptual networks in assets/models were trained.

Since then the head's texture, teeth, gums and lashes have changed. A network is a judge only of pictures like those it learnt
from, so the differentiable renderer draws the default head, and people made of it, as they were.
`tools/head/build_trained_look.py` makes the file. V vertices, K coefficients.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from talkinghead.files import asset
from talkinghead.head.head import Head
from talkinghead.io.npz import load_arrays
from talkinghead.rendering.scene import look

TEMPLATE_STEP, BASIS_STEP = 1e-7, 1e-5  # metres of the integers in the file


@lru_cache(maxsize=1)
def _stored() -> dict[str, np.ndarray]:
    return load_arrays(asset("heads/trained_look.npz"), None, "the look of the networks' training", limit=1 << 26)


@lru_cache(maxsize=2)  # light is computed once for all renderers of a head
def trained_look(head: Head) -> tuple[Head, np.ndarray]:
    """The head as the networks know it, and its albedo (V, 3), linear light before the colours of its parts.

    A head that is not the default one or a person made of it comes back as it is, with the albedo of its texture.
    """
    shipped = Head.default()
    if len(head.template) != len(shipped.template) or not np.array_equal(head.faces, shipped.faces):
        return head, painted_albedo(head)
    data = _stored()
    rows, template, basis = data["rows"], head.template.copy(), head.basis.copy()
    template[rows] += data["template"] * np.float32(TEMPLATE_STEP)
    for change, name in zip(data["basis"], shipped.names, strict=True):
        if name in head.names:
            basis[head.index(name), rows] += change * np.float32(BASIS_STEP)
    parts = tuple(replace(part, colour=(1.0, 1.0, 1.0)) if part.name == "brows" else part for part in head.parts)
    return replace(head, template=template, basis=basis, parts=parts, garments=()), data["albedo"].astype(np.float32)


def painted_albedo(head: Head) -> np.ndarray:
    """(V, 3) linear light of the texture at each vertex; without a texture clay for the skin and 1 for the rest."""
    out = np.full((len(head.template), 3), look.CLAY, np.float32)
    if head.texture is None or head.uv is None or head.uv_faces is None:
        for part in head.parts:
            if part.name in look.KINDS or part.colour != (1.0, 1.0, 1.0):
                out[head.faces[slice(*part.faces)]] = 1
        return out
    step = max(1, head.texture.shape[0] // 256)  # about the size of a pixel of the crops
    high, wide = (side // step * step for side in head.texture.shape[:2])
    blocks = head.texture[:high, :wide, :3].reshape(high // step, step, wide // step, step, 3)
    texture = look.decode(blocks.mean((1, 3)) / 255)
    for part in head.parts:
        run = slice(*part.faces)
        spot = head.uv[head.uv_faces[run]]
        row = np.clip(((1 - spot[..., 1]) * len(texture)).astype(int), 0, len(texture) - 1)
        column = np.clip((spot[..., 0] * texture.shape[1]).astype(int), 0, texture.shape[1] - 1)
        out[head.faces[run]] = texture[row, column]
    return out
