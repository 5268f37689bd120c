"""Pictures of mouths and faces that have a gradient, in plain PyTorch: the input of perceptual losses. CPU and GPU alike.

Which triangle a sample shows is decided without gradient (`visibility`). Its grey, interpolated between the corners, has one;
and where a surface ends before another, the samples on both sides are blended by where exactly the outline passes between
them (antialiasing after Laine et al. 2020, "Modular primitives for high-performance differentiable rendering"). Without this
the gradient would be wrong: it would leave out that an opening jaw uncovers the inside of the mouth. `antialias` does both.

B pictures, N vertices that may be seen, F triangles, K coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import landmark_vector
from talkinghead.head.landmarks import INNER_LIPS
from talkinghead.rendering.differentiable.antialias import blend, crossings, edges_of, interior
from talkinghead.rendering.differentiable.trained_look import trained_look
from talkinghead.rendering.differentiable.visibility import visible
from talkinghead.rendering.scene import look

SIZE = 88  # pixels a side of the crops of lip-reading networks (LRW's, Martinez et al. 2020)
MOUTHS = 2.0  # widths of the resting mouth across 88 pixels; larger crops show more of the face
LOWER = 0.08  # of the picture: how far its middle lies below that of the shut lips, to leave room for the jaw
DEPTH = 0.075  # metres behind the lips at which drawing ends: the mouth's cavity, not the nape
HIDDEN = ("eyes", "brows", "lashes")
FACE_SIZE = 64
FACES = 1.6  # of the height from chin to eyes: what a picture of a face shows, whatever its size
FACE_LOWER, FACE_DEPTH = 0.36, 0.13  # of that height: how far the middle lies below the eyes; metres, as above
GREY = np.array([0.2126, 0.7152, 0.0722], np.float32)  # luminance of linear sRGB (Rec. 709)
CORNERS = ("lip_corner_left", "lip_corner_right")
EYES = ("eye_left_outer", "eye_left_inner", "eye_right_inner", "eye_right_outer")


@dataclass(frozen=True)
class View:
    """How camera and light differ from their defaults, for augmentation of training pictures. Angles in radians."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)  # to the right and down, in parts of the picture
    lamps: tuple[float, ...] = (1.0, 1.0, 1.0)  # strength of each of `look.LIGHTS`
    turn: float = 0.0  # of the lamps about the vertical
    ambient: float = 1.0
    skin: float = 1.0  # factor on the skin's brightness


@dataclass(frozen=True)
class Framing:
    """What of a head is in the picture. Metres."""

    middle: np.ndarray  # (3,) where the picture's middle is, but for `lower`
    width: float  # across the picture
    lower: float  # of the picture: how far below `middle` its middle lies
    depth: float  # behind `middle`, at which drawing ends
    hidden: tuple[str, ...]  # parts that are not drawn


class DifferentiableRenderer(nn.Module):
    """Coefficients -> grey pictures of one head, seen from far in front (an orthographic camera), without hair and clothes.

    The default head and people made of it look as in the training of the networks that see them (`trained_look`).

    names: of the coefficients, in their order; all of the head's if not given. size: pixels a side. samples: per pixel and
    axis. outlines: False leaves the antialiasing out, for tests of what it adds.
    """

    def __init__(
        self,
        head: Head,
        framing: Framing,
        names: list[str] | tuple[str, ...] | None,
        size: int,
        samples: int,
        view: View | None,
        outlines: bool,
    ) -> None:
        super().__init__()
        view = View() if view is None else view
        head, albedo = trained_look(head)
        keep = [head.index(name) for name in (head.names if names is None else names)]
        self.size, self.samples, self.outlines = size, samples, outlines
        self.rest: Tensor
        self.moved: Tensor
        self.faces: Tensor
        self.edges: Tensor
        self.beside: Tensor
        self.across: Tensor
        self.gap_rest: Tensor
        self.gap_moved: Tensor
        self.shares_closed: Tensor
        self.shares_opened: Tensor
        self.albedo: Tensor
        self.lamps: Tensor
        self.power: Tensor
        self.around: Tensor
        width = framing.width / view.zoom
        turned, scale = _rotation(view), size * samples / width
        faces = _near(head, (head.template - framing.middle) @ turned.T, width / 2, framing)
        used, flat = np.unique(faces, return_inverse=True)
        faces = flat.reshape(-1, 3)
        rest = (head.template[used] - framing.middle) @ turned.T * scale
        moved = head.basis[keep][:, used] @ turned.T * scale  # (K, N, 3)
        flip = np.array([1, -1, -1], np.float32)  # y down, z away from the viewer
        place = np.array([0.5 + view.shift[0], 0.5 - framing.lower + view.shift[1], 0]) * size * samples
        self._keep("rest", rest * flip + place + [0, 0, 1000.0])
        self._keep("moved", (moved * flip).transpose(1, 2, 0).reshape(-1, len(keep)))  # (N * 3, K)
        self._keep("faces", faces.astype(np.int64))
        for name, table in edges_of(faces).items():
            self._keep(name, table)
        self._light(head, albedo, used, view)
        moved, rest = landmark_vector(head, *INNER_LIPS)
        self._keep("gap_rest", rest)
        self._keep("gap_moved", moved[keep])

    def _keep(self, name: str, values: np.ndarray) -> None:
        kind = np.int64 if values.dtype.kind in "iu" else np.float32
        self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values, kind)), persistent=False)

    def _light(self, head: Head, albedo: np.ndarray, used: np.ndarray, view: View) -> None:
        """What does not change with the motion: shares of light, as the backends use them, albedo, lamps."""
        from talkinghead.rendering.scene.light import bake

        baked, turn = bake(head, tip=False), _rotation(View(yaw=view.turn))
        self.gaps = baked.gap
        self._keep("shares_closed", baked.closed[used])
        self._keep("shares_opened", baked.opened[used])
        self._keep("albedo", _grey(head, albedo, view.skin)[used])
        directions = np.array([direction for direction, _ in look.LIGHTS]) @ turn.T @ _rotation(view).T
        self._keep("lamps", directions * [1, -1, -1])
        self._keep("power", np.array([GREY @ colour for _, colour in look.LIGHTS]) * view.lamps)
        self._keep("around", np.array([GREY @ look.SKY, GREY @ look.GROUND]) * view.ambient)

    def forward(self, coefficients: Tensor) -> Tensor:
        """(..., K) -> (..., size, size) in [0, 1]."""
        shape, weights = coefficients.shape[:-1], coefficients.reshape(-1, coefficients.shape[-1])
        points = (self.moved @ weights.T).view(len(self.rest), 3, -1) + self.rest[:, :, None]  # (N, 3, B)
        normals, front = self._normals(points)
        grey = self._shade(normals, weights)
        table = torch.cat([points[:, :2], grey[:, None]], 1).permute(2, 0, 1).contiguous()  # (B, N, 3): x, y, grey
        depth = points[:, 2].detach().T.contiguous()
        side = self.size * self.samples
        owner, nearest = visible(torch.cat([table.detach()[..., :2], depth[..., None]], -1), self.faces, side)
        picture = interior(table, self.faces, owner)
        if self.outlines:
            picture = self._antialiased(picture, table, depth, nearest, front)
        if self.samples > 1:
            picture = nn.functional.avg_pool2d(picture, self.samples)
        return picture.clamp(0, 1).view(*shape, self.size, self.size)

    def _normals(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, B) unit normals, area-weighted means of the faces', and (F, B) whether a face is turned to the viewer."""
        a, b, c = (points.index_select(0, self.faces[:, k]) for k in range(3))
        across = torch.linalg.cross(b - a, c - a, dim=1)
        total = torch.zeros_like(points)
        for k in range(3):
            total = total.index_add(0, self.faces[:, k], across)
        return nn.functional.normalize(total, dim=1), across[:, 2].detach() < 0

    def _shade(self, normals: Tensor, weights: Tensor) -> Tensor:
        """(N, B) grey of each vertex as it shows on a screen: the diffuse light of the backends, in luminance."""
        gap = (weights @ self.gap_moved + self.gap_rest).norm(dim=-1)
        share = ((gap - self.gaps[0]) / max(self.gaps[1] - self.gaps[0], 1e-9)).clamp(0, 1)
        shares = self.shares_closed[..., None] + share * (self.shares_opened - self.shares_closed)[..., None]  # (N, 4, B)
        wrap = float(GREY @ look.WRAP)
        facing = torch.einsum("lx,nxb->nlb", self.lamps, normals)
        diffuse = ((facing + wrap) / (1 + wrap)).clamp(0, 1).square() * shares[:, 1:]
        sky, ground = self.around
        around = (ground + (sky - ground) * (0.5 - 0.5 * normals[:, 1])) * shares[:, 0]
        linear = self.albedo[:, None] * (around + torch.einsum("l,nlb->nb", self.power, diffuse))
        return linear.clamp(1e-4, 1) ** (1 / 2.2)

    def _antialiased(self, picture: Tensor, table: Tensor, depth: Tensor, nearest: Tensor, front: Tensor) -> Tensor:
        found = crossings(table.detach(), depth, nearest, front, self.edges, self.beside, self.across)
        return blend(picture, table, self.edges, found)


class MouthRenderer(DifferentiableRenderer):
    """Coefficients -> grey pictures of the mouth: the input of lip-reading networks.

    Arguments as of `DifferentiableRenderer`; 2 samples show gaps between the lips that are thinner than a pixel, a `size` above
    88 shows more of the face. Raises InputError for a head without the landmarks of lips or with other names.
    """

    def __init__(
        self,
        head: Head,
        names: list[str] | tuple[str, ...] | None = None,
        size: int = SIZE,
        *,
        samples: int = 2,
        view: View | None = None,
        outlines: bool = True,
    ) -> None:
        _require(head, (*INNER_LIPS, *CORNERS), "mouth")
        left, right = head.landmark([*CORNERS])
        width = float(np.linalg.norm(left - right)) * MOUTHS * size / SIZE
        framing = Framing((left + right) / 2, width, LOWER, DEPTH, HIDDEN)
        super().__init__(head, framing, names, size, samples, view, outlines)


class FaceRenderer(DifferentiableRenderer):
    """Coefficients -> grey pictures of the whole face, eyes, brows and lashes included: the input of emotion networks.

    Arguments as of `DifferentiableRenderer`; 2 samples keep lids and brows, a pixel or two high, from flickering. Raises
    InputError for a head without the landmarks of lips, eyes and chin or with other names.
    """

    def __init__(
        self,
        head: Head,
        names: list[str] | tuple[str, ...] | None = None,
        size: int = FACE_SIZE,
        *,
        samples: int = 2,
        view: View | None = None,
        outlines: bool = True,
    ) -> None:
        _require(head, (*INNER_LIPS, *EYES, "chin"), "face")
        eyes = head.landmark([*EYES]).mean(0)
        height = float(eyes[1] - head.landmark("chin")[1])
        framing = Framing(eyes, FACES * height, FACE_LOWER / FACES, FACE_DEPTH, ())
        super().__init__(head, framing, names, size, samples, view, outlines)


def _require(head: Head, landmarks: tuple[str, ...], what: str) -> None:
    missing = [name for name in landmarks if name not in head.landmarks]
    if missing:
        raise InputError(f"head {head.name}: has no landmark {missing[0]!r}, so its {what} cannot be found")


def _near(head: Head, points: np.ndarray, half: float, framing: Framing) -> np.ndarray:
    """(F, 3) faces that may be seen in the picture.

    points: (V, 3) seen from the camera, from `framing.middle`. half: metres from there to the picture's edge.
    """
    faces = head.faces
    if head.parts:
        faces = np.concatenate([faces[slice(*part.faces)] for part in head.parts if part.name not in framing.hidden])
    inside = (np.abs(points[:, 0]) < 1.2 * half) & (np.abs(points[:, 1]) < 1.4 * half) & (points[:, 2] > -framing.depth)
    return faces[inside[faces].any(1)]


def _grey(head: Head, albedo: np.ndarray, skin: float) -> np.ndarray:
    """(V,) linear grey of each vertex's own colour: `albedo` (V, 3) times its part's colour, that of skin times `skin`."""
    out = albedo @ GREY
    for part in head.parts:
        corners = head.faces[slice(*part.faces)]
        out[corners] = ((albedo[corners] * np.array(part.colour)) @ GREY) * (skin if part.name not in look.KINDS else 1)
    return out


def _rotation(view: View) -> np.ndarray:
    """(3, 3): yaw about y, then pitch about x, then roll about z."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(angle), np.sin(angle)) for angle in (view.yaw, view.pitch, view.roll))
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return roll @ pitch @ yaw
