"""Lips: aperture and width over time, closures, synchrony with the sound. T frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from talkinghead.audio.activity import runs
from talkinghead.metrics.dynamics import MOVES
from talkinghead.speech.phonemes import BILABIALS

LAGS = np.arange(-10, 11) * 0.02  # seconds that are tried, symmetric about 0
SHUT = 0.001  # metres of aperture beyond the resting face's, below which lips count as shut
TOLERANCE = 0.06  # seconds that a closure may be early or late
REST = 0.3  # seconds: lips that stay shut longer are at rest, which is no closure
LABIODENTALS = {"F", "V"}
SILENCES = {"", "SIL", "SP", "SPN", "PAU", "<EPS>", "_"}


def mod(p_aperture: np.ndarray, g_aperture: np.ndarray) -> float:
    """MOD = mean over all frames of all clips of |aperture of p - aperture of g|, in mm.

    Source: mouth opening difference of DiffPoseTalk. Aperture is the distance of the inner edges of the lips in the middle.
    Trap: a mouth that is held half open does well.
    """
    return float(np.abs(p_aperture - g_aperture).mean() * 1000)


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two (T,) curves; 0 where the first does not move, nan where the second does not (1 um)."""
    a, b = a - a.mean(), b - b.mean()
    if not b.std() > MOVES:
        return float("nan")
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())) if a.std() > MOVES else 0.0


def lagged(
    times: np.ndarray, truth: np.ndarray, p_times: np.ndarray, p: np.ndarray, lags: Sequence[float] | np.ndarray = LAGS
) -> np.ndarray:
    """(L,) Pearson correlation of the truth with the prediction `lags` seconds later.

    The two may be on different clocks; the prediction is interpolated at times + lag, and its ends are held.
    """
    return np.array([pearson(np.interp(times + lag, p_times, p), truth) for lag in lags])


def aperture_r(times: np.ndarray, truth: np.ndarray, p_times: np.ndarray, p: np.ndarray) -> float:
    """Mean over clips of the Pearson correlation over time of predicted and recorded lip aperture. 1 is best.

    Where the data set keeps the tracked lips of a film (landmarks/), these are the truth: distance of the inner lips over that
    of the outer eye corners; otherwise the aperture of the recorded motion. A mouth that does not move counts as 0.
    Trap: it is blind to how far the mouth opens, and falls quickly with a constant lag (see the next).
    """
    return pearson(np.interp(times, p_times, p), truth)


def aperture_r_lag(r_at_lags: np.ndarray) -> float:
    """Aperture correlation after the one constant lag, of -200 to 200 ms in steps of 20, that suits all clips together best.

    Source: as THUNDER's lip correlation, with a lag: sound and picture of recordings are seldom aligned better than a frame
    or two, and a constant lag can be mended. Trap: do not compare with figures that use a lag per clip.
    """
    return float(np.max(r_at_lags))


def aperture_lag(r_at_lags: np.ndarray) -> float:
    """That lag, in ms: above 0 the lips are late, below 0 they are early."""
    return float(LAGS[int(np.argmax(r_at_lags))] * 1000)


def width_r(times: np.ndarray, truth: np.ndarray, p_times: np.ndarray, p: np.ndarray) -> float:
    """Mean over clips of the Pearson correlation of predicted and recorded width between the corners of the mouth. 1 is best.

    Rounded (o, u, w) and spread (i, e) lips, which aperture does not see. Truth and trap as for aperture; tracked width
    depends on the turn of the head.
    """
    return pearson(np.interp(times, p_times, p), truth)


def width_r_lag(r_at_lags: np.ndarray) -> float:
    """Width correlation after its own best constant lag, as for aperture."""
    return float(np.max(r_at_lags))


def closures(aperture: np.ndarray, fps: float, shut: float) -> np.ndarray:
    """(n, 2) seconds: start and end of each time that lips are shut for at most `REST`, not counting either end of a clip."""
    shut_runs = runs(aperture < shut)
    inside = (shut_runs[:, 0] > 0) & (shut_runs[:, 1] < len(aperture)) & (shut_runs[:, 1] - shut_runs[:, 0] <= REST * fps)
    return shut_runs[inside] / fps


def share_shut(aperture: np.ndarray, fps: float, shut: float, events: np.ndarray) -> tuple[int, int]:
    """How many of (n, 2) events in seconds have a frame with shut lips within them or `TOLERANCE` of them; and n."""
    times = (np.arange(len(aperture)) + 0.5) / fps
    below = aperture < shut
    hits = [below[(times >= start - TOLERANCE) & (times <= end + TOLERANCE)].any() for start, end in events]
    return int(sum(hits)), len(hits)


def closure_recall(p_aperture: np.ndarray, g_aperture: np.ndarray, fps: float, shut: float) -> tuple[int, int]:
    """Of the closures that the recorded lips make, the share at which the predicted lips shut, too, within 60 ms. 1 is best.

    A closure: aperture less than 1 mm beyond that of the resting face, for at most 0.3 s (longer is rest), not at an end of
    the clip; this is what p, b and m look like. Pooled over clips. Traps: a mouth that never opens has recall 1 (see
    precision); which face counts as resting is the template's choice.
    """
    return share_shut(p_aperture, fps, shut, closures(g_aperture, fps, shut))


def closure_precision(p_aperture: np.ndarray, g_aperture: np.ndarray, fps: float, shut: float) -> tuple[int, int]:
    """Of the closures that the predicted lips make, the share at which the recorded lips are shut within 60 ms. 1 is best.

    Undefined ("–") for a mouth that makes none. Closures and traps as for recall.
    """
    return share_shut(g_aperture, fps, shut, closures(p_aperture, fps, shut))


def spans_of(phonemes, wanted: set[str]) -> np.ndarray:
    """(n, 2) seconds of those [start, end, phoneme] that are wanted; stress marks and case do not matter."""
    kept = [(start, end) for start, end, name in phonemes if name.strip("012ˈˌː ").upper() in wanted]
    return np.array(kept, np.float64).reshape(-1, 2)


def bilabial_recall(p_aperture: np.ndarray, fps: float, shut: float, phonemes) -> tuple[int, int]:
    """Of the p, b and m of the phoneme times, the share during which, or within 60 ms, the lips shut (under 1 mm). 1 is best.

    Needs phonemes in the data set, but no recorded lips. Pooled over clips. Source: the idea of the PBM accuracy of Electronic
    Arts' audio-driven face models. Traps: aligners are off by 20 ms and more; a mouth that never opens scores 1.
    """
    return share_shut(p_aperture, fps, shut, spans_of(phonemes, {*BILABIALS}))


def bilabial_precision(p_aperture: np.ndarray, fps: float, shut: float, phonemes) -> tuple[int, int]:
    """Of the closures that the predicted lips make, the share within 60 ms of a p, b, m or a silence of the phoneme times."""
    allowed = spans_of(phonemes, {*BILABIALS, *SILENCES})
    made = closures(p_aperture, fps, shut)
    near = [((allowed[:, 0] <= end + TOLERANCE) & (allowed[:, 1] >= start - TOLERANCE)).any() for start, end in made]
    return int(sum(near)), len(near)


def labiodental_miss(lip_height: np.ndarray, fps: float, phonemes) -> tuple[float, int]:
    """Lip to teeth = mean over the f and v of the phoneme times of how far the middle of the lower lip stays below the edge of
    the upper incisors, where it comes nearest within the phoneme or 20 ms of it, in mm. 0 is a lip that touches or covers it.

    Needs phonemes in the data set, and a head with teeth and ARKit's jaw. Pooled over phonemes; our definition. Traps: lips
    that never open score 0 (see p b m and the vowels); trackers of films at 25 frames a second miss quick touches, so the
    recorded motion is not at 0.
    """
    times = (np.arange(len(lip_height)) + 0.5) / fps
    low = np.clip(-lip_height, 0, None)
    misses = [
        low[near].min()
        for s, e in spans_of(phonemes, LABIODENTALS)
        if (near := (times >= s - 0.02) & (times <= e + 0.02)).any()
    ]
    return float(np.sum(misses) * 1000), len(misses)


def sync_likeness(at_lags: np.ndarray) -> float:
    """Sync likeness = mean over clips of the mean cosine between an embedding of the sound and one of the lips, after the one
    constant lag of -200 to 200 ms that suits all clips best; the mesh's counterpart of LSE-D. 1 is best, 0 is chance.

    Source: as SyncNet's distance (LSE-D of Wav2Lip, on pictures), with our own network that sees four landmarks of the lips
    at frames with speech (models/perceptual/sync.py; its card has what it was trained on). Traps: it knows motion like that
    of its training, so read it beside the truth's row; it sees neither teeth nor tongue.
    """
    return float(np.max(at_lags))


def sync_confidence(at_lags: np.ndarray) -> float:
    """Sync confidence = mean over clips of the best less the median sync likeness over lags of -200 to 200 ms. More is better.

    Source: LSE-C of Wav2Lip, in mesh space. Lips that fit the sound only at one moment have much, a mouth that stands still or
    moves at random has none. Trap: each clip is free to have a lag of its own; read it beside the sync lag.
    """
    return float(np.max(at_lags) - np.median(at_lags))


def sync_lag(at_lags: np.ndarray) -> float:
    """The constant lag at which lips and sound of all clips are most alike, in ms: above 0 the lips are late.

    Needs no recorded lips. Trap: the network learned what is in time from recordings that are themselves right to 20 ms.
    """
    return float(LAGS[int(np.argmax(at_lags))] * 1000)
