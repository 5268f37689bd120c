"""The addresses of a server, on FastAPI, which makes the page of them: `/docs`."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from fastapi import FastAPI, Query, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse, JSONResponse, Response

from talkinghead.animate.talker import Talker
from talkinghead.errors import InputError, brief
from talkinghead.files import file_name
from talkinghead.server import limits, media, protocol
from talkinghead.server.access import HERE, Access
from talkinghead.server.house import House
from talkinghead.server.limits import CODES, Limits
from talkinghead.server.meters import Meters
from talkinghead.server.protocol import BINARY, Asked, Emotion, Finish, Hello
from talkinghead.server.recordings import Recordings
from talkinghead.server.session import Session
from talkinghead.version import __version__

MESSAGES = Path(__file__).with_name("stream.md").read_text(encoding="utf-8")
STREAM = MESSAGES.replace("BINARY", BINARY).replace("AHEAD", f"{limits.AHEAD:g}")
STREAM += "\n".join(f"| {code} | {about} |" for code, about in CODES.items())


class Error(BaseModel):
    """What went wrong."""

    error: str


def application(
    talker: Talker,
    taken: Limits,
    *,
    model: str | None = None,
    token: str = "",
    hosts: tuple[str, ...] = ("*",),
    origins: tuple[str, ...] = (),
    recordings: Callable[[], Recordings] | None = None,
) -> FastAPI:
    """The server as an ASGI application. Its state has `house` between start and end.

    talker: of the live streams. model: of whole recordings, as `Talker.from_pretrained` takes it. token, origins: see
    `Access`. hosts: names by which the server may be asked for. recordings: what works on them.
    """

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        app.state.house = House(talker, (recordings or (lambda: Recordings(model)))(), taken, Meters())
        yield
        await app.state.house.leave()
        app.state.house.close()

    middleware = [
        Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
        Middleware(CORSMiddleware, allow_origins=origins, allow_origin_regex=HERE, allow_methods=["*"], allow_headers=["*"]),
        Middleware(Access, token=token, origins=origins),
    ]
    about = "Speech to a talking 3D face, live and of whole recordings."
    app = FastAPIOffline(
        redoc_url=None, title="talkinghead", version=__version__, description=about, lifespan=living, middleware=middleware
    )
    app.add_exception_handler(RequestValidationError, _misunderstood)
    app.add_exception_handler(HTTPException, _refused)
    _routes(app)
    _with_schemas(app, locked=bool(token))
    return app


def _routes(app: FastAPI) -> None:
    @app.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        await Session(socket, app.state.house).run()

    @app.get(
        "/stream", summary="Live", description=STREAM, responses={101: {"description": "a WebSocket"}, 426: {"model": Error}}
    )
    async def no_stream() -> Response:
        return JSONResponse({"error": "a live stream is a WebSocket, see /docs"}, 426, {"Upgrade": "websocket"})

    @app.post(
        "/animate",
        summary="A whole recording",
        response_class=Response,
        responses={
            200: {"description": "the animation", "content": {kind: {} for kind in (*media.TYPES.values(), media.OTHER)}},
            **{status: {"model": Error} for status in (406, 408, 413, 422, 503)},
        },
        openapi_extra={
            "requestBody": {"required": True, "content": {media.OTHER: {"schema": {"type": "string", "format": "binary"}}}}
        },
    )
    async def animate(request: Request, asked: Annotated[Whole, Query()]) -> Response:
        """A recording in, as the body: WAV, FLAC, MP3, Ogg, M4A or the sound of a video. Its animation out.

        The format is that of the query, or the first of Accept's that there is, or JSON. What a format writes as several files
        comes as a .zip.
        """
        house: House = app.state.house
        status = 500
        try:
            found = await _animated(request, asked, house)
            status = found.status_code
            return found
        except HTTPException as error:
            status = error.status_code
            raise
        finally:
            house.meters.recordings.labels(status).inc()

    @app.get("/health", summary="Whether it works", responses={503: {"model": Error}})
    async def health() -> Response:
        house: House = app.state.house
        if house.closing or not house.engine.alive:
            return JSONResponse({"error": "the server ends" if house.closing else "live streams have stopped"}, 503)
        return JSONResponse({"streams": len(house.seated), "clients": house.limits.clients, "version": __version__})

    @app.get("/metrics", summary="Numbers for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(app.state.house.meters.text(), media_type="text/plain; version=0.0.4")


class Whole(Asked):
    """What is asked of a whole recording."""

    format: Literal[media.FORMATS] | None = None  # pyright: ignore[reportInvalidTypeForm]
    name: protocol.Word = "recording"
    token: str | None = None


async def _animated(request: Request, asked: Whole, house: House) -> Response:
    suffix = f".{asked.format}" if asked.format else media.accepted(request.headers.get("accept", "*/*"))
    if suffix is None:
        raise HTTPException(406, f"Accept: there are {', '.join(media.TYPES.values())}; or choose with ?format=")
    try:
        settings = asked.settings()
        asked.person()
    except InputError as error:
        raise HTTPException(422, str(error)) from None
    folder = Path(tempfile.mkdtemp(prefix="talkinghead-serve-"))
    name = file_name(Path(unquote(asked.name)).name)
    try:
        with house.turn() as free:
            if not free:
                raise HTTPException(503, "too many recordings are waiting; try again later", {"Retry-After": "10"})
            source = await _received(request, folder / name, house.limits)
            work = house.recordings.animate(source, folder / f"motion{suffix}", settings, asked.head, house.limits.seconds)
            path = await _while_asked_for(request, work)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, InputError):
            raise HTTPException(422, str(error).replace(f"{folder}/", "")) from None
        if isinstance(error, TimeoutError):
            raise HTTPException(503, "the recording took too long") from None
        raise
    kind = "application/zip" if path.suffix == ".zip" else media.media_type(suffix)
    done = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    stem = Path(name).stem or name
    return FileResponse(path, media_type=kind, filename=path.name.replace("motion", stem, 1), background=done)


async def _received(request: Request, path: Path, taken: Limits) -> Path:
    """The body of a request as a file."""
    size = 0
    try:
        async with asyncio.timeout(limits.UPLOAD):
            with path.open("wb") as file:
                async for piece in request.stream():
                    size += len(piece)
                    if size > taken.bytes:
                        raise HTTPException(413, f"the recording has more than {taken.megabytes:g} MB", {"Connection": "close"})
                    file.write(piece)
    except TimeoutError:
        raise HTTPException(408, f"the recording did not come within {limits.UPLOAD:g} s", {"Connection": "close"}) from None
    if not size:
        raise HTTPException(422, "the body is empty; send a recording, such as curl --data-binary @speech.wav")
    return path


async def _while_asked_for(request: Request, work: Any) -> Path:
    """The result of `work`, which is given up if the client goes away."""

    async def gone() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(0.5)

    working, watching = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise HTTPException(499, "the client has gone")
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _misunderstood(request: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": brief(error)}
    place = ".".join(str(part) for part in first["loc"] if part != "query")
    return JSONResponse({"error": f"{place}: {first['msg']}"}, 422)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _with_schemas(app: FastAPI, locked: bool) -> None:
    """Enter the messages of live streams into the page, which knows the bodies of HTTP only."""
    plain = app.openapi

    def with_schemas() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        content = plain()
        if fresh:
            for message in (Hello, Emotion, Finish):
                content["components"]["schemas"][message.__name__] = message.model_json_schema()
            if locked:
                content["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                content["security"] = [{"token": []}]
        return content

    app.openapi = with_schemas
