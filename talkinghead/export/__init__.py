"""One file per format: `write(animation, path)`. The suffix of the path decides."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from talkinghead.errors import InputError

if TYPE_CHECKING:
    from talkinghead.motion.animation import Animation

FORMATS = {
    ".npz": "npz",  # everything, readable with numpy alone
    ".csv": "csv",  # curves: Live Link Face columns on heads with ARKit's shapes
    ".glb": "glb",  # mesh with animated morph targets
    ".usdc": "usd",  # the same for USD, binary
    ".usda": "usd",  # text
    ".obj": "obj",  # a folder of meshes, one per frame
}


def suffixes() -> tuple[str, ...]:
    """The suffixes `save` knows, so that a command can refuse an output before it starts to work."""
    return tuple(FORMATS)


def save(animation: Animation, path: str | Path) -> None:
    """Write `animation` in the format of the path's suffix. Raises InputError if it is unknown or cannot hold the motion."""
    path = Path(path)
    check(path)
    import_module(f"talkinghead.export.{FORMATS[path.suffix.lower()]}").write(animation, path)


def check(path: str | Path) -> None:
    """Raise the InputError that `save` would for this path whatever the motion: for commands, before they start to work."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        what = f"no format has the suffix {path.suffix!r}" if path.suffix else "the name has no suffix"
        raise InputError(f"{path}: {what}; use one of {' '.join(FORMATS)}")
    module = import_module(f"talkinghead.export.{FORMATS[path.suffix.lower()]}")
    if hasattr(module, "check"):
        module.check(path)
