"""The demo as visitors have it, in a real browser, and as people who wish it ill."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from characters import character, write_glb
from stand_in import StandIn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from talkinghead.animate.talker import Talker
from talkinghead.audio.write import write_audio
from talkinghead.cli import main
from talkinghead.demo import serve as serving
from talkinghead.demo.app import application
from talkinghead.demo.workshop import Limits, Workshop
from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT
from talkinghead.web.address import LOCAL, bound

uvicorn = pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def demo(tiny_talker, tmp_path_factory):
    """(address, workshop) of a server in a thread."""
    folder = tmp_path_factory.mktemp("demo")
    talker: Any = SimpleNamespace(animate=tiny_talker.animate, stream=Talker(StandIn()).stream)
    workshop = Workshop(folder, Limits(seconds=8.0, bytes=1 << 20, waiting=3, kept=3, live=1), lambda: talker)
    first = workshop.animate({"sound": "hello", **serving.FIRST}, lasting=True)
    door = bound("127.0.0.1", 0)
    config = uvicorn.Config(application(workshop, first, list(LOCAL)), log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{door.getsockname()[1]}", workshop
    server.should_exit = True
    thread.join(10)
    workshop.close()


def ask(address: str, body=None, **headers):
    """(status, content) of a request; a body that is no bytes is sent as JSON."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"X-Talkinghead": "1", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text.startswith(b"{") else text.decode()


def done(address: str, job: str) -> dict:
    for _ in range(600):
        found = ask(f"{address}/job/{job}")[1]
        if found["state"] in ("done", "failed"):
            return found
        time.sleep(0.1)
    raise TimeoutError


def test_a_visitor_sees_motion_compares_and_downloads(demo, visit, tmp_path):
    address, _ = demo
    with visit(address, (700, 560)) as page:
        page.wait_for_selector("#slot-0 iframe")
        head = page.frame_locator("#slot-0 iframe")
        head.locator("body.ready").wait_for()
        head.locator("#big").click()
        page.frames[1].wait_for_function("document.getElementById('now').textContent > '0:00.2'")
        page.locator("#compare").click()
        page.locator("[data-emotion=sad]").focus()
        page.keyboard.press("Enter")
        page.locator("#curve").focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp"):
            page.keyboard.press(key)
        drawn = page.evaluate("curve.emotion")
        assert max(key["sad"] for key in drawn) > 0.7 + 0.15 and drawn[-1]["sad"] == pytest.approx(0.7, abs=1e-3)
        page.locator("#animate").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#slot-1 iframe")
        other = page.frame_locator("#slot-1 iframe")
        other.locator("body.ready").wait_for()
        other.locator("#timeline").focus()
        page.keyboard.press("End")
        for frame in page.frames[1:]:  # they go together
            frame.wait_for_function("document.getElementById('now').textContent === '0:05.7'")
        page.locator("#downloads summary").click()
        with page.expect_download() as coming:
            page.locator("[data-format='.csv']").press("Enter")  # the list may still be scrolling under a mouse
        coming.value.save_as(tmp_path / "a.csv")
        assert (tmp_path / "a.csv").read_text().startswith("Timecode,")


SPOKEN = """() => seen.shown?.weights[seen.about.names.indexOf("jawOpen")] > 0.1"""

REFUSED = """name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", name); }; }"""


def test_the_head_says_what_a_visitor_says(demo, visit):
    """By keyboard and at the width of a phone; refusals are told in a line, and the motion is there again after it."""
    with visit(demo[0], (360, 640)) as page:
        page.frame_locator("#slot-0 iframe").locator("body.ready").wait_for()
        head = page.frames[1]
        rest = head.evaluate("async () => { window.seen = await talkinghead; return seen.stage.face.lipGap(); }")
        page.locator("#speak").focus()
        page.keyboard.press("Enter")
        head.wait_for_function(SPOKEN)
        head.wait_for_function("rest => Math.abs(seen.stage.face.lipGap() - rest) > 1e-3", arg=rest)
        assert page.locator("#speak").get_attribute("aria-pressed") == "true"
        page.keyboard.press("Enter")
        head.wait_for_function("rest => !seen.shown && Math.abs(seen.stage.face.lipGap() - rest) < 1e-6", arg=rest)
        box = page.locator("#speak").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 360
        for name, words in (("NotAllowedError", "is not allowed"), ("NotFoundError", "no microphone was found")):
            page.evaluate(REFUSED, name)
            page.locator("#speak").click()
            page.wait_for_selector("#told.wrong")
            assert words in page.locator("#told").inner_text()
            assert page.locator("#speak").get_attribute("aria-pressed") == "false"


def test_frames_of_a_microphone(demo):
    address, _ = demo
    place = address.replace("http", "ws") + "/microphone"
    result = done(address, ask(f"{address}/options")[1]["first"])["result"]
    tone = (np.sin(np.arange(3200) / 9) * 16000).astype("<i2").tobytes()
    with connect(place) as line:
        line.send(json.dumps({"result": result, "emotion": "happy:0.5", "settings": {"blinks": 0}}))
        assert json.loads(line.recv()) == {"ready": True}
        frames = []
        for start in range(0, len(tone), 640):
            line.send(tone[start : start + 640])
            frames += json.loads(line.recv())["frames"]
        assert [frame["time"] for frame in frames] == pytest.approx([(i + 0.5) / 50 for i in range(len(frames))])
        assert frames[-1]["time"] > 0.05 and len(frames[0]["weights"]) == len(ARKIT)
        with connect(place) as other:  # one at a time here
            assert "others are speaking" in json.loads(other.recv())["error"]
        line.send(json.dumps({"emotion": "/etc/passwd.csv"}))
        assert "choose a name" in json.loads(line.recv())["error"]
        with pytest.raises(ConnectionClosed):
            line.recv()
    for hello, words in (("[]", "JSON object"), ('{"result": "x"}', "cleared away"), ("x" * 70000, "too much")):
        with connect(place) as line:
            line.send(hello)
            assert words in json.loads(line.recv())["error"]
    with pytest.raises(InvalidStatus, match="403"):
        connect(place, origin="https://evil.example")


def test_it_fits_a_phone(demo, visit):
    with visit(demo[0], (360, 640)) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        box = page.locator("#animate").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 360


def test_a_character_of_the_visitor_speaks(demo, tmp_path):
    address, _ = demo
    path = write_glb(tmp_path / "me.glb", *character(list(ARKIT)))
    status, head = ask(f"{address}/head?name=me.glb", path.read_bytes())
    assert status == 200 and "shapes move" in head["about"]
    job = ask(f"{address}/animate", {"sound": "hello", "head": {"file": head["id"]}})[1]["job"]
    result = done(address, job)["result"]
    job = ask(f"{address}/make", {"result": result, "format": ".glb"})[1]["job"]
    assert done(address, job)["file"]
    with urllib.request.urlopen(f"{address}/file/{job}", timeout=60) as answer:
        assert answer.read(4) == b"glTF"


@pytest.mark.parametrize(
    ("place", "body", "words"),
    [
        ("sound?name=a.wav", b"no sound", "a.wav"),
        ("sound?name=a.wav", b"", "is empty"),
        ("sound?name=a.wav", b"0" * ((1 << 20) + 1), "more than 1 MB"),
        ("head?name=../../me.obj", b"v 0 0 0", "a head of yours is a .glb"),
        ("animate", {"sound": "hello", "emotion": "/etc/passwd.csv"}, "choose a name"),
        ("animate", {"sound": "hello", "head": {"file": "/etc/passwd"}}, "send it again"),
        ("animate", {"sound": "hello", "head": {"seed": "1,x=/etc"}}, "does not belong"),
        ("animate", {"sound": "hello", "settings": {"device": "cuda"}}, "choose from"),
        ("animate", {"sound": "hello", "settings": {"intensity": 7}}, "intensity"),
        ("animate", b"[1", "not JSON"),
        ("make", {"result": "x", "format": ".exe"}, "no format"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(place, body, words, demo):
    status, content = ask(f"{demo[0]}/{place}", body)
    assert status == 400 and words in content["error"] and "\n" not in content["error"]
    assert str(demo[1].folder) not in content["error"]


def test_recordings_that_are_too_long_are_refused(demo, tmp_path):
    write_audio(tmp_path / "long.wav", np.random.default_rng(0).normal(0, 0.1, 9 * 16000).astype(np.float32))
    status, content = ask(f"{demo[0]}/sound?name=long.wav", (tmp_path / "long.wav").read_bytes())
    assert status == 400 and "at most 8 s" in content["error"]


def test_other_sites_cannot_use_it(demo):
    request = urllib.request.Request(f"{demo[0]}/animate", b"{}")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=60)
    assert ask(f"{demo[0]}/options", Host="evil.example")[0] == 400


def test_what_is_old_is_cleared_away(demo):
    address, workshop = demo
    for _ in range(4):
        job = ask(f"{address}/animate", {"sound": "hello"})[1]["job"]
        assert done(address, job)["state"] == "done"
    assert len(workshop.results) == 4
    assert len([path for path in workshop.folder.iterdir() if path.is_dir()]) == 4
    assert done(address, ask(f"{address}/options")[1]["first"])["result"] in workshop.results  # what a new visitor sees stays


def test_the_queue_ends(demo, tiny_talker, tmp_path):
    stop = threading.Event()

    def slow():
        stop.wait(30)
        return tiny_talker

    workshop = Workshop(tmp_path, Limits(waiting=2), slow)
    for _ in range(3):  # one that is worked on, two that wait
        workshop.animate({"sound": "hello"})
        time.sleep(0.3)
    with pytest.raises(InputError, match="2 others are waiting"):
        workshop.animate({"sound": "hello"})
    stop.set()
    workshop.close()


def test_a_port_that_is_taken_is_told(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert main(["demo", "--no-browser", "--port", str(other.getsockname()[1])]) == 2
    assert "choose another --port" in capsys.readouterr().err
