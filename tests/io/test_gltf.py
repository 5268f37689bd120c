"""Characters of strangers."""

from __future__ import annotations

import json
import struct

import pytest
from strangers import check_damaged, good_files

from talkinghead.errors import InputError
from talkinghead.io.gltf import Gltf


@pytest.mark.parametrize("name", ["glb", "gltf"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)


@pytest.mark.parametrize("count", [10**9, 1 << 63, -1, 0])
def test_counts_of_accessors_are_no_reason_to_allocate(tmp_path, count):
    data = good_files("glb")["a.glb"]
    length = int.from_bytes(data[12:16], "little")
    content = json.loads(data[20 : 20 + length])
    content["accessors"][0]["count"] = count
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    (tmp_path / "a.glb").write_bytes(
        data[:8] + struct.pack("<II4s", 20 + len(text) + len(rest), len(text), b"JSON") + text + rest
    )
    with pytest.raises(InputError, match=r"a\.glb: accessor 0 does not fit its data"):
        Gltf.read(tmp_path / "a.glb").accessor(0)
