"""Long recordings in pieces: windows give what the whole gives, and rows come back from the disk."""

from __future__ import annotations

import tempfile

import numpy as np
import pytest

from talkinghead import blocks
from talkinghead.blocks import Rows, spans, with_margins
from talkinghead.errors import InputError

ROWS = np.random.default_rng(0).standard_normal((200, 3)).astype(np.float32)


def means(rows):
    """Over three rows on either side, fewer at the ends."""
    return np.stack([rows[max(0, i - 3) : i + 4].mean(0) for i in range(len(rows))])


@pytest.mark.parametrize("sizes", [[200], [1] * 200, [7] * 28 + [4], [199, 1], [1, 199], [2, 90, 1, 1, 1, 105]])
def test_windows_give_what_the_whole_gives(sizes):
    stream = np.split(ROWS, np.cumsum(sizes)[:-1])
    found = [(window, means(window.rows)[window.inner]) for window in with_margins(stream, 3)]
    np.testing.assert_array_equal(np.concatenate([inner for _, inner in found]), means(ROWS))
    for window, _ in found:
        np.testing.assert_array_equal(window.rows, ROWS[window.first : window.first + len(window.rows)])
        assert len(window.rows) <= max(sizes) + 3 * 3  # whatever the length of the stream
    assert len(found) == 1 or len(sizes) > 1


def test_nothing_gives_nothing():
    assert not list(with_margins([], 3)) and not list(spans(0, 5))


@pytest.mark.parametrize("kept", [100, 1 << 20])  # on the disk and in memory
def test_rows_come_back(monkeypatch, tmp_path, kept):
    monkeypatch.setattr(blocks, "KEPT", kept)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Rows(3) as rows:
        for span in spans(200, 33):
            rows.append(ROWS[span])
            np.testing.assert_array_equal(rows[5:20], ROWS[5:20])  # between two writes
        assert len(rows) == 200
        np.testing.assert_array_equal(rows[190:300], ROWS[190:])
        rows.resize(150)
        rows.append(ROWS[:1])
        rows.resize(153)
        np.testing.assert_array_equal(rows[149:153], np.concatenate([ROWS[149:150], ROWS[:1], np.zeros((2, 3))]))
        assert not list(tmp_path.iterdir())  # a killed process leaves nothing


def test_a_full_disk_is_told_with_the_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = Rows()

    def full(data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rows._file, "write", full)
    with rows, pytest.raises(InputError, match=f"^{tmp_path}: is full"):
        rows.append(ROWS[:, 0])
