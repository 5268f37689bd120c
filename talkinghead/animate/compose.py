"""The one order in which an animation is made of speech: expression, gains, lips, rest, frame rate, nonverbal motion.

T frames at the speech's own rate, K shapes of a head, E emotions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from talkinghead.animate.animation import Animation
from talkinghead.animate.settings import AnimateSettings
from talkinghead.animate.variance import reach, restore_variance
from talkinghead.audio.clock import frame_count, frame_times
from talkinghead.audio.prosody import Prosody
from talkinghead.blocks import Rows, spans
from talkinghead.head.head import Head
from talkinghead.motion import animation as motion
from talkinghead.motion.animation import between, neighbours
from talkinghead.motion.articulation import bite_lip, round_lips
from talkinghead.motion.controls import apply_gains
from talkinghead.motion.emotion_curve import EmotionCurve
from talkinghead.motion.lip_closure import close_lips
from talkinghead.motion.nonverbal import add_nonverbal_motion
from talkinghead.motion.pauses import pressing, rest_mouth, show_pauses, sighs
from talkinghead.motion.tongue import put_out_tongue, raise_tongue, tongue_tip

BLOCK = 10_000  # frames that are composed at a time


@dataclass(frozen=True)
class SpeechMotion:
    """What a model, or a transcript, makes of a recording, before anything else is done with it.

    neutral: (T, K) weights of the head's shapes. expression: (T, K) what the emotion adds, None without one. closure: (T,) how
    far the lips are to be shut, rest: (T,) how far the mouth is to rest, both 0 to 1; None where nothing tells. blendshapes:
    whether the weights are ARKit's, so that gains, closure, rest and nonverbal motion mean something; raw vertices and FLAME's
    parameters are left as they are. bite: (T,) how far the lower lip is to be at the teeth, 0 to 1. rounding: (T, 2), see
    `motion.articulation`. tongue: (T, 5), see `motion.tongue`. listens: whether the recording is another's voice. predicted:
    whether a network predicts `neutral`, so that it moves less than people do (`animate.variance`).
    """

    neutral: np.ndarray | Rows
    expression: np.ndarray | Rows | None
    closure: np.ndarray | None
    rest: np.ndarray | None
    fps: float
    blendshapes: bool = True
    bite: np.ndarray | None = None
    rounding: np.ndarray | None = None
    tongue: np.ndarray | None = None
    listens: bool = False
    predicted: bool = False


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
    # Resampling may be off by one frame: the last one is held, or cut.
    low, high, share = _clock(len(speech.neutral), speech.fps, settings.fps)
    frames = np.minimum(np.arange(frame_count(seconds, settings.fps)), len(low) - 1)
    coefficients = np.empty((len(frames), len(head.names)), np.float32)
    raised = np.empty((len(frames), 2), np.float32)
    moving = min(1.0, settings.articulation * settings.lower_face)
    tip = tongue_tip(head) if speech.blendshapes else None
    pauses = _pauses(speech, settings, curve, voice)
    for span in spans(len(frames), BLOCK):
        here = frames[span]
        first, last = low[here[0]], high[here[-1]] + 1
        if span.stop == len(frames):
            last = len(speech.neutral)
        weights = _layered(speech, slice(first, last), head, settings, curve, moving)
        if pauses is not None:
            weights = show_pauses(weights, pauses[first:last, 0], pauses[first:last, 1:], head)
        coefficients[span] = between(weights[low[here] - first], weights[high[here] - first], share[here])
        if speech.tongue is not None and tip is not None:
            lift = raise_tongue(weights, moving * speech.tongue[first:last], head, tip)
            raised[span] = between(lift[low[here] - first], lift[high[here] - first], share[here])
    lifted = None if speech.tongue is None or tip is None else raised
    animation = motion.Animation(coefficients, float(settings.fps), head, meta=meta, tongue=lifted)
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
        listens=speech.listens,
        in_place=True,
    )
    return Animation.of(animation)


def _pauses(speech: SpeechMotion, settings: AnimateSettings, curve: EmotionCurve, voice: Prosody | None) -> np.ndarray | None:
    """(T, 3) how far lips are pressed, a sigh is drawn and let out, at the speech's own rate; None if that is nowhere."""
    if voice is None or speech.listens or not speech.blendshapes or not curve.values.any():
        return None
    times = frame_times(len(speech.neutral), speech.fps)
    felt = curve.at(times) * min(1.0, settings.expressiveness * settings.lower_face)
    level = pressing(felt, times, voice.phrases), sighs(felt, times, voice.phrases, settings.seed)
    return np.column_stack(level) if any(part.any() for part in level) else None


def _layered(
    speech: SpeechMotion, span: slice, head: Head, settings: AnimateSettings, curve: EmotionCurve, moving: float
) -> np.ndarray:
    """(n, K) weights of some frames at the speech's own rate: expression, gains, lips, tongue and rest.

    moving: share of what phonemes add, which is less where the speech is to move the mouth less.
    """
    neutral = _neutral(speech, span, head)
    expression = np.zeros_like(neutral) if speech.expression is None else speech.expression[span]
    if not speech.blendshapes:
        return neutral + expression
    gains = settings.expressiveness, settings.articulation, settings.upper_face, settings.lower_face
    weights = apply_gains(neutral, expression, head, *gains)
    if speech.rounding is not None:
        weights = round_lips(weights, moving * speech.rounding[span], head)
    if speech.bite is not None:
        weights = bite_lip(weights, moving * speech.bite[span], head)
    if speech.tongue is not None:
        weights = put_out_tongue(weights, moving * speech.tongue[span], head)
    if speech.closure is not None:
        weights = close_lips(weights, speech.closure[span], head)
    if speech.rest is not None:
        # With an emotion a mouth may stand open.
        intensity = settings.expressiveness * curve.at(frame_times(len(speech.neutral), speech.fps)[span]).sum(1)
        weights = rest_mouth(weights, speech.rest[span] * (1 - np.clip(intensity, 0, 1)), head)
    return weights


def _neutral(speech: SpeechMotion, span: slice, head: Head) -> np.ndarray:
    """(n, K) weights of some frames without an emotion."""
    if not (speech.predicted and speech.blendshapes):
        return speech.neutral[span]
    margin = reach(speech.fps)
    first = max(0, span.start - margin)
    around = restore_variance(speech.neutral[first : span.stop + margin], head.names, speech.fps)
    return around[span.start - first : span.stop - first]


def _clock(count: int, fps: float, wanted: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`motion.animation.neighbours`; frames at the rate that is wanted stay as they are."""
    if fps == wanted:
        own = np.arange(count)
        return own, own, np.zeros(count, np.float32)
    return neighbours(count, fps, wanted)
