"""`Stream`: sound in while it is spoken, frames of a face out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from talkinghead.audio.clock import FRAME, frame_count
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.models.config import ModelConfig
from talkinghead.models.emotion_input import emotion_input
from talkinghead.models.template import template_code
from talkinghead.motion.animation import Animation
from talkinghead.motion.controls import manner_of
from talkinghead.motion.emotion_curve import EmotionCurve
from talkinghead.speech.heard import heard_articulation
from talkinghead.streaming.causal import Past
from talkinghead.streaming.emotion import Feeling, StreamEmotion, curve_of
from talkinghead.streaming.frames import Frame, FrameClock, Onto, collect
from talkinghead.streaming.intake import Intake
from talkinghead.streaming.layers import Layers, Moment, rows_together
from talkinghead.streaming.settings import StreamSettings
from talkinghead.streaming.voice import Voice

PIECE = 1 << 14  # samples that are taken at a time: a push of hours needs no more memory than one of seconds


class Step(Protocol):
    """What a network gives in one step; see `models.runtime.streaming`."""

    @property
    def posteriors(self) -> np.ndarray: ...

    @property
    def motion(self) -> np.ndarray: ...


class StreamingNetwork(Protocol):
    """`models.runtime.streaming.StreamingRuntime`, or what stands in for it."""

    config: ModelConfig
    encoder_delay: int
    delay: int
    offset: float

    def start(self, style: int, template: np.ndarray) -> Any: ...

    def step(self, states: Sequence[Any], sound: np.ndarray, emotion: np.ndarray) -> Step: ...


class Work(NamedTuple):
    """What the network is given for one stream in one step. sound: (hop * FRAME,), emotion: (hop, F)."""

    state: Any
    sound: np.ndarray
    emotion: np.ndarray


class Stream:
    """A voice that is heard piece by piece, and the face that says it; `Talker.stream` makes one.

    Frames do not depend on how the sound is cut, bit for bit. Memory and the time that a second of sound takes do not grow.
    head: the head that the weights are for. hop: frames of 20 ms in a step of the network; 2 take less time than twice 1, and
    are 20 ms later. meta: of its animations. kind: the class of its animations.
    """

    def __init__(
        self,
        network: StreamingNetwork,
        head: Head,
        settings: StreamSettings,
        *,
        annotation: str = "arkit",
        style: int = 0,
        rate: int = 16000,
        hop: int = 1,
        meta: dict[str, Any] | None = None,
        kind: Callable[..., Animation] = Animation,
    ) -> None:
        config = network.config
        if hop < 1 or network.encoder_delay % hop or network.delay % hop:
            raise InputError(f"hop {hop}: choose one that divides {network.encoder_delay} and {network.delay}, such as 1")
        self.head, self.fps, self._kind, self._meta = head, float(settings.fps), kind, dict(meta or {})
        self._network, self._settings, self.hop = network, settings, hop
        self._emotion, curve = settings.emotion, curve_of(settings.emotion, settings.intensity)
        self._check(curve)
        self._state = network.start(style, template_code(head, config, annotation))
        self._intake = Intake(rate, hop * FRAME)
        self._voice = Voice(config.fps, network.encoder_delay)
        self._feeling = Feeling(curve, settings.seed, bool(settings.idle), config.fps, self._times)
        ahead = network.delay - network.encoder_delay
        self.layers = Layers(
            head,
            config.annotations[annotation],
            settings,
            authored=config.authored_emotions,
            fps=config.fps,
            hop=hop,
            ahead=ahead,
            times=self._times,
        )
        self._clock = FrameClock(self.fps, config.fps, network.offset)
        self._manner = manner_of(settings.seed).vector()
        self._asked, self._felt = (Past(ahead, curve.values.shape[1]) for _ in range(2))
        self._latest: tuple[np.ndarray, np.ndarray] | None = None  # emotion of the step under way, as asked for and as felt
        self._heard = None  # what the voice did in the last step
        self._steps = 0
        self._finished = False
        self._onto: Onto | None = None  # another head

    @property
    def names(self) -> tuple[str, ...]:
        """The K names of `Frame.weights`."""
        return self.head.names

    @property
    def rate(self) -> int:
        """Samples a second of what is pushed. Setting it is for a source that changes; what came before stays as it was."""
        return self._intake.rate

    @rate.setter
    def rate(self, rate: int) -> None:
        self._intake.change(rate)

    @property
    def latency(self) -> float:
        """Seconds of sound after the time of a frame that are to be known before it comes, at most."""
        network = self._network
        return (network.delay + self.hop + 0.5) / network.config.fps - network.offset + self._intake.delay

    @property
    def seconds(self) -> float:
        """Of the sound that was pushed."""
        return self._intake.seconds

    @property
    def emotion(self) -> StreamEmotion:
        """What `emotion` of `animate` takes, or a tuple of that and its intensity. A new one comes within half a second.

        Seconds of keyframes are those of the stream.
        """
        return self._emotion

    @emotion.setter
    def emotion(self, emotion: StreamEmotion) -> None:
        if emotion == self._emotion:
            return
        curve = curve_of(emotion, self._settings.intensity)
        self._check(curve)
        self._emotion = emotion
        self._feeling.change(curve, self._row)

    def push(self, samples: np.ndarray) -> list[Frame]:
        """The frames that can be made when these samples are known, maybe none.

        samples: (n,) or (n, channels), any n; float32 or float64 in [-1, 1], int16, int32 or uint8, at `rate` Hz. What is not
        finite counts as 0. Raises InputError for any other array, and after `finish`.
        """
        samples = self._checked(samples)
        frames = []
        for start in range(0, max(1, len(samples)), PIECE):
            self._intake.push(samples[start : start + PIECE])
            frames += self._advance()
        return frames

    def skip(self, seconds: float) -> list[Frame]:
        """Tell that so many seconds of the sound were lost, or that the source was silent: frames as of silence."""
        if not 0 <= seconds < float("inf"):
            raise InputError(f"skip: {seconds} seconds; a number of 0 or more is expected")
        frames = []
        for count in _pieces(round(seconds * self.rate)):
            self._checked(np.zeros(0))
            self._intake.silence(count)
            frames += self._advance()
        return frames

    def finish(self) -> list[Frame]:
        """The rest of the frames: as many in all as an animation of the sound has. Nothing can be pushed after it."""
        self._checked(np.zeros(0))
        self._finished, frames = True, []
        while self._clock.made < self._total:
            self._intake.fill()
            frames += self._advance()
        return frames

    def animation(self, frames: Sequence[Frame]) -> Animation:
        """Frames that follow each other as an `Animation`."""
        gaze = self.layers.has_gaze and (self._onto is None or self._onto.keeps_gaze)
        has = {"gaze": gaze, "tongue": self.layers.has_tongue}
        return self._kind(**collect(frames, **has), fps=self.fps, head=self.head, meta=dict(self._meta))

    def put_on(self, head: Head) -> None:
        """Frames are for another head from now on, as `Animation.on` has it. Raises InputError."""
        self._onto, self.head = Onto(self.layers.head, head), head

    # One step, in two halves, so that `streaming.pool` can give many streams to the network together.

    @property
    def ready(self) -> bool:
        """Whether there is sound for a step."""
        return self._intake.ready

    def prepare(self) -> Work:
        """What the network is to be given next."""
        sound, row, hop = self._intake.block(), self._row, self.hop
        asked = self._feeling.asked(row, hop)
        felt = self._feeling.felt(asked, row, self._heard)
        self._latest, self._sound = (asked, felt), sound
        return Work(self._state, sound, emotion_input(felt, self._manner))

    def follow(self, heard: np.ndarray, motion: np.ndarray) -> Moment | None:
        """(n, 10) of `speech.heard` and (2, n, K') that a network made -> what layers take, None before the first row."""
        assert self._latest is not None
        row, late = self._row, self._network.delay - self._network.encoder_delay
        self._steps += 1
        if row < 0:
            self._voice.level(self._sound)
            return None
        self._heard = voice = self._voice.follow(self._sound, heard[:, 1])
        asked, felt = (past(now)[: len(now)] for past, now in zip((self._asked, self._felt), self._latest, strict=True))
        if row < late:
            self.layers.early(heard)
            return None
        return Moment(motion, heard, voice, asked, felt, self._feeling.any)

    def frames(self, rows: np.ndarray) -> list[Frame]:
        """(n, width) of the layers -> those frames that can be made when they are known."""
        times, values = self._clock.frames(rows)
        left = self._total - (self._clock.made - len(times)) if self._finished else len(times)
        return [self._frame(time, row) for time, row in zip(times.tolist()[: max(0, left)], values, strict=False)]

    @property
    def _total(self) -> int:
        """Frames of all the sound."""
        return frame_count(self.seconds, self.fps) if self.seconds else 0

    @property
    def _row(self) -> int:
        """The first row whose phonemes come out of the next step."""
        return self._steps * self.hop - self._network.encoder_delay

    def _advance(self) -> list[Frame]:
        frames = []
        while self.ready:
            work = self.prepare()
            step = self._network.step([work.state], work.sound[None], work.emotion[None])
            frames += absorb([self], step.posteriors, step.motion, self._network.config.phones)[0]
        return frames

    def _frame(self, time: float, row: np.ndarray) -> Frame:
        frame = Frame(time, row[:-9], row[-9:-6], row[-6:-4], row[-4:].reshape(2, 2))
        return frame if self._onto is None else self._onto(frame)

    def _times(self, first: int, count: int) -> np.ndarray:
        """Seconds of rows."""
        return (np.arange(first, first + count) + 0.5) / self._network.config.fps + self._network.offset

    def _checked(self, samples: np.ndarray) -> np.ndarray:
        if self._finished:
            raise InputError("stream: it is finished; open another one")
        return np.asarray(samples)

    def _check(self, curve: EmotionCurve) -> None:
        if not self._network.config.emotions and curve.values.any():
            raise InputError(f"emotion {curve.meta.get('spec', '')!r}: this model speaks neutrally only")


def _pieces(count: int) -> list[int]:
    return [min(PIECE, count - start) for start in range(0, count, PIECE)]


def absorb(streams: Sequence[Stream], posteriors: np.ndarray, motion: np.ndarray, phones: Sequence[str]) -> list[list[Frame]]:
    """(B, hop, P) and (B, 2, hop, K') that a network made of the work of B streams -> the frames of each."""
    found = zip(streams, heard_articulation(posteriors, phones), motion, strict=True)
    moments = [stream.follow(heard, moved) for stream, heard, moved in found]
    kinds: dict[tuple, list[int]] = {}
    for number, (stream, moment) in enumerate(zip(streams, moments, strict=True)):
        if moment is not None:
            kinds.setdefault(stream.layers.kind, []).append(number)
    frames: list[list[Frame]] = [[] for _ in streams]
    for numbers in kinds.values():
        rows = rows_together([streams[n].layers for n in numbers], [m for n in numbers if (m := moments[n]) is not None])
        for number, own in zip(numbers, rows, strict=True):
            frames[number] = streams[number].frames(own)
    return frames
