"""The verb, as far as it comes without a network of its own."""

from __future__ import annotations

import socket

import pytest

from talkinghead.cli import main


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--clients", "0"], "--clients is 0"),
        (["--idle", "-1"], "--idle is -1"),
        (["--port", "70000"], "choose 0"),
        (["--port", "0", "--model", "nowhere"], "nowhere"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["serve", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert main(["serve", "--port", str(other.getsockname()[1])]) == 2
    assert "choose another --port" in capsys.readouterr().err
