import pickle
from collections import Counter

import numpy as np
import pytest

from talkinghead.data.loading.sampler import GROUP, AnnotationCycle, Order, Windows


@pytest.fixture
def windows(tmp_path):
    """40 shards of 1 to 9 clips of 0.5 to 8 windows of 100 frames."""
    rng = np.random.default_rng(0)
    blocks = np.repeat(np.arange(40), rng.integers(1, 10, 40))
    return Windows.make(tmp_path / "w.npy", 3 * np.arange(len(blocks)), rng.uniform(50, 800, len(blocks)), blocks, 100)


def test_positions_are_spread_evenly(windows):
    """Chi-squared of where in an epoch the first windows of a clip come, over many epochs."""
    order, bins, trials = Order(windows, None), 16, 200
    firsts = dict(
        zip(windows.rows.tolist(), [0, *windows.ends.tolist()], strict=False)
    )  # number of the first window of each row
    counts = np.zeros((bins, bins))
    for position in range(trials * windows.total):
        row, window, _ = order.at((3,), position)
        counts[(firsts[row] + window) * bins // windows.total, position % windows.total * bins // windows.total] += 1
    expected = counts.sum() / bins**2
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert chi2 < 225 + 5 * np.sqrt(2 * 225), "225 degrees of freedom"


def test_an_order_does_not_depend_on_what_was_asked_before(windows):
    order = Order(windows, 4)
    positions = [0, 3 * windows.total + 5, windows.total - 1, 2 * windows.total, 1, windows.total]
    assert [order.at((1,), p) for p in positions] == [Order(windows, 4).at((1,), p) for p in positions]


@pytest.mark.parametrize("group", [None, GROUP, 1])
def test_an_epoch_visits_each_window_of_each_clip_once(windows, group):
    order = Order(windows, group)
    for epoch in (0, 3):
        seen = Counter(order.at((7, 1), epoch * windows.total + i) for i in range(windows.total))
        assert set(seen.values()) == {1}
        of = {row: windows_ for row, _, windows_ in seen}
        assert sum(of.values()) == windows.total and set(of) == set(3 * np.arange(len(of)))
        assert all((row, window, count) in seen for row, count in of.items() for window in range(count))


def test_epochs_and_seeds_differ(windows):
    order = Order(windows, None)

    def epoch(seed, number):
        return [order.at(seed, number * windows.total + i) for i in range(windows.total)]

    assert epoch((1,), 0) == epoch((1,), 0)
    assert epoch((1,), 0) != epoch((1,), 1) and epoch((1,), 0) != epoch((2,), 0)


def test_shards_are_read_a_group_at_a_time(windows):
    order = Order(windows, 4)
    shard = {int(row): int(np.searchsorted(windows.edges, number, "right")) for number, row in _first_windows(windows)}
    places = {}
    for position in range(windows.total):
        places.setdefault(shard[order.at((0,), position)[0]], []).append(position)
    spans = sorted((min(p), max(p)) for p in places.values())
    open_at_once = max(sum(a <= position <= b for a, b in spans) for position in range(windows.total))
    assert open_at_once <= 4 < len(spans)
    assert max(b - a + 1 - len(p) for (a, b), p in zip(spans, sorted(places.values()), strict=True)) > 0, "and mixed in a group"


def test_windows_are_kept_in_a_file_that_processes_share(windows):
    copied = pickle.loads(pickle.dumps(Order(windows, GROUP)))
    assert copied.at((1,), 100) == Order(windows, GROUP).at((1,), 100)
    assert len(pickle.dumps(windows)) < 300


def test_annotations_take_turns_in_proportion_to_their_seconds():
    cycle = AnnotationCycle({"arkit": 6000.0, "biwi": 3000.0, "tiny": 1.0})
    names = [cycle.at(j)[0] for j in range(3 * len(cycle.cycle))]
    counts = Counter(names)
    assert counts["arkit"] / counts["biwi"] == pytest.approx(2, rel=0.01) and counts["tiny"] == 3
    for name in counts:  # micro-batches of one annotation are numbered without holes
        assert [cycle.at(j)[1] for j, n in enumerate(names) if n == name] == list(range(counts[name]))
    runs = [len(run) for run in "".join("a" if n == "arkit" else "." for n in names).split(".")]
    assert max(runs) <= 3, "evenly mixed"


def test_one_annotation_has_every_turn():
    cycle = AnnotationCycle({"arkit": 5.0})
    assert [cycle.at(j) for j in (0, 1, 5000)] == [("arkit", 0), ("arkit", 1), ("arkit", 5000)]


def _first_windows(windows):
    starts = np.append(0, windows.ends[:-1])
    return zip(starts, windows.rows, strict=True)
