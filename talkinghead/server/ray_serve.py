"""The server on several machines: replicas of it on a Ray cluster, with Ray Serve before them.

On every machine: `pip install 'talkinghead[serve]' 'ray[serve]'`, then `ray start --head` on one,
`ray start --address=HEAD:6379` on the others, and on any of them

    serve run --address ray://HEAD:10001 talkinghead.server.ray_serve:app replicas=4 cpus=1 clients=20

The arguments are the fields of `Limits` and those of `app` below; none is needed. Ray Serve listens at port 8000 of every
machine that has a replica, keeps a WebSocket with the replica that took it, starts a replica anew that has died, and lets
those that end finish. /health and /metrics are of whichever replica is asked.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from fastapi import FastAPI
from ray import serve

from talkinghead.errors import choose_name
from talkinghead.server.app import application
from talkinghead.server.limits import GRACE, Limits
from talkinghead.server.models import live_talker

PLACES = 16  # requests beside streams and recordings, such as of /health


def app(arguments: dict[str, str]) -> serve.Application:
    """What `serve run` asks for. replicas, cpus: how many, and of each; model, recordings, token, origins: see `serve`.

    Raises InputError for an argument that there is not.
    """
    given = dict(arguments)
    replicas, cpus = int(given.pop("replicas", 1)), float(given.pop("cpus", 1))
    model, recordings = given.pop("model", None), given.pop("recordings", None)
    token, origins = given.pop("token", ""), tuple(given.pop("origins", "").split())
    limits = _limits(given)

    def made() -> FastAPI:
        return application(live_talker(model), limits, model=recordings, token=token, origins=origins)

    deployment = serve.deployment(
        name="talkinghead",
        num_replicas=replicas,
        max_ongoing_requests=limits.clients + limits.waiting + PLACES,
        graceful_shutdown_timeout_s=2 * GRACE,
        ray_actor_options={"num_cpus": cpus},
    )
    return deployment(serve.ingress(made)()).bind()


def _limits(given: dict[str, str]) -> Limits:
    kinds = {field.name: type(field.default) for field in fields(Limits)}
    for name in given:
        choose_name("argument", name, kinds)
    values: dict[str, Any] = {name: kinds[name](value) for name, value in given.items()}
    return Limits(**values)
