"""In which order clips are trained on: a pure function of (seed, micro-batch number), so that a run resumes exactly.

Nothing is kept between micro-batches and nothing depends on how many processes or workers ask for them. An epoch visits each
window of each training clip once. Shuffled are the shards, and the windows within each group of `GROUP` shards that follow one
another: reading stays local to a few files, yet a batch holds many people. Without shards all windows are one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from talkinghead.files import replacing

GROUP = 16  # shards; of 256 MB of speech they are a day and a half
ROUNDS = 6
CYCLE = 1000  # micro-batches after which the annotations' turns repeat: the least of them still gets one
MASK = 0xFFFFFFFF


class Turns:
    """Which annotation micro-batch j is for: a fixed cycle in proportion to their seconds, evenly mixed."""

    def __init__(self, seconds: dict[str, float]) -> None:
        names, total = sorted(seconds), sum(seconds.values())
        counts = {name: max(1, round(CYCLE * seconds[name] / total)) if len(names) > 1 else 1 for name in names}
        marks = sorted(((i + 0.5) / counts[name], name) for name in names for i in range(counts[name]))
        self.counts, self.cycle = counts, [name for _, name in marks]
        seen = dict.fromkeys(names, 0)
        self.before = []  # how often the annotation had its turn before, within the cycle
        for name in self.cycle:
            self.before.append(seen[name])
            seen[name] += 1

    def at(self, j: int) -> tuple[str, int]:
        """The annotation of micro-batch j, and how many micro-batches of that annotation come before it."""
        round_, place = divmod(j, len(self.cycle))
        name = self.cycle[place]
        return name, round_ * self.counts[name] + self.before[place]


class Windows:
    """The windows of some clips, numbered. A clip of `seconds` gives round(seconds / window) of them, at least one.

    Kept in a memory-mapped file: rows of the clips, and how many windows there are up to each. `blocks` tells where another
    shard begins.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._map()

    @classmethod
    def make(cls, path: Path, rows: np.ndarray, frames: np.ndarray, blocks: np.ndarray, window: int) -> Windows:
        """rows: (N,) numbers of the clips; frames: (N,) their lengths; blocks: (N,) which shard each is in, ascending."""
        counts = np.maximum(1, np.rint(frames / window)).astype(np.int64)
        starts = np.flatnonzero(np.diff(blocks, prepend=-1))
        with replacing(path.with_suffix(".blocks.npy")) as fresh:
            np.save(fresh, np.append(starts, len(rows)))
        with replacing(path) as fresh:
            np.save(fresh, np.stack([rows.astype(np.int64), np.cumsum(counts)]))
        return cls(path)

    def _map(self) -> None:
        self.rows, self.ends = np.load(self.path, mmap_mode="r")
        starts = np.load(self.path.with_suffix(".blocks.npy"))
        self.total = int(self.ends[-1])
        self.edges = np.append(0, self.ends[starts[1:] - 1])  # (S + 1,) first window of each shard, and the end

    def at(self, number: int) -> tuple[int, int, int]:
        """Of window `number`: row of its clip, which window of the clip it is, of how many."""
        place = int(np.searchsorted(self.ends, number, "right"))
        first = int(self.ends[place - 1]) if place else 0
        return int(self.rows[place]), number - first, int(self.ends[place]) - first

    def __getstate__(self) -> dict:
        return {"path": self.path}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["path"])


class Order:
    """Position in the training (counted over epochs) -> window. `group`: shards mixed at a time; None mixes everything."""

    def __init__(self, windows: Windows, group: int | None) -> None:
        self.windows = windows
        self.group = group or max(1, len(windows.edges) - 1)

    def at(self, seed: Sequence[int], position: int) -> tuple[int, int, int]:
        """Row of a clip, which of its windows, of how many."""
        epoch, number = divmod(position, self.windows.total)
        shards, ends = _shards(tuple(seed), epoch, self.windows, self.group)
        group = int(np.searchsorted(ends[self.group - 1 :: self.group], number, "right"))
        first = group * self.group
        begin = int(ends[first - 1]) if first else 0
        last = min(first + self.group, len(shards))
        number = permuted(number - begin, int(ends[last - 1]) - begin, _keys((*seed, epoch, group)))
        shard = first + int(np.searchsorted(ends[first:last] - begin, number, "right"))
        number -= int(ends[shard - 1]) - begin if shard > first else 0
        return self.windows.at(int(self.windows.edges[shards[shard]]) + number)


@lru_cache(maxsize=8)
def _shards(seed: tuple[int, ...], epoch: int, windows: Windows, group: int) -> tuple[np.ndarray, np.ndarray]:
    """(S,) shards in the order of an epoch, and (S,) how many windows there are up to each."""
    sizes = np.diff(windows.edges)
    order = np.random.default_rng([*seed, epoch]).permutation(len(sizes)) if group < len(sizes) else np.arange(len(sizes))
    return order, np.cumsum(sizes[order])


@lru_cache(maxsize=64)
def _keys(seed: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(key) for key in np.random.SeedSequence(list(seed)).generate_state(ROUNDS))


def permuted(value: int, size: int, keys: tuple[int, ...]) -> int:
    """Where a random permutation of range(size) sends `value`, without making the permutation.

    A Feistel network permutes the next power of four; what falls outside is sent on until it falls inside (Black and Rogaway
    2002, "Ciphers with arbitrary finite domains", section 4).
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    low = (1 << half) - 1
    while True:
        left, right = value >> half, value & low
        for key in keys:
            left, right = right, left ^ (_mix(right ^ key) & low)
        value = left << half | right
        if value < size:
            return value


def _mix(value: int) -> int:
    """32 bits, each of which depends on all of the value's (the finaliser of MurmurHash3)."""
    value = (value ^ value >> 16) * 0x85EBCA6B & MASK
    value = (value ^ value >> 13) * 0xC2B2AE35 & MASK
    return value ^ value >> 16
