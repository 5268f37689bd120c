"""Which vertices count as lips and as the upper face, and where real lips were tracked in a film."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import frame_times
from talkinghead.data.manifest import Clip
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.regions import load_regions
from talkinghead.io.files import load_npz

REGIONS = {"lips": "lips", "upper": "upper_face"}
INNER, CORNERS, EYE_CORNERS = (13, 14), (61, 291), (33, 263)  # of the 478 tracked points


@dataclass(frozen=True, eq=False)
class VertexSet:
    """indices: (n,) sorted, unique; origin: where they are from, for the report."""

    indices: np.ndarray
    origin: str

    def __str__(self) -> str:
        return f"{len(self.indices)} vertices: {self.origin}"


def vertex_set(head: Head, what: str, path: Path | None) -> VertexSet | None:
    """The lips or the upper face (what: lips, upper) of a head: of a file if one is given, else of the head's own regions.

    The file holds indices or a mask, alone or under the region's name (`load_regions`; nothing in a pickle is executed). None
    where the head has no such region. Raises InputError if the file has none, or not of this head.
    """
    name, count = REGIONS[what], len(head.template)
    if path is None:
        masks, made = head.regions, "estimated from motion, " * (name in head.provenance.get("estimated", ()))
        origin = f"{made}region {name!r} of head {head.name} above 0.5"
    else:
        if not Path(path).exists():
            raise InputError(f"{path}: no such file; --{what} takes a .txt, .npy, .npz, .json or .pkl of vertex indices")
        masks, origin = load_regions(path, count), Path(path).name
        if name not in masks and len({mask.tobytes() for mask in masks.values()}) == 1:
            masks[name] = next(iter(masks.values()))  # one list, whatever it is called
        if name not in masks:
            raise InputError(f"{path}: has no {name}, only {', '.join(masks)[:80]}")
    mask = masks.get(name, np.zeros(count)) > 0.5
    if what == "upper" and path is None and "eyeballs" in head.regions:
        mask &= ~(head.regions["eyeballs"] > 0.5)  # their rotation is no motion of the face
    return VertexSet(np.flatnonzero(mask), origin) if mask.any() else None


@dataclass(frozen=True, eq=False)
class LipCurves:
    """Recorded lips on their own clock: times (T,) s, aperture and width (T,) of any unit."""

    times: np.ndarray
    aperture: np.ndarray
    width: np.ndarray


def tracked_lips(folder: Path, clip: Clip) -> LipCurves | None:
    """Lips as a film shows them, from landmarks/ID.npz, in units of the distance of the outer eye corners.

    None without a film, where the clip is only a part of it (times would differ), or if fewer than three frames have a face.
    """
    path = Path(folder) / "landmarks" / f"{clip.id}.npz"
    if not path.exists():
        return None
    try:
        arrays = load_npz(path, ("landmarks", "size", "fps"))
        width, height = (int(n) for n in arrays["size"])
        points, fps = arrays["landmarks"] * [width, height, width], float(arrays["fps"])
        if points.ndim != 3 or points.shape[1] <= max(*INNER, *CORNERS, *EYE_CORNERS) or not 1 <= fps <= 1000:
            raise ValueError(f"{points.shape} at {fps:g} a second")
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: not tracked landmarks ({error})") from None
    if abs(len(points) / fps - clip.duration) > 0.1:
        return None
    tracked = np.isfinite(points[:, 0, 0])
    if tracked.sum() < 3:
        return None
    times, points = frame_times(len(points), fps)[tracked], points[tracked, :, :2]

    def distance(pair: tuple[int, int]) -> np.ndarray:
        return np.linalg.norm(points[:, pair[0]] - points[:, pair[1]], axis=1)

    eyes = distance(EYE_CORNERS)
    return LipCurves(times, distance(INNER) / eyes, distance(CORNERS) / eyes)
