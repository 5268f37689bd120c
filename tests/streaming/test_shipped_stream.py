"""The streaming model that ships."""

from __future__ import annotations

import numpy as np

from talkinghead.animate.talker import Talker
from talkinghead.audio.load import load_audio


def test_cuts_change_no_bit_of_the_real_network(sample):
    talker, speech = Talker.from_pretrained(), load_audio(sample)[:20_000]
    results = []
    for cuts in ([], [1, 319, 5000, 5001, 17_777]):
        stream = talker.stream(emotion="happy", seed=4)
        frames = [frame for piece in np.split(speech, cuts) for frame in stream.push(piece)] + stream.finish()
        results.append(stream.animation(frames))
    whole, cut = results
    assert all(np.array_equal(getattr(whole, n), getattr(cut, n)) for n in ("coefficients", "rotation", "tongue", "gaze"))
    assert len(whole) == 38 and whole.lip_aperture().max() > 0.003
