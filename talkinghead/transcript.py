"""A recording and what is said in it -> animation, by alignment and coarticulation: no model is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from talkinghead.animation import Animation
from talkinghead.audio import RATE, load_audio
from talkinghead.errors import InputError
from talkinghead.face.head import Head

LONGEST = 1 << 20  # bytes of a transcript


def animate_transcript(
    audio: str | Path | np.ndarray,
    transcript: str,
    *,
    head: Head | None = None,
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

    audio, head, fps, rate, seed, idle and what it scales are as for `Talker.animate`. Needs the extra `align`. meta["phones"]
    has the phonemes that were found. Raises InputError, also if the words do not fit the sound.
    """
    from talkinghead import __version__
    from talkinghead.data.align import align
    from talkinghead.face.coarticulation import loudness_of, speak
    from talkinghead.face.idle import apply, check
    from talkinghead.prosody import prosody

    check(idle=idle, blinks=blinks, gaze=gaze, brows=brows, head_motion=head_motion)
    if not 1 <= fps <= 240:
        raise InputError(f"fps is {fps:g}: choose 1 to 240")
    wave = load_audio(audio, RATE, source_rate=None if isinstance(audio, str | Path) else rate or RATE)
    found = align(wave, transcript)
    animation = speak(found.phones, len(wave) / RATE, fps, head, loudness=loudness_of(wave))
    notes = {"phones": found.phones, "words": found.words, "seed": seed, "version": __version__}
    notes |= {"idle": idle, "blinks": blinks, "gaze": gaze, "brows": brows, "head_motion": head_motion}
    animation = replace(animation, meta=animation.meta | notes)
    if idle:
        voice = prosody(wave)
        animation = apply(animation, seed, strength=idle, blinks=blinks, gaze=gaze, brows=brows, head=head_motion, voice=voice)
    return animation


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
