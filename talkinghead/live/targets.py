"""What `--to` says: which senders there are, and where each sends if nothing else is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TextIO

from talkinghead.errors import InputError, choose_name
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.head import Head
from talkinghead.live.frames import Sender, Stream
from talkinghead.live.receivers import livelink, vmc, vrchat, websocket
from talkinghead.live.receivers.lines import Lines
from talkinghead.live.receivers.messages import ready_message
from talkinghead.live.receivers.sockets import Address, read_address

PORTS = {"livelink": livelink.PORT, "vmc": vmc.PORT, "vrchat": vrchat.PORT, "websocket": websocket.PORT}
KINDS = (*PORTS, "json")
# Whose receivers know shapes by the names of ARKit, and expressions that are made of them
ARKIT_KINDS = ("livelink", "vmc", "vrchat")


@dataclass(frozen=True)
class Target:
    """A sender that is asked for, and its address; None for the standard output."""

    kind: str
    address: Address | None


def read_targets(texts: Sequence[str]) -> list[Target]:
    """KIND or KIND=ADDRESS each. Raises InputError."""
    found = []
    for text in texts:
        kind, told, where = text.partition("=")
        choose_name("receiver", kind, KINDS)
        if kind == "json" and told:
            raise InputError("--to json: goes to the standard output and has no address")
        least = 0 if kind == "websocket" else 1  # a server may take a free port
        found.append(Target(kind, None if kind == "json" else read_address(where, PORTS[kind], least)))
    if len(set(found)) < len(found):
        raise InputError("--to: names the same receiver twice")
    return found


def sent_head(head: Head | None, targets: Sequence[Target]) -> Head | None:
    """The head whose weights are sent: None, the default one, where only ARKit's shapes are sent and the head has none."""
    by_name = all(target.kind in ARKIT_KINDS for target in targets)
    return None if head is not None and by_name and not set(ARKIT) & set(head.names) else head


@dataclass(frozen=True)
class Options:
    """Of single senders. subject: of Live Link. names: families of VMC's. origins: of pages that may use the WebSocket."""

    subject: str = "talkinghead"
    names: tuple[str, ...] = vmc.FAMILIES
    origins: tuple[str, ...] = ()


def open_senders(
    targets: Sequence[Target],
    stream: Stream,
    fps: float,
    latency: float,
    options: Options,
    change: Callable[[Any], None],
    out: TextIO,
    closing: ExitStack,
) -> list[Sender]:
    """The senders, which `closing` closes. change: takes the emotions that clients of a WebSocket send. Raises InputError."""
    senders: list[Sender] = []
    for target in targets:
        ready = ready_message(stream, fps, latency)
        if target.address is None:
            sender: Sender = Lines(out, ready)
        elif target.kind == "livelink":
            sender = livelink.LiveLink(target.address, stream.head, fps, options.subject)
        elif target.kind == "vmc":
            sender = vmc.Vmc(target.address, stream.head, options.names)
        elif target.kind == "vrchat":
            sender = vrchat.VrChat(target.address, stream.head)
        else:
            sender = websocket.WebSocket(target.address, ready, change, options.origins)
        closing.callback(sender.close)
        senders.append(sender)
    return senders
