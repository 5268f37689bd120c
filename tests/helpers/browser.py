"""Fixtures: a real browser without a window, and pages in it. Tests that ask for it skip where there is none."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SPOKEN = Path(__file__).parents[2] / "assets/audio/hello.wav"  # what the microphone hears
FLAGS = [
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox", "--autoplay-policy=no-user-gesture-required"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={SPOKEN}"),
]


@pytest.fixture(scope="session")
def chromium():
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("needs Chromium or Chrome")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def visit(chromium):
    """A context manager that opens an address, waits until it is ready, and fails on errors and on anything from elsewhere."""

    @contextmanager
    def opened(address: str, size: tuple[int, int] = (480, 560), ready: str = "body.ready"):
        page = chromium.new_page(viewport={"width": size[0], "height": size[1]})
        page.set_default_timeout(120_000)
        faults: list[str] = []
        own = address.partition("://")[0] + "://" + address.partition("://")[2].partition("/")[0]
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith((own, "data:", "blob:", "about:")) else faults.append(r.url))
        page.goto(address)
        page.wait_for_selector(ready)
        yield page
        page.close()
        assert not faults

    return opened
