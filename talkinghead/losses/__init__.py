"""Losses: pure functions on tensors. A stage gives named terms, the config weighs them, the sum is what is trained."""

from __future__ import annotations

from torch import Tensor

from talkinghead.errors import InputError


def total(terms: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    """Weighted sum of the named terms. Raises InputError for a weight that names no term."""
    for name in weights:
        if name not in terms:
            raise InputError(f"loss {name!r} is unknown here; choose from {', '.join(terms)}")
    parts = [weight * terms[name] for name, weight in weights.items() if weight]
    if not parts:
        raise InputError(f"no loss has a weight; choose from {', '.join(terms)}")
    return sum(parts[1:], parts[0])
