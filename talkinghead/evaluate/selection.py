"""What is compared with what: clips of a split, baselines that can be had, vertices that count as lips and upper face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from talkinghead.data.manifest import SPLITS, Clip, read_manifest
from talkinghead.errors import InputError
from talkinghead.evaluate.baselines import NOTES, Baseline
from talkinghead.evaluate.measures.clip import read_motion_of
from talkinghead.evaluate.measures.lips import VertexSet, vertex_set
from talkinghead.evaluate.result import TRUTH
from talkinghead.evaluate.settings import EvaluateSettings
from talkinghead.evaluate.systems import Options, System, find_systems

EVERY = "all"  # as a split: all of them
NEAREST = "nearest"
Item = TypeVar("Item")


def splits_of(split: str) -> tuple[str, ...]:
    """The splits of a data set that the setting names, `EVERY` all of them. Raises InputError for another word."""
    if split not in (*SPLITS, EVERY):
        raise InputError(f"split {split!r}: one of {', '.join((*SPLITS, EVERY))}")
    return SPLITS if split == EVERY else (split,)


def choose_clips(folder: Path, split: str, annotation: str | None) -> list[Clip]:
    """The clips of a split with one kind of motion. Raises InputError if there are none, or several kinds."""
    everything, splits = read_manifest(folder), splits_of(split)
    clips = [clip for clip in everything if clip.split in splits]
    if not clips:
        has = ", ".join(name for name in SPLITS if any(clip.split == name for clip in everything))
        raise InputError(f"{folder}: has no clips in the split {split}, only in {has}; choose with --split")
    kinds = sorted({clip.annotation for clip in clips})
    if annotation is None and len(kinds) > 1:
        raise InputError(f"{folder}: has motion of several kinds, {', '.join(kinds)}; choose one with --annotation")
    if annotation is not None and annotation not in kinds:
        raise InputError(f"{folder}: has no {annotation} motion in the split {split}, only {', '.join(kinds)}")
    return [clip for clip in clips if annotation in (None, clip.annotation)]


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of the items, evenly spread."""
    if not items or most < 1:
        return []
    return [items[i] for i in np.unique(np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int))]


def choose_baselines(
    folder: Path, annotation: str, names: tuple[str, ...], notes: list[str], split: str = "test"
) -> list[System]:
    """The baselines of these names; those that cannot be had, or mean nothing, are left out with a note.

    Without training clips nothing is learnt. Where training clips are measured, the nearest neighbour of each is itself.
    """
    unknown = [name for name in names if name not in NOTES]
    if unknown:
        raise InputError(f"baseline {unknown[0]!r} is not known; one of {', '.join(NOTES)}")
    training = [clip for clip in read_manifest(folder) if clip.split == "train" and clip.annotation == annotation]
    if not training and any(name != "still" for name in names):
        notes.append("baselines that learn are left out: the data set has no training clips")
        names = tuple(name for name in names if name == "still")
    if NEAREST in names and "train" in splits_of(split) and training:
        notes.append(f"baseline {NEAREST} is left out: it would find the very clips that are measured")
        names = tuple(name for name in names if name != NEAREST)
    return [Baseline(name, folder, training) for name in dict.fromkeys(names)]


def choose_systems(given: Any, folder: Path, annotation: str, settings: EvaluateSettings, notes: list[str]) -> list[System]:
    """Systems and baselines for one data set, each with a name of its own. Raises InputError if there are none."""
    options = Options(settings.seed, settings.idle, settings.unit, settings.fps, settings.device, settings.prior)
    systems = find_systems(given, options) + choose_baselines(folder, annotation, settings.baselines, notes, settings.split)
    names = [system.name for system in systems]
    if not systems:
        raise InputError(f"{folder}: name a system to measure, or a baseline of {', '.join(NOTES)}")
    if TRUTH in names or len(set(names)) < len(names):
        raise InputError(f"evaluate: systems need names of their own, other than {TRUTH} and those of the baselines in use")
    return systems


def common_clips(systems: list[System], clips: list[Clip], notes: list[str]) -> list[Clip]:
    """The clips that every system has: figures over different clips cannot be compared."""
    for system in systems:
        missing = [clip.id for clip in clips if not system.has(clip.id)]
        if len(missing) == len(clips):
            raise InputError(f"{system.name}: has nothing named like the clips, such as {clips[0].id}.npz, .csv or .npy")
        if missing:
            notes.append(f"{system.name} lacks {len(missing)} of {len(clips)} clips, such as {missing[0]}: left out for all")
    common = [clip for clip in clips if all(system.has(clip.id) for system in systems)]
    if not common:
        raise InputError("evaluate: no clip is there in all systems")
    return common


class VertexSets:
    """Lip and upper-face vertices of each head of a data set, found once a head. lips, upper: files, or None for the heads'."""

    def __init__(self, folder: Path, lips: str | Path | None, upper: str | Path | None) -> None:
        self.folder = folder
        self.files = {what: None if path is None else Path(path) for what, path in (("lips", lips), ("upper", upper))}
        self._by_head: dict[str | None, dict[str, VertexSet | None]] = {}

    def of(self, clip: Clip) -> dict[str, VertexSet | None]:
        """{"lips", "upper"} of a clip's head. Raises InputError for a file that does not fit."""
        if clip.head not in self._by_head:
            head = read_motion_of(self.folder, clip).head
            mesh = len(head.template) > 0
            self._by_head[clip.head] = {w: vertex_set(head, w, path) if mesh else None for w, path in self.files.items()}
        return self._by_head[clip.head]

    def described(self) -> dict[str, str]:
        """What each set is, in words; several heads may have their own."""
        out = {}
        for what in self.files:
            texts = dict.fromkeys(str(sets[what] or "none: the head names no such region") for sets in self._by_head.values())
            out[what] = "; ".join(texts)
        return out
