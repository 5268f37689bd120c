"""Clients that are wrong, hang, flood or vanish: each is told or cut, and harms no other."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import time
from types import SimpleNamespace

import numpy as np
import pytest
from servers import TOKEN, rest, sent
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from talkinghead.server import channel, connections, limits


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('{"type": "hello", "fps": 0}', "fps is 0"),
        ('{"type": "hello", "bla": 1}', "bla"),
        ('{"type": "hello", "rate": 1}', "rate"),
        ('{"type": "hello", "emotion": "/etc/passwd.csv"}', "choose names"),
        ('{"type": "hello", "emotion": "auto"}', "whole recording"),
        ('{"type": "hello", "head": "/etc/passwd"}', "choose default"),
        ('{"type": "hello", "style": "nobody"}', "nobody"),
        ('{"type": "finish"}', "type"),
        ("[" * 9999, "JSON"),
        (b"\0" * 640, "hello in JSON"),
    ],
)
def test_a_wrong_hello_is_told_in_a_line(message, words, server):
    with server.open() as line:
        line.send(message)
        (found,), code = rest(line)
    assert code == found["code"] == limits.WRONG and words in found["error"] and "\n" not in found["error"]


@pytest.mark.parametrize("message", [b"\0" * 641, '{"type": "emotion", "emotion": "glad"}', '{"type": "bye"}', "{"])
def test_a_wrong_message_ends_only_its_stream(message, server):
    with server.stream() as (other, _), server.stream() as (line, _):
        line.send(message)
        assert rest(line)[1] == limits.WRONG
        other.send('{"type": "finish"}')
        assert rest(other)[1] == limits.DONE


def test_clients_beyond_the_limit_are_told_to_come_again(server):
    lines = [server.open() for _ in range(5)]
    for line in lines:
        line.send('{"type": "hello"}')
    kinds = [json.loads(line.recv(timeout=30))["type"] for line in lines]
    codes = [rest(line)[1] for line, kind in zip(lines, kinds, strict=True) if kind == "error"]
    assert kinds.count("ready") == 4 and codes == [limits.FULL]
    for line in lines:
        line.close()
    server.until(lambda: not server.house.seated)


def test_who_says_nothing_is_closed(server):
    with server.stream() as (line, _):
        (found,), code = rest(line)
    assert code == limits.IDLE and "no sound" in found["error"]


def test_a_stream_has_a_longest_time(server, monkeypatch):
    monkeypatch.setattr(limits, "AHEAD", 10.0)
    with server.stream() as (line, ready):
        sent(line, np.zeros(16000 * 4, "<i2").tobytes(), 16000)
        found, code = rest(line)
    assert code == limits.TOO_LONG and found[-1]["type"] == "finished" and ready["seconds"] == 3
    assert found[-1]["frames"] >= 3 * 30


def test_a_flood_of_sound_is_slowed_to_its_time(server, monkeypatch):
    monkeypatch.setattr(limits, "AHEAD", 0.2)
    start = time.monotonic()
    with server.stream() as (line, _):
        sent(line, np.zeros(16000, "<i2").tobytes(), 3200)
        line.send('{"type": "finish"}')
        assert rest(line)[1] == limits.DONE
    assert time.monotonic() - start > 0.6


def test_a_flood_of_messages_is_closed(server, monkeypatch):
    monkeypatch.setattr(limits, "BURST", 20)
    monkeypatch.setattr(limits, "PACE", 10)
    with server.stream() as (line, _):
        for _ in range(200):
            line.send(b"\0\0")
        assert rest(line)[1] == limits.TOO_MANY


def test_messages_have_a_size(server):
    with server.stream() as (line, _):
        line.send(bytes(limits.MESSAGE + 2))
        assert rest(line)[1] == limits.TOO_BIG


def test_who_does_not_read_is_dropped(live_talker):
    async def run() -> channel.EndedError:
        line = channel.Channel(SimpleNamespace(), live_talker.stream())  # pyright: ignore[reportArgumentType]
        line.take([SimpleNamespace(time=0.0)] * (30 * 10), False)
        assert not line.broken.done()
        line.take([SimpleNamespace(time=0.0)] * 30, False)
        return line.broken.exception()

    assert asyncio.run(run()).code == limits.UNREAD_FRAMES


def test_who_vanishes_leaves_a_free_seat(server):
    with server.stream() as (line, _):
        sent(line, np.zeros(3200, "<i2").tobytes())
        assert len(server.house.seated) == 1
        line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.socket.close()
        server.until(lambda: not server.house.seated)
    server.until(lambda: not any(lane._channels for lane in server.house.engine._lanes))


def test_connections_that_ask_for_nothing_are_cut(server, monkeypatch):
    monkeypatch.setattr(connections, "EVERY", 0.05)
    monkeypatch.setattr(connections, "HELLO", 0.1)
    host, port = server.place.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(b"GET /health HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert line.recv(100) == b""
    server.until(lambda: not server.server.sweep.everybody)


def test_a_server_that_is_too_slow_ends_the_stream_that_came_last(server, monkeypatch):
    with server.stream() as (first, _), server.stream() as (last, _), monkeypatch.context() as patched:
        patched.setattr(type(server.house), "behind", 9.0)
        sent(first, bytes(640))
        sent(last, bytes(640))
        assert rest(last)[1] == limits.FULL
        patched.undo()
        first.send('{"type": "finish"}')
        assert rest(first)[1] == limits.DONE


def test_a_defect_in_a_step_ends_the_streams_but_not_the_server(server, monkeypatch):
    with server.stream() as (line, _), monkeypatch.context() as patched:
        [patched.setattr(lane, "_step", lambda: 1 / 0) for lane in server.house.engine._lanes]
        line.send(bytes(6400))
        assert rest(line)[1] == limits.DEFECT
    with server.stream() as (line, _):
        line.send('{"type": "finish"}')
        assert rest(line)[1] == limits.DONE


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic a"])
def test_the_token_is_needed(given, server):
    assert server.ask("/metrics", Authorization=given)[0] == 401
    assert server.ask("/health", Authorization=given)[0] == 200
    assert server.ask(f"/metrics?token={TOKEN.replace(' ', '%20')}", Authorization="")[0] == 200
    with pytest.raises(InvalidStatus, match="401"):
        connect(f"ws://{server.place}/stream", additional_headers={"Authorization": given} if given else {})


@pytest.mark.parametrize(
    ("origin", "status"), [("https://evil.example", 403), ("https://friend.example", 200), ("http://localhost:3000", 200)]
)
def test_pages_of_other_sites_are_kept_out(origin, status, server):
    found, _, headers = server.ask("/health", Origin=origin)
    assert found == status and headers["Access-Control-Allow-Origin"] == (origin if status == 200 else None)
    assert server.ask("/health", Host="evil.example")[0] == 400
