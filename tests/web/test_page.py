"""The page as a visitor has it: opened from a disk in a real browser."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from characters import character, write_glb
from PIL import Image

from talkinghead import Animation, Head, load_audio
from talkinghead.cli import main
from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT
from talkinghead.motion.animation import between
from talkinghead.rendering import image
from talkinghead.web.notebook import inline
from talkinghead.web.page import document, write

TIMES = (0.02, 1.0, 2.35, 3.9)  # seconds; the first is the middle of frame 0
READ = "async () => { const p = await talkinghead; return Array.from(p.stage.face.vertices); }"
SEEK = "async time => { const p = await talkinghead; p.pause(); await p.seek(time); p.stage.draw(time); p.timeline.draw(); }"
PUT = """async (frame) => { const p = await talkinghead; p.put(frame); p.draw(); }"""
WORN = """async () => {
  const out = [];
  const { character } = (await talkinghead).stage;
  character.traverse((node) => out.push(...node.quaternion.toArray(), ...(node.morphTargetInfluences ?? [])));
  return out;
}"""
CLOCK = "async () => (await talkinghead).time"


@pytest.fixture(scope="module")
def motion() -> Animation:
    """Four seconds in which everything moves."""
    head, fps = Head.default(), 25.0
    rng, times = np.random.default_rng(5), np.arange(100)[:, None] / fps

    def waves(*shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        return np.sin(2 * np.pi * (times * rng.uniform(0.5, 3, count) + rng.uniform(size=count))).reshape(100, *shape)

    weights = np.clip(0.15 + 0.3 * waves(len(head.names)), 0, 1)
    pose = {"rotation": 0.15 * waves(3), "translation": 0.01 * waves(3)}
    return Animation(weights, fps, head, gaze=0.2 * waves(2, 2), tongue=0.004 * waves(2), meta={}, **pose)


@pytest.fixture(scope="module")
def file(motion, sample, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "it is.html"
    write(motion, path, audio=sample)
    return path


def at(motion: Animation, time: float) -> Animation:
    """One frame: the motion at a time, on the frame clock."""
    place = np.clip(time * motion.fps - 0.5, 0, len(motion) - 1)
    low, share = int(place), np.array([place % 1], np.float32)
    names = ("coefficients", "rotation", "translation", "gaze", "tongue")
    values = {name: getattr(motion, name) for name in names}
    return replace(motion, **{name: between(v[low : low + 1], v[low + 1 : low + 2], share) for name, v in values.items()})


def test_the_face_is_ours_at_any_time(motion, file, visit):
    """A hundredth of a millimetre is what the page rounds a shape to; some twenty of them move a vertex at once."""
    with visit(file.as_uri()) as page:
        for time in TIMES:
            page.evaluate(SEEK, time)
            seen = np.reshape(page.evaluate(READ), (-1, 3))[: len(motion.head.template)]  # what it wears comes after
            assert np.abs(seen - at(motion, time).vertices(0, posed=True)).max() < 1e-4  # 0.1 mm


def test_the_picture_is_ours(motion, file, visit):
    hide = "header, nav, #big { display: none !important } #canvas { transition: none !important }"
    frame = 59
    with visit(file.as_uri(), (256, 600)) as page:
        page.add_style_tag(content=hide)
        page.add_style_tag(content="#stage { flex: none; height: 256px }")
        page.wait_for_function("document.getElementById('canvas').height === 256")
        page.evaluate(SEEK, (frame + 0.5) / motion.fps)
        page.wait_for_timeout(200)
        seen = np.asarray(Image.open(io.BytesIO(page.locator("#canvas").screenshot())).convert("RGB"), float)
    ours = image(motion, frame, size=256).astype(float)
    apart = np.abs(seen - ours)
    assert apart.mean() < 1.5 and np.percentile(apart, 99) < 25  # of 255: another rasteriser, and WebP in place of the texture
    assert np.abs(seen - image(motion, frame + 6, size=256)).mean() > 2 * apart.mean()


def test_a_visitor_plays_it(file, visit):
    with visit(file.as_uri()) as page:
        page.locator("#big").click()
        page.wait_for_function("document.getElementById('sound').currentTime > 0.3")
        assert not page.locator("#big").is_visible()
        sound, shown = page.evaluate("async () => [document.getElementById('sound').currentTime, (await talkinghead).time]")
        assert abs(sound - shown) < 0.15
        page.keyboard.press("Space")
        stopped = page.evaluate(CLOCK)
        page.wait_for_timeout(150)
        assert page.evaluate(CLOCK) == stopped
        page.keyboard.press("Home")
        page.keyboard.press(".")
        assert page.evaluate(CLOCK) == pytest.approx(1.5 / 25)
        page.keyboard.press(">")
        assert page.evaluate("document.getElementById('sound').playbackRate") == 1.5
        page.locator("#timeline").click(position={"x": page.locator("#timeline").bounding_box()["width"] / 2, "y": 20})
        assert page.evaluate(CLOCK) == pytest.approx(page.evaluate("async () => (await talkinghead).duration") / 2, abs=0.05)
        before = page.evaluate("async () => (await talkinghead).stage.camera.position.x")
        page.keyboard.press("3")
        assert page.evaluate("async () => (await talkinghead).stage.camera.position.x") > before + 0.1


def test_it_fits_a_phone(file, visit):
    with visit(file.as_uri(), (360, 640)) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        for name in ("play", "speed", "curves", "mute", "help", "big"):
            box = page.locator(f"#{name}").bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["y"] + box["height"] <= 640, name


def test_the_sound_begins_where_it_did(file, sample, visit):
    decode = """async () => {
      const bytes = await (await fetch(document.getElementById("sound").src)).arrayBuffer();
      const sound = await new OfflineAudioContext(1, 16000, 16000).decodeAudioData(bytes);
      return Array.from(sound.getChannelData(0));
    }"""
    with visit(file.as_uri()) as page:
        heard = np.array(page.evaluate(decode))
    said = load_audio(sample)
    lags = np.arange(-800, 801)
    middle = said[2000:60000]
    likeness = [np.dot(middle, heard[2000 + lag : 60000 + lag]) for lag in lags]
    assert abs(lags[int(np.argmax(likeness))]) <= 80  # 5 ms
    assert len(heard) == pytest.approx(len(said), abs=1600)


def test_it_is_small_and_has_everything_in_it(file):
    text = file.read_text(encoding="utf-8")
    assert len(text) < 2_000_000
    assert "three.js authors" in text and "Permission is hereby granted" in text
    assert not re.findall(r'(?:src|href)="(?!data:)[^"]+', text)


def test_a_character_is_shown_by_its_own_file(tmp_path, visit):
    """Its weights are those of our frame, and its face looks to the camera."""
    head = Head.load(write_glb(tmp_path / "avatar.glb", *character(list(ARKIT))))
    names = Head.default().names
    weights = np.zeros((30, len(names)), np.float32)
    weights[:, names.index("jawOpen")] = np.linspace(0, 0.8, 30)
    turned, gaze = (np.random.default_rng(0).normal(0, 0.2, (30, *shape)).astype(np.float32) for shape in ((3,), (2, 2)))
    spoken = Animation(weights, 30.0, Head.default(), rotation=turned, gaze=gaze).on(head)
    spoken.save(tmp_path / "speaks.html")
    read = """async () => {
      const p = await talkinghead;
      let found = null;
      p.stage.character.traverse((node) => { if (node.morphTargetDictionary) found ??= node; });
      return found.morphTargetInfluences[found.morphTargetDictionary.jawOpen];
    }"""
    with visit((tmp_path / "speaks.html").as_uri()) as page:
        for frame in (4, 20, 12):
            page.evaluate(SEEK, (frame + 0.5) / 30)
            expected = spoken.coefficients[frame, head.names.index("jawOpen")]
            assert page.evaluate(read) == pytest.approx(expected, abs=1e-3)
        moved = page.evaluate(WORN)
        still = np.zeros(4) if spoken.gaze is None else spoken.gaze[12].ravel()
        frame = {"weights": spoken.coefficients[12], "rotation": turned[12], "gaze": still}
        page.evaluate(SEEK, 0.5 / 30)
        assert page.evaluate(WORN) != pytest.approx(moved, abs=1e-2)
        page.evaluate(PUT, {name: np.asarray(values, float).tolist() for name, values in frame.items()})
        assert page.evaluate(WORN) == pytest.approx(moved, abs=1e-3)  # a frame that is handed over looks as that of the motion


def test_titles_are_text(motion):
    text = document(replace(motion, meta={"emotion": {"spec": "<b>"}}), title="</title><script>alert(1)</script>")
    assert "<script>alert" not in text and "<b>" not in text


def test_a_notebook_keeps_it(motion):
    shown = inline(motion, height=300).data
    assert "srcdoc=" in shown and "sandbox=" in shown and "300px" in shown


def test_a_residual_is_refused(motion, tmp_path):
    still = replace(motion, residual=np.zeros((len(motion), len(motion.head.template), 3), np.float32))
    with pytest.raises(InputError, match="residual"):
        write(still, tmp_path / "x.html")
    assert not list(tmp_path.iterdir())


def test_convert_writes_it(motion, sample, tmp_path, capsys):
    motion.save(tmp_path / "a.npz")
    assert main(["convert", str(tmp_path / "a.npz"), "-o", str(tmp_path / "a.html"), "--audio", str(sample)]) == 0
    assert base64.b64encode(b"ID3")[:4].decode() in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert main(["convert", str(tmp_path / "a.npz"), "-o", str(tmp_path / "b.glb"), "--audio", str(sample)]) == 2
    assert "--audio is for .html only" in capsys.readouterr().err
