"""Cameras, lights, looks and backgrounds by their names."""

import numpy as np
import pytest
from pictures import WORKING, pose
from PIL import Image

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.rendering import image
from talkinghead.rendering.background import wall
from talkinghead.rendering.camera import CAMERAS, View, parse_view, place_camera
from talkinghead.rendering.output.opacity import over
from talkinghead.rendering.scene.lights import LIGHTS
from talkinghead.rendering.scene.styles import STYLES
from talkinghead.rendering.settings import NAMES, RenderSettings

SIZE = 96


def test_the_settings_know_the_names_of_all():
    assert NAMES == {"lights": tuple(LIGHTS), "look": tuple(STYLES)}
    words = RenderSettings.__doc__ or ""
    assert all(name in words for name in (*LIGHTS, *STYLES, *CAMERAS))


def test_cameras_are_named_or_set():
    assert parse_view("front,yaw=20, distance=0.5") == View(yaw=20.0, distance=0.5)
    assert parse_view("aim=mouth,fov=30") == View(fov=30.0, aim="mouth")
    for wrong in ("frnt", "front,yaw", "yaw=nan", "fov=0", "aim=nose", "front,side"):
        with pytest.raises(InputError):
            parse_view(wrong)


def test_every_camera_sees_what_it_is_named_for(head):
    for name, view in CAMERAS.items():
        camera = place_camera(head, name, 100, 100)
        spots = {"mouth": head.landmark("lip_upper_inner"), "eyes": (head.joints["left_eye"] + head.joints["right_eye"]) / 2}
        clip = camera.matrix @ [*spots.get(view.aim, head.landmark("nose_tip")), 1]
        assert np.abs(clip[:2] / clip[3]).max() < (0.2 if view.aim in spots else 0.9)
        wide = place_camera(head, f"{name},fov=40", 100, 100)
        assert np.linalg.norm(wide.eye) < np.linalg.norm(place_camera(head, f"{name},fov=10", 100, 100).eye)


def test_a_head_without_eyes_has_no_close_up(head):
    bare = Head("bare", head.template, head.faces, head.basis, head.names)
    with pytest.raises(InputError, match="where its eyes are is not known"):
        image(pose(bare), size=16, camera="close-up", backend=WORKING[0])


@pytest.mark.parametrize("look", [name for name in STYLES if name != "shaded"])
def test_looks_are_those_of_all_renderers(head, look):
    pictures = [image(pose(head, jawOpen=0.3), size=SIZE, look=look, backend=name).astype(int) for name in WORKING]
    usual = image(pose(head, jawOpen=0.3), size=SIZE, backend=WORKING[0]).astype(int)
    assert np.abs(pictures[0] - usual).mean() > 4
    for other in pictures[1:]:  # at this size lines are thinner than a pixel
        assert np.abs(other - pictures[0]).mean() < (8 if look == "wireframe" else 2.5)


def test_normals_are_colours_of_directions(head):
    picture = image(pose(head), size=SIZE, look="normals", backend=WORKING[0])
    red, green, blue = picture[int(0.25 * SIZE), SIZE // 2].astype(int)  # the forehead looks to the front
    assert blue > 190 and abs(red - 128) < 20 and green < blue


def test_rim_lights_leave_the_face_dark(head):
    usual, rim = (image(pose(head), size=SIZE, lights=name, backend=WORKING[0]).astype(int) for name in ("studio", "rim"))
    face = np.s_[int(0.4 * SIZE) : int(0.6 * SIZE), int(0.45 * SIZE) : int(0.55 * SIZE)]
    assert rim[face].mean() < 0.8 * usual[face].mean()


@pytest.mark.parametrize("backend", WORKING)
def test_opacity_is_what_another_background_shows(head, backend):
    clear = image(pose(head), size=SIZE, background="transparent", backend=backend)
    white = image(pose(head), size=SIZE, background="white", backend=backend)
    assert clear.shape == (SIZE, SIZE, 4) and set(clear[0, 0]) == {0} and clear[SIZE // 2, SIZE // 2, 3] == 255
    laid = over(clear, np.full((SIZE, SIZE, 3), 255, np.uint8)).astype(int)
    assert np.abs(laid - white).max() <= 2


def test_backgrounds(tmp_path):
    Image.new("RGB", (50, 10), (10, 200, 30)).save(tmp_path / "a.png")
    assert (wall(tmp_path / "a.png", 32, 48) == (10, 200, 30)).all()
    shown = wall("#20242a", 16, 16)
    assert shown is not None and (shown == (0x20, 0x24, 0x2A)).all() and wall("transparent", 16, 16) is None
    (tmp_path / "bad.png").write_bytes(b"no picture")
    for wrong, words in (("bad.png", "not a picture"), ("gone.png", "no such file")):
        with pytest.raises(InputError, match=words):
            wall(tmp_path / wrong, 16, 16)
