"""Devices, processes, precision and states of a training, by Hugging Face Accelerate.

With `torchrun` or `accelerate launch` the same recipe runs on several GPUs and nodes.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from talkinghead.errors import InputError

if TYPE_CHECKING:
    from accelerate import Accelerator

    from talkinghead.train.config import TrainConfig

PATIENCE = timedelta(hours=6)  # timeout of a process group: processes wait while others encode their share of the features
AGAIN = 1.0  # seconds after which a signal counts as a second one: torchrun delivers the first twice


def start(config: TrainConfig) -> Accelerator:
    """The Accelerator of this process. Raises InputError where the device or the library is missing."""
    try:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
        from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
    except ImportError:
        raise InputError("training needs accelerate: pip install 'talkinghead[train]'") from None
    gpu = torch.cuda.is_available()
    if config.device == "cuda" and not gpu:
        raise InputError("device is cuda, but PyTorch finds no GPU; choose device=cpu or auto")
    on_cpu = config.device == "cpu" or not gpu
    precision = {"fp32": "no", "auto": "no"}.get(config.precision, config.precision)
    if config.precision == "auto" and not on_cpu and torch.cuda.is_bf16_supported():
        precision = "bf16"
    if precision == "fp16" and on_cpu:
        raise InputError("precision is fp16, which needs a GPU; choose auto or fp32")
    # A notebook may train twice, with other settings. The state of a process group stays.
    AcceleratorState._reset_state(reset_partial_state="RANK" not in os.environ)
    handlers: list[Any] = [DistributedDataParallelKwargs(), InitProcessGroupKwargs(timeout=PATIENCE)]
    return Accelerator(cpu=on_cpu, mixed_precision=precision, kwargs_handlers=handlers)


def prepare(
    accelerator: Accelerator,
    stage: nn.Module,
    layers: Iterable[nn.Module],
    groups: Callable[[], list[dict]],
    divided: bool,
    unused: bool,
) -> tuple[nn.Module, Any]:
    """The wrapped stage and its optimizer.

    divided: weights, gradients and optimizer states are sharded over the processes (FSDP2, Zhao et al. 2023), each of `layers`
    and the rest as one unit. PyTorch's own function is used, since Accelerate's needs GPUs. groups: gives the parameter groups
    of the optimizer, called after sharding. unused: some weights may get no gradient in a micro-batch.
    """
    if not divided:
        if accelerator.ddp_handler is not None:
            accelerator.ddp_handler.find_unused_parameters = unused
        return accelerator.prepare(stage, _adam(groups()))
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    stage.to(accelerator.device)
    for module in (*layers, stage):
        fully_shard(module, mesh=mesh)
    return stage, accelerator.prepare(_adam(groups()))


def _adam(groups: list[dict]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, 1e-3, weight_decay=0.01)


def whole_states(accelerator: Accelerator, model: nn.Module, optimizer: Any) -> tuple[dict[str, Tensor], dict]:
    """State of the wrapped model, with plain names, and of its optimizer, on the CPU. A collective call.

    Of sharded states only the first process gets it.
    """
    if not divided(model):
        plain = accelerator.unwrap_model(model).state_dict()
        return {name: value.detach().to("cpu", copy=True) for name, value in plain.items()}, _optimizer(optimizer).state_dict()
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return get_state_dict(model, _optimizer(optimizer), options=options)  # type: ignore[return-value]


def load_optimizer(model: nn.Module, optimizer: Any, state: dict) -> None:
    """Load an optimizer's state of `whole_states`. A collective call."""
    if not divided(model):
        _optimizer(optimizer).load_state_dict(state)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_optimizer_state_dict

    set_optimizer_state_dict(model, _optimizer(optimizer), state, options=StateDictOptions(full_state_dict=True))


def gather(accelerator: Accelerator, value: Any) -> list:
    """The value of each process, in their order, on all of them."""
    from accelerate.utils import gather_object

    return gather_object([value]) if accelerator.num_processes > 1 else [value]


def share(accelerator: Accelerator, value: Any) -> Any:
    """The first process's value, on all of them."""
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([value])[0] if accelerator.num_processes > 1 else value


def _optimizer(optimizer: Any) -> torch.optim.Optimizer:
    return getattr(optimizer, "optimizer", optimizer)


def divided(model: nn.Module) -> bool:
    """Whether the model's weights are sharded over processes."""
    from torch.distributed.tensor import DTensor

    return any(isinstance(weight, DTensor) for weight in model.parameters())


class Average:
    """Exponential moving average of weights (Polyak averaging, with PyTorch's own update)."""

    def __init__(self, weights: list[nn.Parameter], decay: float) -> None:
        from torch.optim.swa_utils import get_ema_multi_avg_fn

        self.weights, self.shadow = weights, [w.detach().clone() for w in weights]
        self._move = get_ema_multi_avg_fn(decay)

    def update(self) -> None:
        self._move(self.shadow, [w.detach() for w in self.weights], 0)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The averaged weights in place of the model's own."""
        own = [w.detach().clone() for w in self.weights]
        self._put(self.shadow)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, values: list[Tensor]) -> None:
        for weight, value in zip(self.weights, values, strict=True):
            weight.copy_(value)


@contextmanager
def interruption() -> Iterator[list[float]]:
    """A list that is not empty after Ctrl-C or SIGTERM, so that a step is finished and saved first.

    A second signal stops at once. A handler of SIGTERM that was set before is called at the end."""
    asked: list[float] = []
    last = signal.SIGINT

    def ask(number, frame) -> None:
        nonlocal last
        last = signal.Signals(number)
        if asked and time.monotonic() - asked[0] > AGAIN:
            raise KeyboardInterrupt
        asked.append(time.monotonic())

    try:
        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread, whose signals are not ours
        before = {}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if asked and last == signal.SIGTERM and callable(handler := before[last]):
            handler(last, None)
