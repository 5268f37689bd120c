"""The configuration that decides the shape of the weights; stored beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

from talkinghead.audio.clock import FPS
from talkinghead.errors import InputError

BLENDSHAPES = ("arkit", "3detf")  # annotations whose coefficients are weights in [0, 1] of named shapes
PRIORS = ("parallel", "autoregressive")
KERNEL = 5  # frames of each convolution over time
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
    # Of a streaming model, which sees a bounded time ahead: frames that prior and decoder see after each frame, beyond those
    # that the encoder sees (`right_context` of its configuration). None: both see either way.
    prior_lookahead: int | None = None
    decoder_lookahead: int | None = None

    @property
    def streams(self) -> bool:
        """Whether what the model gives at a time needs no sound of long after it, see `streaming`."""
        return self.prior_lookahead is not None


def sides(dilations: list[int], lookahead: int | None = None) -> list[tuple[int, int]]:
    """Frames before and after a frame that each layer of a `motion_autoencoder.Temporal` sees.

    lookahead: how many all layers together see after it, the first ones as far as they reach; None: as many as before it.
    """
    out = []
    for dilation in dilations:
        span = (KERNEL - 1) * dilation
        after = span // 2 if lookahead is None else min(lookahead, span // 2)
        lookahead = None if lookahead is None else lookahead - after
        out.append((span - after, after))
    return out


def reach(dilations: list[int], lookahead: int | None = None) -> int:
    """Frames on either side that are enough for a `motion_autoencoder.Temporal`."""
    return max(sum(side) for side in zip(*sides(dilations, lookahead), strict=True))


def check_prior(config: ModelConfig, prior: str) -> None:
    """Raises InputError if a model has no such prior."""
    if prior not in ("parallel", *config.priors):
        raise InputError(f"prior {prior!r}: this model has {', '.join(dict.fromkeys(['parallel', *config.priors]))}")
