"""Folders of networks: config.json beside weights in safetensors. Nothing in them is executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from talkinghead.config import build
from talkinghead.errors import InputError, brief, shown
from talkinghead.files import asset
from talkinghead.head.head import Head
from talkinghead.io.files import parse_json
from talkinghead.models.config import RENAMED, ModelConfig

CONFIG, WEIGHTS, HEADS = "config.json", "model.safetensors", "heads"
STREAMING = "streaming"  # folder in that of a model, of one that does the same with a bounded look-ahead
LARGEST = 4 << 20  # bytes of a config: names of coefficients are most of it
LAYERS, COUNT = 1000, 1 << 20  # the most layers, and the most of anything else
Config = TypeVar("Config")


def read_config(kind: type[Config], folder: Path, what: str) -> Config:
    """The config of a network, a dataclass `kind`. what: how errors name the network. Raises InputError."""
    settings = read_settings(folder, what)
    if kind is ModelConfig:
        settings = {RENAMED.get(key, key): value for key, value in settings.items()}
    return build(kind, settings, f"{what} {folder / CONFIG}")


def read_settings(folder: Path, what: str) -> dict[str, Any]:
    """What the config of a network says. Raises InputError for one that is missing, none, or beyond any network."""
    path = folder / CONFIG
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"more than {LARGEST >> 20} MiB")
        settings = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(settings, dict):
            raise ValueError("no object with settings")
        _check_numbers(settings, "")
    except FileNotFoundError:
        raise InputError(f"{what} {folder}: has no {CONFIG}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{what} {folder}: {CONFIG} cannot be read ({brief(error)})") from None
    return settings


def _check_numbers(value: Any, name: str) -> None:
    """Raises ValueError for counts that no network of this project has: to make one would take hours, or all memory."""
    if isinstance(value, dict):
        for key, below in value.items():
            _check_numbers(below, key)
    elif isinstance(value, list):
        for below in value:
            _check_numbers(below, name)
    elif isinstance(value, int | float) and abs(value) > (LAYERS if "layers" in name else COUNT):
        raise ValueError(f"{name} is {shown(value)}")


def check_annotations(config: ModelConfig, folder: Path) -> None:
    """Raises InputError for an annotation whose name is none of a file."""
    for annotation in config.annotations:
        if not 0 < len(annotation) <= 60 or set(annotation) & set("/\\\0") or annotation.startswith("."):
            raise InputError(f"model {folder}: {CONFIG} names an annotation {shown(annotation)}, which is no name of a file")


def read_heads(folder: Path, config: ModelConfig) -> dict[str, Head]:
    """The heads of a model by annotation; blendshapes need none of their own. Raises InputError."""
    places = {annotation: folder / HEADS / f"{annotation}.npz" for annotation in config.annotations}
    return {annotation: Head.load(path) for annotation, path in places.items() if path.exists()}


def model_folder(name: str | Path | None) -> Path:
    """The folder of the shipped model (None), the folder named, or a download of a Hub repository. Raises InputError."""
    if name is None:
        return asset("models/default")
    if Path(name).is_dir():
        return Path(name)
    if str(name).count("/") != 1 or Path(name).exists() or str(name).startswith((".", "/", "~")):
        raise InputError(f"model {name}: not a folder with {CONFIG} and {WEIGHTS}")
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError:
        raise InputError(f"model {name}: the Hub needs pip install 'talkinghead[torch]'") from None
    try:
        return Path(snapshot_download(str(name), allow_patterns=[CONFIG, WEIGHTS, f"{HEADS}/*.npz"]))
    except Exception as error:  # the hub's client raises many kinds; all mean that the model cannot be had
        raise InputError(f"model {name}: no such folder, and the Hub did not give it ({type(error).__name__})") from None
