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
from talkinghead.errors import InputError, brief
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.models.config import ModelConfig
from talkinghead.models.folder import CONFIG, HEADS, WEIGHTS, check_annotations, model_folder, read_config, read_heads
from talkinghead.models.speech_to_motion import SpeechToMotion

Net = TypeVar("Net", bound=nn.Module)


def load_network(make: Callable[[Any], Net], kind: type, folder: Path, what: str, weights: str = WEIGHTS) -> Net:
    """The network that `make` makes of the folder's config, a dataclass `kind`, in float32 and evaluation mode.

    what: how errors name it. weights: name of the file. Raises InputError for a folder that has no such network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config = read_config(kind, folder, what)
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


def weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a safetensors file, without reading them."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}


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
    check_annotations(network.config, folder)
    _check_runs(network, folder)
    return network.to(_device(device)), read_heads(folder, network.config)


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


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"device {name!r}: cannot be used ({brief(error)})") from None
    return device
