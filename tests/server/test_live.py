"""Live streams, as clients that behave have them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from servers import rest, running, sent
from stand_in import tone

from talkinghead.server.limits import HOP, Limits

SOUND = np.concatenate([tone(700, 0.5), np.zeros(4000, np.float32), tone(60, 0.3, 0.2), tone(200, 0.4)])


def alone(talker, sound, **settings):
    stream = talker.stream(hop=HOP, **settings)
    return stream.push(sound) + stream.finish()


def test_frames_are_those_of_a_stream_of_the_talker(server, live_talker):
    with server.stream(sound="f32le", frames="binary", fps=24, seed=3, emotion="happy:0.5") as (line, ready):
        sent(line, SOUND.tobytes(), 1004)
        line.send('{"type": "finish"}')
        found, code = rest(line)
    wanted = alone(live_talker, SOUND, fps=24, seed=3, emotion="happy:0.5")
    names = tuple(ready["names"])
    assert (
        code == 1000
        and names == live_talker.stream(hop=HOP).names
        and ready["latency"] < 0.25
        and "weights[K]" in ready["layout"]
    )
    kind = np.dtype([("t", "<f8"), ("w", "<f4", len(names)), ("r", "<f4", 3), ("u", "<f4", 2), ("g", "<f4", 4)])
    frames = np.frombuffer(b"".join(found[:-1]), kind)
    assert found[-1] == {"type": "finished", "frames": len(wanted), "seconds": len(SOUND) / 16000}
    assert frames["t"].tolist() == [frame.time for frame in wanted]
    assert np.array_equal(frames["w"], np.stack([frame.weights for frame in wanted])) and frames["w"].max() > 0.2
    assert np.array_equal(frames["r"], np.stack([frame.rotation for frame in wanted]))


def test_json_and_integers_of_two_channels_at_another_rate(server, live_talker):
    stereo = np.repeat((SOUND[:8000] * 32767).astype("<i2")[:, None], 2, 1)
    with server.stream(rate=8000, channels=2) as (line, _):
        sent(line, stereo.tobytes(), 4000)
        line.send('{"type": "finish"}')
        found, _ = rest(line)
    wanted = alone(live_talker, stereo, rate=8000)
    assert [frame["time"] for frame in found[:-1]] == [round(frame.time, 6) for frame in wanted]
    assert np.allclose([frame["weights"] for frame in found[:-1]], [frame.weights for frame in wanted], atol=1e-4)


def test_the_emotion_changes_between_the_sounds_it_comes_between(server, live_talker):
    with server.stream() as (line, _):
        sent(line, (SOUND * 32767).astype("<i2").tobytes(), 8000)
        line.send('{"type": "emotion", "emotion": "sad:0.8"}')
        sent(line, (SOUND * 32767).astype("<i2").tobytes(), 8000)
        line.send('{"type": "finish"}')
        found = [frame["weights"] for frame in rest(line)[0][:-1]]
    stream = live_talker.stream(hop=HOP)
    frames = stream.push((SOUND * 32767).astype("<i2"))
    stream.emotion = "sad:0.8"
    frames += stream.push((SOUND * 32767).astype("<i2")) + stream.finish()
    assert np.allclose(found, [frame.weights for frame in frames], atol=1e-4)
    assert np.ptp([frame.weights[stream.names.index("browInnerUp")] for frame in frames]) > 0.01


def test_streams_at_once_do_not_mix(server, live_talker):
    def one(seed: int) -> list:
        with server.stream(seed=seed) as (line, _):
            sent(line, (SOUND * 32767).astype("<i2").tobytes(), 640 * (seed + 1))
            line.send('{"type": "finish"}')
            return [frame["rotation"] for frame in rest(line)[0][:-1]]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(one, range(3)))
    heard = (SOUND * 32767).astype("<i2")
    for seed, turns in enumerate(found):
        assert np.allclose(turns, [frame.rotation for frame in alone(live_talker, heard, seed=seed)], atol=1e-5)
    assert found[0] != found[1]


def test_a_stream_without_sound_ends(server):
    with server.stream() as (line, _):
        line.send('{"type": "finish"}')
        assert rest(line) == ([{"type": "finished", "frames": 0, "seconds": 0.0}], 1000)


def test_streams_finish_when_the_server_ends(live_talker):
    with running(live_talker, Limits()) as own:
        with own.stream() as (line, _):
            sent(line, np.zeros(8000, "<i2").tobytes())
            json.loads(line.recv(timeout=30))
            own.server.should_exit = True
            found, code = rest(line)
        assert code == 1001 and found[-1]["type"] == "finished" and found[-1]["frames"] == 15


def test_numbers_for_prometheus(server):
    from prometheus_client.parser import text_string_to_metric_families

    status, text, _ = server.ask("/metrics")
    found = {family.name: family for family in text_string_to_metric_families(text.decode())}
    assert status == 200 and found["talkinghead_frames"].samples[0].value >= 0
    assert {"talkinghead_step_seconds", "talkinghead_frame_delay_seconds", "talkinghead_streams_closed"} <= set(found)
    used = {
        sample.labels["part"]: sample.value for sample in found["talkinghead_cpu_seconds"].samples if "part" in sample.labels
    }
    assert 0 < used["layers"] < used["all"] and 0 < used["network"] < used["all"]


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_the_page_of_addresses_needs_no_network(path, server):
    status, text, _ = server.ask(path, Authorization="")
    assert status == 200 and b"//cdn" not in text and b"https://" not in text
    if path == "/openapi.json":
        content = json.loads(text)
        assert set(content["paths"]) == {"/stream", "/animate", "/health", "/metrics"}
        assert {"rate", "emotion", "fps"} <= set(content["components"]["schemas"]["Hello"]["properties"])
