"""The response of a model to an emotion: is it shown, in proportion to the intensity, and are the lips still in sync?

Some clips of a data set are spoken neutrally and with every emotion at several intensities, without blinks, gaze and head
motion. Measured are:

seen          whether a reader that training did not use names the emotion; `readers` has the two, and their limits.
displacement  mean over the vertices of the face, and over frames, of their distance from the neutral prediction, in mm; its
              rank correlation with intensity (Spearman), and the share of clips in which each step of intensity adds to it.
exact         whether intensity 0 gives the bytes of the neutral prediction.
closures      share of the /p b m/ at which the lips shut, as `metrics.bilabial_recall`; the phonemes of the data set, or, where
              it has none, those of the model's own encoder.
recorded      correlation of lip aperture with the recorded lips, and the lag at which it is best; `neutral`: the same with
              the neutral prediction, which an emotion should not delay.
content       mouth trajectories against those of the neutral prediction after the mean of each has been taken away, which is
              what an emotion may hold: correlation, and root mean square in mm.

E emotions, I intensities, T frames at 50 a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from talkinghead.data.manifest import Clip
from talkinghead.errors import InputError
from talkinghead.evaluate.cache import Cache, clip_state
from talkinghead.evaluate.emotion import sheets
from talkinghead.evaluate.emotion.clip import NON_NEUTRAL, measure_clip
from talkinghead.evaluate.emotion.pooling import figures
from talkinghead.evaluate.emotion.sheets import INTENSITIES
from talkinghead.evaluate.selection import spread
from talkinghead.evaluate.systems import Model, System
from talkinghead.progress import progress_bar

VERSION = 1  # goes up when the same motion would give other figures


class EmotionResponse:
    """The emotions of those systems that have them. Raises InputError if there is none.

    notes: gets a line for each model without emotions.
    """

    def __init__(self, systems: Sequence[System], notes: list[str]) -> None:
        models = [system for system in systems if isinstance(system, Model)]
        self.models = [model for model in models if getattr(model.talker.config, "emotions", [])]
        self.clips: list[Clip] = []
        if not self.models:
            raise InputError("evaluate: --emotions needs a model that can be told an emotion; none of these can")
        neutral = [model.name for model in models if model not in self.models]
        notes += [f"{name} speaks neutrally only, so nothing is said of its emotions" for name in neutral]

    def measure(self, folder: Path, clips: Sequence[Clip], count: int, cache: Cache, progress: bool) -> dict[str, dict]:
        """{model: figures} on at most `count` of the clips."""
        self.clips, out = emotion_clips(clips, count), {}
        with progress_bar(progress) as bar:
            task = bar.add_task("measuring", total=len(self.clips) * len(self.models))
            for model in self.models:
                out[model.name] = measure_emotions(model, folder, self.clips, cache, step=lambda: bar.advance(task))
        return out

    def sheets(self, folder: Path, out: Path) -> dict[str, Path]:
        """{model: picture of emotion x intensity x sound} in the folder of the report."""
        recordings = [folder / clip.audio for clip in self.clips]
        return {model.name: sheets.write(model, recordings, out / "sheets") for model in self.models}


def emotion_clips(clips: Sequence[Clip], count: int) -> list[Clip]:
    """At most `count` clips, evenly spread, half of them with a recorded emotion where there are such."""
    emotional = [clip for clip in clips if clip.emotion in NON_NEUTRAL]
    plain = [clip for clip in clips if clip.emotion not in NON_NEUTRAL]
    half = min(len(emotional), max(count // 2, count - len(plain)))
    picked = {clip.id for some, n in ((emotional, half), (plain, count - half)) for clip in spread(some, n)}
    return [clip for clip in clips if clip.id in picked]


def measure_emotions(
    model: Model,
    folder: Path,
    clips: Sequence[Clip],
    cache: Cache,
    *,
    intensities: Sequence[float] = INTENSITIES,
    step: Callable[[], None] = lambda: None,
) -> dict:
    """The figures of `figures` for one model on these clips, kept in `cache` clip by clip; `step` is called after each."""
    parts = []
    for clip in clips:
        identity = model.identity(clip.id)
        key = None if identity is None else f"emotions {VERSION} {intensities} {clip_state(folder, clip)} {identity}"
        part = cache.get(f".emotions {model.name}", clip.id, key)
        if part is None:
            part = measure_clip(model.talker, folder, clip, intensities, prior=model.options.prior, seed=model.options.seed)
            cache.put(f".emotions {model.name}", clip.id, key, part)
        parts.append(part)
        step()
    return figures(parts, intensities)
