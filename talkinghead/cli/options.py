"""Options that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, UseAppendAction, arg

from talkinghead.animate.settings import AnimateSettings
from talkinghead.rendering.settings import RenderSettings

Outputs = Annotated[
    tuple[Path, ...],
    UseAppendAction,
    arg(name="output", aliases=("-o",), metavar="FILE", help="File to write, its format by its suffix. Repeat it for more."),
]
HeadName = Annotated[
    str,
    arg(
        metavar="HEAD",
        help="default, one of its people such as default:age=60,gender=female,seed=3, auto for one that suits the voice (sex "
        "is heard, age hardly; auto:seed=3 is another), a head's .npz file, FLAME's .pkl, or a character of yours, .glb, .gltf "
        "or .vrm, which comes back whole, with the motion added, where one of these is written. default:shapes=oculus and "
        "default:shapes=vrm have visemes or VRM's expressions instead of ARKit's shapes.",
    ),
]
MadeFor = Annotated[
    str | None,
    arg(metavar="HEAD", help="Head that the motion was made for, where its file does not tell: FLAME's .pkl, a mesh's head."),
]
Beside = Annotated[
    tuple[str, ...],
    arg(
        name="side-by-side",
        metavar="[NAME=]FILE",
        help="Films and animations shown beside it: the real film, .npz and .csv, or vertices of other systems, as .npy or "
        "as .npz with vertices, faces and fps.",
    ),
]
Camera = Annotated[
    str,
    arg(
        metavar="CAMERA",
        help="front, three-quarter, side, three-quarter-right, profile, close-up, eyes, mouth, mouth-side, high, low, wide, "
        "or key=value,… of yaw, pitch, fov (degrees), distance (times the usual one) and aim (head, face, eyes, mouth), "
        "such as front,yaw=20,distance=0.8.",
    ),
]
Backend = Annotated[str | None, arg(metavar="NAME", help="Renderer; `talkinghead info` lists them. The fastest that works.")]
Name = Annotated[str | None, arg(metavar="NAME")]
Number = Annotated[float | None, arg(metavar="NUMBER")]
Count = Annotated[int | None, arg(metavar="NUMBER")]
File = Annotated[Path | None, arg(metavar="PATH")]
# fmt: off
Suffix = Literal[
    "npz", "flame.npz", "csv", "glb", "gltf", "vrm", "usdc", "usda", "usdz", "vrma", "fbx",
    "pc2", "json", "visemes.json", "metahuman.csv", "metahuman.json", "srt", "textgrid", "tsv", "obj",
    "mp4", "webm", "mov", "gif", "webp", "html",
]
# fmt: on
Formats = Annotated[
    tuple[Suffix, ...],
    UseAppendAction,
    arg(
        metavar="FORMAT",
        help="Folders and lists: npz (if not said), mp4, webm, mov, gif, webp, html, and those of convert. Repeat it for more.",
    ),
]
Engine = Annotated[
    Literal["local", "ray"],
    arg(help="Where workers are: on this machine; or on the Ray cluster that RAY_ADDRESS names or that is started here."),
]
Model = Annotated[str | None, arg(metavar="MODEL", help="Folder of a model or its id on the Hub. The one that ships.")]
Track = Annotated[
    int | None,
    arg(metavar="NUMBER", help="Which sound of a film that has several, from 1. The one that speaks, and a line says so."),
]
Settings = Annotated[AnimateSettings, OmitArgPrefixes]
Drawing = Annotated[RenderSettings, OmitArgPrefixes]


@dataclass(frozen=True)
class Rendering(RenderSettings):
    """How pictures and films are drawn; `animate` has another style."""

    look: Annotated[str, arg(aliases=("--style",))] = "shaded"


Rendered = Annotated[Rendering, OmitArgPrefixes]
