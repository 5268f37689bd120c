import numpy as np

from talkinghead.speech.labels import UNKNOWN, frame_labels
from talkinghead.speech.phonemes import PHONES

SPANS = ((0.0, 0.1, "SIL"), (0.1, 0.16, "b"), (0.16, 0.2, "ɑː"), (0.3, 0.4, "zh4"), (0.4, 0.5, "T"))


def test_a_frame_has_the_phoneme_in_which_its_centre_lies():
    times = (np.arange(30) + 0.5) / 50
    labels = frame_labels(SPANS, times)
    wanted = ["SIL"] * 5 + ["B"] * 3 + ["AA"] * 2 + [None] * 10 + ["T"] * 5 + [None] * 5
    assert labels.dtype == np.int64
    assert labels.tolist() == [UNKNOWN if name is None else PHONES.index(name) for name in wanted]


def test_without_phonemes_nothing_is_known():
    assert (frame_labels(None, np.arange(4.0)) == UNKNOWN).all() and (frame_labels((), np.arange(4.0)) == UNKNOWN).all()
    assert len(frame_labels(SPANS, np.zeros(0))) == 0
