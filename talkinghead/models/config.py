"""The configuration that decides the shape of the weights; stored beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

from talkinghead.audio.clock import FPS
from talkinghead.errors import InputError

BLENDSHAPES = ("arkit", "3detf")  # annotations whose coefficients are weights in [0, 1] of named shapes
PRIORS = ("parallel", "autoregressive")
RENAMED = {"heads": "num_heads"}  # key in the config.json of an older model folder -> field of `ModelConfig`


@dataclass
class ModelConfig:
    """Everything that decides the shape of the weights; stored beside them."""

    annotations: dict[str, list[str]] = field(default_factory=dict)  # kind of motion -> names of its K coefficients
    styles: list[str] = field(default_factory=list)  # speakers whose style can be asked for
    landmarks: list[str] = field(default_factory=list)  # of the template, what the decoder sees of whose face it is
    encoder: dict = field(default_factory=dict)  # a transformers configuration
    phones: list[str] = field(default_factory=list)  # phonemes that the encoder's features were trained to tell apart
    emotions: list[str] = field(default_factory=list)  # all of EMOTIONS, or none: a model that speaks neutrally
    authored_emotions: bool = False  # whether it learnt all of them from the expressions of `motion.expressions`
    fps: float = FPS
    num_heads: int = 16  # categorical variables of the latent, per frame
    categories: int = 32  # of each head
    width: int = 128
    dilations: list[int] = field(default_factory=lambda: [1, 2, 4])
    prior_width: int = 192
    prior_dilations: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 1])
    priors: list[str] = field(default_factory=lambda: ["parallel"])  # of PRIORS; the parallel one is always there
    history: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 16])  # dilations of the autoregressive prior's memory
    channels: int = 32  # of each of its heads


def reach(dilations: list[int]) -> int:
    """Frames that a `motion_autoencoder.Temporal` sees on either side."""
    return sum(2 * dilation for dilation in dilations)


def check_prior(config: ModelConfig, prior: str) -> None:
    """Raises InputError if a model has no such prior."""
    if prior not in ("parallel", *config.priors):
        raise InputError(f"prior {prior!r}: this model has {', '.join(dict.fromkeys(['parallel', *config.priors]))}")
