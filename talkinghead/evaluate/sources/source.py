"""Sources: clips whose sound and picture share an offset, and the systems that are measured on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from talkinghead.data.manifest import Clip, read_manifest
from talkinghead.errors import InputError
from talkinghead.evaluate.selection import EVERY, choose_clips, choose_systems, common_clips, spread
from talkinghead.evaluate.settings import EvaluateSettings
from talkinghead.evaluate.systems import Folder, System, split_name

MOVING = ("loudness", "nearest")  # baselines whose lips move; the others correlate with nothing


@dataclass(frozen=True, eq=False)
class Source:
    """A data set, or the clips in it that came from one place (`Clip.source`). folder: of the data set."""

    name: str
    folder: Path
    clips: list[Clip]
    systems: list[System]

    @property
    def speakers(self) -> list[str]:
        return sorted({clip.speaker for clip in self.clips})


def find_sources(given: Any, data: Sequence[str | Path], settings: EvaluateSettings, notes: list[str]) -> list[Source]:
    """The sources of data sets, which are folders or NAME=FOLDER, each with its systems. Raises InputError.

    given: systems as for `evaluate`. A folder of animations may have a folder for each data set, by its name.
    """
    settings = replace(settings, baselines=tuple(name for name in settings.baselines if name in MOVING))
    sources: list[Source] = []
    told: dict[str, list[str]] = {}  # note, of which data sets
    unused: list[str] = []
    for name, folder in _named(data).items():
        clips = choose_clips(folder, settings.split, settings.annotation)
        own: list[str] = []
        systems = choose_systems(given, folder, clips[0].annotation, settings, own)
        systems = [system.within(name) if isinstance(system, Folder) else system for system in systems]
        kinds = sorted({clip.source for clip in clips})
        for kind in kinds:
            common = common_clips(systems, [clip for clip in clips if clip.source == kind], own)
            chosen = spread(common, settings.clips or len(common))
            sources.append(Source(name if len(kinds) == 1 else f"{name}/{kind}", folder, chosen, systems))
        for note in dict.fromkeys(own):
            told.setdefault(note, []).append(name)
        everything = read_manifest(folder)
        unused += [f"{len(clips)} of {len(everything)} of {name}"] * (len(clips) < len(everything))
    notes += [f"{', '.join(names)}: {note}" for note, names in told.items()]
    if unused and settings.split != EVERY:
        advice = "--split all measures all, where no model was trained on any of them"
        notes.append(f"clips of the split {settings.split}: {', '.join(unused)}; {advice}")
    return sources


def _named(data: Sequence[str | Path]) -> dict[str, Path]:
    """{name: folder}: the name that is given, else that of the folder, with its parent's where two have the same."""
    pairs = [(given, Path(path)) for given, path in map(split_name, data)]
    wholes = [path.absolute() if path.name not in ("", "..") else path.resolve() for _, path in pairs]  # a link keeps its name
    own = [given or whole.name for (given, _), whole in zip(pairs, wholes, strict=True)]
    named: dict[str, Path] = {}
    for (given, path), whole, name in zip(pairs, wholes, own, strict=True):
        if given is None and own.count(name) > 1:
            name = "/".join(whole.parts[-2:])
        if name in named:
            raise InputError(f"{name}: two data sets have this name; give others with NAME=FOLDER")
        named[name] = path
    return named
