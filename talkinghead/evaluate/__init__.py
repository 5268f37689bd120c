"""How good is it: models, baselines and other tools' animations against recorded motion, in one table.

settings: what can be set. systems, baselines: what can be measured. selection: which clips, vertices and baselines.
measurement, measures/: all metrics of `talkinghead.metrics` on one clip. table: clips pooled to figures with confidence
intervals. sources/: lips against the films of several sources. emotion/: response to emotions that a model is given.
disentangle: what sound and expression each change. output/: report.json, the pages, videos and tables in the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talkinghead.evaluate.run import evaluate
    from talkinghead.evaluate.sources.run import evaluate_sources

__all__ = ["evaluate", "evaluate_sources"]


def __getattr__(name: str) -> Any:
    """The functions, imported when they are taken: the command line needs the settings alone, and no torch."""
    if name == "evaluate":
        from talkinghead.evaluate.run import evaluate

        return evaluate
    if name == "evaluate_sources":
        from talkinghead.evaluate.sources.run import evaluate_sources

        return evaluate_sources
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
