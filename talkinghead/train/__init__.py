"""Training: `train(config, overrides)` is what `talkinghead train` calls."""

from __future__ import annotations

import os
import time
from pathlib import Path

from talkinghead.errors import InputError

LOST = ("Connection closed by peer", "Connection reset by peer", "remote process exited")  # as gloo and NCCL say it
WAIT = 5.0  # seconds before another process than the first says what is wrong


def train(config: str | Path, overrides: list[str] | tuple[str, ...] = ()) -> Path:
    """Run or resume the recipe `config` with `key=value` overrides; returns the folder of the finished model."""
    from talkinghead.config import load_config
    from talkinghead.train.config import TrainConfig

    try:
        settings = load_config(TrainConfig, config, overrides)
        from talkinghead.train.loop import run_training

        return run_training(settings)
    except InputError:
        if os.environ.get("RANK", "0") != "0":  # the first process says the same, and torchrun then ends this one
            time.sleep(WAIT)
        raise
    except RuntimeError as error:
        if "RANK" in os.environ and any(sign in str(error) for sign in LOST):
            raise InputError(
                "another process of this training has ended; start it again, it goes on from its checkpoint"
            ) from None
        raise
