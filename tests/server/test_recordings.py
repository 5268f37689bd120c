"""Whole recordings over HTTP."""

from __future__ import annotations

import io
import json
import threading
import zipfile

import numpy as np
import pytest
from stand_in import tone

from talkinghead.animate.animation import Animation
from talkinghead.audio.write import write_audio
from talkinghead.server import recordings


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    write_audio(path, tone(700, 0.5))
    return path.read_bytes()


def test_the_animation_is_that_of_the_talker(server, live_talker, sound, tmp_path):
    status, content, headers = server.ask("/animate?format=npz&emotion=happy:0.5&fps=24&seed=3&name=me.wav", sound)
    assert status == 200 and 'filename="me.npz"' in headers["Content-Disposition"]
    (tmp_path / "me.npz").write_bytes(content)
    wanted = live_talker.animate(tone(700, 0.5), emotion="happy:0.5", fps=24, seed=3)
    found = Animation.load(tmp_path / "me.npz")
    assert np.allclose(found.coefficients, wanted.coefficients, atol=0.01) and found.fps == 24


@pytest.mark.parametrize(
    ("query", "accept", "kind", "begins"),
    [
        ("", "*/*", "application/json", b"{"),
        ("", "text/csv", "text/csv; charset=utf-8", b"Timecode"),
        ("", "image/png, text/csv;q=0.1, application/x-npz;q=0.5", "application/x-npz", b"PK"),
        ("?format=srt", "text/csv", "application/x-subrip", b"1"),
        ("?format=pc2", "*/*", "application/zip", b"PK"),
    ],
)
def test_formats(query, accept, kind, begins, server, sound):
    status, content, headers = server.ask(f"/animate{query}", sound, Accept=accept)
    assert status == 200 and headers["Content-Type"] == kind and content.startswith(begins)
    if kind == "application/zip":
        assert {name.rpartition(".")[2] for name in zipfile.ZipFile(io.BytesIO(content)).namelist()} == {"pc2", "obj"}


@pytest.mark.parametrize(
    ("query", "body", "accept", "status", "words"),
    [
        ("", b"no sound", "*/*", 422, "recording"),
        ("", b"", "*/*", 422, "empty"),
        ("", bytes(220_000), "*/*", 413, "more than 0.2 MB"),
        ("?fps=0", b"x", "*/*", 422, "fps is 0"),
        ("?head=../../me.npz", b"x", "*/*", 422, "choose default"),
        ("?emotion=a.json", b"x", "*/*", 422, "choose names"),
        ("?bla=1", b"x", "*/*", 422, "bla"),
        ("?format=exe", b"x", "*/*", 422, "format"),
        ("", b"x", "image/png", 406, "model/gltf-binary"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(query, body, accept, status, words, server):
    found, content, _ = server.ask(f"/animate{query}", body, Accept=accept)
    line = json.loads(content)["error"]
    assert found == status and words in line and "\n" not in line and "/tmp" not in line


def test_recordings_that_are_too_long_are_refused(server, tmp_path):
    write_audio(tmp_path / "long.wav", tone(700, 5))
    status, content, _ = server.ask("/animate", (tmp_path / "long.wav").read_bytes()[:200_000])
    assert status == 422 and b"at most 4 s" in content


def test_a_queue_that_is_full_is_told(server, sound, monkeypatch):
    go, plain = threading.Event(), recordings.animate
    monkeypatch.setattr(recordings, "animate", lambda *given: (go.wait(30), plain(*given))[1])
    first = threading.Thread(target=server.ask, args=("/animate", sound))
    first.start()
    server.until(lambda: server.house.waiting == 1)
    status, _, headers = server.ask("/animate", sound)
    go.set()
    first.join()
    assert status == 503 and headers["Retry-After"]
