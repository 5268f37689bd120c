"""How good is it: models, baselines and other tools' animations against recorded motion, in one table.

settings: what can be set. systems, baselines: what can be measured. selection: which clips, vertices and baselines.
measurement, measures/: all metrics of `talkinghead.metrics` on one clip. table: clips pooled to figures with confidence
intervals. emotion/: response to emotions that a model is given. disentangle: what sound and expression each change.
output/: report.json, the page, videos and the table in the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talkinghead.evaluate.run import evaluate

__all__ = ["evaluate"]


def __getattr__(name: str) -> Any:
    """`evaluate`, imported when it is taken: the command line needs the settings alone, and no torch."""
    if name == "evaluate":
        from talkinghead.evaluate.run import evaluate

        return evaluate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
