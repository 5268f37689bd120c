"""The demo's addresses, on Starlette. Every answer but files is JSON; what a visitor can mend is {"error": one line}.

Requests that change something need the header X-Talkinghead: pages of other sites cannot send it.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from talkinghead import export
from talkinghead.animate.settings import PAGE, AnimateSettings
from talkinghead.demo.microphone import Microphone
from talkinghead.demo.workshop import HEADS, SETTINGS, Workshop
from talkinghead.errors import InputError, brief
from talkinghead.files import file_name
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.rendering.settings import LOOPS, MOVIES
from talkinghead.web.page import WEB

STATIC = Path(__file__).resolve().parent / "static"
MODULE = WEB / "live"  # what takes sound from a microphone
LONGEST_JSON = 200_000  # bytes
POLICY = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; "
POLICY += "connect-src 'self'; media-src 'self' blob:; frame-src 'self'; base-uri 'none'; form-action 'none'"
FRESH = {"Cache-Control": "no-store"}
FORMATS = {
    **dict.fromkeys(MOVIES, "film with sound"),
    **dict.fromkeys(LOOPS, "moving picture without sound"),
    PAGE: "page that plays it in 3D, with sound",
    **export.formats(),
}


def application(workshop: Workshop, first: str, hosts: list[str]) -> Starlette:
    """first: id of the job whose result a new visitor sees. hosts: names by which the demo may be asked for."""
    demo = Demo(workshop, first)
    routes = [
        *(Route("/", demo.index), Route("/options", demo.options), Route("/job/{name}", demo.job)),
        *(Route("/file/{name}", demo.file), Route("/result/{name}", demo.result), Route("/sound/{name}", demo.heard)),
        WebSocketRoute("/microphone", Microphone(workshop).answer),
        Mount("/module", StaticFiles(directory=MODULE)),
        *(Route(f"/{f.__name__}", _guarded(f), methods=["POST"]) for f in (demo.sound, demo.head, demo.animate, demo.make)),
    ]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)]
    return Starlette(routes=routes, middleware=middleware, exception_handlers={InputError: _refused})


class Demo:
    """The answers, one method for each address."""

    def __init__(self, workshop: Workshop, first: str) -> None:
        self.workshop, self.first = workshop, first

    async def index(self, request: Request) -> Response:
        return HTMLResponse(_page(), headers={"Content-Security-Policy": POLICY, **FRESH})

    async def options(self, request: Request) -> Response:
        defaults, limits = AnimateSettings(), self.workshop.limits
        content = {
            "sounds": [self._about(name) for name in self.workshop.samples],
            "first": self.first,
            "emotions": EMOTIONS[1:],
            "settings": {name: getattr(defaults, name) for name in SETTINGS},
            "heads": HEADS,
            "formats": {suffix: about.replace("`", "") for suffix, about in FORMATS.items()},
            "seconds": limits.seconds,
            "bytes": limits.bytes,
        }
        return JSONResponse(content, headers=FRESH)

    async def sound(self, request: Request) -> Response:
        path = await _received(request, self.workshop)
        name = await run_in_threadpool(_or_delete, self.workshop.add_sound, path, _called(request))
        return JSONResponse(self._about(name))

    async def head(self, request: Request) -> Response:
        path = await _received(request, self.workshop)
        name, about = await run_in_threadpool(_or_delete, self.workshop.add_head, path, _called(request))
        return JSONResponse({"id": name, "name": _called(request), "about": about})

    async def animate(self, request: Request) -> Response:
        return JSONResponse({"job": self.workshop.animate(await _json(request))})

    async def make(self, request: Request) -> Response:
        wanted = await _json(request)
        suffix = str(wanted.get("format"))
        if suffix not in FORMATS:
            raise InputError(f"no format {suffix}; choose one of {' '.join(FORMATS)}")
        return JSONResponse({"job": self.workshop.make(str(wanted.get("result")), suffix)})

    async def job(self, request: Request) -> Response:
        return JSONResponse(self.workshop.job(request.path_params["name"]), headers=FRESH)

    async def file(self, request: Request) -> Response:
        found = self.workshop.jobs.get(request.path_params["name"])
        if found is None or found.file is None or not found.file.exists():
            raise InputError("this file has been cleared away; ask for it again")
        return FileResponse(found.file, filename=found.file.name)

    async def result(self, request: Request) -> Response:
        return FileResponse(self.workshop.page(request.path_params["name"]), media_type="text/html")

    async def heard(self, request: Request) -> Response:
        found = self.workshop.sounds.get(request.path_params["name"])
        if found is None:
            raise InputError("this voice has been cleared away; send it again")
        return FileResponse(found.path)

    def _about(self, name: str) -> dict[str, Any]:
        sound = self.workshop.sounds[name]
        return {"id": name, "name": sound.name, "seconds": sound.seconds, "peaks": sound.peaks}


def _guarded(handler):
    async def checked(request: Request) -> Response:
        if "x-talkinghead" not in request.headers:
            raise InputError("the header X-Talkinghead is missing")
        return await handler(request)

    return checked


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)


async def _received(request: Request, workshop: Workshop) -> Path:
    """The body of a request as a file. Raises InputError for one that is too large or empty."""
    most = workshop.limits.bytes
    path = workshop.folder / f"{secrets.token_hex(8)}{Path(_called(request)).suffix.lower()[:8]}"
    size = 0
    try:
        with path.open("wb") as file:
            async for piece in request.stream():
                size += len(piece)
                if size > most:
                    raise InputError(f"{_called(request)}: has more than {most >> 20} MB")
                file.write(piece)
        if not size:
            raise InputError(f"{_called(request)}: is empty")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _or_delete(take, path: Path, name: str) -> Any:
    try:
        return take(path, name)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def _json(request: Request) -> dict[str, Any]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_JSON:
            raise InputError("this is too much to ask for at once")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {brief(error)}") from None
    if not isinstance(content, dict):
        raise InputError("not a JSON object")
    return content


def _called(request: Request) -> str:
    """The name of a file that is sent, safe to show and to write."""
    return file_name(Path(unquote(request.query_params.get("name", "recording"))).name)


def _page() -> str:
    page = (STATIC / "demo.html").read_text(encoding="utf-8")
    for word, name in (("STYLE", "demo.css"), ("CURVE", "curve.js"), ("SPEAK", "speak.js"), ("SCRIPT", "demo.js")):
        page = page.replace(word, (STATIC / name).read_text(encoding="utf-8"), 1)
    return page
