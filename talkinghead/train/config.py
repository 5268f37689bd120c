"""The keys of a recipe and their defaults; `talkinghead train RECIPE key=value` overrides it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from talkinghead.errors import InputError
from talkinghead.models.config import ModelConfig


@dataclass
class StopConfig:
    """Early stopping: after `patience` validations without an improvement of `metric` the stage ends with the best weights."""

    metric: str = "aperture_r"
    patience: int = 5
    mode: str = "max"  # or min


@dataclass
class StageConfig:
    """One stage. `weights` name the loss terms to be weighted (see `terms.py`); all terms are logged.

    A step sees `batch` clips in micro-batches of `micro_batch_size`, which are divided among the processes: the same recipe
    gives the same losses on one process as on many, if it names `micro_batch_size`. `encoder_lr` above 0 trains the
    transformer of the speech encoder, too.
    """

    steps: int = 3000  # 0 leaves the stage out
    batch: int = 16  # clips a step
    micro_batch_size: int | None = None  # clips at a time on one device; None: the batch divided by the processes
    frames: int = 100  # of a clip, at 50 a second
    lr: float = 1e-3  # learning rate of AdamW at the peak of the schedule
    encoder_lr: float = 0.0  # of the speech encoder
    schedule: str = "cosine"  # cosine, linear, constant or inverse_sqrt
    warmup: int = 100  # steps of linear warm-up
    max_grad_norm: float = 1.0  # the gradient is clipped to it
    weights: dict[str, float] = field(default_factory=dict)
    stop: StopConfig | None = None


@dataclass
class TrainConfig:
    """A recipe.

    data: prepared folders, loose or sharded, of any annotations. encoder: a folder or Hub id of wav2vec 2.0 weights, or
    "default", that of the shipped model. init: a model whose shape and weights are taken ("default": the one that ships);
    annotations and speakers that it lacks are initialised anew. Steps of the stage "autoregressive" give the model that prior,
    too. features: "cached" encodes all clips once, in `augmentations_per_clip` versions each, with a frozen encoder; "live"
    encodes each window when it is drawn, for sets larger than the disk and for training the encoder. lipreader: the network of
    the loss "lipreading": "default", a folder of ours, or a TorchScript file for LRW's mouth crops, such as the package fae's
    lrw.pth, whose licence is its own. emotion_net: the same of the loss "video_emotion"; a TorchScript file is one like EmoNet,
    the package fae's emotions8.pth.
    """

    data: list[str]
    out: str
    motion: StageConfig
    prior: StageConfig
    autoregressive: StageConfig = field(default_factory=lambda: StageConfig(steps=0))
    model: ModelConfig = field(default_factory=ModelConfig)
    init: str | None = None
    encoder: str = "default"
    features: str = "cached"
    lipreader: str = "default"
    emotion_net: str = "default"
    augmentations_per_clip: int = 4  # versions of each training clip: itself, and others in speed, room and noise
    pivot: float = 0.3  # probability that the style of a speaker is replaced by the average style 0 (UniTalker)
    synthetic_emotion_prob: float = 0.0  # that a neutral window of ARKit motion gets an authored expression
    ema: float = 0.0  # decay of the averaged weights that are validated and saved; 0: none
    eval_every: int = 250  # steps between validations and checkpoints
    validation: int = 200  # clips of split val at most
    videos: int = 0  # reports between sample videos; 0: none
    workers: int = 0  # processes that load data, for each training process
    seed: int = 0
    device: str = "auto"  # auto, cpu or cuda
    precision: str = "auto"  # of the speech encoder: auto (bf16 where the GPU has it), fp32, bf16 or fp16; the rest is small
    strategy: str = "ddp"  # of several processes: ddp, or fsdp, which divides large encoders among GPUs


METRICS = ("aperture_r", "aperture_mm", "width_r", "lve_mm", "coefficient_rmse")  # of the validation, see `validate`
CHOICES = {
    "features": ("cached", "live"),
    "device": ("auto", "cpu", "cuda"),
    "precision": ("auto", "fp32", "bf16", "fp16"),
    "strategy": ("ddp", "fsdp"),
}


def check_recipe(config: TrainConfig, schedules: tuple[str, ...]) -> None:  # noqa: C901
    """Raises InputError, one line, for values that would fail only later."""
    for name, choices in CHOICES.items():
        if getattr(config, name) not in choices:
            raise InputError(f"{name} is {getattr(config, name)!r}: choose {', '.join(choices)}")
    for least, names in ((1, ("eval_every", "augmentations_per_clip", "validation")), (0, ("workers", "videos", "seed"))):
        for name in names:
            if getattr(config, name) < least:
                raise InputError(f"{name} is {getattr(config, name)}: choose {least} or more")
    if not 0 <= config.ema < 1:
        raise InputError(f"ema is {config.ema:g}: choose a decay of 0 or more and below 1")
    for name in ("pivot", "synthetic_emotion_prob"):
        if not 0 <= getattr(config, name) <= 1:
            raise InputError(f"{name} is {getattr(config, name):g}: choose a probability from 0 to 1")
    if config.ema and config.strategy == "fsdp":
        raise InputError("ema does not work with strategy fsdp, whose weights are divided; choose ema=0 or strategy=ddp")
    lipreading = any(getattr(config, name).weights.get("lipreading") for name in ("prior", "autoregressive"))
    if lipreading and config.lipreader != "default" and not Path(config.lipreader).exists():
        raise InputError(f"lipreader {config.lipreader}: no such file or folder; 'default' is the one that ships")
    video_emotion = any(getattr(config, name).weights.get("video_emotion") for name in ("prior", "autoregressive"))
    if video_emotion and config.emotion_net != "default" and not Path(config.emotion_net).exists():
        raise InputError(f"emotion_net {config.emotion_net}: no such file or folder; 'default' is the one that ships")
    for name in ("motion", "prior", "autoregressive"):
        stage: StageConfig = getattr(config, name)
        if stage.schedule not in schedules:
            raise InputError(f"{name}.schedule is {stage.schedule!r}: choose {', '.join(schedules)}")
        if stage.batch < 1 or stage.frames < 2 or stage.micro_batch_size not in (None, *range(1, stage.batch + 1)):
            sizes = f"batch {stage.batch}, micro_batch_size {stage.micro_batch_size}, frames {stage.frames}"
            raise InputError(f"{name}: {sizes}: choose batch 1 or more, micro_batch_size 1 to batch, frames 2 or more")
        if stage.steps < 0 or stage.lr < 0 or stage.encoder_lr < 0 or stage.max_grad_norm <= 0:
            raise InputError(f"{name}: steps, lr and encoder_lr may not be negative, max_grad_norm must be above 0")
        if stage.encoder_lr and config.features == "cached":
            raise InputError(f"{name}.encoder_lr trains the speech encoder, which needs features=live")
        if stage.stop and (stage.stop.mode not in ("max", "min") or stage.stop.patience < 1):
            raise InputError(f"{name}.stop: mode is max or min, patience 1 or more")
        if stage.stop and stage.stop.metric.rpartition("/")[2] not in METRICS:
            raise InputError(f"{name}.stop: the validation has no {stage.stop.metric!r}; it has {', '.join(METRICS)}")


def divide_batch(stage: StageConfig, processes: int, process: int, name: str) -> tuple[int, list[int]]:
    """The number of micro-batches of a step, and which of them process number `process` does.

    Raises InputError if they cannot be shared evenly.
    """
    size = stage.micro_batch_size or -(-stage.batch // processes)
    pieces = stage.batch // size
    if pieces * size != stage.batch or pieces % processes:
        raise InputError(
            f"{name}: batch {stage.batch} in micro-batches of {size} cannot be shared by {processes} processes; "
            f"choose a batch that is a multiple of micro_batch_size times {processes}"
        )
    if size < 2 and stage.weights.get("cross_modality"):
        raise InputError(f"{name}: the loss 'cross_modality' exchanges clips, a process must have 2 or more at a time")
    return pieces, list(range(process, pieces, processes))
