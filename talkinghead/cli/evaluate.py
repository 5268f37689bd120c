"""The verb evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from talkinghead.animate.settings import Prior
from talkinghead.errors import InputError


def evaluate(
    paths: Annotated[Positional[tuple[str, ...]], arg(metavar="SYSTEM... DATA")],
    output: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER", help="Report to write, or to go on with.")] = None,
    *,
    baselines: tuple[Literal["still", "mean", "loudness", "nearest"], ...] = ("still", "mean", "loudness", "nearest"),
    split: Literal["train", "val", "test"] = "test",
    clips: int | None = None,
    annotation: str | None = None,
    samples: int = 1,
    seed: int = 0,
    idle: float = 1.0,
    prior: Prior = "parallel",
    lips: Path | None = None,
    upper: Path | None = None,
    unit: Annotated[str, arg(metavar="NAME")] = "m",
    fps: float | None = None,
    device: str = "cpu",
    videos: int = 3,
    emotions: int = 0,
    disentangle: int = 0,
) -> None:
    """Measure models, and animations of other tools, on a prepared data set. An interrupted run goes on where it was.

    Args:
        paths: Any number of systems, then the data set. A system is a model's folder, its id on the Hub, the word default
            for the model that ships, or a folder of animations: one ID.npz, ID.csv or ID.npy of raw vertices for each clip.
            NAME=PATH names it.
        baselines: What to compare with: a still face, the mean of the training clips, a jaw driven by loudness, the most
            similar sound of the training clips. None if nothing follows.
        split: Clips to measure on.
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
        emotions: On how many clips to measure the emotions of the models: whether they are seen, grow with intensity,
            and leave the lips in sync. With a sheet of emotions, intensities and sounds on the page.
        disentangle: On how many clips to measure whether the models keep mouth and upper face apart: what changes
            when the sound or the expression is another clip's. Written as disentangle.json and .png, too.
    """
    from talkinghead.evaluate.run import evaluate as run

    if not paths:
        raise InputError("evaluate: say what to measure on, for example: talkinghead evaluate default data/vocaset -o report")
    *systems, data = paths
    run(
        systems,
        data,
        out=output,
        split=split,
        baselines=baselines,
        samples=samples,
        seed=seed,
        idle=idle,
        prior=prior,
        lips=lips,
        upper=upper,
        unit=unit,
        fps=fps,
        clips=clips,
        annotation=annotation,
        device=device,
        videos=videos,
        emotions=emotions,
        progress=True,
    )
    if disentangle:
        from talkinghead.evaluate import disentangle as swaps

        how = {"split": split, "clips": disentangle, "annotation": annotation, "device": device}
        figures = swaps.measure_models(systems, data, **how)
        print(swaps.table(figures))
        if output is not None:
            swaps.write(figures, output)
    if output is not None:
        print(output)
