"""Results of clips on disk, so that an interrupted evaluation goes on, and one more system costs only its own work."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from talkinghead.data.manifest import Clip
from talkinghead.errors import InputError
from talkinghead.files import file_name, replacing
from talkinghead.version import __version__

VERSION = 2  # goes up when the same motion would give other figures
MARK = "evaluate.json"  # tells that a folder is one of ours


def claim(out: Path) -> None:
    """Make the report's folder, or check that it is one of ours. Raises InputError otherwise."""
    if (out / MARK).exists():
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: already there and not a report of ours; choose another folder")
    with replacing(out / MARK) as fresh:
        fresh.write_text(json.dumps({"version": VERSION}), encoding="utf-8")


class Cache:
    """JSON by system and clip under the report's folder, each with a key of all that it depends on. None: keeps nothing."""

    def __init__(self, out: Path | None) -> None:
        self.folder = None if out is None else out / "cache"

    def get(self, system: str, clip: str, key: str | None) -> dict | None:
        """What was put for the same key, if it is there and whole."""
        if self.folder is None or key is None:
            return None
        try:
            found = json.loads(self._path(system, clip).read_text(encoding="utf-8"))
            return found["result"] if found["key"] == _hash(key) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, system: str, clip: str, key: str | None, result: dict) -> None:
        if self.folder is None or key is None:
            return
        with replacing(self._path(system, clip)) as fresh:
            fresh.write_text(json.dumps({"key": _hash(key), "result": result}), encoding="utf-8")

    def _path(self, system: str, clip: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{file_name(system)}-{_hash(system)[:6]}" / f"{file_name(clip)}-{_hash(clip)[:6]}.json"


def clip_state(folder: Path, clip: Clip) -> str:
    """Changes when a clip, or a file that it is made of, does, or with the version of the package."""
    files = [folder / path for path in (clip.audio, clip.motion, clip.head, f"landmarks/{clip.id}.npz") if path]
    return f"{VERSION} {__version__} {asdict(clip)} {[state(path) for path in files]}"


def state(path: str | Path | None) -> str:
    """Name, size and time of a file; its name alone if it is not there."""
    if path is None or not Path(path).is_file():
        return str(path or "")
    about = Path(path).stat()
    return f"{Path(path).resolve()} {about.st_size} {about.st_mtime_ns}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
