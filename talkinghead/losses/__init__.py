"""Losses: pure functions on tensors. A stage computes named terms; their sum, weighted by the recipe, is minimised."""

from __future__ import annotations

from difflib import get_close_matches

from torch import Tensor

from talkinghead.errors import InputError


def check_weights(weights: dict[str, float], known: tuple[str, ...], where: str) -> None:
    """Raises InputError for a weight that names no term, with the nearest name, and where all weights are 0."""
    for name in weights:
        if name not in known:
            near = get_close_matches(name, known, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}"
            raise InputError(f"{where}: loss {name!r} is unknown here; {advice}")
    if not any(weights.values()):
        raise InputError(f"{where}: no loss has a weight; choose from {', '.join(known)}")


def total(terms: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    """Weighted sum of the named terms that this batch has: a mesh without lips has no term for them."""
    parts = [weight * terms[name] for name, weight in weights.items() if weight and name in terms]
    if not parts:
        raise InputError(
            f"none of the losses {', '.join(weights)} can be computed from these data; the terms are {', '.join(terms)}"
        )
    return sum(parts[1:], parts[0])
