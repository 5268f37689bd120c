"""Many streams in one network give what each gives alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from stand_in import RATE, StandIn, tone

from talkinghead.animate.talker import Talker
from talkinghead.streaming.pool import StreamPool


def test_streams_of_a_pool_are_as_if_alone():
    network = StandIn()
    network.config.authored_emotions = True
    talker = Talker(network)
    sounds = [tone(700, 0.5), np.zeros(RATE), tone(60, 1.5, 0.2), tone(700, 1.2), tone(250, 0.3)]
    settings: list[dict[str, Any]] = [
        {"seed": 0},
        {"seed": 1, "emotion": "angry"},
        {"seed": 2, "emotion": "sad:0.7"},
        {"articulation": 1.4, "emotion": "happy"},
        {"idle": 0},
    ]
    pool = StreamPool(talker)
    streams = [pool.open(**how) for how in settings]
    frames = {stream: [] for stream in streams}
    for start in range(0, 2 * RATE, 1600):
        for stream, sound in zip(streams, sounds, strict=True):
            assert not stream.push(sound[start : start + 1600])
        while found := pool.step():
            for stream, news in found.items():
                frames[stream] += news
    for stream in streams:
        stream.finish()
    while found := pool.step():
        for stream, news in found.items():
            frames[stream] += news
    assert all(stream.done for stream in streams) and not len(pool)
    assert talker.streaming.steps < 2 * 50 + 20  # not one for each stream
    for stream, sound, how in zip(streams, sounds, settings, strict=True):
        alone = talker.animate(sound, **how)
        pooled = stream.animation(frames[stream])
        assert np.array_equal(pooled.coefficients, alone.coefficients) and np.array_equal(pooled.rotation, alone.rotation)


def test_a_stream_that_is_closed_holds_up_nobody():
    pool = StreamPool(Talker(StandIn()), most=1)
    first, second = pool.open(), pool.open()
    first.push(np.zeros(320 * 3))
    second.push(np.zeros(320 * 3))
    assert [set(pool.step()) for _ in range(2)] == [{first}, {second}]
    pool.close(first)
    assert [set(pool.step()) for _ in range(3)] == [{second}, {second}, set()]
