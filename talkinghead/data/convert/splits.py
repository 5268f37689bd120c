"""Splits of clips: train, val, test."""

from __future__ import annotations

import hashlib

from talkinghead.data.convert.recording import Take
from talkinghead.data.manifest import split_of

BY_SPEAKER = 5  # speakers from which on splits are by speaker


def assign_splits(takes: list[Take]) -> tuple[dict[str, str], str]:
    """The split of each take by id, and in words how it was chosen.

    Published splits are kept. Of the rest, with 5 speakers or more no speaker is in two splits: a tenth of them (at least
    one) test, a tenth val, in the order of a hash of their names, so that a set prepared anywhere is split alike. With fewer
    speakers, a tenth of the clips each by place in the sorted list of ids (`split_of`).
    """
    splits = {take.id: take.split for take in takes if take.split is not None}
    rest = sorted((take for take in takes if take.split is None), key=lambda take: take.id)
    speakers = sorted({take.speaker for take in rest}, key=lambda name: hashlib.blake2b(name.encode()).digest())
    if len(speakers) >= BY_SPEAKER:
        tenth = max(1, round(len(speakers) / 10))
        place = dict.fromkeys(speakers[:tenth], "test") | dict.fromkeys(speakers[tenth : 2 * tenth], "val")
        splits |= {take.id: place.get(take.speaker, "train") for take in rest}
    else:
        splits |= {take.id: split_of(i, len(rest)) for i, take in enumerate(rest)}
    chosen = f"by speaker ({len(speakers)} speakers)" if len(speakers) >= BY_SPEAKER else "by clip (fewer than 5 speakers)"
    if len(rest) == len(takes):
        return splits, chosen
    return splits, "as published" + (f"; {len(rest)} clips that have no published split {chosen}" if rest else "")
