"""`Head.from_voice`: a face of the sex that is heard; all else is of the seed, or as it is asked for."""

import numpy as np
import pytest

from talkinghead import Head
from talkinghead.audio import speaker as heard
from talkinghead.audio.speaker import Speaker
from talkinghead.errors import InputError
from talkinghead.head.spec import read_head

WOMAN = Speaker(0.02, 38.4, (22.0, 60.0), 205.0, 0.149, 9.0)
SILENCE = Speaker(0.5, 45.0, (20.0, 70.0), None, None, 0.1)
WAVE = np.zeros(1600, np.float32)


@pytest.fixture
def says(monkeypatch):
    return lambda who: monkeypatch.setattr(heard, "speaker", lambda wave: who)


def test_the_person_is_the_one_that_is_heard(says):
    says(WOMAN)
    head = Head.from_voice(WAVE, seed=3)
    np.testing.assert_array_equal(head.template, Head.default(3, age=38.4, gender=0.0).template)
    assert head.provenance["voice"]["ages"] == (22.0, 60.0) and head.topology == Head.default().topology
    assert not np.array_equal(head.template, Head.from_voice(WAVE, seed=4).template)


def test_what_is_asked_for_counts_before_what_is_heard(says):
    says(WOMAN)
    np.testing.assert_array_equal(Head.from_voice(WAVE, age=70).template, Head.default(0, age=70, gender=0.0).template)
    named = read_head("auto:seed=3,gender=male", WAVE)
    np.testing.assert_array_equal(named.template, Head.default(3, age=38.4, gender="male").template)


def test_a_voice_that_tells_nothing_gives_the_person_of_the_seed(says):
    says(SILENCE)
    np.testing.assert_array_equal(Head.from_voice(WAVE, seed=2).template, Head.default(2).template)


def test_auto_needs_a_recording():
    with pytest.raises(InputError, match=r"head auto: listens to a recording, so it is for animate"):
        read_head("auto")
