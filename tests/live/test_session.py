"""Frames at their moments, on a clock that the test moves."""

from __future__ import annotations

import numpy as np
import pytest
from live_streams import LoudnessStream

from talkinghead.live.clock import Clock, Timeline
from talkinghead.live.session import Session
from talkinghead.live.sources import Block, Paced

RATE = 16000


class Hands:
    """A clock that stands still but where somebody sleeps."""

    def __init__(self) -> None:
        self.time = 100.0
        self.clock = Clock(lambda: self.time, self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.time += seconds


class Samples(Paced):
    """Samples that are all there."""

    def __init__(self, samples: np.ndarray, *, paced: bool = True) -> None:
        super().__init__(RATE, "samples", paced=paced)
        self._rest = samples

    def _more(self, timeout: float) -> np.ndarray:
        taken, self._rest = self._rest[:1000], self._rest[1000:]
        self._exhausted = not len(taken)
        return taken


class Notes:
    """A sender that notes when it was given what."""

    about = "notes"

    def __init__(self, hands: Hands) -> None:
        self.hands, self.times, self.heard, self.frames = hands, [], [], []

    def send(self, frame, heard: float) -> bool:
        self.times.append(self.hands.time)
        self.heard.append(heard)
        self.frames.append(frame)
        return frame.time > 0  # the first is lost

    def close(self) -> None: ...


def played(source, stream, *, paced: bool = True, hands: Hands | None = None, before=None) -> tuple[Session, Notes]:
    hands = hands or Hands()
    session = Session(stream, source, stream.fps, clock=hands.clock, paced=paced)
    notes = Notes(hands)
    session.senders.append(notes)
    if before is not None:
        before(session)
    session.run()
    return session, notes


def test_frames_are_a_constant_time_after_their_sound():
    wave = np.zeros(RATE, np.float32)
    wave[8000:8400] = 0.8
    stream = LoudnessStream()
    session, notes = played(Samples(wave), stream)
    assert len(notes.frames) == len(stream.frames) == 30
    expected = 100 + session.delay + np.arange(30) / 30
    assert np.allclose(notes.times, expected, atol=1e-6)
    assert np.allclose(np.diff(notes.heard), 1 / 30, atol=1e-6)
    assert session.delay < stream.latency + 0.03 and session.meter.late == 0
    assert session.meter.latency() == pytest.approx([session.delay] * 3, abs=1e-6)
    assert [frame.weights[0] > 0.5 for frame in notes.frames].index(True) == 15
    assert session.meter.failed == {"notes": 1} and "1 packets lost: notes" in session.meter.line()
    assert session.meter.peak == pytest.approx(20 * np.log10(0.8), abs=0.01)


def test_as_fast_as_possible_gives_the_same_frames_and_waits_for_nothing():
    wave = np.random.default_rng(0).uniform(-1, 1, 9000).astype(np.float32)
    hands = Hands()
    _, slow = played(Samples(wave), LoudnessStream())
    session, fast = played(Samples(wave, paced=False), LoudnessStream(), paced=False, hands=hands)
    assert hands.time == 100.0 and session.meter.latency() is None
    assert [frame.weights.tolist() for frame in fast.frames] == [frame.weights.tolist() for frame in slow.frames]
    assert np.allclose(np.diff(fast.heard), 1 / 30)


def test_an_emotion_that_comes_while_it_runs_is_felt():
    stream = LoudnessStream()
    _, notes = played(Samples(np.zeros(RATE, np.float32)), stream, before=lambda session: session.changes.put("happy"))
    assert stream.emotion == "happy" and all(frame.weights[-1] for frame in notes.frames)


def test_frames_that_cannot_be_made_in_time_are_counted():
    hands = Hands()
    stream = LoudnessStream()
    push = stream.push

    def slow(samples: np.ndarray) -> list:
        hands.time += 0.05 if len(samples) and hands.time > 100.4 else 0.0  # five times as long as the sound
        return push(samples)

    stream.push = slow
    session, notes = played(Samples(np.zeros(RATE, np.float32)), stream, hands=hands)
    assert len(notes.frames) == 30 and 10 < session.meter.late < 30
    assert session.meter.latency()[2] > 1.0


class Heard:
    """A device whose blocks arrive at given times."""

    rate, about, lost = RATE, "device", 0.0

    def __init__(self, arrivals: list[float]) -> None:
        self._arrivals = arrivals

    @property
    def ended(self) -> bool:
        return not self._arrivals

    def start(self, clock: Clock) -> None:
        self._clock = clock

    def next(self, timeout: float) -> Block | None:
        now = self._clock.now()
        if not self._arrivals:
            return None
        if self._arrivals[0] > now + timeout:
            self._clock.sleep(timeout)
            return None
        arrived = self._arrivals.pop(0)
        self._clock.sleep(max(0.0, arrived - now))
        return Block(np.zeros(160, np.float32), arrived)

    def close(self) -> None: ...


def test_after_an_interruption_frames_are_in_time_again():
    arrivals = [100 + 0.01 * (i + 1) + (2.0 if i >= 100 else 0.0) for i in range(200)]
    session, notes = played(Heard(arrivals), LoudnessStream())
    assert len(notes.frames) == 60 and session.meter.late == 0
    after = np.array(notes.times[40:]) - np.arange(40, 60) / 30
    assert np.allclose(after, 102 + session.delay, atol=1e-6)


def test_clocks_may_drift_apart():
    """A device that is 0.05 % slow for an hour; latency stays as it was."""
    line = Timeline()
    for i in range(0, 360_000, 100):
        line.heard((i + 1) * 0.01, 50 + (i + 1) * 0.01 * 1.0005 + 0.003 * (i % 300 == 0))
    assert line.at(3600.0) == pytest.approx(50 + 3600 * 1.0005, abs=0.005) and line.gaps == 0
