"""Networks in folders: config.json beside weights in safetensors (float16). Nothing in them is executed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from talkinghead.audio.clock import RATE
from talkinghead.config import build
from talkinghead.errors import InputError, brief, shown
from talkinghead.files import asset, replacing
from talkinghead.head.head import Head
from talkinghead.io.files import parse_json
from talkinghead.models.config import RENAMED, ModelConfig
from talkinghead.models.speech_to_motion import SpeechToMotion

CONFIG, WEIGHTS, HEADS = "config.json", "model.safetensors", "heads"
LARGEST = 4 << 20  # bytes of a config: names of coefficients are most of it
LAYERS, COUNT = 1000, 1 << 20  # the most layers, and the most of anything else
Net = TypeVar("Net", bound=nn.Module)


def load_network(make: Callable[[Any], Net], kind: type, folder: Path, what: str, weights: str = WEIGHTS) -> Net:
    """The network that `make` makes of the folder's config, a dataclass `kind`, in float32 and evaluation mode.

    what: how errors name it. weights: name of the file. Raises InputError for a folder that has no such network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    settings = read_settings(folder, what)
    if kind is ModelConfig:
        settings = {RENAMED.get(key, key): value for key, value in settings.items()}
    config = build(kind, settings, f"{what} {folder / CONFIG}")
    try:
        shapes = weight_shapes(folder / weights)
        with torch.device("meta"):  # without memory: a config may ask for any amount
            wanted = {name: tuple(value.shape) for name, value in make(config).state_dict().items()}
    except FileNotFoundError:
        raise InputError(f"{what} {folder}: has no {weights}") from None
    except (OSError, SafetensorError) as error:
        raise InputError(f"{what} {folder}: {weights} cannot be read ({brief(error)}); copy it again") from None
    except InputError as error:
        raise InputError(f"{what} {folder}: {error}") from None
    except Exception as error:  # torch and transformers raise nearly anything for a config that makes no network
        raise InputError(f"{what} {folder}: {CONFIG} makes no network ({brief(error)})") from None
    if wrong := sorted(name for name in wanted.keys() | shapes.keys() if wanted.get(name) != shapes.get(name)):
        found = f"{wrong[0]} has shape {shapes.get(wrong[0])}, {wanted.get(wrong[0])} is expected"
        raise InputError(f"{what} {folder}: {weights} does not fit {CONFIG} ({found})")
    net = make(config)
    values = {name: value.float() for name, value in load_file(folder / weights).items()}
    if bad := next((name for name, value in values.items() if not torch.isfinite(value).all()), None):
        raise InputError(f"{what} {folder}: {weights} has numbers that are not finite, in {bad}; copy it again")
    net.load_state_dict(values)
    return net.eval()


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


def weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a safetensors file, without reading them."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}


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


def save_network(net: nn.Module, config: Any, folder: Path, weights: str = WEIGHTS) -> None:
    """Write config.json and the weights in float16: half the size, and motion differs by less than 0.01 mm."""
    from safetensors.torch import save_file

    with replacing(folder / CONFIG) as fresh:
        fresh.write_text(json.dumps(asdict(config), indent=1) + "\n", encoding="utf-8")
    with replacing(folder / weights) as fresh:  # last: where the weights are, all is there
        save_file({name: value.half().cpu().contiguous() for name, value in net.state_dict().items()}, fresh)


def load_model(name: str | Path | None = None, device: str = "cpu") -> tuple[SpeechToMotion, dict[str, Head]]:
    """A speech-to-motion model and the heads of its annotations: the one that ships, a folder, or the id of a Hub repository.

    Blendshapes need no head of their own. Raises InputError for anything that is not such a model.
    """
    folder = model_folder(name)
    network = load_network(SpeechToMotion, ModelConfig, folder, "model")
    for annotation in network.config.annotations:
        if not 0 < len(annotation) <= 60 or set(annotation) & set("/\\\0") or annotation.startswith("."):
            raise InputError(f"model {folder}: {CONFIG} names an annotation {shown(annotation)}, which is no name of a file")
    _check_runs(network, folder)
    places = {annotation: folder / HEADS / f"{annotation}.npz" for annotation in network.config.annotations}
    heads = {annotation: Head.load(path) for annotation, path in places.items() if path.exists()}
    return network.to(_device(device)), heads


def _check_runs(network: SpeechToMotion, folder: Path) -> None:
    """Raises InputError for a model that does not run: of what a config says, weights do not tell all."""
    template = torch.zeros(len(network.config.landmarks) + 1, 3)
    try:
        with torch.inference_mode():
            motion, _ = network(torch.zeros(1, RATE // 10), torch.zeros(1, dtype=torch.long), template)
        if not torch.isfinite(motion).all():
            raise ValueError("its motion is not finite")
    except Exception as error:
        raise InputError(f"model {folder}: {CONFIG} makes a network that does not run ({brief(error)})") from None


def save_model(network: SpeechToMotion, heads: Mapping[str, Head], folder: str | Path) -> None:
    """Write config.json, model.safetensors and heads/."""
    for name, head in heads.items():
        head.save(Path(folder) / HEADS / f"{name}.npz")
    save_network(network, network.config, Path(folder))


def model_folder(name: str | Path | None) -> Path:
    """The folder of the shipped model (None), the folder named, or a download of a Hub repository. Raises InputError."""
    if name is None:
        return asset("models/default")
    if Path(name).is_dir():
        return Path(name)
    if str(name).count("/") != 1 or Path(name).exists() or str(name).startswith((".", "/", "~")):
        raise InputError(f"model {name}: not a folder with {CONFIG} and {WEIGHTS}")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(name), allow_patterns=[CONFIG, WEIGHTS, f"{HEADS}/*.npz"]))
    except Exception as error:  # the hub's client raises many kinds; all mean that the model cannot be had
        raise InputError(f"model {name}: no such folder, and the Hub did not give it ({type(error).__name__})") from None


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"device {name!r}: cannot be used ({brief(error)})") from None
    return device
