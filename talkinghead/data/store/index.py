"""A manifest, or a set of shards, of any size as columns of numbers in one memory-mapped file.

Training needs a few numbers of a clip: its byte ranges, length, speaker. They take 84 bytes of disk each and no memory of the
process. The line of a clip is parsed on demand. The file is made once, in the cache of the run, and again when the manifest or
the shards change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import frame_count
from talkinghead.data.manifest import NAME, SPLITS, Bounds, Clip, parse_clip
from talkinghead.data.store.shard_reader import SHARDS, ClipLocation
from talkinghead.errors import InputError, shown
from talkinghead.files import replacing
from talkinghead.fingerprint import file_stamp, fingerprint
from talkinghead.io.safetensors_slice import ByteRange
from talkinghead.motion.emotions import EMOTIONS, SPELLINGS

VERSION = 2  # of the files made here
FPS = 50  # frames a second of the model's clock
ROW = np.dtype(
    [
        ("id", "u8"),  # hash of the clip's id
        ("block", "i4"),  # number of the shard; 0 in a folder
        ("line", "i8", 2),  # offset and length in bytes: of the clip's JSON,
        ("audio", "i8", 2),  # and in shards, of its sound
        ("motion", "i8", 2),  # and of its motion
        ("seconds", "f8"),
        ("frames", "i4"),  # on the model's clock
        ("split", "i1"),
        ("annotation", "i2"),
        ("speaker", "i4"),
        ("emotion", "i1"),
        ("intensity", "f4"),
    ]
)


class Index:
    """The clips of one prepared folder, or of one folder of shards. Rows are in the order of the manifest or of the shards."""

    def __init__(self, folder: str | Path, cache: Path) -> None:
        self.folder = Path(folder)
        self.sharded = (self.folder / SHARDS).exists()
        key = _key(self.folder, self.sharded)
        place = f"{self.folder.name}-{fingerprint(str(self.folder.resolve()))[:8]}"
        self.name = place
        self.path = cache / "index" / f"{place}-{key}.rows"
        tables = self.path.with_suffix(".json")
        if not tables.exists():
            for old in self.path.parent.glob(f"{place}-*"):
                if key not in old.name:  # of this one, another process may be done by now
                    old.unlink(missing_ok=True)
            _build(self.folder, self.sharded, self.path, tables)
        text = json.loads(tables.read_text(encoding="utf-8"))
        self.speakers: list[str] = text["speakers"]
        self.annotations: list[str] = text["annotations"]
        self.heads: dict[str, str | None] = text["heads"]
        self.blocks: list[str] = text["blocks"]  # names of the shards, or of the manifest
        self.seconds: dict[str, float] = text["seconds"]  # of training clips, by annotation
        self.training: set[str] = set(text["training"])  # speakers of training clips
        self._map()

    def __len__(self) -> int:
        return len(self.rows)

    def clip(self, i: int) -> Clip:
        """The clip of row i, parsed from its line."""
        row = self.rows[i]
        path = self.folder / self.blocks[row["block"]]
        line = ByteRange(path, int(row["line"][0]), int(row["line"][1])).read()
        return parse_clip(line.decode("utf-8"), f"{path}, clip {i + 1}")

    def audio(self, i: int) -> ByteRange:
        """Where the sound of row i is."""
        return self._place(i, "audio")

    def motion(self, i: int) -> ByteRange:
        """Where the motion of row i is."""
        return self._place(i, "motion")

    def _place(self, i: int, what: str) -> ByteRange:
        if not self.sharded:
            return ByteRange(self.folder / getattr(self.clip(i), what))
        row = self.rows[i]
        return ByteRange(self.folder / self.blocks[row["block"]], int(row[what][0]), int(row[what][1]))

    def _map(self) -> None:
        self.rows = np.memmap(self.path, ROW, "r")

    def __getstate__(self) -> dict:
        return self.__dict__ | {"rows": None}  # a process that is started with a copy maps the file itself

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._map()


def id_hash(clip: str) -> int:
    """64 bits of a clip's id."""
    return int.from_bytes(hashlib.blake2b(clip.encode(), digest_size=8).digest(), "little")


def emotion_of(clip: Clip) -> tuple[int, float]:
    """Index into EMOTIONS and intensity; neutral, 0 where it is not known, and 1 where only the emotion is."""
    name = SPELLINGS.get((clip.emotion or "neutral").strip().lower(), "neutral")
    if name == "neutral":
        return 0, 0.0
    return EMOTIONS.index(name), 1.0 if clip.intensity is None else clip.intensity


def _key(folder: Path, sharded: bool) -> str:
    """Changes when the folder's clips do."""
    try:
        files = sorted(folder.glob("*.tar")) if sharded else []
        return fingerprint([VERSION, str(ROW), *map(file_stamp, [folder / (SHARDS if sharded else NAME), *files])])
    except FileNotFoundError:
        raise InputError(f"{folder}: has no {NAME}; make a dataset with `talkinghead prepare`") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror})") from None


def _build(folder: Path, sharded: bool, path: Path, tables: Path) -> None:
    """Write the rows, then the tables that tell that they are whole."""
    if sharded:
        from talkinghead.data.store.shard_reader import scan, shard_names

        blocks, found = shard_names(folder), scan(folder)
    else:
        blocks, found = [NAME], _lines(folder / NAME)
    speakers: dict[str, int] = {}
    annotations: dict[str, int] = {}
    heads: dict[str, str | None] = {}
    seconds: dict[str, float] = {}
    training: set[str] = set()
    bounds = Bounds(folder)
    with replacing(path) as fresh:
        with fresh.open("wb") as file:
            for one in found:
                clip = one.clip
                bounds.check(clip, f"{folder / blocks[one.block]}, clip {shown(clip.id)}")
                heads.setdefault(clip.annotation, clip.head)
                if clip.split == "train":
                    seconds[clip.annotation] = seconds.get(clip.annotation, 0.0) + clip.duration
                    training.add(clip.speaker)
                file.write(_row(one, speakers, annotations).tobytes())
        if not fresh.stat().st_size:
            raise InputError(f"{folder}: no clips; run `talkinghead prepare` again")
        _check_ids(folder, blocks, np.memmap(fresh, ROW, "r"))
    text = {
        "speakers": list(speakers),
        "annotations": list(annotations),
        "heads": heads,
        "blocks": blocks,
        "seconds": seconds,
        "training": sorted(training),
    }
    with replacing(tables) as fresh:
        fresh.write_text(json.dumps(text), encoding="utf-8")


def _row(one: ClipLocation, speakers: dict[str, int], annotations: dict[str, int]) -> np.ndarray:
    clip = one.clip
    emotion, intensity = emotion_of(clip)
    row = np.zeros((), ROW)
    for name, value in {
        "id": id_hash(clip.id),
        "block": one.block,
        "line": one.line,
        "audio": one.audio,
        "motion": one.motion,
        "seconds": clip.duration,
        "frames": frame_count(clip.duration, FPS),
        "split": SPLITS.index(clip.split),
        "annotation": annotations.setdefault(clip.annotation, len(annotations)),
        "speaker": speakers.setdefault(clip.speaker, len(speakers)),
        "emotion": emotion,
        "intensity": intensity,
    }.items():
        row[name] = value
    return row


def _lines(path: Path) -> Iterator[ClipLocation]:
    """The clips of a manifest, one line at a time."""
    offset = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                where = f"{path}, line {number}"
                if line.strip():
                    yield ClipLocation(parse_clip(line.decode("utf-8"), where), 0, (offset, len(line)))
                offset += len(line)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None


def _check_ids(folder: Path, blocks: list[str], rows: np.ndarray) -> None:
    """Raises InputError if two clips share an id."""
    order = np.argsort(rows["id"], kind="stable")
    ids = rows["id"][order]
    same = np.flatnonzero(ids[1:] == ids[:-1])
    if len(same):
        row = rows[order[same[0] + 1]]
        path = folder / blocks[row["block"]]
        line = ByteRange(path, int(row["line"][0]), int(row["line"][1])).read().decode("utf-8")
        raise InputError(f"{path}: clip {parse_clip(line, str(path)).id!r} is there twice")
