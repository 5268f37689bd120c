"""A loss that trains nothing is a mistake that no curve shows: each weighted term must reach a trained weight."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from talkinghead.errors import InputError


class Gradients:
    """Watches the terms of a stage until each has had a gradient."""

    def __init__(self, weights: dict[str, float], trained: list[nn.Parameter]) -> None:
        self.unseen = {name for name, weight in weights.items() if weight}
        self.absent = set(self.unseen)
        self.trained = trained

    def watch(self, terms: dict[str, Tensor]) -> None:
        """Look at the terms of one batch, before its backward pass; costs nothing once all were seen."""
        self.absent -= terms.keys()
        for name in sorted(self.unseen & terms.keys()):
            if terms[name].requires_grad:
                found = torch.autograd.grad(terms[name], self.trained, retain_graph=True, allow_unused=True)
                if any(gradient is not None and gradient.any() for gradient in found):
                    self.unseen.discard(name)

    def check(self, unseen: list[str], absent: list[str], stage: str, steps: int) -> None:
        """Raises InputError for terms that no process saw a gradient of (see `agreed`)."""
        if unseen:
            why = "the data give no such term" if unseen[0] in absent else "it does not depend on what the stage trains"
            raise InputError(f"{stage}: loss {unseen[0]!r} had no gradient in {steps} steps: {why}; take it out of the weights")
