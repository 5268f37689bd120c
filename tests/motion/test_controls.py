"""What a network shows of the expressions that it has learnt."""

import numpy as np

from talkinghead.motion.controls import whole_expression
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import pose


def test_a_smile_is_whole_and_leaves_the_gap_of_the_lips_and_rounding_alone(default_head):
    names = default_head.names
    curve = np.zeros((3, len(EMOTIONS)))
    curve[:2, EMOTIONS.index("happy")] = 1
    neutral, weak = np.zeros((3, len(names)), np.float32), np.full((3, len(names)), 0.05, np.float32)
    neutral[1, names.index("mouthPucker")] = 0.8
    shown = whole_expression(weak, neutral, pose(curve, names), names)
    assert shown[0, names.index("mouthSmileLeft")] > 0.9 and shown[0, names.index("cheekSquintLeft")] > 0.6
    assert shown[1, names.index("mouthSmileLeft")] < 0.4  # as said with round lips
    np.testing.assert_array_equal(shown[2], weak[2])
    for name in ("jawOpen", "mouthLowerDownLeft", "mouthUpperUpRight", "mouthRollLower", "mouthFunnel"):
        assert (shown[:, names.index(name)] == weak[:, names.index(name)]).all()
