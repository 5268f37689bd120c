"""The plain twin of `torchaudio.functional.forced_align`: the best path through a connectionist temporal classification."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def forced_align(log_probs: Tensor, targets: Tensor, blank: int = 0) -> tuple[Tensor, Tensor]:
    """(1, T, P) and (1, L) -> (1, T) the label of each frame and its log-probability. Raises RuntimeError if T is too short."""
    scores, labels = log_probs[0].numpy(), targets[0].numpy()
    states = np.full(2 * len(labels) + 1, blank)
    states[1::2] = labels
    skips = np.zeros(len(states), bool)  # from one label to the next without a blank between them
    skips[3::2] = labels[1:] != labels[:-1]
    best = np.full(len(states), -np.inf)
    best[:2] = scores[0, states[:2]]
    came = np.zeros((len(scores), len(states)), np.int8)
    for t in range(1, len(scores)):
        one, two = np.append(-np.inf, best[:-1]), np.append([-np.inf] * 2, best[:-2])
        ways = np.stack([best, one, np.where(skips, two, -np.inf)])
        came[t] = ways.argmax(0)
        best = ways.max(0) + scores[t, states]
    state = len(states) - 2 + int(best[-1] >= best[-2])
    if not np.isfinite(best[state]):
        raise RuntimeError("targets length is too long for CTC")
    path = np.zeros(len(scores), np.int64)
    for t in range(len(scores) - 1, -1, -1):
        path[t] = states[state]
        state -= int(came[t, state])
    return torch.from_numpy(path)[None], torch.from_numpy(scores[np.arange(len(path)), path])[None]
