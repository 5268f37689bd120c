"""Addresses of programs that listen, and the UDP socket that reaches them."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple

from talkinghead.errors import InputError

LOCAL = "127.0.0.1"


class Address(NamedTuple):
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(text: str, port: int, least: int = 1) -> Address:
    """HOST, HOST:PORT, :PORT, [IPv6]:PORT or nothing; what is missing is this machine and `port`. Raises InputError."""
    host, told = text, ""
    if text.startswith("[") and "]" in text:
        host, _, told = text[1:].partition("]")
        wrong = bool(told) and not told.startswith(":")
        told = told[1:]
    elif text.count(":") > 1:
        wrong = not _is_ip(text)
    else:
        host, colon, told = text.partition(":")
        wrong = bool(colon) and not told
    if told or wrong:
        if wrong or not (told.isascii() and told.isdigit()) or not least <= int(told) < 65536:
            raise InputError(f"address {text!r}: write HOST, HOST:PORT or :PORT, with a port from {least} to 65535")
        port = int(told)
    return Address(host or LOCAL, port)


def _is_ip(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


class Udp:
    """A socket that sends to one address. A packet that cannot be sent is lost, as on any network; `send` tells so.

    Raises InputError for a host that is not known.
    """

    def __init__(self, to: Address) -> None:
        try:
            family, kind, number, _, self._to = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind, number)
            if family == socket.AF_INET and to.host.endswith(".255"):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        except (OSError, UnicodeError) as error:
            raise InputError(f"{to}: this host is not found ({getattr(error, 'strerror', None) or error})") from None
        self._socket.setblocking(False)

    def send(self, packet: bytes) -> bool:
        try:
            self._socket.sendto(packet, self._to)
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()
