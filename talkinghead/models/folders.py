"""Small networks kept in folders: config.json beside model.safetensors (float16). Nothing in them is executed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from talkinghead.config import build
from talkinghead.errors import InputError, brief
from talkinghead.files import replacing

CONFIG, WEIGHTS = "config.json", "model.safetensors"
Net = TypeVar("Net", bound=nn.Module)


def load_folder(make: Callable[[Any], Net], kind: type, folder: Path, what: str) -> Net:
    """The network that `make` makes of the folder's config, a dataclass `kind`, with the folder's weights. Frozen.

    what: how errors name it. Raises InputError for a folder that has no such network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        net = make(build(kind, settings, str(folder / CONFIG)))
        net.load_state_dict({name: value.float() for name, value in load_file(folder / WEIGHTS).items()})
    except FileNotFoundError as error:
        raise InputError(f"{what} {folder}: has no {Path(error.filename or WEIGHTS).name}") from None
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise error if isinstance(error, InputError) else InputError(f"{what} {folder}: {brief(error)}") from None
    return net.eval().requires_grad_(False)


def save_folder(net: nn.Module, config: Any, folder: Path) -> None:
    """Write config.json and model.safetensors."""
    from safetensors.torch import save_file

    with replacing(folder / WEIGHTS) as fresh:
        save_file({name: value.half().cpu().contiguous() for name, value in net.state_dict().items()}, fresh)
    with replacing(folder / CONFIG) as fresh:
        fresh.write_text(json.dumps(asdict(config), indent=1) + "\n", encoding="utf-8")
