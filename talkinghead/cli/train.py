"""The verb train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def train(
    config: Annotated[Positional[Path], arg(metavar="CONFIG")],
    overrides: Annotated[Positional[tuple[str, ...]], arg(metavar="KEY=VALUE")] = (),
) -> None:
    """Train a model. An interrupted run goes on where it was.

    Args:
        config: Recipe: a file of yours, or one that ships, such as configs/talker.yaml. What a recipe can say is listed in
            talkinghead/train/config.py.
        overrides: Changes to the recipe, such as data=data/grid out=runs/a prior.lr=5e-4.
    """
    from talkinghead.train import train as run

    print(run(config, list(overrides)))
