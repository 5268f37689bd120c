"""How somebody listens: nods at the ends of the other's phrases, and brows that rise at questions.

T frames, P phrases. Each phrase has random numbers of its own, so a later one changes nothing before it. Figures without a
source were set by eye.

[D] Dittmann, Llewellyn 1968, Relationship between vocalizations and head nods as listener responses. Journal of Personality and
    Social Psychology 9 (nods come in the pauses at the ends of phonemic clauses).
[H] Hadar, Steiner, Rose 1985, Head movement during listening turns in conversation. Journal of Nonverbal Behavior 9 (nods that
    say yes are symmetric, and some are repeated).
[W] Ward, Tsukahara 2000, Prosodic features which cue back-channel responses in English and Japanese. Journal of Pragmatics 32
    (rule for English: after 0.7 s of speech, 0.7 s after a pitch below its 26th percentile that lasts for 0.11 s, and not
    within 0.8 s of the last response).
"""

from __future__ import annotations

import numpy as np

from talkinghead.audio.activity import runs
from talkinghead.audio.clock import MOMENTS
from talkinghead.audio.prosody import Prosody
from talkinghead.motion.easing import ease

LEAST, GAP = 0.7, 0.8  # seconds: of speech before a response, and between two [W]
LOW, LOW_LASTS = 26, 0.11  # percentile of pitch that is low, and seconds that it stays there [W]
HEARD, LATE = 10.0, 0.8  # seconds before a phrase's end that the percentile is of, and in which the pitch is to be low
CUED, UNCUED = 0.9, 0.5  # chance of a nod after a phrase that ends low, and after another
# Ranges of: chance in [0, 1], seconds from the phrase's end to the nod's beginning, degrees, seconds of each of its cycles,
# what decides their number, turn and tilt as shares of the nod
NOD_LOWEST, NOD_HIGHEST = (0, 0.05, 2.5, 0.38, 0, -0.15, -0.15), (1, 0.4, 5.5, 0.52, 1, 0.15, 0.15)
REPEATED = (0.45, 0.12)  # share of nods with a second cycle, and with a third [H]
SHRINK = 0.6  # depth of a cycle, of the one before it
# At the end of a question the brows rise: seconds before that end; in which they rise, are held and fall; least weight, and
# more by a draw
ASKED, ASKED_RISE, ASKED_HELD, ASKED_FALL, ASKED_HEIGHT, ASKED_RANGE = 0.1, 0.25, 0.6, 0.5, 0.2, 0.25


def nods(rng: np.random.Generator, times: np.ndarray, voice: Prosody) -> np.ndarray:
    """(T, 3) rad to add to the head's rotation: it nods where the other ends a phrase [D][W]."""
    out, until = np.zeros((len(times), 3)), -np.inf
    for start, stop, _ in voice.phrases:
        chance, delay, depth, lasts, repeated, turn, tilt = rng.uniform(NOD_LOWEST, NOD_HIGHEST)
        begin = stop + delay
        if stop - start < LEAST or begin < until + GAP or chance > (CUED if ends_low(voice, stop) else UNCUED):
            continue
        cycles = 1 + sum(repeated < share for share in REPEATED)
        until = begin + cycles * lasts
        span = slice(*np.searchsorted(times, [begin, until]))
        phase = (times[span] - begin) / lasts
        down = np.radians(depth) * SHRINK ** np.floor(phase) * np.sin(np.pi * phase) ** 2
        out[span] += down[:, None] * [1.0, turn, tilt]
    return out


def brows(rng: np.random.Generator, times: np.ndarray, voice: Prosody) -> np.ndarray:
    """(T, 2, 3) weights of the left and right brow, as of `gestures.brows`: both rise where the other has asked something."""
    out = np.zeros((len(times), 2, 3))
    for _, stop, asks in voice.phrases:
        height = ASKED_HEIGHT + ASKED_RANGE * rng.uniform()
        if asks:
            since = times - (stop - ASKED)
            up = np.minimum(ease(since / ASKED_RISE), 1 - ease((since - ASKED_RISE - ASKED_HELD) / ASKED_FALL))
            out = np.maximum(out, height * up[:, None, None] * [1.0, 0.8, 0.0])
    return out


def ends_low(voice: Prosody, stop: float) -> bool:
    """Whether the pitch is low, long enough, shortly before the second `stop` at which a phrase ends [W]."""
    heard = slice(*np.searchsorted(voice.times, [stop - HEARD, stop]))
    voiced, rise = voice.pitch[heard] > 0, voice.rise[heard]
    if not voiced.any():
        return False
    low = (voiced & (rise < np.percentile(rise[voiced], LOW)))[-round(LATE * MOMENTS) :]
    return any(end - start >= LOW_LASTS * MOMENTS for start, end in runs(low))
