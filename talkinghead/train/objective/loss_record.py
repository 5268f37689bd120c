"""The loss terms of a stage as one sum for the gradient and as means for the log."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from talkinghead.losses import total
from talkinghead.train import engine


class LossRecord:
    """The terms of the micro-batches of this process since the last report, name -> [[number of the micro-batch, value]]."""

    def __init__(self, weights: dict[str, float], terms: dict[str, list] | None = None) -> None:
        self.weights, self.terms = weights, dict(terms or {})

    def add(self, number: int, terms: dict[str, Tensor]) -> Tensor:
        """Record the terms of a micro-batch; returns their weighted sum."""
        for name, value in terms.items():
            self.terms.setdefault(name, []).append([number, value.detach()])
        return total(terms, self.weights)

    def gather(self, accelerator: Any) -> dict[str, list]:
        """The terms of all processes, in the order of the micro-batches."""
        own = {name: [[number, float(value)] for number, value in pairs] for name, pairs in self.terms.items()}
        found: dict[str, list] = {}
        for terms in engine.gather(accelerator, own):
            for name, pairs in terms.items():
                found.setdefault(name, []).extend(pairs)
        return {name: sorted(pairs) for name, pairs in found.items()}

    def means(self, accelerator: Any) -> dict[str, float]:
        """The mean of each term over all processes, not rounded; the record is then empty."""
        found = self.gather(accelerator)
        self.terms = {}
        return {name: float(np.mean([value for _, value in pairs])) for name, pairs in found.items()}
