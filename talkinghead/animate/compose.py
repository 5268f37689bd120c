"""The one order in which an animation is made of speech: expression, gains, lips, rest, frame rate, nonverbal motion.

T frames at the speech's own rate, K shapes of a head, E emotions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from talkinghead.animate.animation import Animation
from talkinghead.animate.settings import AnimateSettings
from talkinghead.audio.clock import frame_count, frame_times
from talkinghead.audio.prosody import Prosody
from talkinghead.head.head import Head
from talkinghead.motion import animation as motion
from talkinghead.motion.articulation import bite_lip, round_lips
from talkinghead.motion.controls import apply_gains
from talkinghead.motion.emotion_curve import EmotionCurve
from talkinghead.motion.lip_closure import close_lips
from talkinghead.motion.nonverbal import add_nonverbal_motion
from talkinghead.motion.pauses import rest_mouth


@dataclass(frozen=True)
class SpeechMotion:
    """What a model, or a transcript, makes of a recording, before anything else is done with it.

    neutral: (T, K) weights of the head's shapes. expression: (T, K) what the emotion adds. closure: (T,) how far the lips are
    to be shut, rest: (T,) how far the mouth is to rest, both 0 to 1; None where nothing tells. blendshapes: whether the weights
    are ARKit's, so that gains, closure, rest and nonverbal motion mean something; raw vertices and FLAME's parameters are left
    as they are. bite: (T,) how far the lower lip is to be at the teeth, 0 to 1. rounding: (T, 2), see `motion.articulation`.
    """

    neutral: np.ndarray
    expression: np.ndarray
    closure: np.ndarray | None
    rest: np.ndarray | None
    fps: float
    blendshapes: bool = True
    bite: np.ndarray | None = None
    rounding: np.ndarray | None = None


def compose(
    speech: SpeechMotion,
    head: Head,
    settings: AnimateSettings,
    curve: EmotionCurve,
    voice: Prosody | None,
    seconds: float,
    meta: dict[str, Any],
) -> Animation:
    """The animation of a recording of `seconds`, as long as that to within a frame.

    curve: the emotion, as it was asked for or heard. voice: prosody of the recording; only needed for nonverbal motion.
    """
    if not speech.blendshapes:
        weights = speech.neutral + speech.expression
    else:
        gains = settings.expressiveness, settings.articulation, settings.upper_face, settings.lower_face
        weights = apply_gains(speech.neutral, speech.expression, head, *gains)
        moving = min(1.0, settings.articulation * settings.lower_face)
        if speech.rounding is not None:
            weights = round_lips(weights, moving * speech.rounding, head)
        if speech.bite is not None:
            weights = bite_lip(weights, moving * speech.bite, head)
        if speech.closure is not None:
            weights = close_lips(weights, speech.closure, head)
        if speech.rest is not None:
            # With an emotion a mouth may stand open.
            intensity = settings.expressiveness * curve.at(frame_times(len(weights), speech.fps)).sum(1)
            weights = rest_mouth(weights, speech.rest * (1 - np.clip(intensity, 0, 1)), head)
    animation = motion.Animation(weights, speech.fps, head, meta=meta).resample(settings.fps)
    # Resampling may be off by one frame: the last one is held, or cut.
    frames = np.minimum(np.arange(frame_count(seconds, settings.fps)), len(animation) - 1)
    animation = replace(animation, coefficients=animation.coefficients[frames])
    if not speech.blendshapes or not settings.idle:
        return Animation.of(animation)
    animation = add_nonverbal_motion(
        animation,
        settings.seed,
        strength=settings.idle,
        blinks=settings.blinks,
        gaze=settings.gaze,
        brows=settings.brows * settings.expressiveness * settings.upper_face,
        head=settings.head_motion * settings.expressiveness,
        voice=voice,
        emotion=curve.at(frame_times(len(animation), settings.fps)),
    )
    return Animation.of(animation)
