"""What settings make of what they are given."""

from __future__ import annotations

import pytest

from talkinghead.animate.settings import AnimateSettings


@pytest.mark.parametrize(
    ("asked", "fps"), [(29.97, 30000 / 1001), (23.976, 24000 / 1001), (25, 25), (15.79, 15.79), (16.667, 50 / 3)]
)
def test_a_rounded_rate_is_the_one_that_is_meant(asked, fps):
    """In a video it is, and an .npz of the same run is not to say anything else."""
    assert AnimateSettings(fps=asked).fps == fps
