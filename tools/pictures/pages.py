"""The README's picture of a page: `talkinghead demo` in Chromium, two heads side by side.

    python tools/pictures/pages.py

Needs the extras `demo` and `dev`, and Chromium.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
import threading
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from talkinghead import Talker
from talkinghead.demo.app import application
from talkinghead.demo.serve import FIRST
from talkinghead.demo.workshop import Limits, Workshop
from talkinghead.web.address import LOCAL, bound

PICTURES = Path(__file__).resolve().parents[2] / "assets/pictures"
FLAGS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
SIZE = {"width": 1280, "height": 780}
LEFT, RIGHT = 2.05, 3.4  # seconds
WAIT = 300_000  # milliseconds


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as engine:
        workshop = Workshop(Path(folder), Limits(), Talker.from_pretrained)
        first = workshop.animate({"sound": "hello", **FIRST})
        door = bound("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(application(workshop, first, list(LOCAL)), log_level="error"))
        threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True).start()
        address = f"http://127.0.0.1:{door.getsockname()[1]}"
        browser = engine.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(WAIT)
        page.goto(address)
        ready(page, 0)
        compare(page)
        save(page, "demo.jpg")
        browser.close()
        server.should_exit = True
        workshop.close()


def ready(page: Page, slot: int) -> None:
    page.wait_for_selector(f"#slot-{slot} iframe")
    page.frame_locator(f"#slot-{slot} iframe").locator("body.ready").wait_for()


def compare(page: Page) -> None:
    """Somebody else, who becomes sad, beside the first head."""
    page.click("#compare")
    page.click("#clear")
    page.click("[data-emotion=sad]")
    page.evaluate("curve.levels.sad.forEach((_, i, all) => (all[i] = 0.1 + 0.8 / (1 + Math.exp(-(i - 40) / 9))))")
    page.evaluate("curve.brush = 'happy'")
    page.evaluate("curve.levels.happy.forEach((_, i, all) => (all[i] = 0.75 / (1 + Math.exp((i - 30) / 6))))")
    page.evaluate("showEmotion()")
    page.click("[data-kind=person]")
    page.fill("#person-seed", "8")
    page.click("#animate")
    ready(page, 1)
    page.evaluate("times => times.forEach((time, slot) => send(slot, 'seek', { time }))", [LEFT, RIGHT])
    page.wait_for_timeout(8000)


def save(page: Page, name: str) -> None:
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(PICTURES / name, quality=86, optimize=True)
    print(f"{PICTURES / name}: {(PICTURES / name).stat().st_size} bytes")


if __name__ == "__main__":
    main()
