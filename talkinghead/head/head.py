"""The head: template, topology, blendshape basis, regions, landmarks, joints and materials."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.waveform import Waveform
from talkinghead.errors import InputError, brief
from talkinghead.files import asset, replacing
from talkinghead.head.character.character import Character
from talkinghead.head.character.mesh import geometry
from talkinghead.head.flame import Flame, is_flame, read_flame
from talkinghead.head.identity import (
    AGES,
    ANCESTRIES,
    EYE_COLOURS,
    HAIR_COLOURS,
    draw_person,
    greyed,
    macro_weights,
    plain_arguments,
    read_age,
    read_ancestry,
    read_choice,
    read_face,
    read_gender,
    read_share,
    usual_colour,
    usual_hair,
)
from talkinghead.head.lip_seal import SealGeometry
from talkinghead.head.looks.attire import BALD, COLLAR, GARMENT_ARRAYS, GARMENT_TEXTS, SHAVEN, Garment, garment, hairstyles
from talkinghead.head.looks.skin import Complexion, brow_colour, painted
from talkinghead.head.transfer.shape_sets import shape_set
from talkinghead.io.gltf import is_gltf
from talkinghead.io.stored_head import read_stored

Rest = ParamSpec("Rest")
Result = TypeVar("Result")
MESHES = (".obj", ".ply", ".stl", ".fbx", ".dae", ".usd", ".usda", ".usdc", ".usdz", ".blend")


@dataclass(frozen=True)
class Part:
    """A run of faces with one material. Its colour is linear-light RGB and multiplies the head's texture; it may be above 1."""

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
    garments: tuple[Garment, ...] = ()  # hair and clothes, which have vertices of their own
    character: Character | None = None  # the glTF or VRM file that it was read from, to be written back with motion in it
    flame: Flame | None = None  # the FLAME model that it was read from

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
        hair: str | None = None,
        hair_colour: str | None = None,
        eye_colour: str | None = None,
        beard: float | None = None,
    ) -> Head:
        """The shipped head as one of many people; see `person` for the arguments."""
        looks = {"hair": hair, "hair_colour": hair_colour, "eye_colour": eye_colour, "beard": beard}
        return person(_shipped(), seed=seed, age=age, gender=gender, ancestry=ancestry, face=face, **looks)

    @classmethod
    def from_voice(cls, wave: np.ndarray | Waveform | str | Path, rate: int = RATE, *, seed: int = 0, **person) -> Head:
        """A person of the shipped head that suits a voice: of the sex and age that it sounds like, with the face of a seed.

        wave: (n,) samples at `rate` Hz, or a file. person: arguments of `default`, which count before what is heard.
        `provenance["voice"]` says what is heard and how sure that is. See `audio.speaker` for its limits: sex is told from
        pitch and resonances, age hardly at all; ancestry and the shape of the face cannot be heard, the seed draws them.
        """
        from talkinghead.audio.load import load_audio
        from talkinghead.audio.speaker import speaker

        source = None if isinstance(wave, str | Path) else rate
        heard = speaker(wave if isinstance(wave, Waveform) else load_audio(wave, RATE, source_rate=source))
        told = {"age": round(heard.age, 1), "gender": round(heard.gender, 3)} if heard.pitch is not None else {}
        head = cls.default(seed, **{**told, **person})
        return replace(head, provenance=head.provenance | {"voice": asdict(heard)})

    @classmethod
    def load(cls, path: str | Path) -> Head:
        """Read a head saved by `save`, FLAME, or a character of a `.glb`, `.gltf` or `.vrm` file, whose shapes are its basis.

        Raises InputError if the file is missing, is no head, or is a character whose mouth has no shapes.
        """
        path = Path(path)
        if is_gltf(path):
            return cls._of_character(path)
        if is_flame(path):
            return cls.of_flame(read_flame(path))
        if (kind := path.suffix.lower()) in MESHES:
            fitted = kind in (".obj", ".ply", ".stl")
            way = (
                f"make one of it with `talkinghead head fit {path} -o {path.stem}.npz`"
                if fitted
                else "export it with its shapes as .glb"
            )
            raise InputError(f"head {path}: a {kind} file has no shapes of a head; {way}")
        meta, data = read_stored(path)

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
            texture=data.get("texture"),
            parts=tuple(Part(p["name"], tuple(p["faces"]), tuple(p["colour"]), p["roughness"]) for p in meta["parts"]),
            regions={k: v.astype(np.float32) / 255 for k, v in named("region/").items()},
            landmarks=dict(zip(meta["landmarks"], data["landmarks"], strict=True)),
            joints=named("joint/"),
            identity=dict(zip(meta.get("identity", []), _dense(data, len(data["template"]), meta["basis_scale"]), strict=True)),
            provenance=meta["provenance"],
            garments=tuple(_garment(about, data, f"garment/{k}/") for k, about in enumerate(meta.get("garments", []))),
        )

    @classmethod
    def of_flame(cls, flame: Flame, shape: np.ndarray | None = None) -> Head:
        """A FLAME model with (up to S,) shape parameters as a head, whose shapes are expressions and the jaw's angles."""
        return cls(**flame.head_fields(shape), flame=flame)

    @classmethod
    def _of_character(cls, path: Path) -> Head:
        try:
            character = Character.read(path)
            fields = geometry(character)
        except InputError:
            raise
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
            raise InputError(f"{path}: its description is not that of glTF ({brief(error)})") from None
        parts = tuple(Part(name, faces, colour, rough) for name, colour, rough, faces in fields.pop("parts"))
        return cls(**fields, parts=parts, character=character)

    def with_shapes(self, kind: str) -> Head:
        """The same face with the shapes of another set, made of its own ARKit shapes: "oculus", "vrm"; "arkit" is itself.

        Raises InputError for another set, or a head without ARKit's shapes.
        """
        if kind == "arkit" and "jawOpen" in self.names:
            return self
        names, weights = shape_set(kind, self.names)
        return replace(self, names=names, basis=np.tensordot(weights, self.basis, 1).astype(np.float32), character=None)

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
        if self.garments:
            meta["garments"] = [{key: getattr(item, key) for key in GARMENT_TEXTS} for item in self.garments]
        arrays = {
            "head": np.array(json.dumps(meta)),
            "template": self.template.astype(np.float32),
            "faces": self.faces.astype(np.int32),
            "basis": _rounded(self.basis, steps if fine else np.full(len(steps), scale)),
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
        arrays |= {f"garment/{k}/{key}": getattr(g, key) for k, g in enumerate(self.garments) for key in GARMENT_ARRAYS}
        arrays |= _sparse(list(self.identity.values()), scale)
        with replacing(path) as fresh:
            np.savez_compressed(fresh, **arrays)

    def need_mesh(self) -> None:
        """Raise InputError for a head without vertices, such as a character whose data cannot be decoded here."""
        if not len(self.template):
            reason = f"they are {self.provenance['undecoded']}" if "undecoded" in self.provenance else "its file has none"
            raise InputError(f"head {self.name}: has no vertices to show: {reason}; .glb, .npz and .csv can be written")

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

    def scatter_coefficients(self, values: np.ndarray, names: list[str] | tuple[str, ...]) -> np.ndarray:
        """(T, len(names)) weights of some shapes -> (T, K) of all shapes, the others 0. Raises InputError for unknown names."""
        weights = np.zeros((len(values), len(self.names)), np.float32)
        weights[:, [self.index(name) for name in names]] = values
        return weights

    def spread(self, values: np.ndarray, names: list[str] | tuple[str, ...]) -> np.ndarray:
        """Earlier name of `scatter_coefficients`."""
        return self.scatter_coefficients(values, names)

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


def per_head(function: Callable[Concatenate[Head, Rest], Result]) -> Callable[Concatenate[Head, Rest], Result]:
    """Keeps what a function gives of a head and other arguments, as long as the head: a stream asks fifty times a second.

    Arrays of it cannot be written to.
    """
    known: WeakKeyDictionary[Head, dict[Any, Result]] = WeakKeyDictionary()

    @wraps(function)
    def asked(head: Head, *args: Rest.args, **named: Rest.kwargs) -> Result:
        results, key = known.setdefault(head, {}), (args, *named.items())
        if key not in results:
            result = results[key] = function(head, *args, **named)
            for part in result if isinstance(result, tuple) else (result,):
                if isinstance(part, np.ndarray):
                    part.flags.writeable = False
        return results[key]

    return asked


@lru_cache(maxsize=1)
def _bare() -> Head:
    return Head.load(asset("heads/default.npz"))


def _garment(about: dict, data: dict[str, np.ndarray], prefix: str) -> Garment:
    vertices, faces, uv = (data[prefix + key] for key in GARMENT_ARRAYS)
    return Garment(about["name"], vertices, faces, uv, tuple(about["colour"]), about["roughness"], about["still"])


def _texture() -> np.ndarray:
    """Of the default head without hair."""
    texture = _bare().texture
    assert texture is not None
    return texture


@lru_cache(maxsize=1)
def _shipped() -> Head:
    head = _bare()
    look = _complexion({}, AGES["young"], 0.5, dict.fromkeys(ANCESTRIES, 1 / len(ANCESTRIES)))
    garments = _worn(np.zeros_like(head.template), look.style, look.hair)
    return replace(
        head, garments=garments, texture=painted(_texture(), look), parts=tuple(_coloured(p, look) for p in head.parts)
    )


def _worn(change: np.ndarray, style: str, colour: tuple[float, float, float]) -> tuple[Garment, ...]:
    """Hair and jersey of a person whose template is the default head's with `change` (V, 3) added."""
    collar = garment(COLLAR, "collar", change, CLOTH, 0.9, still=True)
    if style in (BALD, SHAVEN):
        return (collar,)
    return garment(style, "hair", change, colour, 0.5), collar


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
    Image.fromarray(texture).save(file, "PNG")
    return np.frombuffer(file.getvalue(), np.uint8)


BROW_TILE = np.array([0.051, 0.029, 0.020])  # mean of the brows' tile in the texture, linear light
SCLERA = np.array([0.30, 0.36, 0.45])  # share of light that the white of the eye loses in black skin, by eye
CLOTH = (0.035, 0.045, 0.062)  # of the jersey
# Linear factors on the skin's base colour at a share of one (equal shares: 1), chosen by eye
DARK = np.array([0.42, 0.33, 0.27])
LIGHT = {"asian": np.array([1.06, 1.03, 0.95]), "caucasian": np.array([1.08, 1.07, 1.08])}
# Shapes of p, b and m, and the company they are shut in
BILABIAL = (
    (("mouthClose",), ("jawOpen",)),
    (("mouthPressLeft", "mouthPressRight"), ()),
    (("mouthRollLower",), ()),
    (("mouthRollUpper",), ()),
)
MOST = 0.04  # of the mouth's width: what a shape may be changed by to shut the lips
JOINT_RADIUS = 0.02  # metres: a joint moves with what is this near to it


def person(
    head: Head,
    *,
    seed: int | None = None,
    age: float | None = None,
    gender: float | str | None = None,
    ancestry: str | dict[str, float] | None = None,
    face: dict[str, float] | None = None,
    hair: str | None = None,
    hair_colour: str | None = None,
    eye_colour: str | None = None,
    beard: float | None = None,
) -> Head:
    """The head as another person: same faces, basis names and landmarks; template, joints, lids, colours and hair change.

    seed: a random person; what else is given is kept, the rest is drawn. age: 11 to 90 years. gender: "female", "male"
    or 0 (female) to 1 (male). ancestry: "african", "asian", "caucasian" or their shares. face: weights in [-2, 2] of the
    directions that `identity.details` lists. hair: a name of `attire.hairstyles`. hair_colour, eye_colour: names of
    `identity.HAIR_COLOURS` and EYE_COLOURS; hair greys with age. beard: 0 to 1. Without arguments: the neutral person,
    25 years, in the middle of everything.
    `provenance["person"]` of the result has the arguments that make it again. Raises InputError for what is out of range.
    """
    arguments = {"seed": seed, "age": age, "gender": gender, "ancestry": ancestry, "face": face}
    arguments |= {"hair": hair, "hair_colour": hair_colour, "eye_colour": eye_colour, "beard": beard}
    given = {name: value for name, value in arguments.items() if value is not None}
    if not given:
        return head
    if not head.identity:
        raise InputError(f"head {head.name} has no identity directions: it is one person only")
    drawn = draw_person(head.identity, seed) if seed is not None else {}
    years = read_age(given.get("age", drawn.get("age", AGES["young"])))
    male = read_gender(given.get("gender", drawn.get("gender", 0.5)))
    shares = read_ancestry(given.get("ancestry", drawn.get("ancestry", dict.fromkeys(ANCESTRIES, 1.0))))
    weights = macro_weights(years, male, shares) | drawn.get("face", {}) | read_face(head.identity, given.get("face", {}))
    change = sum(weight * head.identity[name] for name, weight in weights.items() if weight)
    template, basis = shut_lips(head, (head.template + change).astype(np.float32))
    _close_lids(head, template, basis)
    label = ", ".join(f"{k}={v}" for k, v in given.items())
    if male < 0.5:
        drawn.pop("beard", None)  # the seed may have drawn another gender than the one that is given
    look = _complexion(drawn | given, years, male, shares)
    return replace(
        head,
        name=f"{head.name}({label})",
        template=template,
        basis=basis,
        parts=tuple(_coloured(part, look) for part in head.parts),
        joints=_joints(head, template - head.template),
        provenance=head.provenance | {"person": plain_arguments(given)},
        **_dressing(head, look, template - head.template),
    )


def _complexion(chosen: dict, years: float, male: float, shares: dict[str, float]) -> Complexion:
    """What is given or drawn of hair, eyes and beard, checked; the rest as is usual for that age, gender and ancestry."""
    colour = read_choice(chosen.get("hair_colour", usual_colour(shares)), "hair_colour", HAIR_COLOURS)
    eyes = read_choice(chosen.get("eye_colour", "brown"), "eye_colour", EYE_COLOURS)
    return Complexion(
        years=years,
        male=male,
        tone=tuple(_tone(shares).tolist()),
        hair=greyed(HAIR_COLOURS[colour], years),
        style=read_choice(chosen.get("hair", usual_hair(male)), "hair", hairstyles()),
        beard=read_share(chosen.get("beard", 0.12 * max(0.0, 2 * male - 1)), "beard"),
        eyes=EYE_COLOURS[eyes],
    )


def _dressing(head: Head, look: Complexion, change: np.ndarray) -> dict:
    """Fields of the shipped head that hair and skin change; none for a head that wears nothing."""
    if not head.garments:
        return {}
    return {"garments": _worn(change, look.style, look.hair), "texture": painted(_texture(), look)}


def _joints(head: Head, change: np.ndarray) -> dict[str, np.ndarray]:
    """Eyes move with their eyeballs, other joints with the skin around them."""
    balls, out = head.regions["eyeballs"] > 0.5, {}
    for name, place in head.joints.items():
        if name.endswith("_eye"):
            ball = balls & (np.sign(head.template[:, 0]) == np.sign(place[0]))
            weight = ball.astype(np.float32)
        else:
            distance = np.linalg.norm(head.template - place, axis=1)
            weight = np.exp(-(((distance - distance.min()) / JOINT_RADIUS) ** 2))
        out[name] = (place + (weight @ change) / weight.sum()).astype(np.float32)
    return out


def _rounded(basis: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """(K, V, 3) int16 of a basis in (K,) steps; one shape at a time, as all of a scan would take gigabytes."""
    out = np.empty(basis.shape, np.int16)
    for row, (shape, step) in enumerate(zip(basis, steps.tolist(), strict=True)):
        out[row] = np.round(shape / step)
    return out


def shut_lips(head: Head, template: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Template and basis with lips that meet: at rest, and in the shapes of a bilabial.

    Each identity direction leaves the lips shut by itself, many together do not.
    """
    lips, basis = seal_geometry(head), head.basis.copy()
    if lips is None:
        return template, basis
    template = (template + lips.correction(template)).astype(np.float32)
    for names, company in BILABIAL:
        if not all(name in head.names for name in (*names, *company)):
            continue
        rows = [head.names.index(name) for name in names]
        change = lips.correction(template + basis[rows].sum(0) + sum(basis[head.names.index(name)] for name in company))
        change = np.clip(change, -MOST * lips.width, MOST * lips.width)
        left = np.clip(lips.rest * 4 + 0.5, 0, 1)[:, None]  # a pair shares it, each has its own side of the mouth
        for row, share in zip(rows, (left, 1 - left) if len(rows) == 2 else (1.0,), strict=True):
            basis[row] += (share * change).astype(np.float32)
    return template, basis


def _close_lids(head: Head, template: np.ndarray, basis: np.ndarray) -> None:
    """Stretch the blinks in `basis` to this person's eye opening, so that eyeBlink 1 closes every eye."""
    for side in ("left", "right"):
        name = f"eyeBlink{side.capitalize()}"
        pair = [f"eye_{side}_upper", f"eye_{side}_lower"]
        if name in head.names and all(p in head.landmarks for p in pair):
            before, after = (np.diff(head.landmark(pair, points)[:, 1])[0] for points in (head.template, template))
            basis[head.names.index(name)] *= 1.03 * after / before


def _coloured(part: Part, look: Complexion) -> Part:
    """Skin by ancestry; eyes a little, as the white of the eye darkens with the skin; brows as hair."""
    if part.name == "skin":
        factor = np.array(look.tone)
    elif part.name == "eyes":
        factor = 1 - SCLERA * np.clip(1 - np.mean(look.tone), 0, 1)
    elif part.name == "brows":
        factor = brow_colour(look.hair) / BROW_TILE
    else:
        return part
    return replace(part, colour=tuple(float(c) for c in np.asarray(part.colour) * factor))


def _tone(shares: dict[str, float]) -> np.ndarray:
    excess = shares.get("african", 0.0) - 1 / 3
    if excess > 0:
        return DARK ** (1.5 * excess)
    rest = sum(shares.get(name, 0.0) for name in LIGHT)
    light = sum(shares.get(name, 0.0) / rest * colour for name, colour in LIGHT.items())
    return light ** (-3 * excess)


def seal_geometry(head: Head) -> SealGeometry | None:
    """The lips of a head with `lip_inner_*` vertex landmarks, a jawOpen shape and a part named skin; None for others."""
    names = sorted(name for name in head.landmarks if name.startswith("lip_inner_"))
    part = next((p for p in head.parts if p.name == "skin"), None)
    if not names or part is None or "jawOpen" not in head.names:
        return None
    faces = head.faces[slice(*part.faces)]
    table = np.array([head.landmarks[name] for name in names])
    weights = np.stack([1 - table[:, 1] - table[:, 2], table[:, 1], table[:, 2]], 1)
    ring = head.faces[table[:, 0].astype(int)][np.arange(len(names)), weights.argmax(1)]
    return SealGeometry(faces, head.template, [int(v) for v in ring], head.basis[head.index("jawOpen")])
