"""The verb evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from talkinghead.errors import InputError
from talkinghead.evaluate.settings import BASELINES, EvaluateSettings

DEFAULTS = EvaluateSettings(baselines=BASELINES)


def evaluate(
    paths: Annotated[Positional[tuple[str, ...]], arg(metavar="SYSTEM... DATA")],
    output: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER", help="Report to write, or to go on with.")] = None,
    *,
    settings: Annotated[EvaluateSettings, OmitArgPrefixes] = DEFAULTS,
    sources: Annotated[tuple[str, ...], arg(metavar="DATA...")] = (),
    disentangle: int = 0,
) -> None:
    """Measure models, and animations of other tools, on a prepared data set. An interrupted run goes on where it was.

    Args:
        paths: Any number of systems, then the data set. A system is a model's folder, its id on the Hub, the word default
            for the model that ships, or a folder of animations: one ID.npz, ID.csv, ID.json or ID.npy of raw vertices for each
            clip.
            NAME=PATH names it. With --sources all of them are systems.
        sources: Data sets, in place of the one, each a source of its own: other people, languages, cameras. Do the lips follow
            speech there, too? Correlation of lip aperture and width with the real lips at one constant lag a source, intervals
            over speakers, the mean of the sources, as sources.json and sources.html. With --split all for films that no
            model was trained on. NAME=FOLDER names one.
        disentangle: On how many clips to measure whether the models keep mouth and upper face apart: what changes
            when the sound or the expression is another clip's. Written as disentangle.json and .png, too.
    """
    from talkinghead.evaluate.run import evaluate as run

    if sources:
        _by_source(paths, sources, output, settings, disentangle)
        return
    if not paths:
        raise InputError("evaluate: say what to measure on, for example: talkinghead evaluate default data/vocaset -o report")
    *systems, data = paths
    run(systems, data, out=output, settings=settings, progress=True)
    if disentangle:
        from talkinghead.evaluate import disentangle as swaps

        how = {"split": settings.split, "annotation": settings.annotation, "device": settings.device}
        figures = swaps.measure_models(systems, data, clips=disentangle, **how)
        print(swaps.table(figures))
        if output is not None:
            swaps.write(figures, output)
    if output is not None:
        print(output)


def _by_source(
    systems: tuple[str, ...], sources: tuple[str, ...], output: Path | None, settings: EvaluateSettings, disentangle: int
) -> None:
    from talkinghead.evaluate.sources.run import evaluate_sources

    if disentangle:
        raise InputError("evaluate: --disentangle measures one data set; leave it out, or --sources")
    evaluate_sources(systems, sources, out=output, settings=settings, progress=True)
    if output is not None:
        print(output / "sources.html")
