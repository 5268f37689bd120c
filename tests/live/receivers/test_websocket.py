"""The WebSocket, spoken to by the client of the package websockets."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time

import numpy as np
import pytest
from live_streams import LoudnessStream, frame_of

from talkinghead.errors import InputError
from talkinghead.live.control import live_emotion
from talkinghead.live.receivers.messages import ready_message
from talkinghead.live.receivers.sockets import Address
from talkinghead.live.receivers.websocket import WebSocket

client = pytest.importorskip("websockets.sync.client")
exceptions = pytest.importorskip("websockets.exceptions")


@pytest.fixture
def server(default_head):
    """(a WebSocket, emotions that it was sent)."""
    found: queue.SimpleQueue = queue.SimpleQueue()
    ready = ready_message(LoudnessStream(head=default_head), 30.0, 0.125)
    socket_server = WebSocket(Address("127.0.0.1", 0), ready, lambda wanted: found.put(live_emotion(wanted)))
    yield socket_server, found
    socket_server.close()


def test_clients_hear_frames_and_say_what_is_felt(server, default_head):
    here, found = server
    address = f"ws://127.0.0.1:{here.port}"
    with client.connect(address) as one, client.connect(address, origin="http://localhost:5173") as other:
        ready = json.loads(one.recv(5))
        assert ready["type"] == "ready" and ready["names"] == list(default_head.names) and ready["latency"] == 0.125
        other.recv(5)
        one.send('{"type": "emotion", "emotion": "happy:0.6"}')
        assert found.get(timeout=5) == "happy:0.6"
        while here.clients < 2:
            time.sleep(0.001)
        weights = np.linspace(0, 1, len(default_head.names), dtype=np.float32)
        here.send(frame_of(0.1, weights, (0.1, 0, 0)), 1e9)
        for each in (one, other):
            frame = json.loads(each.recv(5))
            assert frame["type"] == "frame" and frame["time"] == 0.1 and frame["heard"] == 1e9
            assert np.allclose(frame["weights"], weights, atol=1e-4) and frame["rotation"] == [0.1, 0, 0]
        here.close()
        assert json.loads(one.recv(5)) == {"type": "finished"}
        with pytest.raises(exceptions.ConnectionClosedOK):
            one.recv(5)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("hello", "send"),
        ("[1]", "send"),
        ('{"emotion": "happy", "more": 1}', "send"),
        ('{"emotion": "hapy"}', "happy"),
        ('{"emotion": 3}', "write a name"),
        ('{"emotion": "auto"}', "choose names"),
        ('{"emotion": "/etc/secret.csv"}', "choose names"),
    ],
)
def test_what_is_wrong_is_answered_and_nothing_changes(server, sent, told):
    here, found = server
    with client.connect(f"ws://127.0.0.1:{here.port}") as one:
        one.recv(5)
        one.send(sent)
        answer = json.loads(one.recv(5))
        assert answer["type"] == "error" and told in answer["error"] and found.empty()


def test_pages_of_other_sites_are_turned_away(server):
    with pytest.raises(exceptions.InvalidStatus, match="403"):
        client.connect(f"ws://127.0.0.1:{server[0].port}", origin="https://localhost.example.com")


def test_a_client_that_reads_nothing_costs_no_memory(server):
    here, _ = server
    with client.connect(f"ws://127.0.0.1:{here.port}", max_queue=1, close_timeout=0.1):
        while not here.clients:
            time.sleep(0.001)
        for _ in range(150):  # 15 MB, more than the sockets hold
            here._loop.call_soon_threadsafe(here._spread, "x" * 100_000)
        passed = threading.Event()
        here._loop.call_soon_threadsafe(passed.set)
        assert passed.wait(30)
        waiting = [each.transport.get_write_buffer_size() for each in here._clients]
        assert len(waiting) == 1 and 0 < waiting[0] < 300_000


def test_an_address_that_is_taken(default_head):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="cannot be had"):
            WebSocket(Address("127.0.0.1", taken.getsockname()[1]), "{}", print)
