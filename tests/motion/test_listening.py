"""How somebody listens to a voice of long phrases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from talkinghead.audio.clock import MOMENTS, frame_times
from talkinghead.audio.prosody import Prosody
from talkinghead.motion import listening
from talkinghead.motion.nonverbal import nonverbal_motion

FPS, PHRASES, EACH = 30.0, 40, 4.0  # EACH: seconds from one phrase to the next; it speaks for 2.5 of them
TIMES = frame_times(round(PHRASES * EACH * FPS), FPS)


@pytest.fixture(scope="module")
def voice() -> Prosody:
    """Every other phrase ends low; every tenth asks."""
    times = frame_times(round(PHRASES * EACH * MOMENTS), MOMENTS)
    since, number = times % EACH, (times // EACH).astype(int)
    speaking = since < 2.5
    rise = np.where(speaking, 2 - since + np.where((number % 2 == 0) & (since > 2.2), -2.0, 0.0), 0.0)
    rise[(number % 2 == 1) & (since > 1.7) & speaking] = 1.0
    phrases = np.array([[EACH * i, EACH * i + 2.5, float(i % 10 == 0)] for i in range(PHRASES)])
    none = np.zeros(len(times))
    return Prosody(times, np.where(speaking, 120.0, 0.0), none, speaking * 1.0, rise, none, np.zeros((0, 2)), phrases)


def nods(voice: Prosody, seed: int = 0) -> np.ndarray:
    """(T,) degrees down."""
    return np.degrees(listening.nods(np.random.default_rng(seed), TIMES, voice)[:, 0])


def test_nods_lie_at_the_ends_of_phrases(voice):
    down = nods(voice)
    begins = np.flatnonzero((down[1:] > 0.05) & (down[:-1] <= 0.05))
    begins = begins[np.diff(begins, prepend=-99) > FPS]  # of a nod of several cycles, the first
    since = TIMES[begins] % EACH - 2.5
    assert 15 < len(begins) < 36
    assert since.min() > 0 and since.max() < 0.55
    assert 1.5 < down.max() < 6


def test_low_pitch_asks_for_a_response(voice):
    assert [listening.ends_low(voice, stop) for _, stop, _ in voice.phrases[:6]] == [True, False] * 3
    counts = np.zeros(2)
    for seed in range(8):
        down = nods(voice, seed)
        for i in range(PHRASES):
            counts[i % 2] += down[(TIMES > EACH * i + 2.5) & (TIMES < EACH * (i + 1))].max() > 1
    assert counts[0] > 1.3 * counts[1]


def test_no_nod_after_a_word_or_two(voice):
    short = replace(voice, phrases=voice.phrases - [[0, 2.1, 0]])
    assert not nods(short).any()


def test_brows_rise_at_a_question_only(voice):
    up = listening.brows(np.random.default_rng(0), TIMES, voice)[:, 0, 0]
    asked = TIMES % (10 * EACH)
    assert up[(asked > 2.7) & (asked < 3)].min() > 0.15
    assert not up[(asked < 2.3) | (asked > 3.9)].any()


def test_a_listener_moves_as_the_seed_says_and_its_eyes_stay_on_the_speaker(voice):
    def of(seed):
        return nonverbal_motion(len(TIMES), FPS, seed, voice=voice, listens=True)

    a, b, c = of(1), of(1), of(2)
    for name in a:
        assert a[name].tobytes() == b[name].tobytes() and a[name].tobytes() != c[name].tobytes()
    shut = a["blinks"][:, 0] > 0.5
    pause, early = TIMES % EACH > 2.6, TIMES % EACH < 1.4
    assert shut[pause].mean() > 1.3 * shut[early].mean()
    spoken = nonverbal_motion(len(TIMES), FPS, 1, voice=voice)
    far = [np.degrees(np.abs(m["gaze"][:, 0] + m["rotation"][:, [1, 0]] * [1, -1])).max(1) > 3.5 for m in (a, spoken)]
    assert far[0].mean() < 0.6 * far[1].mean()
