"""Long recordings -> pieces of at most some 20 seconds, cut in pauses.

UniTalker (Fan et al. 2024) trains on clips of at most 20 s; a cut inside a word leaves part of its sound in the other clip.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.speech.spans import Spans

LONGEST = 20.0  # seconds
REACH = 1.5  # seconds: largest move of a cut
WINDOW = 0.1  # seconds over which loudness is taken


def pieces(duration: float, words: Spans | None = None, longest: float = LONGEST) -> list[tuple[float, float, bool]]:
    """(start, stop, settled) seconds of equal pieces that are at most `longest` long; one, if the recording is no longer.

    Cuts move, by at most 1.5 s, to the middle of the longest pause between words. Without words they are not settled yet:
    `settle` then moves them to the quietest place, once the sound is read.
    """
    if duration <= longest:
        return [(0.0, duration, True)]
    reach = min(REACH, longest / 4)
    count = ceil(duration / (longest - 2 * reach))  # both cuts of a piece may move apart
    ideal = [duration * i / count for i in range(1, count)]
    cuts = [0.0, *(_pause(cut, words, reach) if words else cut for cut in ideal), duration]
    return [(round(a, 3), round(b, 3), bool(words)) for a, b in pairwise(cuts)]


def settle(wave: np.ndarray, start: float, stop: float, duration: float, longest: float = LONGEST) -> tuple[float, float]:
    """A piece of `pieces` with its cuts moved to the quietest place of (n,) samples at 16 kHz; the ends stay.

    Neighbours move their common cut to the same place, as it depends on the sound around it only.
    """
    reach = min(REACH, longest / 4)
    low, high = (at if at <= 0 or at >= duration - 1e-3 else quietest(wave, at, reach) for at in (start, stop))
    return low, high


def quietest(wave: np.ndarray, at: float, reach: float) -> float:
    """Seconds, within `reach` of `at`, around which 0.1 s of sound are the quietest; the nearest to `at` of equal ones."""
    step = round(WINDOW * RATE / 4)
    centres = np.arange(-round(reach * RATE / step), round(reach * RATE / step) + 1) * step + round(at * RATE)
    half = 2 * step
    centres = centres[(centres >= half) & (centres + half <= len(wave))]
    if not len(centres):
        return at
    energy = np.array([float(np.mean(wave[c - half : c + half].astype(np.float64) ** 2)) for c in centres])
    best = np.flatnonzero(energy <= energy.min() * 1.01 + 1e-12)
    return float(centres[best[np.argmin(np.abs(centres[best] - at * RATE))]] / RATE)


def _pause(at: float, words: Spans, reach: float) -> float:
    """Middle of the longest part of a pause that is within `reach` of `at`; `at` itself where there is none."""
    ends = sorted([(a, b) for a, b, _ in words])
    edges = [at - reach, *(edge for span in ends for edge in span if abs(edge - at) < reach), at + reach]
    gaps = [(low, high) for low, high in pairwise(sorted(edges)) if not _spoken((low + high) / 2, ends)]
    low, high = max(gaps, key=lambda gap: gap[1] - gap[0], default=(at, at))
    return (low + high) / 2


def _spoken(time: float, spans: list[tuple[float, float]]) -> bool:
    return any(a < time < b for a, b in spans)
