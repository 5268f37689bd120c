"""The mouth rests in pauses, by the encoder's phoneme probabilities. T frames, K shapes of a head.

People on film part their lips long before they speak, and films begin in the middle of words. A model that learnt from them
opens the mouth of a recording before its voice begins. Seconds and probabilities were set by hand: the correlation
with filmed lips of strangers is 0.606 with a `SURE` of 0.9 as with one of 0.97, and 0.619, 0.622 and 0.621 with a `BEFORE` of
0.6, 0.3 and 0.2.
"""

from __future__ import annotations

import numpy as np

from talkinghead.audio.activity import runs
from talkinghead.audio.clock import frame_times
from talkinghead.head.head import Head
from talkinghead.motion.easing import smoothstep
from talkinghead.motion.lip_closure import PARTING, close_lips

SURE = 0.9  # probability of silence above which nobody speaks: of the shipped encoder, in digital silence before a voice, 0.95
# Seconds.
SHORTEST, SHORTEST_EDGE = 1.0, 0.08  # of a silence in which the mouth rests: within a recording, and at its ends
UNSURE = 0.1  # at the ends of a recording: the encoder may miss silence there; a long one beside it reaches the end
AFTER = 0.4  # from the end of the voice to where lips begin to close
BEFORE = 0.2  # from where lips have parted to the next voice
BEFORE_FIRST = -0.05  # the same where a recording begins shortly before the voice: lips part with it
CLOSING, OPENING = 0.2, 0.1  # that lips take to close and to part


def rest_level(silence: np.ndarray, fps: float) -> np.ndarray:
    """(T,) probability of silence -> (T,) degree of rest in [0, 1].

    A recording that is silent throughout has 0: it may be a voice that the encoder does not know.
    """
    level, times = np.zeros(len(silence)), frame_times(len(silence), fps)
    for start, end in runs(silence > SURE):
        first, last = start / fps < UNSURE, (len(silence) - end) / fps < UNSURE
        at_edge = start == 0 or end == len(silence)
        if (end - start) / fps < (SHORTEST_EDGE if at_edge else SHORTEST) or (first and last):
            continue
        before = BEFORE_FIRST if first and end / fps < CLOSING else BEFORE
        span = slice(0 if first else start, len(silence) if last else int(np.searchsorted(times, end / fps - before)))
        closed = np.inf if first else (times[span] - start / fps - AFTER) / CLOSING
        parted = np.inf if last else (end / fps - before - times[span]) / OPENING
        level[span] = np.maximum(level[span], np.minimum(closed, parted))
    return smoothstep(level)


def rest_mouth(coefficients: np.ndarray, level: np.ndarray, head: Head) -> np.ndarray:
    """(T, K) weights of ARKit's shapes with jaw and lips at rest by (T,) `level`: 0 unchanged, 1 shut."""
    out = coefficients.copy()
    opening = [head.names.index(name) for name in ("jawOpen", "mouthClose", *PARTING) if name in head.names]
    out[:, opening] *= (1 - level)[:, None]
    return close_lips(out, level, head)
