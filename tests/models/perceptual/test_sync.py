from dataclasses import replace

import numpy as np
import pytest
import torch
from heads import tiny_head

from talkinghead import Animation
from talkinghead.audio.mel import WIDTH, log_mel
from talkinghead.errors import InputError
from talkinghead.evaluate.measures.sync import lips_of
from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import lip_map
from talkinghead.models.perceptual.sync import NAMES, SyncConfig, SyncNet
from talkinghead.speech.phonemes import PHONES


def test_log_mel_has_a_frame_every_20_ms_about_its_centre():
    for samples, frames in ((16000, 50), (16001, 51), (1, 1), (320, 1)):
        assert log_mel(torch.zeros(2, samples)).shape == (2, frames, WIDTH)
    for frame in (0, 7, 49):
        wave = torch.zeros(1, 16000)
        wave[0, frame * 320 + 160] = 1.0
        heard = log_mel(wave)[0].sum(1)
        assert int(heard.argmax()) == frame
    click = torch.zeros(1, 16000)
    click[0, 7 * 320 + 80] = 1.0  # the middle of the first of the frame's two columns
    first, second = log_mel(click)[0, 7].view(2, -1).sum(1)
    assert first > second


def test_a_tone_is_in_the_band_of_its_pitch():
    times = torch.arange(16000) / 16000
    bands = [int(log_mel(torch.sin(2 * torch.pi * pitch * times)[None])[0, 25, :40].argmax()) for pitch in (200, 1000, 4000)]
    assert bands == sorted(bands) and len(set(bands)) == 3
    assert len(log_mel(torch.zeros(1, 3200)).unique()) == 1, "silence is flat"


def test_lips_are_the_same_from_coefficients_and_from_an_animation():
    head = Head.default()
    weights = np.random.default_rng(0).uniform(0, 0.5, (6, len(head.names))).astype(np.float32)
    turned = Animation(weights, 50, head, rotation=np.full((6, 3), 0.3, np.float32))
    np.testing.assert_allclose(weights @ lip_map(head), lips_of(turned), atol=1e-3)
    assert lips_of(turned).shape == (6, 12) and lips_of(turned)[:, 4].mean() < -1, "the lower lip moves down, in mm"
    bare = replace(head, landmarks={})
    assert lip_map(bare) is None and lips_of(replace(turned, head=bare)) is None
    assert lip_map(tiny_head()).shape == (len(tiny_head().names), 12), "any head that names four landmarks"


def test_it_embeds_and_reads():
    torch.manual_seed(0)
    net = SyncNet(SyncConfig(width=8, embedding=4)).eval()
    lips, mel = torch.randn(2, 30, 12), torch.randn(2, 30, WIDTH)
    seen, heard, logits = net(lips, mel)
    assert seen.shape == heard.shape == (2, 30, 4) and logits.shape == (2, 30, len(PHONES))
    torch.testing.assert_close(seen.norm(dim=-1), torch.ones(2, 30))
    louder = mel + torch.randn(WIDTH)
    torch.testing.assert_close(net.encode_audio(louder), heard, atol=1e-5, rtol=0)  # another microphone


def test_two_ship_and_are_not_the_same(tmp_path):
    nets = {name: SyncNet.from_pretrained(name) for name in NAMES}
    assert nets["loss"].config.phones == list(PHONES)
    assert not torch.equal(nets["loss"].lips_out.weight, nets["metric"].lips_out.weight)
    assert not any(weight.requires_grad for weight in nets["loss"].parameters())
    nets["loss"].save_pretrained(tmp_path, "again")
    again = SyncNet.from_pretrained("again", tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), nets["loss"].parameters(), strict=True))
    with pytest.raises(InputError, match="sync network"):
        SyncNet.from_pretrained("nothing", tmp_path)
    (tmp_path / "again.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="sync network"):
        SyncNet.from_pretrained("again", tmp_path)
