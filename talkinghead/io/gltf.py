"""glTF 2.0 of other programs, `.glb`, `.vrm` and `.gltf`: read with a look at every size, and written back with more in it.

Nothing is decoded but the accessors that are asked for, so textures, extensions and chunks that are not known come back byte
for byte. Specification: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from talkinghead.errors import InputError, brief
from talkinghead.files import replacing
from talkinghead.io.files import parse_json

LISTS = ("nodes", "meshes", "accessors", "bufferViews", "buffers", "images", "skins", "animations", "extensionsUsed")
SUFFIXES = (".glb", ".gltf", ".vrm")
LIMIT = 1 << 30  # bytes of a file, and of an array that it declares
KINDS = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
DIVISORS = {5120: 127, 5121: 255, 5122: 32767, 5123: 65535}  # of normalised integers
MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")
DRACO = "KHR_draco_mesh_compression"


class Undecoded(Exception):  # noqa: N818
    """Data of the file that cannot be decoded here, and what would do it. The file itself may be right."""


def is_gltf(path: Path) -> bool:
    """Whether a file is glTF, by its name or by how it begins."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) == b"glTF"
    except OSError:
        return False


@dataclass(eq=False)
class Gltf:
    """json: the whole description. chunks: of a GLB, (kind, bytes) after the JSON; the first may be the binary one."""

    path: Path
    json: dict[str, Any]
    chunks: list[tuple[bytes, bytes | bytearray]] = field(default_factory=list)
    _views: dict[int, bytes] = field(default_factory=dict)
    _buffers: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path) -> Gltf:
        """Read the container. Raises InputError for a file that is missing, cut short, too large or not glTF 2."""
        path = Path(path)
        try:
            if path.stat().st_size > LIMIT:
                raise InputError(f"{path}: {path.stat().st_size / 2**30:.1f} GiB; at most {LIMIT >> 30} is read")
            data = path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"{path}: no such file") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
        text, chunks = _chunks(path, data) if data[:4] == b"glTF" else (data, [])
        try:
            content = parse_json(text.decode("utf-8-sig"))
        except ValueError as error:
            raise InputError(f"{path}: not glTF, or cut short ({brief(error)})") from None
        asset = content.get("asset") if isinstance(content, dict) else None
        if not isinstance(asset, dict) or not str(asset.get("version", "")).startswith("2."):
            raise InputError(f"{path}: not glTF 2.0; export it as glTF 2.0")
        for name in LISTS:
            if not isinstance(content.get(name, []), list):
                raise InputError(f"{path}: not glTF 2.0: its {name} are no list")
        return cls(path, content, chunks)

    def items(self, name: str) -> list[dict[str, Any]]:
        """The list `name` of the description, such as nodes; what is no object in it counts as an empty one."""
        items = self.json.get(name)
        return [item if isinstance(item, dict) else {} for item in items] if isinstance(items, list) else []

    def buffer(self, index: int) -> bytes:
        """The bytes of a buffer: of the binary chunk, of a file beside this one, or of the text itself."""
        if index not in self._buffers:
            buffers = self.items("buffers")
            if not 0 <= index < len(buffers):
                raise InputError(f"{self.path}: names a buffer {index}, which it does not have")
            if "uri" in buffers[index]:
                self._buffers[index] = self.resource(buffers[index]["uri"])
            elif index == 0 and self.binary is not None:
                self._buffers[index] = self.binary
            else:
                raise InputError(f"{self.path}: its buffer {index} has no data")
        return self._buffers[index]

    @property
    def binary(self) -> bytes | None:
        """The binary chunk of a GLB."""
        return bytes(self.chunks[0][1]) if self.chunks and self.chunks[0][0] == b"BIN\0" else None

    def resource(self, uri: Any) -> bytes:
        """What a URI names: data in itself, or a file in the folder of this one or below it; nothing else is opened."""
        if not isinstance(uri, str):
            raise InputError(f"{self.path}: has a URI that is no text")
        if uri.startswith("data:"):
            head, _, body = uri.partition(",")
            try:
                return base64.b64decode(body, validate=False) if head.endswith(";base64") else unquote(body).encode("latin-1")
            except (binascii.Error, ValueError) as error:
                raise InputError(f"{self.path}: has data in its text that is damaged ({brief(error)})") from None
        try:
            place = (self.path.parent / unquote(uri)).resolve()
            if "://" in uri or not place.is_relative_to(self.path.parent.resolve()):
                raise InputError(f"{self.path}: names {uri[:80]!r}, which is not in its folder; pack it into a .glb")
            if place.stat().st_size > LIMIT:
                raise InputError(f"{place}: larger than {LIMIT >> 30} GiB")
            return place.read_bytes()
        except (OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            reason = getattr(error, "strerror", None) or brief(error)
            raise InputError(f"{self.path}: names {uri[:80]!r}, which cannot be read ({reason})") from None

    def view(self, index: Any) -> tuple[bytes, int]:
        """The bytes of a buffer view, decompressed, and its stride (0: packed). Raises Undecoded and InputError."""
        view = self._item("bufferViews", index)
        compressed = next((x for name in MESHOPT if isinstance(x := _dict(view.get("extensions")).get(name), dict)), None)
        stride = _count(view.get("byteStride", 0))
        if compressed is not None:
            if index not in self._views:
                self._views[index] = _meshopt(self._slice(compressed), compressed)
            return self._views[index], _count(compressed.get("byteStride", 0))
        return self._slice(view), stride

    def accessor(self, index: Any) -> np.ndarray:
        """(count, width) of an accessor: float32 of floats and normalised integers, else its integers.

        Raises Undecoded for compressed data without a decoder, and InputError for data that is not there.
        """
        accessor = self._item("accessors", index)
        kind, width = KINDS.get(accessor.get("componentType", 0)), WIDTHS.get(accessor.get("type", ""))
        count = _count(accessor.get("count", -1))
        if kind is None or width is None or count < 1 or count * width * np.dtype(kind).itemsize > LIMIT:
            raise self._wrong("accessor", index)
        dtype = np.dtype(kind).newbyteorder("<")
        values = np.zeros((count, width), kind)
        if "bufferView" in accessor:
            values = self._strided(accessor["bufferView"], accessor.get("byteOffset", 0), dtype, count, width, index)
        if isinstance(sparse := accessor.get("sparse"), dict):
            values = self._with_sparse(values, sparse, dtype, index)
        divisor = DIVISORS.get(accessor["componentType"])
        if accessor.get("normalized") and divisor:
            values = np.maximum(values.astype(np.float32) / divisor, -1)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InputError(f"{self.path}: accessor {index} has values that are not finite")
        return values

    def _with_sparse(self, values: np.ndarray, sparse: dict, dtype: np.dtype, index: Any) -> np.ndarray:
        where, new, count = _dict(sparse.get("indices")), _dict(sparse.get("values")), _count(sparse.get("count", -1))
        kind = KINDS.get(where.get("componentType", 0))
        if kind is None or not 0 < count <= len(values):
            raise self._wrong("accessor", index)
        place = np.dtype(kind).newbyteorder("<")
        rows = self._strided(where.get("bufferView"), where.get("byteOffset", 0), place, count, 1, index)[:, 0]
        if rows.max() >= len(values) or rows.min() < 0:
            raise self._wrong("accessor", index)
        values = values.copy()
        width = values.shape[1]
        values[rows] = self._strided(new.get("bufferView"), new.get("byteOffset", 0), dtype, count, width, index)
        return values

    def _strided(self, view: Any, offset: Any, dtype: np.dtype, count: int, width: int, index: Any) -> np.ndarray:
        data, stride = self.view(view)
        offset, row = _count(offset), width * dtype.itemsize
        stride = stride or row
        if offset < 0 or stride < row or offset + stride * (count - 1) + row > len(data):
            raise self._wrong("accessor", index)
        rows = np.ndarray((count, width), dtype, data, offset, (stride, dtype.itemsize))
        return rows.astype(dtype.newbyteorder("="))

    def _slice(self, view: dict) -> bytes:
        data = self.buffer(_count(view.get("buffer", -1)))
        start, size = _count(view.get("byteOffset", 0)), _count(view.get("byteLength", -1))
        if start < 0 or size < 0 or start + size > len(data):
            raise InputError(f"{self.path}: a buffer view reaches beyond its buffer; the file is cut short or damaged")
        return data[start : start + size]

    def _item(self, name: str, index: Any) -> dict[str, Any]:
        items = self.json.get(name)
        if not isinstance(items, list) or not isinstance(index, int) or not 0 <= index < len(items):
            raise InputError(f"{self.path}: names {name} {index!r}, which it does not have")
        return _dict(items[index])

    def _wrong(self, what: str, index: Any) -> InputError:
        return InputError(f"{self.path}: {what} {index} does not fit its data; the file is damaged")

    def packed(self) -> Gltf:
        """The same, to be added to, with what lies in files beside it in its binary chunk. Its own data stay in front."""
        content: dict[str, Any] = json.loads(json.dumps(self.json))
        fresh = Gltf(self.path, content, list(self.chunks))
        buffers = fresh.items("buffers") or [{"byteLength": 0, "uri": "data:,"}]
        content["buffers"] = buffers
        for place, buffer in enumerate(buffers):
            if "uri" in buffer and place == 0 and fresh.binary is None:
                fresh.chunks.insert(0, (b"BIN\0", self.resource(buffer.pop("uri"))))
            elif "uri" in buffer and not str(buffer["uri"]).startswith("data:"):
                buffer["uri"] = data_uri(self.resource(buffer["uri"]))
        if "uri" in buffers[0] or fresh.binary is None:
            raise InputError(f"{self.path}: its first buffer has no data that more could be added to")
        fresh.chunks[0] = (b"BIN\0", bytearray(fresh.chunks[0][1]))
        for image in fresh.items("images"):
            if isinstance(uri := image.get("uri"), str) and not uri.startswith("data:"):
                data = self.resource(uri)
                del image["uri"]
                image |= {"bufferView": fresh.add_view(data), "mimeType": image.get("mimeType") or _mime(data)}
        return fresh

    def add_view(self, data: bytes) -> int:
        """Append bytes to the binary chunk of a packed file; returns the index of their buffer view."""
        binary = self.chunks[0][1]
        assert isinstance(binary, bytearray)
        start = len(binary) + -len(binary) % 4
        binary += bytes(start - len(binary)) + data
        self.json["buffers"][0]["byteLength"] = start + len(data)
        views = self.json.setdefault("bufferViews", [])
        views.append({"buffer": 0, "byteOffset": start, "byteLength": len(data)})
        return len(views) - 1

    def add_accessor(self, values: np.ndarray, *, limits: bool = False) -> int:
        """Append (N,) or (N, 4) float32; returns the index of its accessor. `limits` adds the least and the greatest value."""
        values = np.ascontiguousarray(values, "<f4")
        accessor: dict[str, Any] = {"bufferView": self.add_view(values.tobytes()), "componentType": 5126, "count": len(values)}
        accessor["type"] = "SCALAR" if values.ndim == 1 else f"VEC{values.shape[1]}"
        if limits:
            accessor |= {"min": np.atleast_1d(values.min(0)).tolist(), "max": np.atleast_1d(values.max(0)).tolist()}
        accessors = self.json.setdefault("accessors", [])
        accessors.append(accessor)
        return len(accessors) - 1

    def write(self, path: Path) -> None:
        """Write a packed file: as GLB the description and all chunks as they are, as `.gltf` the data in its text."""
        if path.suffix.lower() == ".gltf":
            self._write_text(path)
            return
        text = self._text(self.json).encode()
        body = b"".join(_chunk(kind, data) for kind, data in [(b"JSON", text), *self.chunks])
        if 12 + len(body) >= 1 << 32:
            raise InputError(f"{path}: a .glb has at most 4 GiB")
        with replacing(path) as fresh:
            fresh.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)

    def _write_text(self, path: Path) -> None:
        if len(self.chunks) > 1:
            raise InputError(f"{path}: {self.path.name} has chunks that a .gltf has no room for; write .glb")
        first, *others = self.json["buffers"]
        content = self.json | {"buffers": [first | {"uri": data_uri(self.chunks[0][1])}, *others]}
        with replacing(path) as fresh:
            fresh.write_text(self._text(content), encoding="utf-8")

    def _text(self, content: dict[str, Any]) -> str:
        try:
            return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        except ValueError as error:
            raise InputError(f"{self.path}: its description has values that glTF does not allow ({brief(error)})") from None


def _chunk(kind: bytes, data: bytes | bytearray) -> bytes:
    padding = (b" " if kind == b"JSON" else b"\0") * (-len(data) % 4)
    return struct.pack("<I4s", len(data) + len(padding), kind) + data + padding


def _chunks(path: Path, data: bytes) -> tuple[bytes, list[tuple[bytes, bytes | bytearray]]]:
    """The text of a GLB's first chunk, and the chunks after it."""
    if len(data) < 20 or struct.unpack_from("<I", data, 4)[0] != 2:
        raise InputError(f"{path}: not glTF 2.0; export it as glTF 2.0")
    found = list(_each_chunk(path, data))
    if not found or found[0][0] != b"JSON":
        raise InputError(f"{path}: not glTF, or cut short (it has no description)")
    return found[0][1], list(found[1:])


def _each_chunk(path: Path, data: bytes) -> Iterator[tuple[bytes, bytes]]:
    end = struct.unpack_from("<I", data, 8)[0]
    if end > len(data):
        raise InputError(f"{path}: cut short: it has {len(data)} bytes of {end}; copy it again")
    start = 12
    while start + 8 <= end:
        size, kind = struct.unpack_from("<I4s", data, start)
        if start + 8 + size > end:
            raise InputError(f"{path}: not glTF, or cut short; copy it again")
        yield kind, data[start + 8 : start + 8 + size]
        start += 8 + size


def _meshopt(data: bytes, about: dict) -> bytes:
    """The bytes that EXT_meshopt_compression holds."""
    try:
        import meshopt
    except ImportError:
        raise Undecoded("compressed by meshopt; pip install 'talkinghead[gltf]' reads it") from None
    count, stride, mode = _count(about.get("count", -1)), _count(about.get("byteStride", -1)), about.get("mode")
    if count < 1 or not 1 <= stride <= 256 or count * stride > LIMIT or mode not in ("ATTRIBUTES", "TRIANGLES", "INDICES"):
        raise Undecoded("compressed by meshopt, and damaged")
    try:
        return meshopt.decode_gltf_buffer(data, count, stride, mode, about.get("filter", "NONE")).tobytes()
    except Exception as error:  # the decoder of a foreign library raises nearly anything
        raise Undecoded(f"compressed by meshopt, and damaged ({brief(error)})") from None


def _mime(data: bytes) -> str:
    for start, kind in ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"RIFF", "webp"), (b"\xabKTX 20", "ktx2")):
        if data.startswith(start):
            return f"image/{kind}"
    return "image/png"


def data_uri(data: bytes | bytearray) -> str:
    """Bytes as the URI of a buffer."""
    return f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    """A whole number of the description; -1 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
