"""One server for all tests, on a network without weights."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi")
from servers import running
from stand_in import StandIn

from talkinghead.animate.talker import Talker
from talkinghead.server.limits import Limits


@pytest.fixture(scope="session")
def live_talker() -> Talker:
    return Talker(StandIn())


@pytest.fixture(scope="session")
def server(live_talker):
    with running(live_talker, Limits(clients=4, minutes=0.05, idle=1.0, seconds=4.0, megabytes=0.2, waiting=1)) as found:
        yield found
