"""Sources of speech with motion -> one dataset format (`talkinghead.data.manifest`)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

SOURCES = {"video": "talkinghead.data.adapters.video", "facegood": "talkinghead.data.adapters.facegood"}


def prepare(source: str, paths: list[Path], out: Path, *, workers: int = 1, progress: bool = True, **options) -> dict:
    """Turn recordings into a dataset in `out`; returns what is written to `out/report.json`.

    source: video or facegood; `options` are those of the source's `convert` (speaker, licence, offset, ...). A run can be
    interrupted and started again: what is done is kept. Bad clips are dropped with a reason. Raises InputError if `out` is
    not ours or nothing is usable.
    """
    from talkinghead.data.manifest import write_manifest
    from talkinghead.data.report import claim, summarise, withdraw
    from talkinghead.errors import InputError

    if source not in SOURCES:
        raise InputError(f"source {source!r} is not known; one of {', '.join(SOURCES)}")
    out = Path(out)
    claim(out, source)
    try:
        convert = import_module(SOURCES[source]).convert
        clips, quality, dropped = convert([Path(p) for p in paths], out, workers=workers, progress=progress, **options)
        if clips:
            write_manifest(out, clips)
        return summarise(out, source, clips, quality, dropped, quiet=not progress)
    except InputError:
        withdraw(out)
        raise
