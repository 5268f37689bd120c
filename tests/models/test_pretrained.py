"""Model folders: what older ones are called still loads."""

from __future__ import annotations

import json

import torch

from talkinghead.files import asset
from talkinghead.models.pretrained import CONFIG, load_model


def test_a_folder_with_the_former_key_heads_loads_as_the_same_model(tiny_talker, tmp_path):
    tiny_talker.save_pretrained(tmp_path / "new")
    tiny_talker.save_pretrained(tmp_path / "old")
    settings = json.loads((tmp_path / "new" / CONFIG).read_text())
    assert settings["num_heads"] == 4 and "heads" not in settings
    settings["heads"] = settings.pop("num_heads")
    (tmp_path / "old" / CONFIG).write_text(json.dumps(settings))
    new, old = (load_model(tmp_path / name)[0] for name in ("new", "old"))
    assert old.config == new.config
    for a, b in zip(old.parameters(), new.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_config_that_ships_has_the_key_of_today():
    settings = json.loads((asset("models/default") / CONFIG).read_text())
    assert settings["num_heads"] == 24 and "heads" not in settings
