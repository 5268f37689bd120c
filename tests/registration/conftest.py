from __future__ import annotations

import numpy as np
import pytest

from talkinghead.head.head import Head
from talkinghead.registration.fit import fit
from talkinghead.registration.meshes import Mesh

FRONT = 0.045  # metres: what lies further back is left away, so that the fit is quick
TURN = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # to z up, -y to the front


class Case:
    """A person of the default head as a mesh in centimetres, z up, its vertices in another order; and what was made of it."""

    def __init__(self) -> None:
        person = Head.default(seed=8)
        part = {p.name: person.faces[slice(*p.faces)] for p in person.parts}
        faces = np.concatenate([part["skin"], part["eyes"]])
        faces = faces[(person.template[faces][..., 2] > FRONT).all(1)]
        order = np.random.default_rng(0).permutation(np.unique(faces))
        place = np.full(len(person.template), -1)
        place[order] = np.arange(len(order))
        self.person, self.order = person, order
        self.mesh = Mesh("seed 8", person.template[order].astype(float) @ TURN * 100, place[faces])
        table = [f"tracker_{k:03d}" for k in range(478)]
        noise = np.random.default_rng(1).normal(0, 0.0005, (478, 3))
        marks = (person.landmark(table) + noise) @ TURN * 100
        self.head, self.report = fit(self.mesh, landmarks=marks)


@pytest.fixture(scope="session")
def case() -> Case:
    return Case()
