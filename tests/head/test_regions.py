"""Index sets of strangers."""

from __future__ import annotations

import pytest
from strangers import check_damaged


@pytest.mark.parametrize("name", ["regions_pickle", "regions_json", "regions_npz", "regions_npy", "regions_txt"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)
