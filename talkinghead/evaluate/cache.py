"""Results of clips on disk: an interrupted evaluation resumes, and another system is measured alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from talkinghead import files
from talkinghead.data.manifest import Clip
from talkinghead.files import file_name, replacing
from talkinghead.fingerprint import file_stamp, fingerprint
from talkinghead.inputs import Inputs
from talkinghead.version import __version__

VERSION = 2  # goes up when the same motion would give other figures
MARK = "evaluate.json"  # in each folder of a report


def claim(out: Path, *read: Any) -> None:
    """Make the report's folder, or check that it is one of ours. Raises InputError otherwise, and if it is one of those read.

    read: paths, also in lists and mappings.
    """
    Inputs(*read).refuse(out)
    files.claim(out, MARK, {"version": VERSION}, "a report")


class Cache:
    """JSON by system and clip under the report's folder, each with a key of all that it depends on. None: keeps nothing."""

    def __init__(self, out: Path | None) -> None:
        self.folder = None if out is None else out / "cache"

    def get(self, system: str, clip: str, key: str | None) -> dict | None:
        """What was put for the same key, if it is there and whole."""
        if self.folder is None or key is None:
            return None
        try:
            kept = json.loads(self._path(system, clip).read_text(encoding="utf-8"))
            return kept["result"] if kept["key"] == fingerprint(key) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, system: str, clip: str, key: str | None, result: dict) -> None:
        if self.folder is None or key is None:
            return
        with replacing(self._path(system, clip)) as fresh:
            fresh.write_text(json.dumps({"key": fingerprint(key), "result": result}), encoding="utf-8")

    def _path(self, system: str, clip: str) -> Path:
        assert self.folder is not None
        return self.folder / _unique(system) / f"{_unique(clip)}.json"


def clip_state(folder: Path, clip: Clip) -> str:
    """Changes when a clip, or a file that it is made of, does, or with the version of the package."""
    made_of = [folder / path for path in (clip.audio, clip.motion, clip.head, f"landmarks/{clip.id}.npz") if path]
    return f"{VERSION} {__version__} {asdict(clip)} {[state(path) for path in made_of]}"


def state(path: str | Path | None) -> str:
    """Name, size and time of a file; its name alone if it is not there."""
    if path is None or not Path(path).is_file():
        return str(path or "")
    return str(file_stamp(Path(path)))


def _unique(name: str) -> str:
    """A file name that differs where names do of which `file_name` makes the same."""
    return f"{file_name(name)}-{fingerprint(name)[:6]}"
