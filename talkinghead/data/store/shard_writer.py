"""Large datasets as WebDataset shards: plain tar files of some hundred megabytes, read in one go or by offset.

shard-000000.tar    of each clip ID.json (its line of the manifest), ID.flac and ID.motion.safetensors, one after the other
shards.json         names, sizes, splits and lengths of the shards; tells that all of them are there
heads/NAME.npz      as in a folder
manifest.jsonl      the clips once more, as text for other tools

Each shard holds clips of one split, shuffled, so that reading them in sequence mixes speakers. The package
`webdataset` and other readers of the format take them as they are; here they are read by offset (`data.store.index`),
which gives the same exact resume as files in a folder.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.manifest import SPLITS, Clip
from talkinghead.data.manifest import VERSION as CLIP_VERSION
from talkinghead.data.store.index import Index
from talkinghead.data.store.shard_reader import SHARDS, VERSION
from talkinghead.errors import InputError
from talkinghead.files import file_name, replacing
from talkinghead.fingerprint import fingerprint
from talkinghead.io.safetensors_slice import ByteRange
from talkinghead.parallel import Failed, run_jobs

WORK = ".work"  # in the folder of shards, while they are made


def write_shards(
    folder: Path,
    out: Path,
    size_mb: float = 256,
    progress: bool = True,
    *,
    workers: int = 1,
    engine: str = "local",
    shuffle: bool = True,
) -> None:
    """Turn a prepared folder into shards of about `size_mb` in `out`.

    The same folder gives the same bytes. Shards that are there and up to date are kept, so an interrupted run goes on. shuffle:
    mix the clips of each split; otherwise they are in the order of the manifest. Raises InputError, one line, if anything of
    the folder cannot be read.
    """
    if not (size_mb > 0):
        raise InputError(f"size_mb is {size_mb}: shards of 100 to 1000 MB are usual")
    if (Path(folder) / SHARDS).exists():
        raise InputError(f"{folder}: holds shards already; name the prepared folder that they were made of")
    work = Path(out) / WORK  # not a temporary folder: workers may be on other machines
    try:
        _write_all(Index(folder, work), Path(out), size_mb, shuffle, workers, engine, progress)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write_all(source: Index, out: Path, size_mb: float, shuffle: bool, workers: int, engine: str, progress: bool) -> None:
    sizes, heads = _sizes(source)
    jobs = []
    for rows in _plan(source, sizes, size_mb * 1e6, shuffle):
        name = f"shard-{len(jobs):06d}.tar"
        jobs.append((name, source, rows, out / name))
    for head in heads:
        with replacing(out / head) as fresh:
            shutil.copyfile(source.folder / head, fresh)
    made = {}
    for name, result in run_jobs(_write, jobs, workers=workers, engine=engine, title="shards" if progress else None):
        if isinstance(result, Failed):
            raise InputError(f"{name}: {result.reason}")
        made[name] = result
    for path in out.glob("shard-*.tar"):
        if path.name not in made:
            path.unlink()
    text = {"version": VERSION, "shards": [made[name] for name in sorted(made)]}
    with replacing(out / SHARDS) as fresh:
        fresh.write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")


class Listing(Sequence):
    """The clips of shards as a sequence that holds none of them; sound and motion are named SHARD/MEMBER."""

    def __init__(self, folder: Path) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        self.clips = Index(folder, Path(self.temporary.name))

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, i: int) -> Clip:  # pyright: ignore[reportIncompatibleMethodOverride]
        if i >= len(self):
            raise IndexError(i)
        clip, shard = self.clips.clip(i), self.clips.blocks[self.clips.rows[i]["block"]]
        return replace(clip, audio=f"{shard}/{clip.audio}", motion=f"{shard}/{clip.motion}")


def _sizes(source: Index) -> tuple[np.ndarray, list[str]]:
    """(N,) bytes of each clip, and the heads that clips name."""
    sizes, heads = np.zeros(len(source), np.int64), set()
    for i in range(len(source)):
        clip = source.clip(i)
        sizes[i] = sum(_stat(source.folder / name, clip.id)[0] for name in (clip.audio, clip.motion)) + 3 * 512
        heads |= {clip.head} - {None}
    return sizes, sorted(heads)


def _stat(path: Path, clip: str) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"clip {clip}: {path}: {error.strerror}; prepare the dataset again") from None
    return status.st_size, status.st_mtime_ns


def _plan(source: Index, sizes: np.ndarray, most: float, shuffle: bool) -> Iterator[np.ndarray]:
    """Rows of the source for each shard: split by split, each shard full before the next begins."""
    for split in range(len(SPLITS)):
        rows = np.flatnonzero(source.rows["split"] == split)
        if shuffle:
            rows = np.random.default_rng([split, len(rows)]).permutation(rows)
        shard = ((np.cumsum(sizes[rows]) - sizes[rows]) // most).astype(np.int64)
        yield from (part for part in np.split(rows, np.flatnonzero(np.diff(shard)) + 1) if len(part))


def _write(name: str, source: Index, rows: np.ndarray, path: Path) -> dict[str, Any]:
    """One shard, unless it is there and up to date; its entry of shards.json. Runs in a worker."""
    clips = [source.clip(int(i)) for i in rows]
    mark = _mark(source, clips)
    if _read_mark(path) != mark:
        seen: set[str] = set()
        with replacing(path) as fresh, tarfile.open(fresh, "w", pax_headers={"comment": mark}) as tar:
            for row, clip in zip(rows, clips, strict=True):
                key = file_name(clip.id).replace(".", "_")  # what follows the first dot tells the parts of a sample apart
                key = f"{key}-{row}" if key in seen else key
                seen.add(key)
                _add(tar, source.folder, clip, key)
    seconds = round(sum(clip.duration for clip in clips), 3)
    return {"name": name, "split": clips[0].split, "clips": len(clips), "seconds": seconds, "bytes": path.stat().st_size}


def _add(tar: tarfile.TarFile, folder: Path, clip: Clip, key: str) -> None:
    entry = replace(clip, audio=f"{key}.flac", motion=f"{key}.motion.safetensors")
    known = {name: value for name, value in asdict(entry).items() if value is not None}
    line = json.dumps({"version": CLIP_VERSION} | known, ensure_ascii=False) + "\n"
    with tempfile.TemporaryDirectory() as temporary:
        sound, motion = folder / clip.audio, folder / clip.motion
        if sound.suffix != ".flac":
            fresh = Path(temporary, "sound.flac")
            write_audio(fresh, load_audio(sound))
            sound = fresh
        parts = {"json": line.encode(), "flac": ByteRange(sound).read(), "motion.safetensors": ByteRange(motion).read()}
        for part, data in parts.items():
            member = tarfile.TarInfo(f"{key}.{part}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def _mark(source: Index, clips: list[Clip]) -> str:
    """Changes with whatever a shard is made from."""
    files = [[_stat(source.folder / name, clip.id) for name in (clip.audio, clip.motion)] for clip in clips]
    return fingerprint([VERSION, CLIP_VERSION, clips, files])


def _read_mark(path: Path) -> str | None:
    if not path.exists():
        return None
    try:
        with tarfile.open(path, "r:") as tar:
            return tar.pax_headers.get("comment")
    except (tarfile.TarError, OSError, EOFError):
        return None
