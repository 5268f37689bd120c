"""A streaming model goes on learning, and streams."""

from __future__ import annotations

import cheap_training
from streaming_models import tiny_streaming_network

from talkinghead.models.pretrained import load_model, save_model
from talkinghead.train import train

TINY = """
augmentations_per_clip: 1
device: cpu
motion: {weights: {vertex: 1}, steps: 1, batch: 2, micro_batch_size: 2, frames: 16}
prior: {weights: {vertex: 1}, steps: 1, batch: 2, micro_batch_size: 2, frames: 16}
"""


def test_it_is_trained_as_any_other(tiny_data, tmp_path, monkeypatch):
    cheap_training.shorten(monkeypatch.setattr)
    network = tiny_streaming_network()
    save_model(network, {}, tmp_path / "begun")
    (tmp_path / "recipe.yaml").write_text(TINY)
    out = train(tmp_path / "recipe.yaml", [f"data={tiny_data}", f"init={tmp_path / 'begun'}", f"out={tmp_path / 'run'}"])
    learnt, _ = load_model(out)
    assert learnt.config.streams and learnt.config.prior_lookahead == network.config.prior_lookahead
    before, after = network.motion.decoder.state_dict(), learnt.motion.decoder.state_dict()
    assert any((before[name] - after[name]).abs().max() > 1e-4 for name in before)
