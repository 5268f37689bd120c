"""The readers of emotion know authored faces of people that they have not seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from talkinghead import Animation
from talkinghead.evaluate.emotion import readers
from talkinghead.head.head import Head
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner, pose


def test_readers_know_authored_faces_of_people_they_have_not_seen():
    head, rng = Head.default(seed=5), np.random.default_rng(0)
    for i, emotion in enumerate(EMOTIONS):
        curve = np.zeros((1, len(EMOTIONS)))
        curve[:, i] = 0.8
        seen = readers.descriptors(Animation(pose(curve, head.names, Manner.draw(rng)), 1.0, head))
        assert readers.geometry()(seen) == [emotion]
        assert readers.by_units(seen[0]) == emotion
    assert readers.readable(head) and not readers.readable(replace(head, landmarks={}))
