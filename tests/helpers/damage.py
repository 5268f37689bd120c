"""Files of strangers, made of good ones: bytes that are wrong, numbers that are not what they count, structure that is another.

Every choice is drawn from one `random.Random`, so that a seed gives the same file again.
"""

from __future__ import annotations

import ast
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

NUMBERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 62,
    (1 << 63) - 1,
    1 << 63,
)
FLOATS = (float("nan"), float("inf"), -float("inf"), 5e-324, 1e-40, -0.0, 1e38, 1e39, 1e300, -1e308)
WORDS = (
    *(
        "",
        "0",
        "-1",
        "1e999",
        "-1e308",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "5e-324",
        "2147483648",
        "9223372036854775808",
        "1" * 60,
    ),
    *(
        "9" * 5000,
        "1_0",
        "0x10",
        "٣",
        "½",
        "1,5",
        "true",
        "null",
        '"',
        "'",
        ";",
        ",",
        "\t",
        "\0",
        "\x1b[2J",
        "\r",
        "\u2028",
        "\ud7ff",
    ),
    *(
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\x",
        "~",
        "a" * 300,
        "[" * 3000,
        '{"a":' * 3000,
        "(" * 200,
        "#",
        "%s",
        "${x}",
        "\ufeff",
    ),
    *(
        "00:00:00:00",
        "24:61:61:99",
        "99999999:00:00",
        "1:2",
        "12:00:00;29",
        "-1:00:00",
        "*a",
        "&a [*a]",
        "!!python/object:os.x",
        "<<: *a",
    ),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63, 10**400, 1.5, float("nan"), float("inf"), -float("inf"), 5e-324, 1e300, "", "x"),
    *(
        "\0",
        "../x",
        "/etc/passwd",
        "a" * 300,
        "\x1b[31m\n",
        "\ud800",
        [],
        {},
        [[]],
        [None],
        {"": None},
        [0] * 1000,
        [1, "a", None],
    ),
)


def damaged(data: bytes, kind: str, rng: Random) -> bytes:
    """`data` with one to four things wrong with it. kind: "npz", "json", "text", "safetensors"; anything else is bytes."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        ways = WAYS.get(kind, ())
        way = rng.choice((*ways, *ways, *BYTES) if ways else BYTES)
        try:
            data = way(data, rng)
        except Exception:  # what is broken already has no structure to break
            data = rng.choice(BYTES)(data, rng)
    return data


def _flip(data: bytes, rng: Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if out else 0):
        out[_place(out, rng)] ^= 1 << rng.randrange(8)
    return bytes(out)


def _set(data: bytes, rng: Random) -> bytes:
    out = bytearray(data)
    if out:
        out[_place(out, rng)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(out)


def _truncate(data: bytes, rng: Random) -> bytes:
    return data[: _place(data, rng) if data else 0]


def _insert(data: bytes, rng: Random) -> bytes:
    at, length = _place(data, rng) if data else 0, rng.choice((1, 2, 4, 8, 100, 5000))
    return data[:at] + rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length), data[:length])) + data[at:]


def _remove(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng) if data else 0
    return data[:at] + data[at + rng.choice((1, 2, 4, 8, 100)) :]


def _repeat(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng) if data else 0
    return data[:at] + data[at : at + rng.choice((4, 16, 100))] * rng.choice((2, 10, 100)) + data[at:]


def _number(data: bytes, rng: Random) -> bytes:
    """A number of a header replaced by one that means something else."""
    width = rng.choice((2, 4, 4, 8))
    if len(data) < width:
        return data
    at = min(_place(data, rng), len(data) - width)
    order = rng.choice("<>")
    old = int.from_bytes(data[at : at + width], "little" if order == "<" else "big")
    new = rng.choice((*NUMBERS, old + 1, old - 1, old * 2, len(data), -1)) % (1 << 8 * width)
    packed = new.to_bytes(width, "little" if order == "<" else "big")
    if width > 2 and rng.random() < 0.3:
        value = rng.choice(FLOATS)
        packed = struct.pack(order + "fd"[width == 8], value if width == 8 or abs(value) < 1e38 or value != value else np.inf)
    return data[:at] + packed + data[at + width :]


def _turn(data: bytes, rng: Random) -> bytes:
    """A number in the other order of bytes."""
    width = rng.choice((2, 4, 8))
    at = _place(data, rng) if data else 0
    return data[:at] + data[at : at + width][::-1] + data[at + width :]


def _place(data: bytes | bytearray, rng: Random) -> int:
    """A byte; half of them in the header."""
    return rng.randrange(min(len(data), 200) if rng.random() < 0.5 else len(data))


BYTES: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_flip, _set, _truncate, _insert, _remove, _repeat, _number, _number, _number, _turn),
)


def _words(data: bytes, rng: Random) -> bytes:
    """A word or number of a text replaced by another."""
    text = data.decode("utf-8", "surrogateescape")
    found = list(re.finditer(r"[-+.\w]+", text))
    if not found:
        return data
    match = rng.choice(found)
    word = rng.choice(WORDS) if rng.random() < 0.7 else rng.choice(found)[0]
    return (text[: match.start()] + word + text[match.end() :]).encode("utf-8", "surrogateescape")


def _lines(data: bytes, rng: Random) -> bytes:
    """A line left out, doubled, moved, emptied or joined with the next."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    line = lines.pop(at)
    what = rng.randrange(5)
    if what == 1:
        lines[at:at] = [line] * rng.choice((2, 50))
    elif what == 2:
        lines.insert(rng.randrange(len(lines) + 1), line)
    elif what == 3:
        lines.insert(at, b"")
    elif what == 4:
        lines[at : at + 1] = [line + (lines[at] if at < len(lines) else b"")]
    return b"\n".join(lines)


def _between(data: bytes, rng: Random) -> bytes:
    """A sign of the text replaced everywhere, or once."""
    signs = sorted({byte for byte in data if not chr(byte).isalnum()}) or [32]
    old, new = bytes([rng.choice(signs)]), rng.choice(WORDS)[:4].encode("utf-8", "replace")
    return data.replace(old, new, rng.choice((1, -1)))


def _encoded(data: bytes, rng: Random) -> bytes:
    """The text in another encoding."""
    text = data.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-16", "utf-16-be", "utf-8-sig", "utf-32")), "replace")


TEXT = (_words, _words, _words, _lines, _between, _encoded)


def _json(data: bytes, rng: Random) -> bytes:
    """One value of a JSON text, or of one of its lines, replaced, left out, or one level deeper."""
    lines = data.split(b"\n") if _is_lines(data) else [data]
    at = rng.randrange(len(lines))
    lines[at] = json.dumps(changed(json.loads(lines[at]), rng)).encode("utf-8", "surrogatepass")
    return b"\n".join(lines)


def _is_lines(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return True
    return False


def changed(value: Any, rng: Random) -> Any:
    """Plain data with one value another."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        what = rng.random()
        if what < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if what < 0.2:
            return value | {rng.choice(WORDS): value[key]}
        return value | {key: changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at, what = rng.randrange(len(value)), rng.random()
        if what < 0.1:
            return value[:at] + value[at + 1 :]
        if what < 0.2:
            return value[:at] + [value[at]] * 3 + value[at:]
        return [*value[:at], changed(value[at], rng), *value[at + 1 :]]
    return rng.choice((*VALUES, [value], {"x": value}, str(value), value))


def _npz(data: bytes, rng: Random) -> bytes:
    """An archive of arrays with one member another: its header, its values, its type, its text, its name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    name = rng.choice(list(members))
    what = rng.randrange(8)
    if what == 0:
        members.pop(name)
    elif what == 1:
        members[rng.choice(WORDS)[:200].replace("\0", "") + ".npy"] = members.pop(name)
    elif what == 2:
        members[name] = members[rng.choice(list(members))]
    elif what == 3:
        members[name] = rng.choice(BYTES)(members[name], rng)
    else:
        members[name] = changed_array(members[name], rng)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))) as archive:
        for key, value in members.items():
            archive.writestr(key, value)
    return out.getvalue()


def changed_array(data: bytes, rng: Random) -> bytes:
    """The bytes of an .npy with another header, or other values."""
    if rng.random() < 0.4:
        return _header(data, rng)
    array = np.load(io.BytesIO(data), allow_pickle=False)
    what = rng.randrange(8)
    if array.dtype.kind == "U" and what < 6:
        text = str(array.reshape(-1)[0]) if array.size else ""
        fresh = _json(text.encode(), rng).decode("utf-8", "surrogatepass") if text[:1] in "[{" else rng.choice(WORDS)
        array = (
            np.array(fresh.replace("\0", "0"))
            if array.ndim == 0
            else np.where(np.arange(array.size) == 0, fresh, array.ravel())
        )
    elif what == 0:
        array = array.reshape(-1)[: rng.randrange(array.size + 1)]
    elif what == 1:
        array = np.stack([array, array])
    elif what == 2:
        array = array.T
    elif what == 3 and array.ndim:
        array = array[: rng.randrange(len(array) + 1)]
    elif what == 4:
        array = array.astype(rng.choice(("<f2", ">f4", "<f8", "<i8", ">i2", "u1", "c8", "U3", "S2", "?", "M8[s]")))
    elif what == 5:
        array = np.array(rng.choice((0, -1, 1e300, np.nan, np.inf, 2**31 - 1, "x", [[]], [])))
    elif array.size:
        array = array.astype(np.float64 if array.dtype.kind not in "iub" or rng.random() < 0.3 else array.dtype)
        numbers = (
            FLOATS if array.dtype.kind == "f" else (0, 1, *((-1, 2**31 - 1, -(2**15)) if array.dtype.itemsize > 3 else (255,)))
        )
        flat = array.reshape(-1)
        with np.errstate(all="ignore"):
            flat[rng.randrange(array.size) : rng.choice((None, 1, 5, -1))] = np.asarray(rng.choice(numbers)).astype(array.dtype)
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def _header(data: bytes, rng: Random) -> bytes:
    """Another shape, type or order in the header of an .npy, whose data stay as they are."""
    length = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10 : 10 + length].decode("latin1"))
    shape = list(header["shape"])
    what = rng.randrange(6)
    if what == 0 and shape:
        shape[rng.randrange(len(shape))] = rng.choice((0, -1, 1, 2**31, 2**62, 2**63, 10**9, 3.5, None, "x"))
    elif what == 1:
        shape.insert(rng.randrange(len(shape) + 1), rng.choice((0, 1, 2, 2**40)))
    elif what == 2:
        header["descr"] = rng.choice(
            ("O", "|O", "<f16", ">f4", "V8", "<U1000000000", "<U0", "|S0", "b", "M8[s]", "x", 7, [("a", "<f4")], "f4,f4")
        )
    elif what == 3:
        header["fortran_order"] = rng.choice((True, 1, "x", None))
    elif what == 4:
        header[rng.choice(("shape", "descr", "more"))] = rng.choice(VALUES[:20])
        shape = header["shape"]
    if what != 5:
        header["shape"] = tuple(shape) if isinstance(shape, list) else shape
        text = repr(header)
    else:
        text = rng.choice(("", "{", "(" * 300, "[" * 9000, "{'a': " * 100, "1" * 5000, "__import__('os')", "{'shape': (1,)}"))
    body = text.encode("latin1", "replace").ljust(length - 1) + b"\n"
    return data[:8] + struct.pack("<H", len(body)) + body + data[10 + length :]


def _safetensors(data: bytes, rng: Random) -> bytes:
    """Another header of the right length."""
    length = int.from_bytes(data[:8], "little")
    header = _json(data[8 : 8 + length], rng)
    if rng.random() < 0.2:
        whole = json.loads(data[8 : 8 + length])
        about = whole.get("__metadata__", {})
        name = rng.choice(list(about))
        about[name] = _json(about[name].encode(), rng).decode("utf-8", "replace")
        header = json.dumps(whole).encode()
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def _values(data: bytes, rng: Random) -> bytes:
    """A number among the data of a safetensors file."""
    start = 8 + int.from_bytes(data[:8], "little")
    at = start + 4 * rng.randrange((len(data) - start) // 4)
    with np.errstate(all="ignore"):
        return data[:at] + np.array(rng.choice(FLOATS)).astype("<f4").tobytes() + data[at + 4 :]


def _glb(data: bytes, rng: Random) -> bytes:
    """Another description of a glTF, of the right length."""
    length = int.from_bytes(data[12:16], "little")
    text = _json(data[20 : 20 + length], rng)
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    return data[:8] + struct.pack("<II4s", 20 + len(text) + len(rest), len(text), b"JSON") + text + rest


def _npy(data: bytes, rng: Random) -> bytes:
    return changed_array(data, rng)


WAYS: dict[str, tuple[Callable[[bytes, Random], bytes], ...]] = {
    "text": TEXT,
    "json": (_json, _json, _json, *TEXT),
    "npz": (_npz, _npz, _npz),
    "npy": (_npy, _npy),
    "glb": (_glb, _glb, _glb),
    "safetensors": (_safetensors, _safetensors, _values),
}
