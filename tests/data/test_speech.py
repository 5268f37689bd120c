import numpy as np
import pytest
import torch

from talkinghead.data.dataset import SpeechDataset
from talkinghead.data.speech import lip_masks
from talkinghead.errors import InputError
from talkinghead.models.audio_encoder import AudioEncoder


def test_lips_meet_in_the_first_part_of_bilabials_and_rest_in_long_pauses():
    shut, rest = lip_masks([["SIL", 0.0, 0.8], ["B", 0.8, 1.0], ["AA", 1.0, 1.4], ["SIL", 1.4, 1.6]], 80)
    assert list(np.flatnonzero(shut)) == list(range(40, 47))
    assert list(np.flatnonzero(rest)) == list(range(8, 32))


def test_speech_without_motion(tiny_speech, tmp_path, tiny_encoder):
    torch.manual_seed(0)
    speech = SpeechDataset(tiny_speech, tmp_path, held_out=1)
    assert len(speech.clips) == 2
    speech.encode(AudioEncoder(tiny_encoder).eval(), "tag")
    batch = speech.batch(4, 60, np.random.default_rng(0))
    assert batch.features.shape == (4, 60, 16) and batch.shut.shape == batch.rest.shape == (4, 60)
    assert 0 < batch.shut.mean() < 0.5


def test_speech_without_phones_is_said(tmp_path):
    with pytest.raises(InputError, match=r"phones\.jsonl cannot be read"):
        SpeechDataset(tmp_path, tmp_path, 0)
