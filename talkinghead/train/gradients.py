"""Checks that every loss term of weight > 0 has a gradient in a trained weight.

A term that the data do not give, such as those of phonemes without a transcript, is no mistake of the recipe, but a warning
names it.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from talkinghead.errors import InputError, InputWarning

TRIAL = 100  # steps in which each term must have had one: a single batch may lack silence or bilabials


class Gradients:
    """Observes the terms of a stage until each has had a gradient."""

    def __init__(self, weights: dict[str, float], trained: list[nn.Parameter]) -> None:
        self.unseen = {name for name, weight in weights.items() if weight}
        self.absent = set(self.unseen)  # no batch had such a term
        self.still = set(self.unseen)  # no such term required a gradient
        self.trained = trained

    def observe(self, terms: dict[str, Tensor]) -> None:
        """Examines the terms of one batch before its backward pass; costs nothing once all had a gradient."""
        self.absent -= terms.keys()
        for name in sorted(self.unseen & terms.keys()):
            if terms[name].requires_grad:
                self.still.discard(name)
                found = torch.autograd.grad(terms[name], self.trained, retain_graph=True, allow_unused=True)
                if any(gradient is not None and gradient.any() for gradient in found):
                    self.unseen.discard(name)

    def check(self, found: list[tuple[set[str], set[str], set[str]]], stage: str, steps: int) -> None:
        """Raises InputError for a term that no process saw a gradient of; `found` are their unseen, absent and still ones.

        Warns of those that are not there at all.
        """
        unseen, absent, still = (set.intersection(*sets) for sets in zip(*found, strict=True))
        if absent:
            names = ", ".join(sorted(absent))
            warnings.warn(f"{stage}: the data give nothing for the losses {names}; they count for nothing", InputWarning, 2)
        for name in sorted(unseen - absent):
            why = "it does not depend on what the stage trains" if name in still else "it was 0, or what it goes through is"
            raise InputError(f"{stage}: loss {name!r} had no gradient in {steps} steps: {why}; take it out of the weights")
