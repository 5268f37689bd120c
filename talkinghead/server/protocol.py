"""The messages of a live stream: what they may say, and how frames are written. K shapes of the head.

Text is JSON, an object with a `type`; binary is sound from the client and, where the hello asks for it, frames to the client.
"""

from __future__ import annotations

import json
import struct
from dataclasses import fields
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_type_hints

import docstring_parser
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, create_model

from talkinghead.animate.settings import AnimateSettings
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.spec import read_head
from talkinghead.motion.emotion_curve import curve_file
from talkinghead.server.channel import Channel
from talkinghead.streaming.frames import Frame

Model = TypeVar("Model", bound=BaseModel)
Word = Annotated[str, StringConstraints(max_length=400)]
SAMPLES = {"s16le": "<i2", "f32le": "<f4"}
BINARY = "little-endian: float64 time, float32 weights[K], rotation[3], tongue[2], gaze[4]"


def _settings() -> type[BaseModel]:
    """`AnimateSettings` as a model of pydantic, whose emotion is text."""
    kinds = get_type_hints(AnimateSettings) | {"emotion": Word, "style": str | None}
    about = {item.arg_name: item.description for item in docstring_parser.parse(AnimateSettings.__doc__ or "").params}
    found: dict[str, Any] = {
        field.name: (kinds[field.name], Field(field.default, description=about[field.name]))
        for field in fields(AnimateSettings)
    }
    return create_model("Settings", __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **found)


Settings = _settings()


class Asked(Settings):  # pyright: ignore[reportGeneralTypeIssues, reportUntypedBaseClass]
    """Settings and a head, as strangers may choose them: none of them names a file of this machine."""

    head: Word = Field("default", description="default, or a person of it such as default:age=60,gender=female,seed=3.")

    def settings(self) -> AnimateSettings:
        """Raises InputError for a value that is out of range."""
        given: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(AnimateSettings)}
        _ = emotion_of(given["emotion"])
        return AnimateSettings(**given)

    def person(self) -> Head | None:
        """The head. Raises InputError for one that is no person of the default head."""
        if self.head.partition(":")[0] != "default":
            raise InputError("head: choose default, or a person of it such as default:age=60")
        return read_head(self.head)


class Hello(Asked):
    """The first message of a client."""

    type: Literal["hello"]
    rate: int = Field(16000, ge=8000, le=192000, description="Samples a second of the sound that is sent.")
    channels: int = Field(1, ge=1, le=8, description="Channels of the sound that is sent, interleaved; they are mixed.")
    sound: Literal["s16le", "f32le"] = Field("s16le", description="Its samples: 16 bit integers or 32 bit floats.")
    frames: Literal["json", "binary"] = Field("json", description="How frames are sent: JSON text, or binary.")


class Emotion(BaseModel):
    """Changes the emotion from now on."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["emotion"]
    emotion: Word


class Finish(BaseModel):
    """No more sound comes: the rest of the frames are sent, then the stream is closed."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["finish"]


Order = Annotated[Emotion | Finish, Field(discriminator="type")]
HELLO: TypeAdapter[Hello] = TypeAdapter(Hello)
ORDER: TypeAdapter[Emotion | Finish] = TypeAdapter(Order)


class Sound(NamedTuple):
    """How samples come."""

    kind: str
    channels: int

    def samples(self, data: bytes) -> np.ndarray:
        """Bytes -> (n,) or (n, channels) samples as they come. Raises InputError for a part of one."""
        kind = np.dtype(SAMPLES[self.kind])
        if len(data) % (kind.itemsize * self.channels):
            raise InputError(f"sound: {len(data)} bytes are no whole number of {self.kind} samples of {self.channels} channels")
        found = np.frombuffer(data, kind)
        return found if self.channels == 1 else found.reshape(-1, self.channels)


def read(model: TypeAdapter[Model], text: str) -> Model:
    """A message. Raises InputError, in one line."""
    try:
        return model.validate_json(text)
    except (ValidationError, RecursionError) as error:
        raise InputError(complaint(error)) from None


def complaint(error: Exception) -> str:
    """The first thing that is wrong, as `place: what`."""
    if not isinstance(error, ValidationError):
        return "message: is nested too deeply"
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("query", "emotion", "finish")) or "message"
    return f"{place}: {first['msg']}"


def emotion_of(text: str) -> str:
    """Raises InputError for an emotion that names a file of this machine."""
    if curve_file(text) is not None:
        raise InputError("emotion: choose names, such as happy:0.6,surprised:0.3")
    return text


def ready(channel: Channel, hello: Hello, longest: float) -> str:
    """The answer to a hello. longest: seconds that the stream may have."""
    stream = channel.stream
    told = {"type": "ready", "names": list(stream.names), "fps": stream.fps, "latency": channel.latency, "seconds": longest}
    return json.dumps(told | ({"layout": BINARY} if hello.frames == "binary" else {}))


def json_frame(frame: Frame) -> str:
    """A frame as JSON: weights to 4 places, radians to 5, metres to 6."""
    content = {
        "type": "frame",
        "time": round(float(frame.time), 6),
        "weights": np.asarray(frame.weights, np.float64).round(4).tolist(),
        "rotation": np.asarray(frame.rotation, np.float64).round(5).tolist(),
        "tongue": np.asarray(frame.tongue, np.float64).round(6).tolist(),
        "gaze": np.asarray(frame.gaze, np.float64).round(4).tolist(),
    }
    return json.dumps(content, separators=(",", ":"))


def binary_frame(frame: Frame) -> bytes:
    """A frame as BINARY says."""
    rest = np.concatenate([frame.weights, frame.rotation, frame.tongue, frame.gaze.ravel()]).astype("<f4")
    return struct.pack("<d", float(frame.time)) + rest.tobytes()


def told(kind: str, **content: Any) -> str:
    """A message to the client."""
    return json.dumps({"type": kind, **content})
