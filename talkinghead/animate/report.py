"""What runs over many recordings did: `batch.json` in the folder that they write to.

{"version", "animated": how many now, "skipped": how many were there already, "begun": [FILE, ...],
 "done": {NAME: {"audio", "files": {FILE: mark}}}, "failed": {NAME: {"audio", "reason"}}}

begun: files that an earlier run was going to write, or wrote before their recording failed. Files of "done" and "begun" are
ours; what else is in the folder is somebody else's.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.io.files import parse_json
from talkinghead.writing import need_folder

VERSION = 1
REPORT = "batch.json"
KEEP = 5.0  # seconds between two writes of the report: what an interruption can cost


def read_report(out: Path) -> tuple[dict[str, dict], list[str]]:
    """What earlier runs did, name -> entry, and the files that they had begun when they were stopped."""
    path = out / REPORT
    if not path.exists():
        return {}, []
    try:
        report = parse_json(path.read_text(encoding="utf-8"))
        if report["version"] != VERSION:
            return {}, []
        done = {str(name): {**entry, "files": dict(entry["files"])} for name, entry in report["done"].items()}
        return done, list(map(str, report.get("begun", [])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: not a report of talkinghead; choose another folder, or remove this one") from None


class Report:
    """`batch.json` while a run is at work. What other runs did, also while this one is at work, stays in it."""

    def __init__(self, out: Path) -> None:
        self.out, self.skipped = out, 0
        self.entries: dict[str, dict] = {}  # of recordings that are animated now
        self.content: dict[str, Any] = {}
        self._done: set[str] = set()
        self._failed: dict[str, dict] = {}
        self._files: dict[str, list[str]] = {}
        self._written = 0.0

    def begin(self, name: str, files: list[str], entry: dict) -> None:
        """These files of a recording are going to be written; the entry is what is kept when they are."""
        self.entries[name], self._files[name] = entry, files

    def finished(self, name: str) -> None:
        self._done.add(name)
        self._keep()

    def failed(self, name: str, audio: str, reason: str) -> None:
        self._failed[name] = {"audio": audio, "reason": reason}
        self._keep()

    def _keep(self) -> None:
        if self._written and time.monotonic() - self._written > KEEP:
            self.write()

    def write(self) -> None:
        """Raises OutputError if the folder was removed since it was written first."""
        if self._written:
            need_folder(self.out / REPORT)
        with replacing(self.out / REPORT) as fresh:  # which another run waits for
            done, begun = read_report(self.out)
            begun += [file for name in self._failed for file in done.pop(name, {"files": {}})["files"]]
            done |= {name: self.entries[name] for name in self._done}
            begun += [file for name in self.entries.keys() - self._done - self._failed.keys() for file in self._files[name]]
            known = {file for entry in done.values() for file in entry["files"]}
            mine = {file for name in self._done | self._failed.keys() for file in self._files.get(name, [])}
            mine = {file for file in mine if not (self.out / file).exists()}  # failed, and never written
            self.content = {
                "version": VERSION,
                "animated": len(self._done),
                "skipped": self.skipped,
                "begun": sorted({*begun} - known - mine),
                "done": dict(sorted(done.items())),
                "failed": dict(sorted(self._failed.items())),
            }
            fresh.write_text(json.dumps(self.content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        self._written = time.monotonic()
