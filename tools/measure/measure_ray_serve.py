"""The server on a Ray cluster of two nodes of this machine, one of which is lost and replaced; JSON lines.

    python tools/measure/measure_ray_serve.py --streams 8 --seconds 20

Needs `ray[serve]`. Each node has room for one replica. Streams are paced as microphones are. `replicas` is how many took part,
`whole` how many streams had every frame, in order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import ray
from ray import serve
from ray.cluster_utils import Cluster

from talkinghead.audio.load import load_audio
from talkinghead.files import asset
from talkinghead.server.ray_serve import app

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))
from load_server import Stream

HOME = "http://127.0.0.1:8000"
TRIES = 5


async def streamed(count: int, seconds: float) -> dict[str, Any]:
    """Streams at once, and the replicas that can be seen."""
    sound = (load_audio(asset("audio/hello.wav")) * 32767).astype("<i2")
    streams = [Stream(HOME.replace("http", "ws") + "/stream", sound, 30.0, seconds) for _ in range(count)]
    await asyncio.gather(*(stream.run() for stream in streams))
    delays = np.concatenate([stream.delays for stream in streams] or [np.zeros(0)])
    whole = sum(not stream.lost and not stream.closed for stream in streams)
    broken = [stream.closed for stream in streams if stream.closed][:2]
    p99 = round(float(np.percentile(delays, 99)) * 1000, 1) if len(delays) else None
    return {"streams": count, "whole": whole, "broken": broken, "p99_ms": p99, "replicas": len(replicas())}


def replicas(tries: int = 20) -> set[str]:
    """Those that answer: each tells when it began to count frames."""
    found = set()
    for _ in range(tries):
        with urlopen(f"{HOME}/metrics", timeout=30) as answer:
            found |= set(re.findall(r"^talkinghead_frames_created (\S+)", answer.read().decode(), re.MULTILINE))
    return found


def waited(count: int, seconds: float = 300) -> float:
    """Seconds until so many replicas run."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        states = serve.status().applications["default"].deployments["talkinghead"].replica_states
        if states.get("RUNNING", 0) == count and len(states) == 1:
            return round(time.monotonic() - start, 1)
        time.sleep(0.5)
    raise SystemExit(f"after {seconds:g} s: {serve.status()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--model", help="folder of one that can stream")
    options = parser.parse_args()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    start = time.monotonic()
    for _ in range(TRIES):
        try:
            serve.start(http_options={"host": "127.0.0.1", "port": 8000, "location": "HeadOnly"})
        except TimeoutError:  # it waits for a minute only, which is short on a busy machine
            continue
        break
    arguments = {"replicas": "2", "clients": "50"} | ({"model": options.model} if options.model else {})
    serve.run(app(arguments), route_prefix="/")
    waited(2)
    print(json.dumps({"nodes": 2, "started": round(time.monotonic() - start, 1)}), flush=True)
    print(json.dumps(asyncio.run(streamed(options.streams, options.seconds))), flush=True)
    cluster.remove_node(second)
    cluster.add_node(num_cpus=1)
    print(json.dumps({"lost": 1, "joined": 1, "replaced": waited(2)}), flush=True)
    print(json.dumps(asyncio.run(streamed(options.streams, options.seconds))), flush=True)
    serve.shutdown()
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
