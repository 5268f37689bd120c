"""The loss terms on the mesh of an annotation. B batch, T frames, K coefficients, L template landmarks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import emotion_map, lip_map
from talkinghead.head.landmarks import INNER_LIPS
from talkinghead.losses import geometry, lipsync
from talkinghead.models.config import BLENDSHAPES, ModelConfig
from talkinghead.models.template import eye_distance, template_code

PEOPLE = 24  # templates to draw from, so that the decoder does not learn one face
GAPS = {"aperture": INNER_LIPS, "width": ("lip_corner_left", "lip_corner_right")}
LIDS = (("eye_left_upper", "eye_left_lower"), ("eye_right_upper", "eye_right_lower"))
MARKS = {  # how landmarks begin, and the regions that stand in on meshes whose landmarks nobody named
    "lip_landmarks": ("lip_", ("lips",)),
    "eye_landmarks": ("eye_", ("eyelids", "eyes", "upper_face")),
}
REGIONS = {
    "lips": ("lips",),
    "mouth": ("lower_face", "lips"),
    "upper": ("upper_face",),
    "eyes": ("eyelids", "eyes"),  # eyeballs do not move with the coefficients of speech
}  # first that is there


class GeometryTerms(nn.Module):
    """`gram` matrices of one annotation by name; those that the mesh has no region or landmark for are absent.

    Without a mesh (FLAME parameters without FLAME) there is only `all`: every coefficient by its own spread in the data.
    """

    def __init__(self, annotation: str, config: ModelConfig, head: Head | None, spread: np.ndarray) -> None:
        super().__init__()
        names = config.annotations[annotation]
        self.bounded = annotation in BLENDSHAPES
        self.templates: Tensor
        self.scales: Tensor
        self.matrices: dict[str, Tensor] = {}
        if head is None:
            self.matrices["all"] = torch.diag(torch.from_numpy(1 / np.maximum(spread, 1e-6) ** 2 / len(names)).float())
        else:
            self._measure(head, [head.index(name) for name in names])
        if head is not None and head.topology == Head.default().topology:
            codes, scales = _people(tuple(config.landmarks))
        else:
            codes, scales = template_code(head, config, annotation)[None], np.ones(1, np.float32)
        for name, matrix in self.matrices.items():
            self.register_buffer(f"matrix_{name}", matrix, persistent=False)
        self.register_buffer("templates", torch.from_numpy(codes), persistent=False)
        self.register_buffer("scales", torch.from_numpy(scales), persistent=False)

    def _measure(self, head: Head, keep: list[int]) -> None:  # noqa: C901
        def of(matrix: Tensor) -> Tensor:
            return matrix[keep][:, keep].contiguous()

        self.matrices["all"] = of(geometry.gram(head))
        for name, regions in REGIONS.items():
            region = next((head.regions[r] for r in regions if r in head.regions and head.regions[r].any()), None)
            if region is not None:
                self.matrices[name] = of(geometry.gram(head, region))
        if head.landmarks:
            self.matrices["landmark"] = of(geometry.landmark_gram(head, list(head.landmarks)))
        for name, (first, second) in GAPS.items():
            if first in head.landmarks and second in head.landmarks:
                moved, rest = geometry.gap(head, first, second)
                self.matrices[name] = of(moved @ moved.T)
                if name == "aperture":
                    self.matrices |= {"gap_moved": moved[keep].contiguous(), "gap_rest": rest}
        for name, (start, regions) in MARKS.items():
            marks = [mark for mark in head.landmarks if mark.startswith(start)]
            region = next((head.regions[r] for r in regions if r in head.regions and head.regions[r].any()), None)
            if len(marks) > 4:  # a corner here and there is not the contour of a mouth or of an eye
                self.matrices[name] = of(geometry.landmark_gram(head, marks))
            elif region is not None:
                self.matrices[name] = of(geometry.gram(head, region))
        lids = [geometry.gap(head, *pair)[0] for pair in LIDS if set(pair) <= head.landmarks.keys()]
        if lids:
            self.matrices["lids"] = of(torch.stack([moved @ moved.T for moved in lids]).mean(0))

        bite, lips, seen = lipsync.bite_of(head), lip_map(head), emotion_map(head)
        if bite is not None:
            self.matrices |= {"bite_moved": bite[0][keep].contiguous(), "bite_rest": bite[1]}
        if lips is not None:
            self.matrices["lip_map"] = torch.from_numpy(lips[keep])
        if seen is not None:
            self.matrices["emotion_map"] = torch.from_numpy(seen[keep])

    def has(self, name: str) -> bool:
        return name in self.matrices

    def matrix(self, name: str) -> Tensor:
        return getattr(self, f"matrix_{name}")

    @property
    def lip_gap(self) -> tuple[Tensor, Tensor]:
        """A `geometry.gap` of the inner lips."""
        return self.matrix("gap_moved"), self.matrix("gap_rest")

    @property
    def bite(self) -> tuple[Tensor, Tensor]:
        """A `lipsync.bite_of`: the lower lip seen from the edge of the upper incisors."""
        return self.matrix("bite_moved"), self.matrix("bite_rest")

    def draw(self, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(B, L + 1, 3) templates and (B, 1, 1) how far each face moves: a small face opens its mouth less in metres."""
        index = torch.from_numpy(rng.integers(len(self.templates), size=size))
        return self.templates[index], self.scales[index][:, None, None]

    def bound(self, motion: Tensor) -> Tensor:
        """Weights of blendshapes stay in [0, 1]; other coefficients are free."""
        return motion.clamp(0, 1) if self.bounded else motion

    def terms(self, predicted: Tensor, target: Tensor, quiet: Tensor) -> dict[str, Tensor]:
        """Errors on the surface in mm^2; `shape` keeps coefficients apart that move the surface alike."""
        out = {"vertex": geometry.surface(predicted, target, self.matrix("all"))}
        for name in (*("lips", "upper", "eyes", "landmark", "lip_landmarks", "eye_landmarks"), "aperture", "width", "lids"):
            if self.has(name):
                out[name] = geometry.surface(predicted, target, self.matrix(name))
        if self.has("aperture"):
            out["closure"] = geometry.lip_distance(predicted, target, self.lip_gap)
            out["speed"] = geometry.speed(predicted, target, self.lip_gap)
        lips = self.matrix("lips" if self.has("lips") else "all")
        out["velocity"] = geometry.velocity(predicted, target, lips)
        out["silence"] = geometry.silence(predicted, quiet, lips)
        out["shape"] = (predicted - target).square().mean()
        return out


@lru_cache(maxsize=4)
def _people(landmarks: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(PEOPLE, L + 1, 3) template codes of people of the default head, and (PEOPLE,) their sizes; the first is its own."""
    config = ModelConfig(landmarks=list(landmarks))
    people = [Head.default(), *(Head.default(seed=seed) for seed in range(1, PEOPLE))]
    scales = [eye_distance(person) / eye_distance(people[0]) for person in people]
    return np.stack([template_code(person, config) for person in people]), np.array(scales, np.float32)
