"""One HTML file with a talking head in it: mesh, motion, sound and viewer. It opens from a disk and loads nothing.

The viewer is `static/`: three.js as `tools/web/vendor_three.py` bundles it, and scripts of ours, which need no build.
"""

from __future__ import annotations

import base64
import html
import re
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from talkinghead.errors import InputError
from talkinghead.html import data_uri
from talkinghead.inputs import Inputs, check_replaceable
from talkinghead.rendering.backends import moderngl, shader
from talkinghead.rendering.scene import look, refine
from talkinghead.rendering.scene.lights import STUDIO
from talkinghead.version import __version__
from talkinghead.web.content import pack
from talkinghead.writing import replacing

if TYPE_CHECKING:
    from talkinghead.motion.animation import Animation

WEB = Path(__file__).resolve().parent
STATIC = WEB / "static"
SCRIPTS = ("pack.js", "face.js", "stage.js", "player.js")
WALL = """precision highp float;
in vec3 position;
out vec2 at;
void main() { at = position.xy; gl_Position = vec4(position.xy, 0.0, 1.0); }
"""
BACKDROP = """precision highp float;
in vec2 at;
uniform vec3 middle, edge;
out vec4 pixel;
vec3 encoded(vec3 c) { return mix(12.92 * c, 1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c)); }
float noise(vec2 p) { return fract(sin(dot(p, vec2(12.9898, 78.233))) * 43758.5453) - 0.5; }
void main() {
    float share = smoothstep(0.0, 1.0, length(0.75 * vec2(at.x, 0.15 - at.y)));
    pixel = vec4(encoded(mix(middle, edge, share)) + noise(gl_FragCoord.xy) / 255.0, 1.0);
}
"""


def write(
    animation: Animation,
    path: str | Path,
    *,
    audio: str | Path | None = None,
    track: int | None = None,
    title: str = "",
) -> None:
    """Write `animation` as an .html file. audio, track: see `rendering.video.render`. title: what it is headed with.

    Raises InputError for a motion that a page cannot hold, an unreadable `audio` or a disk that cannot take the file.
    """
    path = Path(path)
    Inputs(audio).refuse(path)
    check_replaceable(path)
    try:
        text = document(animation, audio=audio, track=track, title=title or path.stem)
    except InputError as error:
        raise InputError(str(error) if str(audio) in str(error) else f"{path}: {error}") from None
    with replacing(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def document(
    animation: Animation, *, audio: str | Path | None = None, track: int | None = None, title: str = "talking head"
) -> str:
    """The same as text."""
    from talkinghead.web.sound import MEDIA_TYPE, mp3

    content, character = pack(animation)
    sound, duration, peaks = mp3(audio, track) if audio is not None else (None, animation.duration, [])
    content.about |= {
        "options": {"sound": sound is not None, "duration": duration, "peaks": peaks},
        "bulge": refine.BULGE,
        "vertex": embedded(shader.fill(shader.VERTEX, moderngl.WORDS)),
        "fragment": embedded(shader.fragment(STUDIO, lines="lines")),
        "lights": {"sky": STUDIO.sky, "ground": STUDIO.ground, "lamps": STUDIO.lamps},
        "backdrop": {"middle": look.BACKDROP[0], "edge": look.BACKDROP[1], "vertex": WALL, "fragment": BACKDROP},
    }
    words = {
        "VERSION": __version__,
        "TITLE": html.escape(title),
        "SUBTITLE": html.escape(_subtitle(animation, duration)),
        "STYLE": (STATIC / "page.css").read_text(encoding="utf-8"),
        "NOTICE": three()[0],
        "THREE": three()[1],
        "MOTION": base64.b64encode(content.document()).decode(),
        "SOUND": f'<audio id="sound" preload="auto" src="{data_uri(sound, MEDIA_TYPE)}"></audio>' if sound else "",
        "CHARACTER": f'<script id="character" type="text/plain">{_deflated(character)}</script>' if character else "",
        "SCRIPT": "\n".join((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    page = (STATIC / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\b(" + "|".join(words) + r")\b", lambda match: words[match[0]], page)


@cache
def three() -> tuple[str, str]:
    """The notices of three.js, and its code, deflated, in base64."""
    text = (STATIC / "three.min.js").read_text(encoding="utf-8")
    return text[3 : text.index("*/")].strip(), _deflated(text.encode())


def embedded(source: str) -> str:
    """A shader of OpenGL 3.3 in the words of OpenGL ES 3, which browsers know."""
    return source.replace("#version 330 core\n", "precision highp float;\nprecision highp int;\n")


def _deflated(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _subtitle(animation: Animation, duration: float) -> str:
    parts = [f"{duration:.1f} s", f"{animation.fps:g} frames a second"]
    emotion = animation.meta.get("emotion")
    if isinstance(emotion, dict) and isinstance(emotion.get("spec"), str):
        parts.insert(0, emotion["spec"])
    return " · ".join(parts)
