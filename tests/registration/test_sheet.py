"""Poses of a sheet on a head whose shapes have other names than ARKit's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from talkinghead.head.head import Head
from talkinghead.registration.sheet import posed


def test_a_head_with_shapes_of_no_known_name_does_what_the_default_one_does():
    head = Head.default()
    other = replace(head, names=tuple(f"expression_{k:03d}" for k in range(len(head.names))))
    weights = posed(other, [{"jawOpen": 1.0}]).coefficients[0]
    assert weights[head.index("jawOpen")] == pytest.approx(1, abs=0.1)
    assert posed(head, [{"jawOpen": 1.0}]).coefficients[0].sum() == 1
