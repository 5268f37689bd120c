"""The verb prepare: sources of speech with motion -> one data set format (`data.manifest`)."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

SOURCES = {
    "video": "talkinghead.data.adapters.video",
    "folder": "talkinghead.data.adapters.folder",
    "livelink": "talkinghead.data.adapters.livelink",
    "speech": "talkinghead.data.adapters.speech",
    "vocaset": "talkinghead.data.adapters.vocaset",
    "biwi": "talkinghead.data.adapters.biwi",
    "multiface": "talkinghead.data.adapters.multiface",
    "meshtalk": "talkinghead.data.adapters.multiface",
    "mead": "talkinghead.data.adapters.mead",
    "beat": "talkinghead.data.adapters.beat",
    "beat2": "talkinghead.data.adapters.beat2",
    "a2fbench": "talkinghead.data.adapters.a2fbench",
    "claire": "talkinghead.data.adapters.claire",
    "facegood": "talkinghead.data.adapters.facegood",
    "shards": "talkinghead.data.adapters.shards",
}
RESHAPED = "shards"  # the source that is no recordings but a prepared folder, and has no takes
OURS = ("workers", "progress", "engine")  # keyword arguments that are no options of a source


def prepare(
    source: str,
    paths: list[Path],
    out: Path,
    *,
    workers: int = 1,
    progress: bool = True,
    engine: str = "local",
    page: bool | None = None,
    **options: Any,
) -> dict:
    """Turn recordings into a dataset in `out`; returns what is written to `out/report.json`.

    source: a key of SOURCES; `options` are those that `options_of(source)` names. workers: clips at a time; engine: local or
    ray, see `talkinghead.parallel`. A run can be interrupted and started again: what is done is kept, and `out` becomes what
    `paths` give now. Bad clips are dropped with a reason. page: whether to write the summary page `out/index.html` as well;
    if not said, as `progress`. Raises InputError if `out` is not ours or nothing is usable.
    """
    from talkinghead.data.convert import runner
    from talkinghead.data.convert.summary import claim, summarise, tidy, withdraw
    from talkinghead.data.manifest import write_manifest
    from talkinghead.errors import InputError
    from talkinghead.inputs import Inputs
    from talkinghead.parallel import check_engine

    check_options(source, options)
    check_engine(engine, workers)
    module, out = _module(source), Path(out)
    convert = module.convert if source == RESHAPED else partial(runner.convert, module)
    Inputs(paths, options).refuse(out, below=True)
    claim(out, source)
    try:
        paths = [Path(path) for path in paths]
        if engine == "ray":  # whose workers may start in another folder
            paths, out = [path.absolute() for path in paths], out.absolute()
            options = {name: value.absolute() if isinstance(value, Path) else value for name, value in options.items()}
        converted = convert(paths, out, workers=workers, progress=progress, engine=engine, **options)
        report = summarise(out, source, converted, quiet=not progress)
        write_manifest(out, converted.clips)
        tidy(out, converted.clips)
    except InputError:
        withdraw(out)
        raise
    if progress if page is None else page:
        from talkinghead.data.convert.page import write_page

        write_page(out, report, converted.clips)
    return report


def check_options(source: str, options: Iterable[str]) -> None:
    """Raises InputError if there is no such source, or if it does not know one of the options."""
    from talkinghead.errors import InputError

    known = list(options_of(source))
    for name in options:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"source {source}: has no option {name!r}; {has}")


def options_of(source: str) -> dict[str, inspect.Parameter]:
    """The options that a source knows: the keyword arguments of its adapter's `takes`; of shards, of `convert`."""
    module = _module(source)
    function = module.convert if source == RESHAPED else module.takes
    known = inspect.signature(function).parameters.values()
    return {p.name: p for p in known if p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) and p.name not in OURS}


def _module(source: str) -> ModuleType:
    from talkinghead.errors import InputError

    if source not in SOURCES:
        near = get_close_matches(source, SOURCES, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(SOURCES)}"
        raise InputError(f"source {source!r} is not known; {hint}")
    name = SOURCES[source]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise InputError(f"source {source!r}: this version of talkinghead cannot read it yet") from None
