"""Archives that declare more than they hold, or hold more than is wanted."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from talkinghead.errors import InputError
from talkinghead.io import npz
from talkinghead.io.npz import load_arrays


def npy(shape: str, descr: str = "'<f4'", data: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def archive(path, method=zipfile.ZIP_DEFLATED, **members: bytes):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return path


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (npy("(1000000000,)"), "has shape"),
        (npy("(1 << 62, 4)"), "."),
        (npy(f"({2**62}, 4)"), "has shape"),
        (npy("(-1,)"), "has shape"),
        (npy("(2.0,)"), "."),
        (npy("(1000000000,)", "'<U0'"), "."),
        (npy("()", "'|O'", b"cos\nsystem\n."), "numbers and text"),
        (npy("(1,)", "[('a', '<f4')]", bytes(4)), "numbers and text"),
        (npy("(" * 200), "."),
        (b"\x93NUMPY\x09\x00", "version 9"),
    ],
)
def test_headers_that_do_not_tell_what_is_there(tmp_path, data, reason):
    with pytest.raises(InputError, match=rf"a\.npz: not numbers, or damaged \(.*{reason}"):
        load_arrays(archive(tmp_path / "a.npz", a=data), None, "numbers")


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    out = io.BytesIO()
    np.save(out, np.zeros(1 << 20))
    bomb = archive(tmp_path / "a.npz", a=out.getvalue())
    assert bomb.stat().st_size < 20_000
    assert load_arrays(bomb, ("a",), "numbers")["a"].nbytes == 8 << 20
    with pytest.raises(InputError, match=r"a\.npz: declares 8 MiB of arrays; at most 4 are read"):
        load_arrays(bomb, ("a",), "numbers", limit=4 << 20)
    with pytest.raises(InputError, match="8 MiB of a; at most 1"):
        load_arrays(bomb, None, "numbers", limits={"a": 1 << 20})
    assert load_arrays(bomb, ("b",), "numbers", limit=4 << 20) == {}, "what is not read does not count"
    monkeypatch.setattr(npz, "LIMIT", 4 << 20)
    with pytest.raises(InputError, match="declares"):
        load_arrays(bomb, None, "numbers")


def test_other_ways_of_packing_are_refused(tmp_path):
    out = io.BytesIO()
    np.save(out, np.zeros(4))
    with pytest.raises(InputError, match="compressed in another way"):
        load_arrays(archive(tmp_path / "a.npz", zipfile.ZIP_LZMA, a=out.getvalue()), None, "numbers")
