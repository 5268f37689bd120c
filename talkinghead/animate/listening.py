"""Somebody else's voice in, the animation of a face that listens to it out. T frames, K shapes."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.animate.animation import Animation
from talkinghead.animate.compose import SpeechMotion, compose
from talkinghead.animate.settings import MODEL_ONLY, AnimateSettings
from talkinghead.animate.silence import opened
from talkinghead.audio.clock import frame_count, frame_times
from talkinghead.audio.prosody import prosody
from talkinghead.audio.waveform import Waveform
from talkinghead.blocks import Rows, spans
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.motion.controls import manner_of
from talkinghead.motion.expressions import layer
from talkinghead.motion.transfer.surface import can_take
from talkinghead.speech.voice_emotion import emotion_of_voice
from talkinghead.version import __version__

BLOCK = 10_000  # frames at a time


def listen(
    audio: str | Path | np.ndarray | Waveform,
    *,
    head: Head | None = None,
    rate: int | None = None,
    track: int | None = None,
    settings: AnimateSettings | None = None,
    **changes: Any,
) -> Animation:
    """The motion of a face that listens to a recording, as long as the recording to within a frame; no model is needed.

    The mouth is at rest, the head nods where phrases end, eyes stay on the viewer, blinks come in the pauses. An emotion is
    shown as action units say; `auto` is that of the voice. The arguments are those of `Talker.animate`. Raises InputError, also
    for settings that only a model knows.
    """
    settings = replace(settings, **changes) if settings is not None else AnimateSettings(**changes)
    if head is not None and (head.character is not None or "jawOpen" not in head.names) and can_take(head):
        return listen(audio, rate=rate, track=track, settings=settings).on(head)
    if unused := settings.changed(*MODEL_ONLY):
        name = unused[0].replace("_", "-")
        raise InputError(f"--{name} is of how the model speaks, and a face that listens is silent; leave one of them out")
    head = head or Head.default()
    with ExitStack() as closing:
        recording = closing.enter_context(opened(audio, rate, track))
        voice, curve = prosody(recording), settings.curve
        if curve is None:
            curve = emotion_of_voice(recording, voice).scaled(settings.intensity)
        times = frame_times(max(1, frame_count(recording.seconds, settings.fps)), settings.fps)
        neutral, expression = (closing.enter_context(Rows(len(head.names))) for _ in range(2))
        for span in spans(len(times), BLOCK):
            still = np.zeros((len(times[span]), len(head.names)), np.float32)
            neutral.append(still)
            expression.append(layer(still, curve.at(times[span]), head.names, manner_of(settings.seed), settings.fps))
        speech = SpeechMotion(neutral, expression, None, None, settings.fps, listens=True)
        own = {name: value for name, value in settings.meta(curve).items() if name not in MODEL_ONLY}
        meta = own | {"listens": True, "audio": recording.fingerprint(), "version": __version__}
        return compose(speech, head, settings, curve, voice, recording.seconds, meta)
