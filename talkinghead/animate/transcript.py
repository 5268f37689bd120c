"""A recording and what is said in it -> animation, by alignment and coarticulation. Where the transcript has no words for the
sound the model speaks, which is only loaded then. T frames, K shapes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.animate.animation import Animation
from talkinghead.animate.compose import SpeechMotion, compose
from talkinghead.animate.settings import MODEL_ONLY, AnimateSettings
from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.audio.prosody import prosody
from talkinghead.errors import InputError, InputWarning
from talkinghead.head.head import Head
from talkinghead.models.recogniser import shipped_recogniser
from talkinghead.motion.controls import manner_of
from talkinghead.motion.expressions import layer
from talkinghead.motion.tongue import heard_tongue, tongue_goals
from talkinghead.motion.transfer.surface import can_take
from talkinghead.speech.align import Alignment, align
from talkinghead.speech.coarticulation import Segments, contact, loudness_of, segments_of, speak
from talkinghead.speech.phonemes import BILABIALS, PHONES
from talkinghead.speech.voice_emotion import emotion_of_voice
from talkinghead.version import __version__

FADE = 0.12  # seconds from the transcript's motion to the model's


def animate_transcript(
    audio: str | Path | np.ndarray,
    transcript: str,
    *,
    head: Head | None = None,
    rate: int | None = None,
    track: int | None = None,
    settings: AnimateSettings | None = None,
    **changes: Any,
) -> Animation:
    """Motion for a recording of English whose words are known, as long as the recording to within a frame.

    The other arguments are as for `Talker.animate`; emotion is laid on the speech as action units say, and no model learned it.
    Needs the extra `align`. meta["phones"] has the phonemes that were found. Words that are not heard, and sound without words,
    are told by a warning. Raises InputError, also if other words are said, and for settings that only a model knows.
    """
    settings = replace(settings, **changes) if settings is not None else AnimateSettings(**changes)
    if head is not None and (head.character is not None or "jawOpen" not in head.names) and can_take(head):
        return animate_transcript(audio, transcript, rate=rate, track=track, settings=settings).on(head)
    if unused := settings.changed(*MODEL_ONLY):
        name = unused[0].replace("_", "-")
        raise InputError(f"--{name} is the model's, which --transcript does without; leave one of them out")
    wave = load_audio(audio, RATE, source_rate=None if isinstance(audio, str | Path) else rate or RATE, track=track)
    aligned = align(wave, transcript, find_recogniser=shipped_recogniser)
    seconds, curve = len(wave) / RATE, settings.curve
    voice = prosody(wave) if settings.idle or curve is None else None
    if curve is None:
        curve = emotion_of_voice(wave, voice).scaled(settings.intensity)
    _warn(aligned)
    spoken = speak(aligned.phones, seconds, settings.fps, head, loudness=loudness_of(wave), strength=settings.articulation)
    head, times, neutral = spoken.head, spoken.times, spoken.coefficients
    if aligned.unwritten:
        neutral = _with_model(neutral, times, wave, head, aligned.unwritten, settings)
    shown = layer(neutral, curve.at(times), head.names, manner_of(settings.seed), spoken.fps)
    segments = segments_of(aligned.phones, float(len(times) / spoken.fps))
    closure = contact(segments, BILABIALS, times, 1 / spoken.fps)
    tongue = _tongue(segments, times, spoken.fps)
    speech = SpeechMotion(neutral, shown - neutral, closure, None, spoken.fps, tongue=tongue)
    own = {name: value for name, value in settings.meta(curve).items() if name not in MODEL_ONLY}
    about = {
        "phones": aligned.phones,
        "words": aligned.words,
        "transcript": transcript,
        "seed": settings.seed,
        "version": __version__,
    }
    meta = spoken.meta | about | own
    # The coarticulation model has opened the mouth as far as `articulation` says.
    return compose(speech, head, replace(settings, articulation=1.0), curve, voice, seconds, meta)


def _tongue(segments: Segments, times: np.ndarray, fps: float) -> np.ndarray:
    """(T, 5) goals of `motion.tongue`: heights of the tongue. The coarticulation model has put it out already."""
    at = np.clip(np.searchsorted(segments.end, times, "right"), 0, len(segments.phones) - 1)
    spoken = np.eye(len(PHONES))[[PHONES.index(name) for name in segments.phones]][at]
    goals = tongue_goals(heard_tongue(spoken, PHONES), fps)
    goals[:, :2] = 0
    return goals


def _with_model(
    neutral: np.ndarray,
    times: np.ndarray,
    wave: np.ndarray,
    head: Head,
    unwritten: Sequence[tuple[float, float]],
    settings: AnimateSettings,
) -> np.ndarray:
    """(T, K) weights with those of the shipped model where the transcript has no words, faded in and out over FADE seconds."""
    from talkinghead.animate.talker import Talker

    plain = AnimateSettings(articulation=settings.articulation, seed=settings.seed, fps=settings.fps, idle=0.0)
    heard = Talker.from_pretrained().animate(wave, rate=RATE, head=head, settings=plain).coefficients
    heard = heard[np.minimum(np.arange(len(times)), len(heard) - 1)]
    share = np.zeros(len(times), np.float32)
    for start, end in unwritten:
        inside = np.minimum(times - (start - FADE / 2), (end + FADE / 2) - times) / FADE
        share = np.maximum(share, np.clip(inside, 0, 1).astype(np.float32))
    return neutral + share[:, None] * (heard - neutral)


def _warn(aligned: Alignment) -> None:
    """Tell of words that are not heard, and of sound that has no words."""
    told = []
    if aligned.unheard:
        words, more = " ".join(aligned.unheard[:8]), len(aligned.unheard) - 8
        told.append(f"these words are not heard: {words}{f' and {more} more' if more > 0 else ''}")
    if aligned.unwritten:
        spans, more = aligned.unwritten[:4], len(aligned.unwritten) - 4
        where = ", ".join(f"{start:.1f} to {end:.1f}" for start, end in spans) + (f" and {more} more" if more > 0 else "")
        told.append(f"there are no words for the sound at {where} s, where the model speaks")
    if told:
        warnings.warn(f"transcript: {'; '.join(told)}", InputWarning, stacklevel=3)
