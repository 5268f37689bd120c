"""Networks in folders: config.json beside weights in safetensors (float16). Nothing in them is executed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from talkinghead.config import build
from talkinghead.errors import InputError, brief
from talkinghead.files import asset, replacing
from talkinghead.head.head import Head
from talkinghead.models.config import RENAMED, ModelConfig
from talkinghead.models.speech_to_motion import SpeechToMotion

CONFIG, WEIGHTS, HEADS = "config.json", "model.safetensors", "heads"
Net = TypeVar("Net", bound=nn.Module)


def load_network(make: Callable[[Any], Net], kind: type, folder: Path, what: str, weights: str = WEIGHTS) -> Net:
    """The network that `make` makes of the folder's config, a dataclass `kind`, in float32 and evaluation mode.

    what: how errors name it. weights: name of the file. Raises InputError for a folder that has no such network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if kind is ModelConfig and isinstance(settings, dict):
            settings = {RENAMED.get(str(key), str(key)): value for key, value in settings.items()}
        net = make(build(kind, settings, str(folder / CONFIG)))
        values = load_file(folder / weights)
    except FileNotFoundError as error:
        raise InputError(f"{what} {folder}: has no {Path(error.filename or weights).name}") from None
    except (OSError, ValueError, SafetensorError) as error:
        raise error if isinstance(error, InputError) else InputError(f"{what} {folder}: cannot be read ({error})") from None
    try:
        net.load_state_dict({name: value.float() for name, value in values.items()})
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise InputError(f"{what} {folder}: {weights} does not fit {CONFIG} ({reason})") from None
    return net.eval()


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
    places = {annotation: folder / HEADS / f"{annotation}.npz" for annotation in network.config.annotations}
    heads = {annotation: Head.load(path) for annotation, path in places.items() if path.exists()}
    return network.to(_device(device)), heads


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
