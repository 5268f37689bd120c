"""JSON of strangers within bounds."""

from __future__ import annotations

import json

import pytest

from talkinghead.errors import InputError
from talkinghead.io import files
from talkinghead.io.files import load_json, parse_json


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, b"[" * 5000 + b"]" * 5000, "9" * 5000, '"\\ud8', "", b"\xff"]
)
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"[a-z]"):
        parse_json(text)


def test_memory_is_counted_before_it_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_PARSED", 1 << 20)
    for bomb in ("[" + "{}," * 10_000 + "{}]", "[" + "[]," * 20_000 + "[]]", "[" + "0," * 40_000 + "0]"):
        with pytest.raises(ValueError, match="its content would take"):
            parse_json(bomb)
    (tmp_path / "a.json").write_text(bomb)
    with pytest.raises(InputError, match=r"a\.json: not JSON, or cut short \(its content would take"):
        load_json(tmp_path / "a.json")
    assert parse_json(json.dumps([0.5] * 1000)) == [0.5] * 1000
