"""What strangers write does not reach a terminal as it is."""

from __future__ import annotations

import pickle

import pytest

from talkinghead.errors import LONGEST, InputError, InputWarning, shown


@pytest.mark.parametrize("kind", [InputError, InputWarning])
def test_a_message_is_one_plain_line(kind):
    error = kind("a\x1b[2J.wav:\nis no\u202esound \ud800" + "x" * 100_000 + "; record it again\n")
    text = str(error)
    assert text.startswith("a\\x1b[2J.wav: is no\\u202esound \\ud800xxx") and text.endswith("xx; record it again")
    assert len(text) <= LONGEST and str(pickle.loads(pickle.dumps(error))) == text


def test_names_of_files_stay_as_they_are():
    name = "/a  b/Zoë 电影\u202f1\u00a0👩\u200d🚀.wav: no such file"
    assert str(InputError(name)) == name


def test_values_are_shown_short_whatever_they_hold():
    bomb: list = ["x"]
    for _ in range(60):
        bomb = [bomb] * 9
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for value in (bomb, deep, "x" * 10**6, 10**10_000, {"a" * 1000: bomb}):
        assert len(shown(value)) <= 200
    assert shown({"a": 1.5}) == "{'a': 1.5}" and shown("happy") == "'happy'"
    while deep:  # Python would take it apart by recursion
        deep = deep.pop()
