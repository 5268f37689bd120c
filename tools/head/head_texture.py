"""The texture atlas: UV layout and procedural paint. Nothing here comes from a photograph."""

from __future__ import annotations

import head_creases
import head_layers
import numpy as np
from head_hair import BROW, brow_strokes
from head_mesh import ISLANDS, Piece, Skin
from head_source import MakeHuman
from numba import njit

from talkinghead.head.head import Head
from talkinghead.motion.easing import smoothstep

SIZE = 2048
SCALE = SIZE // 1024
TILES = {  # left, top, right, bottom in pixels of a picture of 1024
    "face": (0, 0, 1024, 700),
    "neck": (0, 704, 196, 1024),
    "hair": (200, 704, 400, 924),
    "cloth": (200, 928, 400, 1020),
    "mouth": (404, 704, 660, 900),
    "left_socket": (404, 904, 500, 1020),
    "right_socket": (504, 904, 600, 1020),
    "eye": (664, 704, 904, 944),
    "tooth": (908, 704, 1020, 800),
    "gum": (908, 804, 1020, 860),
    "tongue": (908, 864, 1020, 1020),
    "brows": (664, 950, 780, 1020),
    "lashes": (784, 950, 900, 1020),
}
TILES = {name: tuple(SCALE * edge for edge in box) for name, box in TILES.items()}
PRIMES = (73856093, 19349663, 83492791)  # of the hash of noise (Teschner et al. 2003)
MAGNIFY = 0.62  # exponent of the radial magnification about the middle of the face; 1 leaves MakeHuman's layout


def layout(skin: Skin) -> np.ndarray:
    """(u, 2) UV of the skin in the atlas: MakeHuman's islands, turned upright, the eyes and the mouth enlarged."""
    uv, out = skin.source_uv, np.zeros_like(skin.source_uv)
    for number, name in enumerate(ISLANDS):
        mine = np.unique(skin.piece.uv_faces[skin.island == number])
        flat = uv[mine]
        if name == "face":
            flat = np.stack([flat[:, 1] - 0.4836, 0.875 - flat[:, 0]], 1)  # MakeHuman lays the face on its side
            radius = np.linalg.norm(flat, axis=1, keepdims=True)
            flat = flat * (radius / 0.3) ** (MAGNIFY - 1)
        low, high = flat.min(0), flat.max(0)
        out[mine] = to_atlas((flat - low) / (high - low), name)
    return out


def to_atlas(uv: np.ndarray, tile: str) -> np.ndarray:
    """[0, 1]² of a tile -> UV of the atlas (v up), with two pixels of margin."""
    left, top, right, bottom = TILES[tile]
    x = left + 2 + uv[:, 0] * (right - left - 4)
    y = bottom - 2 - uv[:, 1] * (bottom - top - 4)
    return np.stack([x / SIZE, 1 - y / SIZE], 1)


def paint(
    source: MakeHuman,
    skin: Skin,
    skin_uv: np.ndarray,
    points: np.ndarray,
    centres: dict[str, np.ndarray],
    head: Head,
    origin: np.ndarray,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(SIZE, SIZE, 3) uint8 sRGB, and the layers of `head_layers` and `creases`, (SIZE, SIZE) in [0, 1].

    points: skin vertices of the default person in decimetres, where the head has its zero at `origin`.
    """
    image = np.full((SIZE, SIZE, 3), 0.6, np.float32)
    place, mask_uv, island = _bake(skin, skin_uv, points)
    cover = island >= 0
    image[cover] = _skin(source, place[cover], mask_uv[cover], island[cover], points, centres)
    lips = _red(source, mask_uv[cover], island[cover])
    metres, strokes = (place[cover] - origin) * 0.1, brow_paint(place[cover], centres)
    image[cover] = _eye_corners(_lip_corners(image[cover], metres, head), metres, island[cover], head)
    flat = head_layers.layers(head, metres, island[cover], lips, strokes, _noise)
    flat["creases"] = head_layers.signed(head_creases.creases(head, metres, _noise) * (1 - lips) * (island[cover] < 2))
    where = np.flatnonzero(cover)
    layers = {}
    for name, values in flat.items():
        layers[name] = np.zeros((SIZE, SIZE), np.float32)
        layers[name].flat[where] = values
    painters = {"eye": _eye, "tooth": _tooth, "gum": _gum, "tongue": _tongue, "brows": _brow, "lashes": _lash}
    painters |= {"hair": _hair, "cloth": _cloth}
    for tile, painter in painters.items():
        left, top, right, bottom = TILES[tile]
        y, x = np.mgrid[top:bottom, left:right] + 0.5
        image[top:bottom, left:right] = painter((x - left - 2) / (right - left - 4), 1 - (y - top - 2) / (bottom - top - 4))
        cover[top:bottom, left:right] = True
    from scipy.ndimage import distance_transform_edt

    rows, columns = distance_transform_edt(~cover, return_distances=False, return_indices=True)
    skin_rows, skin_columns = distance_transform_edt(island < 0, return_distances=False, return_indices=True)
    layers = {name: layer[skin_rows, skin_columns] for name, layer in layers.items()}
    return np.round(np.clip(image[rows, columns], 0, 1) * 255).astype(np.uint8), layers


def _bake(skin: Skin, uv: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position, MakeHuman UV and island of every texel of the skin (island -1 elsewhere)."""
    place, other = np.zeros((SIZE, SIZE, 3), np.float32), np.zeros((SIZE, SIZE, 2), np.float32)
    island = np.full((SIZE, SIZE), -1)
    pixel = np.stack([uv[:, 0] * SIZE, (1 - uv[:, 1]) * SIZE], 1)
    for face, corner, number in zip(skin.piece.faces, skin.piece.uv_faces, skin.island, strict=True):
        a, b, c = pixel[corner]
        low = np.maximum(np.floor(np.minimum(np.minimum(a, b), c) - 1.5).astype(int), 0)
        high = np.minimum(np.ceil(np.maximum(np.maximum(a, b), c) + 1.5).astype(int), SIZE)
        det = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(det) < 1e-9:
            continue
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
        u = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / det
        v = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / det
        slack = 0.75 / np.sqrt(abs(det))
        inside = (u >= -slack) & (v >= -slack) & (u + v <= 1 + slack)
        weights = np.stack([1 - u, u, v], -1)[inside]
        weights[:, 0] -= weights[:, 2]
        rows, columns = y[inside].astype(int), x[inside].astype(int)
        place[rows, columns] = weights @ points[face]
        other[rows, columns] = weights @ skin.source_uv[corner]
        island[rows, columns] = number
    return place, other, island


def _red(source: MakeHuman, mask_uv: np.ndarray, island: np.ndarray) -> np.ndarray:
    """(n,) in [0, 1]: the red of the lips, which fades into the skin."""
    return np.where(island == 0, smoothstep((source.mask("lips", mask_uv) - 0.30) / 0.68), 0)


def _lip_corners(colour: np.ndarray, metres: np.ndarray, head: Head) -> np.ndarray:
    """(n, 3) with the shadow that lies in the corners of the mouth."""
    corner = head.landmark("lip_corner_left").astype(float)
    away = (metres * [1, 1, 0.6] - corner * [1, 1, 0.6]), (metres * [-1, 1, 0.6] - corner * [1, 1, 0.6])
    near = sum(np.exp(-((np.linalg.norm(a - [0.0008, 0, 0], axis=1) / 0.0036) ** 2)) for a in away)[:, None]
    return colour - near * np.array([0.17, 0.20, 0.19])


def _eye_corners(colour: np.ndarray, metres: np.ndarray, island: np.ndarray, head: Head) -> np.ndarray:
    """(n, 3) with the wet red rim of the lids, the dark line of the lashes' roots and the caruncle."""
    from scipy.spatial import KDTree

    for side in ("left", "right"):
        ring = np.stack([head.landmark(f"eye_{side}_{k:02d}") for k in range(_ring_size(head, side))]).astype(float)
        line = np.concatenate(
            [a + (b - a) * np.linspace(0, 1, 8)[:, None] for a, b in zip(ring, np.roll(ring, -1, 0), strict=True)]
        )
        near = np.flatnonzero(np.linalg.norm(metres - ring.mean(0), axis=1) < 0.03)
        away, where = KDTree(line).query(metres[near])
        inner = head.landmark(f"eye_{side}_inner").astype(float)
        upper = (line[where, 1] > ring[:, 1].mean() - 0.0008)[:, None]
        outside = (island[near] == 0)[:, None]
        margin = np.exp(-((away / 0.0011) ** 2))[:, None]
        lined = np.where(upper, np.array([0.42, 0.26, 0.22]), np.array([0.86, 0.60, 0.55]))
        cover = margin * np.where(upper, np.where(outside, 0.75, 0.35), np.where(outside, 0.55, 0.85))
        out = colour[near] * (1 - cover) + lined * cover
        pearl = np.exp(-((np.linalg.norm(metres[near] - inner, axis=1) / 0.0030) ** 2))[:, None] * 0.85
        colour[near] = out * (1 - pearl) + np.array([0.80, 0.44, 0.41]) * pearl
    return colour


def _ring_size(head: Head, side: str) -> int:
    return sum(name.startswith(f"eye_{side}_") and name[-2:].isdigit() for name in head.landmarks)


def _skin(source, place, mask_uv, island, points, centres) -> np.ndarray:
    """(n, 3) colours of skin texels from where they are on the default person's head."""
    x, y, z = place.T
    colour = np.tile(np.array([0.868, 0.690, 0.596], np.float32), (len(place), 1))
    eye = centres["l"]

    def spot(px: float, py: float, width: float, height: float) -> np.ndarray:
        return np.exp(-(((abs(x) - px) / width) ** 2) - ((y - py) / height) ** 2)[:, None] * (z > 0.4)[:, None]

    nose_tip = points[np.argmax(points[:, 2])]
    blood = np.array([0.026, -0.030, -0.032], np.float32)
    colour += spot(0.42, nose_tip[1] + 0.02, 0.24, 0.22) * blood  # cheeks
    colour += spot(0.0, nose_tip[1], 0.17, 0.16) * blood * 1.1
    colour += spot(0.0, 6.45, 0.22, 0.14) * blood * 0.5  # chin
    colour += np.clip((abs(x) - 0.72) / 0.08, 0, 1)[:, None] * blood * 1.6  # ears
    colour += spot(eye[0], eye[1] - 0.16, 0.2, 0.07) * np.array([-0.035, -0.04, -0.03])  # below the eyes
    colour += spot(eye[0], eye[1] + 0.08, 0.2, 0.07) * np.array([-0.03, -0.045, -0.045])  # lids
    colour += spot(0, 7.85, 0.6, 0.3) * np.array([0.015, 0.02, 0.012])  # forehead
    colour += (np.clip((6.4 - y) / 0.5, 0, 1) * (island < 2))[:, None] * np.array([-0.02, -0.02, -0.02])
    grain = sum(a * _noise(place * f, k) for k, (f, a) in enumerate(((3, 0.008), (12, 0.006), (60, 0.006))))
    colour += grain[:, None] * np.array([1.0, 1.15, 1.2])
    blotch = np.clip(_noise(place * 7, 9), 0, 1)[:, None]
    colour += blotch * blood * 0.25
    bare = np.clip(1.15 - np.hypot(x / 0.45, (y - nose_tip[1]) / 0.45), 0.35, 1)  # pores are widest around the nose
    pores = np.clip(_noise(place * 210, 5) - 0.15, 0, 1) * 0.055 + np.clip(_noise(place * 120, 6) - 0.35, 0, 1) * 0.035
    colour -= (pores * bare)[:, None] * np.array([0.8, 1.0, 1.0])

    lips = _red(source, mask_uv, island)[:, None]
    lip = np.array([0.745, 0.495, 0.450]) + (0.022 * _noise(place * np.array([70, 9, 9]), 4))[:, None]
    lip = lip + (0.014 * _noise(place * 40, 7))[:, None]
    lip = lip - np.clip(1 - abs(y - 6.73) / 0.03, 0, 1)[:, None] * np.array([0.12, 0.14, 0.13])  # darker where they meet
    colour = colour * (1 - lips) + lip * lips

    cavity = island == ISLANDS.index("mouth")
    deep = np.clip((z - 0.75) / 0.62, 0, 1)[:, None]
    inner = np.array([0.58, 0.27, 0.25]) * (0.12 + 0.88 * deep**1.5)
    colour = np.where(cavity[:, None], inner, colour)
    socket = island >= ISLANDS.index("left_socket")
    margin = np.clip((z - (eye[2] + 0.02)) / 0.08, 0, 1)[:, None]
    return np.where(socket[:, None], np.array([0.74, 0.47, 0.43]) * (0.35 + 0.65 * margin), colour)


def brow_paint(place: np.ndarray, centres: dict[str, np.ndarray]) -> np.ndarray:
    """Opacity of painted brow hair at skin points, from a front-view picture of many fine strokes."""
    from PIL import Image, ImageDraw
    from scipy.ndimage import gaussian_filter, map_coordinates

    scale, width, height = 1600, 800, 480  # pixels a decimetre
    picture = Image.new("L", (width, height))
    draw = ImageDraw.Draw(picture)
    for stroke in brow_strokes(300, seed=11):
        pixels = [(400 + px * scale, 420 - py * scale) for px, py in stroke]
        thin = np.interp(stroke[0, 0], [BROW[0, 0], BROW[0, 0] + 0.12], [0.35, 1.0])  # towards the nose brows thin out
        draw.line(pixels[:2], fill=int(215 * thin), width=6)
        draw.line(pixels[1:], fill=int(190 * thin), width=4)
    table = gaussian_filter(np.asarray(picture, np.float32) / 255, 1.8)
    soft = gaussian_filter(table, 12)
    table = np.clip(0.62 * table + 0.30 * soft, 0, 0.78)
    left = centres["l"]
    dx, dy = abs(place[:, 0]) - left[0], place[:, 1] - left[1]
    value = map_coordinates(table, [420 - dy * scale, 400 + dx * scale], order=1, mode="constant")
    return value * (place[:, 2] > 0.8)


def _noise(points: np.ndarray, seed: int) -> np.ndarray:
    """Smooth value noise in about [-1, 1] with one feature a unit."""
    table = np.random.default_rng(seed).uniform(-1, 1, 4096)
    return _value_noise(np.ascontiguousarray(points, np.float64), table)


@njit(cache=True)
def _value_noise(points, table):
    total = np.zeros(len(points))
    for n in range(len(points)):
        for corner in range(8):
            weight, hashed = 1.0, 0
            for k in range(3):
                cell = np.floor(points[n, k])
                share = points[n, k] - cell
                share = share * share * (3 - 2 * share)
                up = (corner >> k) & 1
                weight *= share if up else 1 - share
                hashed += (np.int64(cell) + up) * PRIMES[k]
            total[n] += weight * table[(hashed ^ (hashed >> 7)) % 4096]
    return total


def _hair(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Strands along v, from the dark root (v = 0) to the lighter tip; a part's colour makes it brown or grey."""
    from scipy.ndimage import gaussian_filter1d

    rng = np.random.default_rng(51)
    width = u.shape[1]
    fine = gaussian_filter1d(rng.normal(0, 1, width), 0.7 * SCALE) * SCALE**0.5
    wide = gaussian_filter1d(rng.normal(0, 1, width), 4.0 * SCALE) * 4 * SCALE**0.5
    place = np.stack([u * 60, v * 5, 0 * u], -1).reshape(-1, 3)
    strand = 0.15 * fine[None] + 0.09 * wide[None] + 0.07 * _noise(place, 52).reshape(u.shape)
    shade = np.clip(0.72 + strand, 0.25, 1) * (0.62 + 0.38 * np.clip(v / 0.30, 0, 1))
    return np.repeat(shade[..., None], 3, -1)


def _cloth(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A fine rib."""
    return np.repeat((0.90 + 0.05 * np.sin(u * 2 * np.pi * 90) + 0 * v)[..., None], 3, -1)


def _eye(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Iris, pupil and sclera in the picture plane of `head_eyes`: the radius is the polar angle."""
    from head_eyes import LIMBUS, REACH

    radius, angle = np.hypot(u - 0.5, v - 0.5) * 2 * REACH / LIMBUS, np.arctan2(v - 0.5, u - 0.5)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], -1).reshape(-1, 3)
    fibre = _noise(ring * 18 + np.array([0, 0, 1]) * radius.reshape(-1, 1) * 1.6, 21) + 0.6 * _noise(ring * 42, 22)
    fibre = fibre.reshape(radius.shape)[..., None]
    t = np.clip((radius - 0.36) / 0.64, 0, 1)[..., None]
    iris = np.array([0.50, 0.345, 0.185]) * (1 - t) + np.array([0.30, 0.215, 0.150]) * t
    iris = iris * (1 + 0.28 * fibre) * (1 - 0.62 * np.clip((t - 0.72) / 0.28, 0, 1) ** 1.5)
    white = np.array([0.835, 0.812, 0.790]) - np.clip(radius - 1.15, 0, 1)[..., None] * np.array([0.10, 0.19, 0.19])
    vein = _noise(ring * 9 + np.array([0, 0, 1]) * radius.reshape(-1, 1), 23).reshape(radius.shape)[..., None]
    vein = np.clip(vein - 0.35, 0, 1)
    white = white - vein * np.clip(radius - 1.5, 0, 0.8)[..., None] * np.array([0.05, 0.25, 0.25])
    edge = np.clip((radius - 0.95) / 0.10, 0, 1)[..., None]
    pupil = np.clip((radius - 0.325) / 0.05, 0, 1)[..., None]
    return (np.array([0.015, 0.012, 0.012]) * (1 - pupil) + iris * pupil) * (1 - edge) + white * edge


def _tooth(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Seven columns, central incisor to second molar: warm at the neck (v = 0), translucent at the edge, darker to the back.

    The darkening stands for the shadow of lips and cheeks, which no real-time client computes.
    """
    kind = np.clip((u * 7).astype(int), 0, 6)
    neck = np.clip(1 - v / 0.35, 0, 1)[..., None]
    edge = np.clip((v - 0.82) / 0.15, 0, 1)[..., None]
    side = np.clip(abs(u * 7 - kind - 0.5) * 2.4 - 0.65, 0, 1)[..., None]
    colour = np.array([0.985, 0.960, 0.905]) - neck * [0.05, 0.11, 0.17] - edge * [0.07, 0.050, 0.02]
    shade = np.array([1.0, 1.0, 0.97, 0.90, 0.80, 0.66, 0.54])[kind][..., None] ** [0.85, 1.0, 1.05]
    return (colour - side * [0.16, 0.20, 0.24]) * shade


def _gum(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    points = np.stack([u * 30, v * 4, 0 * u], -1).reshape(-1, 3)
    shade = np.clip(1.25 - 1.7 * abs(u - 0.5), 0.35, 1)[..., None]
    return (np.array([0.80, 0.47, 0.46]) + 0.03 * _noise(points, 31).reshape(u.shape)[..., None]) * shade


def _tongue(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Seen from above, the tip at v = 1."""
    points = np.stack([u * 26, v * 40, 0 * u], -1).reshape(-1, 3)
    groove = np.exp(-(((u - 0.5) / 0.05) ** 2))[..., None] * np.clip(v * 3 - 0.6, 0, 1)[..., None]
    shade = np.clip(0.35 + 1.1 * v, 0.35, 1)[..., None]
    bumps = 0.035 * _noise(points, 41).reshape(u.shape)[..., None]
    return (np.array([0.86, 0.50, 0.49]) + bumps - groove * [0.06, 0.05, 0.05]) * shade


def _brow(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.array([0.25, 0.185, 0.15]) + 0.05 * v[..., None] + 0 * u[..., None]


def _lash(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Dark, and in the right half lighter: lower lashes are thinner than a pixel."""
    lower = smoothstep((u - 0.5) / 0.06)[..., None]
    return np.array([0.09, 0.07, 0.06]) * (1 - lower) + np.array([0.40, 0.28, 0.23]) * lower + 0 * v[..., None]


def piece_uv(pieces: list[Piece], skin_uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """UV (U, 2) and UV faces (F, 3) of all pieces in order; the first is the skin."""
    uv, faces, start = [], [], 0
    for number, piece in enumerate(pieces):
        uv.append(skin_uv if number == 0 else to_atlas(piece.uv, piece.tile))
        faces.append(piece.uv_faces + start)
        start += len(uv[-1])
    return np.concatenate(uv).astype(np.float32), np.concatenate(faces).astype(np.int32)
