"""Pickles are read, never run."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import struct
from collections import OrderedDict, defaultdict

import numpy as np
import pytest
from strangers import check_damaged

from talkinghead.errors import InputError
from talkinghead.io import pickles
from talkinghead.io.npz import read_array
from talkinghead.io.pickled_objects import LazyArray
from talkinghead.io.pickles import LAZY, read_pickle

CONTENT = {
    "template": np.arange(12, dtype=np.float64).reshape(4, 3),
    "turned": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "big endian": np.arange(3, dtype=">i2"),
    "empty": np.zeros((0, 3), np.float32),
    "flags": np.array([True, False]),
    "names": np.array(["é", "bb"]),
    "scalar": np.float64(0.1),
    "rate": 22000,
    "long": 2**70,
    "list": [1, (2.5, None, True), {"a"}],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("lazy", [False, True])
def test_what_python_3_writes(tmp_path, protocol, lazy):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(CONTENT, protocol))
    found = read_pickle(path, lazy=lazy)
    assert found.keys() == CONTENT.keys()
    for name, value in CONTENT.items():
        if isinstance(value, np.ndarray):
            assert type(found[name]) is np.ndarray and found[name].shape == value.shape, name
            assert found[name].dtype == value.dtype.newbyteorder("="), name
            np.testing.assert_array_equal(found[name], value)
        else:
            assert found[name] == value, name


def test_kinds_of_dict(tmp_path):
    index = defaultdict(dict)
    index["a"][0] = 1
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([OrderedDict(x=1), index], 2))
    assert read_pickle(tmp_path / "a.pkl") == [{"x": 1}, {"a": {0: 1}}]


def python_2(array: np.ndarray, name: str) -> bytes:
    """{name: array} as Python 2 wrote it with protocol 2: bytes as text, the old name of numpy's module."""
    raw = array.tobytes()
    shape = b"(" + b"".join(b"K" + bytes([n]) for n in array.shape) + b"t"
    text = name.encode("latin1")
    return (
        b"\x80\x02}U"
        + bytes([len(text)])
        + text
        + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01"
        + shape
        + b"cnumpy\ndtype\nU\x02"
        + array.dtype.str[1:].encode()
        + b"K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<I", len(raw)) + raw + b"tbs."
    )


def test_python_2(tmp_path):
    """Latin-1 text, and bytes of numbers that are no valid UTF-8."""
    array = np.array([[1.1, -2.2, 3.3]], np.float64)
    (tmp_path / "a.pkl").write_bytes(python_2(array, "Jürgen"))
    pickletools.dis(tmp_path.joinpath("a.pkl").read_bytes(), io.StringIO())  # or the test would test nonsense
    found = read_pickle(tmp_path / "a.pkl")
    assert list(found) == ["Jürgen"]
    np.testing.assert_array_equal(found["Jürgen"], array)


class Evil:
    def __init__(self, call, *arguments):
        self.reduced = call, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_run(tmp_path, protocol):
    mark = tmp_path / "mark"
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"x": Evil(os.system, f"touch {mark}")}, protocol))
    with pytest.raises(InputError, match=r"a\.pkl: refused, it asks for posix\.system|nt\.system"):
        read_pickle(tmp_path / "a.pkl")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("call", "arguments"),
    [(eval, ("1",)), (getattr, ("a", "b")), (np.load, ("x",)), (np.lib.format.open_memmap, ("x",)), (np.empty, (10**12,))],
)
def test_other_functions_are_refused(tmp_path, call, arguments):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(Evil(call, *arguments)))
    with pytest.raises(InputError, match="refused"):
        read_pickle(tmp_path / "a.pkl")


STREAMS = {
    "nothing": b"",
    "no pickle": b"hello, this is text",
    "cut short": pickle.dumps({"a": np.zeros(5000)}, 2)[:3000],
    "persistent": b"Px\n.",
    "claims bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.",
    "claims a buffer": b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b"x.",
    "claims a frame": b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"x.",
    "claims a shape": b"\x80\x02cnumpy.core.multiarray\n_frombuffer\n(C\x04abcdcnumpy\ndtype\nU\x02f4\x85R"
    + b"K\x05\x85U\x01CtR.",
    "huge memo": b"\x80\x02Nr\xff\xff\xff\xff0]" + b"\x80\x02K\x01" + b"bb.",
    "state of a class": b"\x80\x02cnumpy\nndarray\n}U\x05valueK\x01s\x86b.",
    "state of a function": b"\x80\x02c_codecs\nencode\nN}U\x08__code__K\x01s\x86b.",
    "calls a number": b"\x80\x02K\x01)R.",
    "deep": b"(" * 5 + b"]" * 3 + b"\x85" * 200_000 + b".",
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("lazy", [False, True])
def test_broken_streams(tmp_path, name, lazy):
    (tmp_path / "a.pkl").write_bytes(STREAMS[name])
    with pytest.raises(InputError, match=r"a\.pkl: ") as error:
        read_pickle(tmp_path / "a.pkl", lazy=lazy)
    assert "\n" not in str(error.value)


def test_python_objects(tmp_path):
    array = np.array([{"a": 1}, None], object)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(array))
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=r"/a\.pkl: an array of object"):
        read_pickle(tmp_path / "a.pkl")
    with pytest.raises(InputError, match="holds Python objects"):
        read_array(tmp_path / "a.npy")


def test_missing(tmp_path):
    for read in (read_pickle, read_array):
        with pytest.raises(InputError, match=r"x\.npy: "):
            read(tmp_path / "x.npy")


def test_npy(tmp_path):
    array = np.arange(60, dtype=np.float32).reshape(5, 12)
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), array)
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:-30])
    with pytest.raises(InputError, match="cut short"):
        read_array(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes(whole.replace(b"(5, 12), }" + b" " * 10, b"(50000000000, 12), }"))
    with pytest.raises(InputError, match="cut short"):
        read_array(tmp_path / "a.npy")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_lazy_leaves_arrays_in_the_file(tmp_path, protocol):
    """Also the bytes that Python 3 writes as text for Python 2 (protocol 2), and copies come back equal after pickling."""
    wave = np.random.default_rng(0).integers(-(2**15), 2**15, LAZY, np.int16)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"s": {"audio": wave, "sample_rate": 22000}}, protocol))
    found = read_pickle(tmp_path / "a.pkl", lazy=True)["s"]
    assert isinstance(found["audio"], LazyArray) or protocol >= 4  # within a frame of protocol 4 it was read anyway
    if isinstance(found["audio"], LazyArray):
        assert len(pickle.dumps(found["audio"])) < 600
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(found["audio"])).read(), wave)
    else:
        np.testing.assert_array_equal(found["audio"], wave)


def test_lazy_python_2(tmp_path):
    wave = np.zeros((100, 100), np.float64) + 0.1
    (tmp_path / "a.pkl").write_bytes(python_2(wave, "audio"))
    np.testing.assert_array_equal(read_pickle(tmp_path / "a.pkl", lazy=True)["audio"].read(), wave)


def test_chumpy_and_sparse(tmp_path, monkeypatch):
    """Both as FLAME's models hold them; chumpy itself does not install on a current Python: a class of its name stands in."""
    import sys
    from types import ModuleType

    from scipy import sparse

    module = ModuleType("chumpy.ch")
    module.Ch = chumpy_array = type("Ch", (), {"__module__": "chumpy.ch"})
    monkeypatch.setitem(sys.modules, "chumpy", ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    shapes, regressor = chumpy_array(), sparse.random(5, 7, 0.5, "csc", random_state=0)
    shapes.__dict__.update(x=np.arange(6.0).reshape(2, 3), _dirty_vars=set(), _itr=None)
    for protocol in (1, 2, 4):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps({"shapedirs": shapes, "J_regressor": regressor}, protocol))
        found = read_pickle(tmp_path / "a.pkl")
        np.testing.assert_array_equal(found["shapedirs"], np.arange(6.0).reshape(2, 3))
        np.testing.assert_array_equal(found["J_regressor"], regressor.toarray())


def test_copies_of_the_same_bytes_are_counted(tmp_path, monkeypatch):
    """A small file may ask for many copies of its bytes."""
    wave = np.arange(3000, dtype=">i2")  # read as little-endian: a copy
    stream = pickle.dumps([wave, wave[:]], 2)
    (tmp_path / "a.pkl").write_bytes(stream)
    read_pickle(tmp_path / "a.pkl")
    monkeypatch.setattr(pickles, "MOST_BUILT", 2 * wave.nbytes)
    with pytest.raises(InputError, match="would take more than"):
        read_pickle(tmp_path / "a.pkl")


@pytest.mark.parametrize("name", ["pickle_0", "pickle_2", "pickle_4", "pickle_5", "npy"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)
