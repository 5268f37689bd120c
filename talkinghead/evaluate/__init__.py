"""How good is it: models, baselines and other tools' animations against recorded motion, in one table.

metrics: what is measured, one function a metric, its definition in the docstring. measure: all of them on one clip. table:
clips pooled to figures with confidence intervals. systems, baselines: what can be measured. report, page: what is written.
"""

from talkinghead.evaluate.run import evaluate

__all__ = ["evaluate"]
