"""The module for browsers against the stream of Python, and the page that uses it, in a real browser."""

from __future__ import annotations

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from characters import character, write_glb
from step_graphs import write_step_folder

from talkinghead import Head, Talker, load_audio
from talkinghead.cli import main
from talkinghead.files import asset
from talkinghead.head.blendshapes import ARKIT
from talkinghead.models.runtime.streaming import StreamingRuntime
from talkinghead.streaming.browser import MODEL

RENAMED = {"lower_face": "lowerFace"}
IMPORTS = """async () => { window.T = await import("talkinghead-live"); document.body.className = "ready"; }"""
RUN = """async ({ options, cuts, after }) => {
  const talker = await T.Talker.load("model/", options);
  const sound = new Float32Array(await (await fetch("sound.f32")).arrayBuffer());
  const frames = [];
  for (let at = 0, i = 0; at < sound.length; i++) {
    let end = Math.min(sound.length, at + cuts[i % cuts.length]);
    if (after && at < after.at) end = Math.min(end, after.at);
    frames.push(...await talker.push(sound.subarray(at, end)));
    at = end;
    if (after && at === after.at) talker.emotion = after.emotion;
  }
  frames.push(...await talker.finish());
  const { latency } = talker;
  await talker.release();
  return { latency, frames: frames.map(({ time, weights, tongue }) => [time, ...weights, ...tongue]) };
}"""


class Files(SimpleHTTPRequestHandler):
    """A folder over HTTP, without a log."""

    def log_message(self, *words) -> None:
        pass


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_step_folder(tmp_path_factory.mktemp("model") / "streaming")


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory) -> Path:
    """What `export-model --web` writes of the model beside that of whole recordings."""
    folder = tmp_path_factory.mktemp("web") / "page"
    assert not main(["export-model", str(model.parent), "--web", str(folder)])
    return folder


@pytest.fixture(scope="module")
def address(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def bare(folder, address, visit):
    """A page with the module and nothing else."""
    importing = (folder / "index.html").read_text().split('<script type="importmap">')[1].split("</script>")[0]
    (folder / "bare.html").write_text(
        f'<!doctype html><link rel="icon" href="data:,"><script type="importmap">{importing}</script><body><p>Here.</p>'
        f'<script type="module">await ({IMPORTS})()</script>'
    )
    with visit(f"{address}/bare.html") as page:
        yield page


def speech(sample, rate: int) -> np.ndarray:
    """(n,) float32: silence in which a mouth comes to rest, words, and silence in which one sighs."""
    wave = load_audio(sample, rate)[: int(1.3 * rate)]
    return np.concatenate([np.zeros(rate // 2, np.float32), wave, np.zeros(2 * rate, np.float32)])


@pytest.mark.parametrize(
    ("how", "cuts"),
    [
        ({"emotion": "sad", "worker": True}, [1 << 20]),
        ({"emotion": "neutral", "style": "b", "fps": 60.0, "hop": 2}, [320, 7, 1111]),
        ({"emotion": "happy", "rate": 44100, "articulation": 1.4, "expressiveness": 0.6, "lower_face": 0.9}, [441, 4000]),
    ],
)
def test_frames_are_those_of_python(folder, bare, sample, how, cuts):
    rate, change = how.get("rate", 16000), 16000
    options = {RENAMED.get(name, name): value for name, value in how.items()}
    sound = speech(sample, rate)
    (folder / "sound.f32").write_bytes(sound.tobytes())
    how = {name: value for name, value in how.items() if name != "worker"}
    stream = Talker(StreamingRuntime.load(folder / MODEL)).stream(idle=0, **how)
    frames = stream.push(sound[:change])
    felt = "happy" if stream.hop > 1 else "angry"  # what anger does in pauses begins with a step of the network
    stream.emotion = (felt, 0.8)
    frames += stream.push(sound[change:]) + stream.finish()
    ours = np.array([[frame.time, *frame.weights, *frame.tongue] for frame in frames])
    found = bare.evaluate(RUN, {"options": options, "cuts": cuts, "after": {"at": change, "emotion": [felt, 0.8]}})
    assert found["latency"] == pytest.approx(stream.latency)
    theirs = np.array(found["frames"])
    assert theirs.shape == ours.shape
    assert np.abs(theirs - ours).max() < 1e-3
    assert np.ptp(ours[:, 1:-2], axis=0).max() > 0.5 and np.ptp(ours[:, -2:], axis=0).min() > 1e-3


HEARD = """() => {
  const { frame, talker, stage } = live;
  const [influences, index] = stage.targets.places.find(([, , place]) => talker.names[place] === "jawOpen");
  return { time: frame.time ?? 0, weights: Array.from(frame.weights), jaw: influences[index], seconds: talker.time.seconds };
}"""


def test_a_microphone_moves_the_head(address, visit, tmp_path):
    with visit(f"{address}/index.html", (400, 300)) as page:
        page.locator("#emotion").select_option("angry")
        page.locator("#microphone").click()
        page.wait_for_function("() => live.frame?.time > 1")
        seen = [page.evaluate(HEARD)]
        page.wait_for_function("time => live.frame?.time > time + 0.2", arg=seen[0]["time"])
        seen.append(page.evaluate(HEARD))
        assert max(np.ptp([one["weights"] for one in seen], axis=0)) > 0.02
        assert seen[-1]["jaw"] == pytest.approx(seen[-1]["weights"][Head.default().names.index("jawOpen")], abs=1e-6)
        assert seen[-1]["time"] < seen[-1]["seconds"]  # a face does not know more than was heard
        assert page.locator("#microphone").get_attribute("aria-pressed") == "true"
        page.locator("#microphone").click()
        page.wait_for_function("() => Math.max(...live.frame.weights) < 0.01")  # back at rest
        page.locator("#example").click()
        page.wait_for_function("() => live.frame?.time > 0.3")
        page.locator("#example").click()
        write_glb(tmp_path / "mine.glb", *character(list(ARKIT)))
        page.locator("#head-file").set_input_files(tmp_path / "mine.glb")
        page.wait_for_function("() => live.stage.targets.count > 5 && !live.stage.neck")
        (tmp_path / "no.glb").write_bytes(b"glTF")
        page.locator("#head-file").set_input_files(tmp_path / "no.glb")
        page.wait_for_selector("#told.fault")


def test_the_graph_for_browsers_is_that_of_the_model(model, folder, sample):
    """But for what is heard, which the model's own takes in 8 bits."""
    ours, theirs = (Talker(StreamingRuntime.load(path)).animate(sample, idle=0) for path in (model, folder / MODEL))
    assert 0 < np.abs(ours.coefficients - theirs.coefficients).max() < 0.05


def test_what_is_there_stays(model, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["export-model", str(model), "--web", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err and [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_models_of_whole_recordings_are_refused(tmp_path, capsys):
    shutil.copytree(asset("models/default"), tmp_path / "model", ignore=shutil.ignore_patterns("streaming", "*.safetensors"))
    assert main(["export-model", str(tmp_path / "model"), "--web", str(tmp_path / "page")]) == 2
    assert "no streaming model" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
