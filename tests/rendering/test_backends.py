"""All renderers show the same picture; where one does not work, another takes over or one line says why."""

import os
import subprocess
import sys
from threading import Thread

import numpy as np
import pytest
from pictures import WORKING, pose, silhouette

from talkinghead import rendering
from talkinghead.errors import InputError
from talkinghead.rendering import renderer

CODE = (
    "from talkinghead.rendering import available_backends, choose_backend; print(choose_backend()); "
    "print([name for name, works, _ in available_backends() if works])"
)


@pytest.fixture(scope="module")
def spoken(head):
    shapes = {"jawOpen": 0.3, "mouthUpperUpLeft": 0.4, "mouthSmileRight": 0.7, "browInnerUp": 0.9, "eyeBlinkLeft": 0.3}
    return pose(head, rotation=(0.1, 0.2, 0.0), **shapes)


@pytest.mark.parametrize("camera", ["front", "three-quarter", "side"])
@pytest.mark.parametrize("backend", [name for name in WORKING if name != "software"])
def test_backends_agree(spoken, backend, camera):
    one, other = (rendering.image(spoken, size=384, camera=camera, backend=name).astype(int) for name in ("software", backend))
    far = np.abs(one - other)
    shapes = silhouette(one), silhouette(other)
    inside = shapes[0] & shapes[1]
    assert inside.sum() / (shapes[0] | shapes[1]).sum() > 0.99
    assert far.mean() < 1.0 and far[inside].mean() < 3.0  # of 255; hairs thinner than a pixel make most of it
    assert np.median(far[inside]) <= 1
    assert np.abs((one - other)[inside].mean(0)).max() < 1.5  # no tint


@pytest.mark.skipif(not {"moderngl", "pyrender"} <= set(WORKING), reason="needs both OpenGL backends")
def test_both_opengl_backends_draw_the_same_pixels(spoken):
    one, other = (rendering.image(spoken, size=384, backend=name).astype(int) for name in ("moderngl", "pyrender"))
    assert np.abs(one - other).mean() < 0.1


@pytest.mark.parametrize("backend", WORKING)
def test_a_second_picture_and_another_thread_get_the_same(spoken, backend):
    want = rendering.image(spoken, size=96, backend=backend)
    got = [rendering.image(spoken, size=96, backend=backend)]
    one, other = (rendering.frames(spoken, size=96, camera=c, backend=backend) for c in ("front", "side"))
    next(other)
    got.append(next(one))
    threads = [Thread(target=lambda: got.append(rendering.image(spoken, size=96, backend=backend))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 5 and all((picture == want).all() for picture in got)


@pytest.mark.parametrize("backend", WORKING)
def test_edges_are_smooth(head, backend):
    """Across the outline, a good part of the pixels lies between skin and background."""
    picture = rendering.image(pose(head), size=256, backend=backend).astype(int)
    row = picture[40:90].mean(-1)
    between = 0
    for line in row:
        steps = np.abs(np.diff(line))
        at = int(steps[:128].argmax())
        low, high = sorted((line[at - 2], line[at + 3]))
        between += any(low + 0.15 * (high - low) < line[k] < high - 0.15 * (high - low) for k in (at, at + 1))
    assert between > 0.5 * len(row)


def test_vertices_beyond_all_bounds_do_not_crash(head):
    wild = pose(head, jawOpen=1e6)
    for backend in WORKING:
        assert rendering.image(wild, size=64, backend=backend).shape == (64, 64, 3)


def test_software_takes_over_where_there_is_no_opengl(root):
    nothing = {**os.environ, "__EGL_VENDOR_LIBRARY_FILENAMES": "/nonexistent", "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", CODE], env=nothing, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    if "moderngl" in lines[1]:
        pytest.skip("this OpenGL cannot be hidden")
    assert done.returncode == 0 and lines == ["software", "['software']"]
    (line,) = done.stderr.splitlines()
    assert "moderngl does not work here" in line and "software renderer takes over" in line


@pytest.fixture
def broken(monkeypatch):
    """moderngl without a driver."""
    from talkinghead.rendering.backends import moderngl

    def fail():
        raise RuntimeError("libEGL.so not\nloaded")

    monkeypatch.setattr(moderngl, "_context", fail)


def test_an_explicit_backend_that_does_not_work_is_an_error(broken):
    with pytest.raises(InputError, match=r"moderngl does not work here \(libEGL.so not loaded\); software") as error:
        rendering.choose_backend("moderngl")
    assert "\n" not in str(error.value)


def test_the_fallback_says_so_once_and_draws(broken, spoken, capfd):
    picture = rendering.image(spoken, size=64)
    out, err = capfd.readouterr()
    assert picture.any() and not out and len(err.splitlines()) == 1 and "libEGL.so not loaded" in err
    assert next(w for n, w, _ in rendering.available_backends() if n == "moderngl") is False


def test_a_driver_that_fails_at_full_size_is_replaced(monkeypatch, spoken, capfd):
    from talkinghead.rendering.backends import moderngl

    def refuse(*_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(moderngl, "probe", lambda: "fine")
    monkeypatch.setattr(moderngl, "ModernglBackend", refuse)
    assert rendering.image(spoken, size=64).any()
    assert "out of memory" in capfd.readouterr().err
    with pytest.raises(InputError, match="cannot draw 64x64 pixels here"):
        rendering.image(spoken, size=64, backend="moderngl")


def test_every_name_in_the_table_is_built():
    for name in renderer.BACKENDS:
        assert callable(renderer._backend(name))
