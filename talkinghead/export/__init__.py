"""One file per format: `write(animation, path)`. The suffix of the path decides."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from talkinghead.errors import InputError
from talkinghead.inputs import check_replaceable

if TYPE_CHECKING:
    from talkinghead.head.head import Head
    from talkinghead.motion.animation import Animation

FORMATS = {  # suffix -> (module of this folder, what the file holds)
    ".npz": ("npz", "all of the motion as plain arrays, readable with numpy alone"),
    ".flame.npz": ("flame", "FLAME's parameters: expression, jaw, neck and eyes; with `--head` a FLAME model"),
    ".csv": ("csv", "curves: the columns of Live Link Face on heads with ARKit's shapes"),
    ".glb": ("glb", "glTF 2.0: mesh, texture, animated morph targets and pose; of a character its own file, with the motion"),
    ".usdc": ("usd", "the same in USD, binary (extra `usd`)"),
    ".usda": ("usd", "the same in USD, text (extra `usd`)"),
    ".usdz": ("usd", "the same with its texture in one package, for Apple's Quick Look (extra `usd`)"),
    ".gltf": ("glb", "the `.glb` as text"),
    ".vrm": ("glb", "the `.glb` of a VRM character"),
    ".vrma": ("vrma", "VRM animation: expressions and head, for VRM characters"),
    ".fbx": ("fbx", "the `.glb` through Blender's package (extra `fbx`)"),
    ".pc2": ("pc2", "point cache: posed vertices of every frame, with the mesh as `.obj` beside it"),
    ".json": ("json", "curves in the forms of Audio2Face and BEAT"),
    ".visemes.json": ("cues", "the fifteen Oculus visemes: weights of every frame, and one after the other"),
    ".metahuman.csv": ("csv", "MetaHuman's control curves, `CTRL_expressions_*`, as a table"),
    ".metahuman.json": ("json", "the same in the forms of `.json`"),
    ".srt": ("cues", "visemes as subtitles"),
    ".textgrid": ("cues", "visemes as a tier for Praat"),
    ".tsv": ("cues", "mouth shapes A to X, the cue file of Rhubarb Lip Sync"),
    ".obj": ("obj", "a folder of posed meshes, one per frame"),
}

READERS = {  # suffix -> module of this folder
    ".npz": "npz",  # or flame
    **dict.fromkeys((".csv", ".tsv", ".json"), "curves"),
    ".pkl": "flame",
    **dict.fromkeys((".npy", ".pc2"), "pc2"),
}

OPTIONS = {"compress": (".glb",), "shape_normals": (".glb",)}  # of `save`: which formats take them


def formats() -> dict[str, str]:
    """What `save` can write: suffix -> one line about it."""
    return {suffix: about for suffix, (_, about) in FORMATS.items()}


def suffixes() -> tuple[str, ...]:
    """The suffixes `save` knows. Cheap: no format is imported, so a command can refuse an output before it starts to work."""
    return tuple(FORMATS)


def suffix_of(path: str | Path) -> str:
    """What decides the format of a path, in small letters: its last suffix, or the last two where a format has two."""
    path = Path(path)
    two = "".join(path.suffixes[-2:]).lower()
    return two if two in FORMATS else path.suffix.lower()


def save(animation: Animation, path: str | Path, **options: bool) -> None:
    """Write `animation` in the format of the path's suffix, with OPTIONS of it.

    Raises InputError if the format is unknown, does not have the option or cannot hold the motion.
    """
    path = Path(path)
    check(path, **options)
    _module(path).write(animation, path, **{name: True for name, wanted in options.items() if wanted})


def save_one(animation: Animation, path: Path) -> Path:
    """`save` as one file; its path: that of the argument, or of a .zip of all that the format writes."""
    home = path.with_name(f"{path.name}.parts")
    home.mkdir()
    try:
        save(animation, home / path.name)
        if len(written(path)) > 1 or (home / path.name).is_dir():
            return Path(shutil.make_archive(str(path), "zip", home))
        return (home / path.name).replace(path)
    finally:
        shutil.rmtree(home)


def takes(path: Path, option: str) -> bool:
    """Whether the format of the path's suffix has an option."""
    return suffix_of(path) in OPTIONS[option]


def written(path: str | Path) -> tuple[Path, ...]:
    """What `save` writes for this path: the file or folder itself, and what its format puts beside it."""
    path = Path(path)
    module = _module(path) if suffix_of(path) in FORMATS else None
    return (path, *(module.beside(path) if module and hasattr(module, "beside") else ()))


def check(path: str | Path, **options: bool) -> None:
    """Raise the InputError that `save` would raise for this path whatever the motion, before the motion is made."""
    path = Path(path)
    if suffix_of(path) not in FORMATS:
        what = f"no format has the suffix {path.suffix!r}" if path.suffix else "the name has no suffix"
        raise InputError(f"{path}: {what}; use one of {' '.join(FORMATS)}")
    for name, wanted in options.items():
        if name not in OPTIONS:
            raise InputError(f"{path}: no format has an option {name!r}; there are {', '.join(OPTIONS)}")
        if wanted and not takes(path, name):
            raise InputError(f"{path}: {name} is an option of {' '.join(OPTIONS[name])} only")
    for file in written(path):
        check_replaceable(file)
    module = _module(path)
    if hasattr(module, "check"):
        module.check(path)
    if options.get("compress"):
        import_module("talkinghead.export.compress").check(path)


def load(path: str | Path, head: Head | None = None, *, made_for: Head | None = None, fps: float | None = None) -> Animation:
    """Read motion of any kind in READERS, and put it on `head` (see `Animation.on`).

    made_for: the head that it was made for, where that is neither the default one nor told: FLAME's of FLAME's parameters, the
    mesh of vertices, what shapes of other names belong to. fps: where the file does not tell it. Raises InputError.
    """
    path = Path(path)
    kind, own = path.suffix.lower(), made_for or head
    if kind not in READERS:
        raise InputError(f"{path}: an animation is read from {', '.join(READERS)}")
    name = READERS[kind]
    if name == "npz" and import_module("talkinghead.export.flame").is_parameters(path):
        name = "flame"
    module = import_module(f"talkinghead.export.{name}")
    motion = module.read(path, own) if name == "npz" else module.read(path, own, fps)
    if made_for is None:
        return motion
    from talkinghead.head.head import Head

    return motion.on(head or Head.default())


def _module(path: Path) -> ModuleType:
    return import_module(f"talkinghead.export.{FORMATS[suffix_of(path)][0]}")
