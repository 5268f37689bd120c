from dataclasses import replace

import numpy as np
from heads import tiny_head

from talkinghead.head.head import Head
from talkinghead.head.teeth import incisal_edge


def test_the_edge_is_in_the_middle_behind_the_lips_and_stays_with_the_skull():
    head = Head.default()
    edge = incisal_edge(head)
    assert edge is not None and abs(edge[0]) < 1e-3
    lip = head.landmark("lip_lower_inner")
    assert 0 < lip[2] - edge[2] < 0.012, "behind the lip by its thickness"
    assert abs(lip[1] - edge[1]) < 0.004, "at rest the lips cover it"
    other = incisal_edge(Head.default(seed=5, age=11))
    assert other is not None and not np.allclose(other, edge, atol=1e-4), "each person has teeth of their own"


def test_a_head_without_teeth_has_no_edge():
    head = Head.default()
    assert incisal_edge(tiny_head()) is None
    assert incisal_edge(replace(head, regions={})) is None
    assert incisal_edge(replace(head, names=tuple(f"pca_{i}" for i in range(len(head.names))))) is None
    loose = head.regions | {"teeth": np.zeros(len(head.template), np.float32)}
    assert incisal_edge(replace(head, regions=loose)) is None
