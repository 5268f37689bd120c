"""Lines and columns without an end."""

from __future__ import annotations

import tracemalloc

import pytest

from talkinghead.errors import InputError
from talkinghead.export import curves
from talkinghead.io import tables
from talkinghead.io.tables import read_table


def test_a_line_without_an_end_is_not_read_whole(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"time,jawOpen\n" + b"1" * (40 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"a\.csv, line 2: not a line of text"):
            list(read_table(tmp_path / "a.csv").rows)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_columns_without_an_end(tmp_path):
    (tmp_path / "a.csv").write_text("time," + ",".join(f"c{i}" for i in range(tables.MOST_COLUMNS)))
    with pytest.raises(InputError, match=f"line 1: {tables.MOST_COLUMNS + 1} columns; at most"):
        read_table(tmp_path / "a.csv")


def test_missing_frames_of_many_columns(tmp_path, monkeypatch):
    """Three rows may leave out a million frames."""
    monkeypatch.setattr(curves, "MOST_VALUES", 10_000)
    (tmp_path / "a.csv").write_text("time,jawOpen,jawLeft\n0,0,0\n0.02,0,0\n0.04,0,0\n400,0,0\n")
    with pytest.raises(InputError, match=r"a\.csv: .*leave \d+ frames out"):
        curves.read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ('"0,0333","0,5",1', ["0.0333", "0.5", "1"]),
        ('"1,234","0,5",1', ["1.234", "0.5", "1"]),
        ('"1,234",0.5,1', ["1,234", "0.5", "1"]),
        ('"1,234",0,1', ["1,234", "0", "1"]),
    ],
)
def test_commas_of_quoted_numbers_are_decimal_where_that_is_certain(tmp_path, row, cells):
    (tmp_path / "a.csv").write_text(f"a,b,c\n{row}\n")
    assert [row for _, row in read_table(tmp_path / "a.csv").rows] == [cells]
