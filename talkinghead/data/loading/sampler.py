"""In which order clips are trained on: a pure function of (seed, micro-batch number), so that a run resumes exactly.

The order does not depend on how many processes or workers ask for micro-batches, nor on which they ask for. An epoch visits
each window of each training clip once. Shards are shuffled, and so are the windows within each group of `GROUP` shards that
follow one another: reading stays local to a few files, yet a batch holds many people. Without shards all windows are one group.
A permutation takes 4 bytes a window, 40 MB at 10 million windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from talkinghead.files import replacing

GROUP = 16  # shards; of 256 MB of speech they are a day and a half
CYCLE = 1000  # micro-batches of a cycle of annotations: the least of them still gets one
KEPT = 2  # permutations of an annotation: a micro-batch may end one epoch or group and begin the next


class AnnotationCycle:
    """Which annotation micro-batch j has: a fixed cycle in proportion to their seconds, evenly mixed."""

    def __init__(self, seconds: dict[str, float]) -> None:
        names, total = sorted(seconds), sum(seconds.values())
        counts = {name: max(1, round(CYCLE * seconds[name] / total)) if len(names) > 1 else 1 for name in names}
        evenly = sorted(((i + 0.5) / counts[name], name) for name in names for i in range(counts[name]))
        self.counts, self.cycle = counts, [name for _, name in evenly]
        so_far = dict.fromkeys(names, 0)
        self.before = []  # micro-batches of the same annotation before, within the cycle
        for name in self.cycle:
            self.before.append(so_far[name])
            so_far[name] += 1

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
        self._shards = lru_cache(KEPT)(self._shuffle_shards)
        self._permutation = lru_cache(KEPT)(_permutation)

    def at(self, seed: Sequence[int], position: int) -> tuple[int, int, int]:
        """Row of a clip, which of its windows, of how many."""
        epoch, number = divmod(position, self.windows.total)
        shards, ends = self._shards((*seed, epoch))
        group = int(np.searchsorted(ends[self.group - 1 :: self.group], number, "right"))
        first = group * self.group
        begin = int(ends[first - 1]) if first else 0
        last = min(first + self.group, len(shards))
        number = int(self._permutation((*seed, epoch, group), int(ends[last - 1]) - begin)[number - begin])
        shard = first + int(np.searchsorted(ends[first:last] - begin, number, "right"))
        number -= int(ends[shard - 1]) - begin if shard > first else 0
        return self.windows.at(int(self.windows.edges[shards[shard]]) + number)

    def _shuffle_shards(self, seed: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """(S,) shards in the order of an epoch, and (S,) how many windows there are up to each."""
        sizes = np.diff(self.windows.edges)
        order = _permutation(seed, len(sizes)) if self.group < len(sizes) else np.arange(len(sizes))
        return order, np.cumsum(sizes[order])

    def __getstate__(self) -> dict:
        return {"windows": self.windows, "group": self.group}  # not the permutations

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)


def _permutation(seed: tuple[int, ...], size: int) -> np.ndarray:
    """A permutation of range(size), uint32."""
    return np.random.default_rng(seed).permutation(np.arange(size, dtype=np.uint32))
