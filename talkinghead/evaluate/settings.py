"""What is measured, and how: the settings that the command line and `evaluate` share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from talkinghead.animate.settings import Prior
from talkinghead.audio.clock import check_fps
from talkinghead.errors import InputError
from talkinghead.head.units import metres

BaselineName = Literal["still", "mean", "loudness", "nearest"]
BASELINES: tuple[BaselineName, ...] = get_args(BaselineName)
CONDITIONS = ("split", "samples", "seed", "idle", "prior", "unit", "fps")  # those that the report names


@dataclass(frozen=True)
class EvaluateSettings:
    """What is measured, and how.

    Args:
        baselines: What to compare with: a still face, the mean of the training clips, a jaw driven by loudness, the most
            similar sound of the training clips. None if nothing follows.
        split: Clips to measure on; all where no model was trained on any of them.
        clips: Only so many of them.
        annotation: Kind of motion, where the data set has several.
        samples: How often each model is sampled for coverage, mean-estimate error and diversity; these need 2 or more.
        seed: Decides all that is sampled.
        idle: Strength of the models' blinks, gaze, brows and head motion.
        prior: What turns the models' sound into motion, as in `talkinghead animate`.
        lips: Indices of the lip vertices: .txt, .npy, .json, or FLAME_masks.pkl. Those of the head.
        upper: Indices of the upper face, likewise.
        unit: Of raw vertices in .npy files: m, cm, mm or the metres that 1 is.
        fps: Of .npy files; that of the clip.
        device: Where models run: cpu, cuda, mps.
        videos: How many clips of the report are shown side by side.
        emotions: On how many clips to measure the emotions of the models: whether they are recognised, grow with
            intensity, and leave the lips in sync. With a sheet of emotions, intensities and sounds on the page.
    """

    baselines: tuple[BaselineName, ...] = ()
    split: Literal["train", "val", "test", "all"] = "test"
    clips: int | None = None
    annotation: str | None = None
    samples: int = 1
    seed: int = 0
    idle: float = 1.0
    prior: Prior = "parallel"
    lips: Path | None = None
    upper: Path | None = None
    unit: str = "m"
    fps: float | None = None
    device: str = "cpu"
    videos: int = 3
    emotions: int = 0

    def __post_init__(self) -> None:
        """Raises InputError for a value that is out of range."""
        if self.samples < 1 or (self.clips is not None and self.clips < 1):
            raise InputError("evaluate: samples and clips are 1 or more")
        if min(self.videos, self.emotions, self.seed) < 0 or not 0 <= self.idle < 100:
            raise InputError("evaluate: videos, emotions, seed and idle are 0 or more, idle below 100")
        metres(self.unit)
        check_fps(self.fps)

    @property
    def conditions(self) -> dict[str, Any]:
        """What the report says of how it was made."""
        return {name: getattr(self, name) for name in CONDITIONS}
