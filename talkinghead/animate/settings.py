"""How speech becomes motion: every setting that a user has, in one place.

The command line, lists, `Talker.animate`, `animate_transcript` and an animation's `meta` share these. A new setting is a field
here and its use in `animate.compose`; its line in the docstring is what `--help` shows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

from talkinghead.audio.clock import check_fps, exact_rate
from talkinghead.errors import InputError
from talkinghead.motion.controls import check_gains, check_strengths
from talkinghead.motion.emotion_curve import AUTO, EmotionCurve, EmotionSpec, check_intensity, read_emotion
from talkinghead.rendering.settings import RenderSettings as RenderSettings

VIDEO, PAGE = ".mp4", ".html"  # of films the usual one; `rendering.settings` has the others, and those of pictures
Prior = Literal["parallel", "autoregressive"]
GAINS = ("expressiveness", "articulation", "upper_face", "lower_face")
NONVERBAL = ("idle", "blinks", "gaze", "brows", "head_motion")
MODEL_ONLY = ("style", "prior", "temperature", "top_p")  # what only a model knows: transcripts do without


@dataclass(frozen=True)
class AnimateSettings:
    """How the speech becomes motion. One line tells of a value that is out of range.

    Args:
        emotion: How it is said: neutral, happy, sad, surprised, fearful, disgusted, angry, contempt; a blend
            such as happy:0.6,surprised:0.3; a .csv or .json file with keyframes over time (columns time,
            in seconds, and emotions; or time, emotion and intensity); or auto: what the voice tells.
        intensity: How strongly, 0 to 1, times what emotion says; 0 is neutral.
        expressiveness: How far emotion, brows and head go; 1 is usual, 0 to 3.
        articulation: How far the mouth goes with the words, likewise.
        upper_face: How far brows, lids, cheeks and nose go, whatever moves them, likewise.
        lower_face: How far mouth and jaw go, whatever moves them, likewise.
        style: Whose way of speaking; one of the model's speakers.
        seed: Decides all that is sampled; the same seed gives the same motion.
        prior: What turns sound into motion: parallel, all at once, or autoregressive, knowing what
            it did before, of models that have it.
        temperature: Above 0, the motion of the mouth is sampled, too; 1 is as varied as people are.
        top_p: Of what is sampled: only the likeliest that together have this probability.
        idle: Strength of all that is not the mouth's: the four that follow; 0 switches them off.
        blinks: How often eyes blink; 1 is usual, 0 never.
        gaze: How far eyes wander.
        brows: How far brows move with the voice.
        head_motion: How far the head moves with the voice.
        fps: Frames a second.
    """

    emotion: EmotionSpec = "neutral"
    intensity: float = 1.0
    expressiveness: float = 1.0
    articulation: float = 1.0
    upper_face: float = 1.0
    lower_face: float = 1.0
    style: str | None = None
    seed: int = 0
    prior: Prior = "parallel"
    temperature: float = 0.0
    top_p: float = 1.0
    idle: float = 1.0
    blinks: float = 1.0
    gaze: float = 1.0
    brows: float = 1.0
    head_motion: float = 1.0
    fps: float = 30.0

    def __post_init__(self) -> None:
        check_intensity(self.intensity)
        _ = self.curve
        check_gains(**{name: getattr(self, name) for name in GAINS})
        check_strengths(**{name: getattr(self, name) for name in NONVERBAL})
        check_fps(self.fps)
        object.__setattr__(self, "fps", float(exact_rate(self.fps)))  # 29.97 is 30000/1001 in every file
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}: choose a whole number from 0 to 2^63 - 1")
        if not 0 <= self.temperature <= 10:
            raise InputError(f"temperature is {self.temperature:g}: choose 0 (no sampling) to 10; 1 is the model's own")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p:g}: choose above 0 (the likeliest code only) to 1 (all)")

    @cached_property
    def curve(self) -> EmotionCurve | None:
        """The emotion over time, `intensity` times; None if it is to be heard from the recording."""
        if isinstance(self.emotion, str) and self.emotion == AUTO:
            return None
        return read_emotion(self.emotion, self.intensity)

    def changed(self, *names: str) -> list[str]:
        """Those of the settings `names` that are not at their default."""
        return [field.name for field in fields(self) if field.name in names and getattr(self, field.name) != field.default]

    def identity(self) -> dict[str, Any]:
        """Plain data that decides the motion: an emotion counts by its keyframes, wherever it was read from."""
        keys = ["auto"] if self.curve is None else [self.curve.times, self.curve.values]
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"emotion": keys}

    def meta(self, curve: EmotionCurve) -> dict[str, Any]:
        """What an animation's `meta` keeps: all settings but the frame rate, and the emotion as it was understood."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "fps"}
        return plain | {"emotion": curve.meta}
