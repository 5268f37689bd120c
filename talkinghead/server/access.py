"""Who may use a server: whoever knows its token, and pages of sites that were named."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HERE = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"  # origins of pages of this machine
OPEN = ("/health", "/docs", "/openapi.json", "/static-offline-docs")  # tell nothing of anybody


class Access:
    """Middleware that answers 401 without the token, and 403 to pages of other sites; of HTTP and WebSockets.

    token: of the header `Authorization: Bearer TOKEN`, or of the query, `?token=TOKEN`, as pages cannot set headers of a
    WebSocket; empty for none. origins: of pages beside those of this server and of this machine; `*` for all.
    """

    def __init__(self, app: ASGIApp, token: str, origins: tuple[str, ...]) -> None:
        self.app, self.token, self.origins = app, token, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            answer = self.app
        elif not self._known(headers := Headers(scope=scope)):
            answer = _refuse(403, "pages of this site may not use this server; see --origin")
        elif not scope["path"].startswith(OPEN) and not self._holds(headers, QueryParams(scope["query_string"])):
            answer = _refuse(401, "the token is missing or wrong")
        else:
            answer = self.app
        await answer(scope, receive, send)

    def _known(self, headers: Headers) -> bool:
        """Whether a request is of no page, or of one that may."""
        origin = headers.get("origin")
        if origin is None or "*" in self.origins or origin in self.origins:
            return True
        return bool(re.fullmatch(HERE, origin)) or origin.partition("://")[2] == headers.get("host")

    def _holds(self, headers: Headers, query: QueryParams) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        found = given.strip() if kind.lower() == "bearer" else query.get("token", "")
        return not self.token or secrets.compare_digest(found.encode(), self.token.encode())


def _refuse(status: int, line: str) -> JSONResponse:
    return JSONResponse({"error": line}, status, {"WWW-Authenticate": "Bearer"} if status == 401 else None)
