"""A recording and what is said in it -> animation, by alignment and coarticulation: no model is loaded."""

from __future__ import annotations

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
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.models.recogniser import shipped_recogniser
from talkinghead.motion.controls import manner_of
from talkinghead.motion.expressions import layer
from talkinghead.speech.align import align
from talkinghead.speech.coarticulation import contact, loudness_of, segments_of, speak
from talkinghead.speech.phonemes import BILABIALS
from talkinghead.speech.voice_emotion import emotion_of_voice
from talkinghead.version import __version__

LONGEST = 1 << 20  # bytes of a transcript


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
    Needs the extra `align`. meta["phones"] has the phonemes that were found. Raises InputError, also if the words do not fit
    the sound, and for settings that only a model knows.
    """
    settings = replace(settings, **changes) if settings is not None else AnimateSettings(**changes)
    if unused := settings.changed(*MODEL_ONLY):
        name = unused[0].replace("_", "-")
        raise InputError(f"--{name} is the model's, which --transcript does without; leave one of them out")
    wave = load_audio(audio, RATE, source_rate=None if isinstance(audio, str | Path) else rate or RATE, track=track)
    aligned = align(wave, transcript, find_recogniser=shipped_recogniser)
    seconds, curve = len(wave) / RATE, settings.curve
    voice = prosody(wave) if settings.idle or curve is None else None
    if curve is None:
        curve = emotion_of_voice(wave, None, voice).scaled(settings.intensity)
    spoken = speak(aligned.phones, seconds, settings.fps, head, loudness=loudness_of(wave), strength=settings.articulation)
    head, times, neutral = spoken.head, spoken.times, spoken.coefficients
    shown = layer(neutral, curve.at(times), head.names, manner_of(settings.seed), spoken.fps)
    segments = segments_of(aligned.phones, float(len(times) / spoken.fps))
    closure = contact(segments, BILABIALS, times, 1 / spoken.fps)
    speech = SpeechMotion(neutral, shown - neutral, closure, spoken.fps)
    own = {name: value for name, value in settings.meta(curve).items() if name not in MODEL_ONLY}
    about = {"phones": aligned.phones, "words": aligned.words, "seed": settings.seed, "version": __version__}
    meta = spoken.meta | about | own
    # The coarticulation model has opened the mouth as far as `articulation` says.
    return compose(speech, head, replace(settings, articulation=1.0), curve, voice, seconds, meta)


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
