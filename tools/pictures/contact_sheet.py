"""Contact sheets of the default head, assets/pictures/head_*.jpg: python tools/pictures/contact_sheet.py."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from talkinghead import Animation
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.head.visemes import VISEMES
from talkinghead.rendering import frames

OUT = Path(__file__).resolve().parents[2] / "assets/pictures"
CELL, LABEL = 220, 18
COMPANY = {"mouthClose": {"jawOpen": 1.0}, "tongueOut": {"jawOpen": 0.4}}  # shapes that make no sense alone
PEOPLE: tuple[dict, ...] = (
    {},
    {"gender": "female"},
    {"gender": "male"},
    {"age": 11},
    {"age": 45},
    {"age": 65, "gender": "male"},
    {"age": 85, "gender": "female"},
    *({"gender": g, "ancestry": a} for a in ("african", "asian", "caucasian") for g in ("female", "male")),
    {"face": {"nose_scale_vert": 1.0, "chin_prominent": 1.0}},
    {"face": {"head_round": 1.0, "eye_scale": 0.8}},
    *({"seed": k} for k in range(13)),
)
Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the frame


def poses(head: Head, weights: list[dict[str, float]]) -> Animation:
    """One frame for each dict of weights."""
    table = np.zeros((len(weights), len(head.names)), np.float32)
    for row, values in enumerate(weights):
        for name, value in values.items():
            table[row, head.index(name)] = value
    return Animation(table, 30.0, head)


def pictures(head: Head, weights: list[dict[str, float]], camera: str, box: Box) -> list[Image.Image]:
    """Pictures of poses, cut to a box and scaled to a cell."""
    side = int(round(CELL / (box[2] - box[0]) / 2)) * 2
    out = []
    for frame in frames(poses(head, weights), size=side, camera=camera):
        cut = tuple(int(round(share * side)) for share in box)
        out.append(Image.fromarray(frame).crop(cut).resize((CELL, CELL), Image.Resampling.LANCZOS))
    return out


def unit_cells(head: Head) -> list[tuple[str, Image.Image]]:
    """Every shape; pairs together where one side alone would say nothing more."""
    names, weights = [], []
    for name in head.names:
        partner = name.replace("Right", "Left")
        if name.endswith("Right") and partner in head.names and name not in ("jawRight", "mouthRight"):
            continue
        both = name.endswith("Left") and name not in ("jawLeft", "mouthLeft") and "eyeLook" not in name
        names.append(name.removesuffix("Left") if both else name)
        weights.append({name: 1.0, **({name.replace("Left", "Right"): 1.0} if both else {}), **COMPANY.get(name, {})})
    return list(zip(["neutral", *names], pictures(head, [{}, *weights], "front", (0.20, 0.27, 0.80, 0.87)), strict=True))


def viseme_cells(head: Head) -> list[tuple[str, Image.Image]]:
    """Every viseme from the front and from the side, close."""
    weights = list(VISEMES.values())
    front = pictures(head, weights, "front", (0.34, 0.52, 0.66, 0.84))
    aside = pictures(head, weights, "three-quarter", (0.27, 0.52, 0.59, 0.84))
    return [cell for name, a, b in zip(VISEMES, front, aside, strict=True) for cell in ((name, a), ("", b))]


def people_cells() -> list[tuple[str, Image.Image]]:
    cells = []
    for arguments in PEOPLE:
        words = [" ".join(v) if k == "face" else f"{k} {v}" if k in ("seed", "age") else v for k, v in arguments.items()]
        head = Head.default(**arguments)
        cells.append((" ".join(words) or "neutral", pictures(head, [{}], "front", (0.06, 0.03, 0.94, 0.91))[0]))
    return cells


def sheet(cells: list[tuple[str, Image.Image]], columns: int, path: Path) -> None:
    rows = -(-len(cells) // columns)
    canvas = Image.new("RGB", (columns * CELL, rows * (CELL + LABEL)), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for k, (label, picture) in enumerate(cells):
        x, y = k % columns * CELL, k // columns * (CELL + LABEL)
        draw.text((x + 4, y + 2), label, "black", font)
        canvas.paste(picture, (x, y + LABEL))
    with replacing(path) as fresh:
        canvas.save(fresh, "JPEG", quality=85, optimize=True)
    print(f"{path}: {len(cells)} pictures, {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=OUT, help="folder")
    folder, head = parser.parse_args().out, Head.default()
    sheet(unit_cells(head), 9, folder / "head_units.jpg")
    sheet(viseme_cells(head), 8, folder / "head_visemes.jpg")
    sheet(people_cells(), 7, folder / "head_identities.jpg")


if __name__ == "__main__":
    main()
