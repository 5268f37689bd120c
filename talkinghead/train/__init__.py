"""Training: `train(config, overrides)` is what `talkinghead train` calls."""

from __future__ import annotations

from pathlib import Path


def train(config: str | Path, overrides: list[str] | tuple[str, ...] = ()) -> Path:
    """Run or resume the recipe `config` with `key=value` overrides; returns the folder of the finished model."""
    from talkinghead.config import load_config
    from talkinghead.train.config import TrainConfig
    from talkinghead.train.loop import run

    return run(load_config(TrainConfig, config, overrides))
