"""A prepared folder -> WebDataset shards, for sets that are too large for one file a clip: `prepare shards DATA -o OUT`."""

from __future__ import annotations

from pathlib import Path

from talkinghead.data.convert.recording import Converted
from talkinghead.data.store.shard_writer import Listing, write_shards
from talkinghead.errors import InputError


def convert(
    paths: list[Path],
    out: Path,
    *,
    workers: int = 1,
    progress: bool = True,
    engine: str = "local",
    size_mb: float = 256.0,
) -> Converted:
    """The clips of one prepared folder as shards in `out`; none is dropped.

    size_mb: megabytes of a shard. A clip that cannot be read ends the run: the folder is to be prepared again.
    """
    if len(paths) != 1:
        raise InputError(f"shards: name one prepared folder, not {len(paths)}")
    write_shards(paths[0], out, size_mb, progress, workers=workers, engine=engine)
    return Converted(Listing(out), {}, {})
