"""The head: template, topology, blendshape basis, regions, landmarks, joints and materials."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.files import asset, replacing


@dataclass(frozen=True)
class Part:
    """A run of faces with one material; colours are linear-light RGB in [0, 1] and multiply the head's texture."""

    name: str  # skin, eyes, teeth, gums, tongue, brows, lashes
    faces: tuple[int, int]  # first and one past the last row of Head.faces
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    roughness: float = 0.6


@dataclass(frozen=True, eq=False)
class Head:
    """A mesh that can speak. V vertices, F triangles, K basis shapes; metres, y up, z towards the viewer.

    All arrays are float32 unless said otherwise and must not be written to. +x is the head's own left (the viewer's right).
    """

    name: str
    template: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3) int32, counter-clockwise seen from outside
    basis: np.ndarray  # (K, V, 3), added to the template with weights
    names: tuple[str, ...]  # K names of the basis; the 52 of ARKit on the default head
    uv: np.ndarray | None = None  # (U, 2), v up (0 at the bottom of the texture)
    uv_faces: np.ndarray | None = None  # (F, 3) int32 into uv
    texture: np.ndarray | None = None  # (H, W, 3) uint8 sRGB base colour
    parts: tuple[Part, ...] = ()  # in the order of faces, covering all of them
    regions: dict[str, np.ndarray] = field(default_factory=dict)  # name -> (V,) soft mask in [0, 1]
    landmarks: dict[str, np.ndarray] = field(default_factory=dict)  # name -> (3,) [triangle, u, v]; see landmark_vertices
    joints: dict[str, np.ndarray] = field(default_factory=dict)  # neck, jaw, left_eye, right_eye -> (3,) centre
    identity: dict[str, np.ndarray] = field(default_factory=dict)  # direction name -> (V, 3) to add to the template
    provenance: dict = field(default_factory=dict)  # source, licence

    def __post_init__(self) -> None:
        v, k = len(self.template), len(self.names)
        if self.template.shape != (v, 3) or self.basis.shape != (k, v, 3):
            shapes = f"template {self.template.shape}, basis {self.basis.shape}, {k} names"
            raise InputError(f"head {self.name}: {shapes} do not fit")
        if len(self.faces) and (self.faces.min() < 0 or self.faces.max() >= v):
            raise InputError(f"head {self.name}: faces refer to vertices outside 0..{v - 1}")

    @classmethod
    def default(
        cls,
        seed: int | None = None,
        *,
        age: float | None = None,
        gender: float | str | None = None,
        ancestry: str | dict[str, float] | None = None,
        face: dict[str, float] | None = None,
    ) -> Head:
        """The shipped head as one of many people; see `talkinghead.face.identity` for the arguments."""
        from talkinghead.face.identity import person

        return person(_shipped(), seed=seed, age=age, gender=gender, ancestry=ancestry, face=face)

    @classmethod
    def load(cls, path: str | Path) -> Head:
        """Read a head saved by `save`. Raises InputError if the file is missing or is no head."""
        from zipfile import BadZipFile
        from zlib import error as ZlibError

        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                data = {key: file[key] for key in file.files}
            return cls._from(data, path)
        except InputError:
            raise
        except FileNotFoundError:
            raise InputError(f"head {path}: no such file") from None
        except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, BadZipFile, ZlibError) as error:
            raise InputError(f"head {path}: not a head saved by talkinghead ({' '.join(str(error).split())})") from None

    @classmethod
    def _from(cls, data: dict[str, np.ndarray], path: Path) -> Head:
        meta = json.loads(str(data["head"]))

        def named(prefix: str) -> dict[str, np.ndarray]:
            return {key[len(prefix) :]: value for key, value in data.items() if key.startswith(prefix)}

        return cls(
            name=meta["name"],
            template=data["template"],
            faces=data["faces"].astype(np.int32),
            basis=data["basis"].astype(np.float32) * data.get("basis_steps", np.float32(meta["basis_scale"])),
            names=tuple(meta["names"]),
            uv=data.get("uv"),
            uv_faces=data.get("uv_faces"),
            texture=_decode(data["texture"], path) if "texture" in data else None,
            parts=tuple(Part(p["name"], tuple(p["faces"]), tuple(p["colour"]), p["roughness"]) for p in meta["parts"]),
            regions={k: v.astype(np.float32) / 255 for k, v in named("region/").items()},
            landmarks=dict(zip(meta["landmarks"], data["landmarks"], strict=True)),
            joints=named("joint/"),
            identity=dict(zip(meta.get("identity", []), _dense(data, len(data["template"]), meta["basis_scale"]), strict=True)),
            provenance=meta["provenance"],
        )

    def save(self, path: str | Path) -> None:
        """Write one `.npz` without pickle. Shapes are rounded to 0.01 mm, which is what makes the file small.

        Those that move nothing by more than 2 mm, such as the last ones of a PCA, are rounded more finely.
        """
        scale = 1e-5
        largest = np.abs(self.basis).max(axis=(1, 2), initial=0)
        steps = np.where(largest < 200 * scale, np.maximum(largest, 1e-12) / 32767, scale).astype(np.float32)
        fine = bool((steps != np.float32(scale)).any())
        meta = {
            "name": self.name,
            "names": self.names,
            "basis_scale": scale,
            "parts": [vars(p) for p in self.parts],
            "landmarks": list(self.landmarks),
            "identity": list(self.identity),
            "provenance": self.provenance,
        }
        arrays = {
            "head": np.array(json.dumps(meta)),
            "template": self.template.astype(np.float32),
            "faces": self.faces.astype(np.int32),
            "basis": np.round(self.basis / (steps[:, None, None] if fine else scale)).astype(np.int16),
            "landmarks": np.array(list(self.landmarks.values()), np.float32).reshape(-1, 3),
        }
        if fine:
            arrays["basis_steps"] = steps[:, None, None]
        for key in ("uv", "uv_faces"):
            if getattr(self, key) is not None:
                arrays[key] = getattr(self, key)
        if self.texture is not None:
            arrays["texture"] = _encode(self.texture)
        arrays |= {f"region/{k}": np.round(v * 255).astype(np.uint8) for k, v in self.regions.items()}
        arrays |= {f"joint/{k}": np.asarray(v, np.float32) for k, v in self.joints.items()}
        arrays |= _sparse(list(self.identity.values()), scale)
        with replacing(path) as fresh:
            np.savez_compressed(fresh, **arrays)

    @cached_property
    def topology(self) -> str:
        """Hash of faces and basis names: two heads that share it can share an animation."""
        digest = hashlib.sha256(np.ascontiguousarray(self.faces, np.int32).tobytes())
        digest.update(f"{len(self.template)} {' '.join(self.names)}".encode())
        return digest.hexdigest()[:16]

    def index(self, name: str) -> int:
        """Row of a basis shape by name. Raises InputError with the nearest name."""
        from difflib import get_close_matches

        if name not in self.names:
            near = get_close_matches(name, self.names, 1)
            raise InputError(f"head {self.name} has no shape {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return self.names.index(name)

    def spread(self, values: np.ndarray, names: list[str] | tuple[str, ...]) -> np.ndarray:
        """(T, len(names)) weights of some shapes -> (T, K) of all, the others 0. Raises InputError for a name it has not."""
        weights = np.zeros((len(values), len(self.names)), np.float32)
        weights[:, [self.index(name) for name in names]] = values
        return weights

    def landmark(self, names: str | list[str], vertices: np.ndarray | None = None) -> np.ndarray:
        """Positions of landmarks on (..., V, 3) `vertices` (the template by default) -> (..., 3) or (..., L, 3).

        A landmark is stored as [triangle, u, v] and lies at (1 - u - v) a + u b + v c of that triangle.
        """
        points = self.template if vertices is None else vertices
        single = isinstance(names, str)
        missing = [n for n in ([names] if single else names) if n not in self.landmarks]
        if missing:
            raise InputError(f"head {self.name} has no landmark {missing[0]!r}")
        table = np.array([self.landmarks[n] for n in ([names] if single else names)])
        corners = self.faces[table[:, 0].astype(np.int64)]  # (L, 3)
        weights = np.stack([1 - table[:, 1] - table[:, 2], table[:, 1], table[:, 2]], -1).astype(np.float32)
        positions = np.einsum("...lcx,lc->...lx", points[..., corners, :], weights)
        return positions[..., 0, :] if single else positions


@lru_cache(maxsize=1)
def _shipped() -> Head:
    return Head.load(asset("heads/default.npz"))


def _sparse(shapes: list[np.ndarray], scale: float) -> dict[str, np.ndarray]:
    """Identity directions as the vertices that move, one direction after the other: most move a small part of the face."""
    rounded = [np.round(shape / scale).astype(np.int16) for shape in shapes]
    moved = [np.flatnonzero(shape.any(1)).astype(np.int32) for shape in rounded]
    return {
        "identity_counts": np.array([len(m) for m in moved], np.int32),
        "identity_vertices": np.concatenate([np.empty(0, np.int32), *moved]),
        "identity_offsets": np.concatenate([np.empty((0, 3), np.int16), *(s[m] for s, m in zip(rounded, moved, strict=True))]),
    }


def _dense(data: dict[str, np.ndarray], count: int, scale: float) -> list[np.ndarray]:
    """The inverse of `_sparse`: (count, 3) float32 metres each."""
    shapes, start = [], 0
    for size in data.get("identity_counts", ()):
        part = slice(start, start + int(size))
        shape = np.zeros((count, 3), np.float32)
        shape[data["identity_vertices"][part]] = data["identity_offsets"][part] * np.float32(scale)
        shapes.append(shape)
        start = part.stop
    return shapes


def _encode(texture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> the bytes of a PNG as a 1-D uint8 array."""
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.fromarray(texture).save(file, "PNG", optimize=True)
    return np.frombuffer(file.getvalue(), np.uint8)


def _decode(texture: np.ndarray, path: Path) -> np.ndarray:
    """The picture of a texture stored as PNG or JPEG bytes (1-D), or as it is (3-D)."""
    if texture.ndim == 3:
        return texture
    from io import BytesIO

    from PIL import Image

    try:
        with Image.open(BytesIO(texture.tobytes()), formats=("PNG", "JPEG")) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"head {path}: its texture is no PNG or JPEG ({error})") from None
