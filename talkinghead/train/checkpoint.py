"""Checkpoints: written beside and renamed, read without running anybody's pickle."""

from __future__ import annotations

from pathlib import Path

import torch

from talkinghead.errors import InputError
from talkinghead.files import replacing

NAME = "state.pt"


def save(path: Path, state: dict) -> None:
    """Write a tree of tensors, numbers and strings."""
    with replacing(path) as fresh:
        torch.save(state, fresh)


def load(path: Path) -> dict | None:
    """The tree that `save` wrote, or None if there is none. Raises InputError if it cannot be read."""
    if not path.exists():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise InputError(f"checkpoint {path}: cannot be read ({str(error).splitlines()[0]}); remove it to start anew") from None


def sweep(folder: Path) -> None:
    """Remove what a killed run left half-written: the hidden files of `replacing`, those of the feature cache as well."""
    for path in folder.rglob(".*-*.*"):
        if path.is_file():
            path.unlink(missing_ok=True)
