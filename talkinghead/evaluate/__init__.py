"""How good is it: systems, baselines and other tools' animations against recorded motion, in one table."""

from __future__ import annotations


def evaluate(systems, data, **options) -> dict:
    raise NotImplementedError
