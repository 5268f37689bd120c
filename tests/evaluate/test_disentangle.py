from __future__ import annotations

import copy
import json

import pytest
import torch

from talkinghead.errors import InputError
from talkinghead.evaluate.disentangle import disentangle, draw, measure_models, swap, table, write


@pytest.fixture
def deaf(tiny_talker):
    """A talker whose encoder sees and does not hear."""
    talker = copy.deepcopy(tiny_talker)
    torch.nn.init.normal_(talker.network.motion.encoder.fuse[2].weight, std=3)
    torch.nn.init.normal_(talker.network.motion.encoder.enter["arkit"].weight, std=3)
    with torch.no_grad():
        talker.network.motion.encoder.fuse[0].weight[:, 16:] = 0  # what comes of the sound
    return talker


@pytest.fixture
def blind(tiny_talker):
    """One that hears and does not see."""
    talker = copy.deepcopy(tiny_talker)
    torch.nn.init.normal_(talker.network.motion.encoder.fuse[2].weight, std=3)
    torch.nn.init.normal_(talker.network.motion.encoder.audio.enter.weight, std=3)
    with torch.no_grad():
        talker.network.motion.encoder.fuse[0].weight[:, :16] = 0
    return talker


def test_what_the_encoder_does_not_use_changes_nothing_when_swapped(deaf, blind, tiny_data):
    for talker, ignored, used in ((deaf, "audio", "expression"), (blind, "expression", "audio")):
        found = disentangle(talker, tiny_data, split="train")
        assert found["clips"] == 4
        assert {"lips", "brows", "eyelids"} <= found["regions"].keys()
        for row in found["regions"].values():
            assert row[ignored] == 0 and row[f"{ignored}_share"] == 0
            assert row[used] == row["both"] > 0 and row[f"{used}_share"] == pytest.approx(1)


def test_pairs_hear_the_one_and_see_the_other(tiny_talker, tiny_data):
    pairs = swap(tiny_talker, tiny_data, split="train", clips=3)
    assert [(p.clip, p.other) for p in pairs] == [("0", "2"), ("2", "3"), ("3", "0")]
    assert all(p.motions.keys() == {"", "audio", "expression", "both"} for p in pairs)
    assert pairs[0].motions["both"].shape == pairs[0].truth.shape == pairs[0].truth_other.shape
    assert len(pairs[0].animation(pairs[0].motions["audio"])) == len(pairs[0].truth)


def test_the_report_as_files_and_as_text(deaf, tiny_data, tmp_path):
    figures = measure_models({"deaf": deaf}, tiny_data, split="train", clips=2)
    paths = write(figures, tmp_path)
    assert json.loads(paths[0].read_text()) == figures
    assert paths[1].read_bytes().startswith(b"\x89PNG")
    assert "lips" in table(figures) and len(draw(figures | {"two": figures["deaf"]}).axes) == 4


def test_what_cannot_be_swapped(tiny_talker, tiny_data):
    with pytest.raises(InputError, match="two or more are needed"):
        disentangle(tiny_talker, tiny_data, split="test")
    with pytest.raises(InputError, match="only models"):
        measure_models({"f": lambda path, motion: motion}, tiny_data)
