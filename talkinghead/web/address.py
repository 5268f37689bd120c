"""Addresses that servers listen at."""

from __future__ import annotations

import socket

from talkinghead.errors import InputError

LOCAL = ("localhost", "127.0.0.1", "[::1]")


def bound(host: str, port: int) -> socket.socket:
    """A socket at an address. Raises InputError if it cannot be had."""
    if not 0 <= port < 65536:
        raise InputError(f"--port is {port}: choose 0 (a free one) to 65535")
    try:
        family, kind, number, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, kind, number)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(place)
    except OSError as error:
        raise InputError(f"{host}:{port} cannot be had ({error.strerror or error}); choose another --port, or 0") from None
    return door


def url(host: str, door: socket.socket) -> str:
    """What a browser opens."""
    name = "localhost" if host in ("127.0.0.1", "::1") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{door.getsockname()[1]}"


def names(host: str) -> tuple[str, ...]:
    """By which a server at this address may be asked for: pages of others cannot reach a local one by a name of their own."""
    return ("*",) if host in ("0.0.0.0", "::") else (*LOCAL, host)
