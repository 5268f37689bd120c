"""A recording and what is said in it -> animation, by alignment and coarticulation: no model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.motion.animation import Animation
from talkinghead.motion.controls import check_dials, manner_of, mixed
from talkinghead.motion.emotion_curve import AUTO, EmotionCurve, read_emotion
from talkinghead.motion.expressions import layer
from talkinghead.speech.phonemes import BILABIALS
from talkinghead.speech.spans import Spans

LONGEST = 1 << 20  # bytes of a transcript


def animate_transcript(
    audio: str | Path | np.ndarray,
    transcript: str,
    *,
    head: Head | None = None,
    emotion: str | Path | Mapping[str, Any] | EmotionCurve = "neutral",
    intensity: float = 1.0,
    expressiveness: float = 1.0,
    articulation: float = 1.0,
    upper_face: float = 1.0,
    lower_face: float = 1.0,
    fps: float = 30.0,
    rate: int | None = None,
    seed: int = 0,
    idle: float = 1.0,
    blinks: float = 1.0,
    gaze: float = 1.0,
    brows: float = 1.0,
    head_motion: float = 1.0,
) -> Animation:
    """Motion for a recording of English whose words are known, as long as the recording to within a frame.

    The other arguments are as for `Talker.animate`; emotion is laid on the speech as action units say, and no model learned it.
    Needs the extra `align`. meta["phones"] has the phonemes that were found. Raises InputError, also if the words do not fit
    the sound.
    """
    from talkinghead.audio.prosody import prosody
    from talkinghead.motion.nonverbal import apply, check
    from talkinghead.speech.align import align
    from talkinghead.speech.coarticulation import loudness_of, speak
    from talkinghead.version import __version__

    check(idle=idle, blinks=blinks, gaze=gaze, brows=brows, head_motion=head_motion)
    check_dials(expressiveness=expressiveness, articulation=articulation, upper_face=upper_face, lower_face=lower_face)
    curve = None if isinstance(emotion, str) and emotion == AUTO else read_emotion(emotion, intensity)
    if not 1 <= fps <= 240:
        raise InputError(f"fps is {fps:g}: choose 1 to 240")
    wave = load_audio(audio, RATE, source_rate=None if isinstance(audio, str | Path) else rate or RATE)
    found = align(wave, transcript)
    voice = prosody(wave) if idle or curve is None else None
    if curve is None:
        from talkinghead.speech.voice_emotion import emotion_of_voice

        curve = emotion_of_voice(wave, None, voice).scaled(intensity)
    animation = speak(found.phones, len(wave) / RATE, fps, head, loudness=loudness_of(wave), strength=articulation)
    animation = _feeling(animation, found.phones, curve, seed, (expressiveness, 1.0, upper_face, lower_face))
    notes = {"phones": found.phones, "words": found.words, "seed": seed, "version": __version__}
    notes |= {"emotion": curve.meta, "intensity": intensity, "expressiveness": expressiveness, "articulation": articulation}
    notes |= {"upper_face": upper_face, "lower_face": lower_face}
    notes |= {"idle": idle, "blinks": blinks, "gaze": gaze, "brows": brows, "head_motion": head_motion}
    animation = replace(animation, meta=animation.meta | notes)
    if idle:
        up, turn = brows * expressiveness * upper_face, head_motion * expressiveness
        animation = apply(
            animation,
            seed,
            strength=idle,
            blinks=blinks,
            gaze=gaze,
            brows=up,
            head=turn,
            voice=voice,
            emotion=curve.at(animation.times),
        )
    return animation


def _feeling(animation: Animation, phones: Spans, curve: EmotionCurve, seed: int, dials: tuple[float, ...]) -> Animation:
    """Speech with an emotion on top, as far as `dials` (of `mixed`) say; lips that must meet do."""
    from talkinghead.motion.lip_closure import shut
    from talkinghead.speech.coarticulation import contact, segments_of

    head, times, fps = animation.head, animation.times, animation.fps
    shown = layer(animation.coefficients, curve.at(times), head.names, manner_of(seed), fps)
    motion = mixed(animation.coefficients, shown - animation.coefficients, head, *dials)
    closed = contact(segments_of(phones, float(len(times) / fps)), BILABIALS, times, 1 / fps)
    return replace(animation, coefficients=shut(motion, closed, head))


def read_transcript(text: str) -> str:
    """What is said: the content of a .txt file if `text` names one, else the text itself."""
    if not text.lower().endswith(".txt"):
        return text
    path = Path(text)
    try:
        if path.stat().st_size > LONGEST:
            raise InputError(f"{path}: too large for the words of one recording")
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
