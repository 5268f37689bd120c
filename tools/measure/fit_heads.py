"""How well shapes are carried over: people of the default head, meshed anew, in centimetres with z up, are fitted, and the
result is compared with their own shapes: python tools/measure/fit_heads.py."""

from __future__ import annotations

import argparse
import time

import numpy as np

from talkinghead.head.head import Head
from talkinghead.registration.fit import fit
from talkinghead.registration.meshes import Mesh

PEOPLE: dict[str, dict] = {"seed 3": {"seed": 3}, "woman of 60": {"age": 60, "gender": "female"}}
TURN = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # to z up, -y to the front
FRONT, MOVING = 0.05, 0.0005  # metres: depth of the face, and motion of what counts


def meshed_anew(points: np.ndarray, faces: np.ndarray, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A vertex in the middle of each triangle, and each old edge exchanged for one across it (Kobbelt, sqrt(3)-Subdivision,
    SIGGRAPH 2000, without smoothing): the same places, other triangles."""
    count = len(points)
    owner = {(int(p), int(q)): i for i, face in enumerate(faces) for p, q in zip(face, np.roll(face, -1), strict=True)}
    out = []
    for (p, q), i in owner.items():
        j = owner.get((q, p))
        if j is None:
            out.append((p, q, count + i))
        elif p < q:
            out += [(p, count + j, count + i), (q, count + i, count + j)]
    middles = points[faces].mean(1), shapes[:, faces].mean(2)
    return np.concatenate([points, middles[0]]), np.array(out), np.concatenate([shapes, middles[1]], 1)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for name, arguments in PEOPLE.items():
        person = Head.default(**arguments)
        part = {p.name: person.faces[slice(*p.faces)] for p in person.parts}
        count = int(part["skin"].max()) + 1
        points, faces, truth = meshed_anew(person.template[:count].astype(float), part["skin"], person.basis[:, :count])
        eyes, placed = np.unique(part["eyes"], return_inverse=True)
        places = np.concatenate([points, person.template[eyes]])
        mesh = Mesh(name, places @ TURN * 100, np.concatenate([faces, placed.reshape(-1, 3) + len(points)]))
        start = time.perf_counter()
        head, report = fit(mesh)
        seconds = time.perf_counter() - start
        error = np.linalg.norm(head.basis[:, : len(points)] - truth, axis=2) * 1000
        moved = np.linalg.norm(truth, axis=2) * 1000
        counted = (moved > MOVING * 1000) & (points[:, 2] > FRONT)
        high = np.percentile(error[counted], 95)
        print(f"{name}: {error[counted].mean():.2f} mm of {moved[counted].mean():.2f} mm of motion, 95 % within {high:.2f} mm")
        print(f"  {seconds:.0f} s; lips at p b m {report.closure:.2f} mm; lids {report.lids}")


if __name__ == "__main__":
    main()
