"""The one dataset format: a folder with `manifest.jsonl`, one clip a line, and the files that it names.

manifest.jsonl   one JSON object a line: the fields of `Clip`, and "version"
audio/ID.flac    16 kHz mono; sample 0 and motion frame 0 begin together
motion/ID.safetensors  the motion, see `talkinghead.data.motion_file`; frame t is shown at (t + 0.5) / fps seconds
heads/NAME.npz   the `Head` that clips of one annotation are for, where that is not the default one; people known from video
report.json      how many clips, how good, what was dropped and why
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath

from talkinghead.errors import InputError, shown
from talkinghead.files import replacing
from talkinghead.io.files import parse_json, read_lines
from talkinghead.speech.spans import Spans, is_number, parse_spans, require

VERSION = 2
LONGEST, FPS = 1e6, (0.1, 10_000.0)  # seconds of a clip, frames a second of its motion
READABLE = (1, 2)  # version 1 knew one kind of annotation, and no heads
NAME = "manifest.jsonl"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Clip:
    """One line of a manifest. Paths are relative to the dataset's folder. None means unknown."""

    id: str
    audio: str
    motion: str
    speaker: str
    split: str  # train, val or test
    duration: float  # seconds
    fps: float  # of the motion
    source: str  # where it came from: a dataset's name, or video
    licence: str = "unknown"
    units: str = "metre"  # of what is a length
    annotation: str = "arkit"  # what kind of motion it is: clips that share it share names or topology
    head: str | None = None  # file of the head the motion is for; None: the default head, or no mesh is known
    emotion: str | None = None
    intensity: float | None = None  # 0 to 1
    transcript: str | None = None
    words: Spans | None = None
    phonemes: Spans | None = None

    def __post_init__(self) -> None:
        for name in ("id", "audio", "motion", "speaker", "split", "source", "licence", "units", "annotation"):
            require(isinstance(getattr(self, name), str) and getattr(self, name) != "", f"{name} must be text", self.id)
        for name in ("emotion", "transcript", "head"):
            require(isinstance(getattr(self, name), str | None), f"{name} must be text or null", self.id)
        for name in ("duration", "fps"):
            value = getattr(self, name)
            require(is_number(value) and value > 0, f"{name} must be a positive number", self.id)
        require(self.duration <= LONGEST, f"duration is more than {LONGEST:g} seconds", self.id)
        require(FPS[0] <= self.fps <= FPS[1], f"fps is not in {FPS[0]:g} to {FPS[1]:g}", self.id)
        require(
            self.intensity is None or (is_number(self.intensity) and 0 <= self.intensity <= 1),
            "intensity is not in 0 to 1",
            self.id,
        )
        require(self.split in SPLITS, f"split {shown(self.split)} is not one of {', '.join(SPLITS)}", self.id)
        require(self.units == "metre", f"units {shown(self.units)}: only metre is known", self.id)
        for name in ("audio", "motion", "head"):
            path = PurePosixPath(getattr(self, name) or "none")
            inside = not path.is_absolute() and ".." not in path.parts and not {"\\", "\0"} & set(str(path))
            require(inside, f"{name} {shown(str(path))} must be a path inside the dataset's folder", self.id)
        for name in ("words", "phonemes"):
            object.__setattr__(self, name, parse_spans(getattr(self, name), name, self.id))


class Bounds:
    """The folder of a data set, out of which no file of it may lead, also by a link: whoever made the set did not make that."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = os.path.realpath(folder)
        self.parents: dict[str, str] = {}  # of files, by what the manifest calls them

    def check(self, clip: Clip, where: str) -> None:
        """Raise InputError if a file that a clip names lies elsewhere."""
        for name in (clip.audio, clip.motion, clip.head):
            if name and not self.holds(name):
                link = self.link(name)
                raise InputError(
                    f"{where}: {link} is a link that leads out of the dataset's folder; copy what it leads to there"
                )

    def link(self, name: str) -> str:
        """The part of a name that is a link: the file, or the first folder above it."""
        parts = Path(name).parts
        starts = (Path(*parts[:count]) for count in range(1, len(parts)))
        return str(next((start for start in starts if (Path(self.folder) / start).is_symlink()), name))

    def holds(self, name: str) -> bool:
        """Whether a file is in the folder."""
        parent, file = os.path.split(name)
        if parent not in self.parents:
            self.parents[parent] = os.path.realpath(os.path.join(self.folder, parent))  # noqa: PTH118
        path = os.path.join(self.parents[parent], file)  # noqa: PTH118
        path = os.path.realpath(path) if os.path.islink(path) else path  # noqa: PTH114
        return path.startswith(os.path.join(self.folder, ""))  # noqa: PTH118


def read_manifest(folder: str | Path) -> list[Clip]:
    """The clips of a prepared folder, in order. Raises InputError, one line, if anything in it is not as it should be."""
    path = Path(folder) / NAME
    if not path.exists():
        raise InputError(f"{folder}: has no {NAME}; make a dataset with `talkinghead prepare`")
    lines = read_lines(path)
    clips = [parse_clip(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not clips:
        raise InputError(f"{path}: no clips; run `talkinghead prepare` again")
    seen: set[str] = set()
    bounds = Bounds(folder)
    for clip in clips:
        bounds.check(clip, f"{path}, clip {shown(clip.id)}")
        if clip.id in seen:
            raise InputError(f"{path}: clip {shown(clip.id)} is there twice")
        seen.add(clip.id)
    return clips


def write_manifest(folder: str | Path, clips: Sequence[Clip]) -> None:
    """Write `manifest.jsonl`, unknown fields left out."""
    with replacing(Path(folder) / NAME) as fresh, fresh.open("w", encoding="utf-8") as file:
        for clip in clips:
            known = {key: value for key, value in asdict(clip).items() if value is not None}
            file.write(json.dumps({"version": VERSION} | known, ensure_ascii=False) + "\n")


def split_of(index: int, count: int) -> str:
    """Split of a clip by its place in the sorted list of `count` ids: a tenth test, a tenth val, the rest train.

    Of fewer than 8 clips the last two are for val and test, of two one is for val: a training cannot do without.
    """
    if count >= 8:
        return {5: "test", 7: "val"}.get(index % 10, "train")
    test = min(5, count - 1) if count > 2 else -1
    val = count - 1 if test != count - 1 else count - 2
    return {test: "test", val: "val"}.get(index, "train") if count > 1 else "train"


def parse_clip(line: str, where: str) -> Clip:
    """One line of a manifest. Raises InputError that begins with `where`."""
    try:
        entry = parse_json(line)
    except ValueError as error:
        raise InputError(f"{where}: not JSON ({error})") from None
    if not isinstance(entry, dict):
        raise InputError(f"{where}: expected an object with the fields of a clip")
    version = entry.pop("version", None)
    if version not in READABLE:
        raise InputError(f"{where}: version {shown(version)}, this talkinghead reads {VERSION}; prepare the dataset again")
    known = {field.name: field for field in fields(Clip)}
    for key in entry:
        if key not in known:
            raise InputError(f"{where}: unknown field {shown(key)}; known: {', '.join(known)}")
    try:
        return Clip(**entry)
    except TypeError as error:
        raise InputError(f"{where}: {str(error).removeprefix('Clip.__init__() ')}") from None
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
