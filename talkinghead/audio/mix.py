"""The channels of a recording as one. n samples, C channels."""

from __future__ import annotations

import numpy as np

from talkinghead.blocks import spans

CANCELLED = 0.1  # power of the mean of all channels, as a share of what it would be if they had nothing to do with each other
MIXED = 0.3  # the same, from which on the mean is heard again
LOUDER = 4.0  # energy of another channel in units of that of the one that is heard, from which on it is heard instead
QUIET = 0.01  # energy before, in units of that of what follows, below which a change is not heard
MOMENT = 1024  # samples in which energies fall to 1/e


class Mix:
    """(n, C) blocks of one sound -> (n,): the mean of all channels; where they cancel each other, the one with the most energy.

    Energies are those of the last moment, as recordings may be joined of which only one has a channel upside down.
    """

    def __init__(self) -> None:
        self._begin(0)

    def _begin(self, channels: int) -> None:
        self.energies = np.zeros(channels)  # (C,) of the last moment
        self.mixed = 0.0  # that of the mean of all channels
        self.channel: int | None = None  # the one that is heard; None for the mean
        self.latest: int | None = None  # the last one that was heard: in a pause of speech nothing cancels
        self.weights: np.ndarray | None = None  # (C,) of the last sample

    def __call__(self, block: np.ndarray) -> np.ndarray:
        if block.shape[1] == 1 or not len(block):
            return block[:, 0]
        if block.shape[1] != len(self.energies):
            self._begin(block.shape[1])
        return np.concatenate([self._part(block[span]) for span in spans(len(block), MOMENT)])

    def _part(self, block: np.ndarray) -> np.ndarray:
        """(n, C) -> (n,), n at most MOMENT."""
        mixed, count = block.mean(axis=1, dtype=np.float64), block.shape[1]
        own, kept = np.square(block, dtype=np.float64).sum(0), np.exp(-len(block) / MOMENT)
        begins = kept * self.energies.sum() < QUIET * own.sum()
        self.energies = kept * self.energies + own
        self.mixed = kept * self.mixed + float(np.square(mixed).sum())
        apart = float(self.energies.sum()) / count**2  # the energy of the mean if channels had nothing to do with each other
        if self.mixed >= (CANCELLED if self.channel is None else MIXED) * apart:
            self.channel = None
        else:
            best = int(self.energies.argmax())
            if self.latest is None or self.energies[best] > LOUDER * self.energies[self.latest]:
                self.latest = best
            self.channel = self.latest
        weights = np.full(count, 1 / count) if self.channel is None else np.eye(count)[self.channel]
        before, self.weights = self.weights, weights
        if before is None or begins or (before == weights).all():
            return (mixed if self.channel is None else block[:, self.channel]).astype(np.float32)
        share = np.linspace(0, 1, len(block))[:, None]
        return (block * ((1 - share) * before + share * weights)).sum(1).astype(np.float32)
