"""Metrics of talking faces: pure functions on arrays. What a docstring says is what a report prints as the definition.

Legend: T frames, V vertices, N samples; p predicted and g recorded positions or offsets (T, V, 3) in metres, of equal length
and at the same rate; L indices of the lip vertices, U of the upper face. apertures and widths are (T,) metres.
"""

from __future__ import annotations

import numpy as np

from talkinghead.audio.activity import runs
from talkinghead.speech.phonemes import BILABIALS

LAGS = np.arange(-10, 11) * 0.02  # seconds that are tried, symmetric about 0
SHUT = 0.001  # metres of aperture beyond the resting face's, below which lips count as shut
TOLERANCE = 0.06  # seconds that a closure may be early or late
REST = 0.3  # seconds: lips that stay shut longer are at rest, which is no closure
LABIODENTALS = {"F", "V"}
SILENCES = {"", "SIL", "SP", "SPN", "PAU", "<EPS>", "_"}
BEAT_SIGMA = 0.1  # seconds
STILL = 1e-7  # metres a frame: less is rounding
MOVES = 1e-6  # metres, standard deviation of a curve: less is rounding
BEAT_DEPTH = 0.1  # of the mean speed: how far a slow-down must fall to count as a beat


def lve_frames(p: np.ndarray, g: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """(T,) m^2: squared distance of the worst lip vertex of each frame, from which all lip vertex errors are made."""
    return ((p[:, lips] - g[:, lips]) ** 2).sum(-1).max(1)


def lve(p: np.ndarray, g: np.ndarray, lips: np.ndarray) -> float:
    """LVE = mean over all frames of all clips of max over L of ||p - g||^2, in m^2. No root is taken.

    Source: the published evaluation code of CodeTalker, FaceDiffuser and ProbTalk3D; torchmetrics' LipVertexError.
    Traps: papers print it as "mm" though it is squared; it depends on the lip set, the frame rate and the unit (data in mm
    give 10^6 times as much); it rewards motion that is smoothed towards the mean.
    """
    return float(lve_frames(p, g, lips).mean())


def lve_mm(p: np.ndarray, g: np.ndarray, lips: np.ndarray) -> float:
    """Rooted LVE = mean over all frames of all clips of max over L of ||p - g||, in mm.

    Source: the form of MeshTalk's paper and of UniTalker's "L2 norm". Trap: it is not the root of LVE, which is never smaller.
    """
    return float(np.sqrt(lve_frames(p, g, lips)).mean() * 1000)


def lve_rms_mm(p: np.ndarray, g: np.ndarray, lips: np.ndarray) -> float:
    """LVE (RMS) = sqrt(LVE), in mm.

    Source: ARTalk. Trap: tables of ARTalk, DiffPoseTalk and later ones print this under the name LVE.
    """
    return float(np.sqrt(lve(p, g, lips)) * 1000)


def mve(p: np.ndarray, g: np.ndarray) -> float:
    """MVE = mean over all frames and all vertices of ||p - g||, in mm.

    Source: FaceDiffuser, ProbTalk3D. Trap: vertices that hardly move (neck, scalp, eyeballs, teeth) count like the lips, so
    values of different heads cannot be compared.
    """
    return float(np.linalg.norm(p - g, axis=-1).mean() * 1000)


def mhd(p: np.ndarray, g: np.ndarray) -> float:
    """MHD = sqrt(mean over all frames and all vertices of ||p - g||^2), in mm.

    Source: ARTalk's mean head distance. Trap: as for MVE; large errors weigh more.
    """
    return float(np.sqrt(((p - g) ** 2).sum(-1).mean()) * 1000)


def eve(p: np.ndarray, g: np.ndarray, upper: np.ndarray) -> float:
    """EVE = mean over all frames of all clips of max over U of ||p - g||, in mm: the rooted LVE of eyes, brows and forehead.

    Source: EmoTalk, which means it for emotional expression and squares it. Trap: speech does not tell when a person blinks,
    so a face that blinks at other times than the recorded one is worse here than a face that never blinks.
    """
    return float(np.sqrt(lve_frames(p, g, upper)).mean() * 1000)


def motion_spread(offsets: np.ndarray, upper: np.ndarray) -> float:
    """m^2: mean over U of the standard deviation over time of ||offset from the template||^2; the half of FDD."""
    return float((offsets[:, upper] ** 2).sum(-1).std(0, dtype=np.float64).mean())


def fdd(p: np.ndarray, g: np.ndarray, upper: np.ndarray) -> float:
    """FDD = mean over clips of [mean over U of std_t(||g - t||^2)] - [the same of p], in m^2; t is the template. Signed.

    Source: CodeTalker's evaluation code. Below 0 the upper face moves more than the recorded one, above 0 less.
    Traps: signs cancel between clips, so a bad system can be near 0 (see the absolute one); it says nothing about when the
    face moves.
    """
    return motion_spread(g, upper) - motion_spread(p, upper)


def fdd_abs(p: np.ndarray, g: np.ndarray, upper: np.ndarray) -> float:
    """Absolute FDD = mean over clips of |FDD of the clip|, in m^2.

    Source: FaceDiffuser and ScanTalk print it beside the signed one. Trap: it says nothing about when the face moves.
    """
    return abs(fdd(p, g, upper))


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


def lagged(times: np.ndarray, truth: np.ndarray, p_times: np.ndarray, p: np.ndarray) -> np.ndarray:
    """(len(LAGS),) Pearson correlation of the truth with the prediction `LAGS` seconds later.

    The two may be on different clocks; the prediction is interpolated at times + lag, and its ends are held.
    """
    return np.array([pearson(np.interp(times + lag, p_times, p), truth) for lag in LAGS])


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
    found = runs(aperture < shut)
    inside = (found[:, 0] > 0) & (found[:, 1] < len(aperture)) & (found[:, 1] - found[:, 0] <= REST * fps)
    return found[inside] / fps


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
    found = [
        low[near].min()
        for s, e in spans_of(phonemes, LABIODENTALS)
        if (near := (times >= s - 0.02) & (times <= e + 0.02)).any()
    ]
    return float(np.sum(found) * 1000), len(found)


def sync_likeness(at_lags: np.ndarray) -> float:
    """Sync likeness = mean over clips of the mean cosine between an embedding of the sound and one of the lips, after the one
    constant lag of -200 to 200 ms that suits all clips best; the mesh's counterpart of LSE-D. 1 is best, 0 is chance.

    Source: as SyncNet's distance (LSE-D of Wav2Lip, on pictures), with our own network that sees four landmarks of the lips
    at frames with speech (models/sync.py; its card has what it was trained on). Traps: it knows motion like that it saw, so
    read it beside the truth's row; it sees neither teeth nor tongue.
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


def velocity_ratio(p_lips: np.ndarray, g_lips: np.ndarray) -> tuple[float, float]:
    """Velocity ratio = RMS over frames and L of ||x[t+1] - x[t]|| of p, over the same of g; pooled over clips. 1 is best.

    Below 1 the lips are damped (what LVE rewards), above 1 they are exaggerated or shake. Trap: shaking can make up for damped
    speech, see the jitter ratio. (Returned are the two sums of squares.)
    """
    return energy(p_lips, 1), energy(g_lips, 1)


def jitter_ratio(p_lips: np.ndarray, g_lips: np.ndarray) -> tuple[float, float]:
    """Jitter ratio = RMS over frames and L of ||x[t+2] - 2 x[t+1] + x[t]|| of p, over the same of g; pooled over clips.

    Far above 1 the face trembles, far below 1 it glides. Trap: recorded motion has the noise of its tracker, so the best value
    may lie below 1; it grows with the square of the frame rate, but both sides are at the truth's.
    """
    return energy(p_lips, 2), energy(g_lips, 2)


def energy(points: np.ndarray, order: int) -> float:
    """Sum of squares of the differences over time of (T, L, 3); 0 for clips that are too short."""
    return float((np.diff(points.astype(np.float64), n=order, axis=0) ** 2).sum())


def stillness(lips: np.ndarray, quiet: np.ndarray, fps: float) -> tuple[float, int]:
    """Silence motion = mean speed of the lip vertices while the sound is quiet, in mm/s; pooled over frames. 0 is a still face.

    Quiet: 25 dB or more below the clip's loud parts for at least 0.3 s, less 0.1 s at either end. Source: the silence jitter
    that users of such systems complain about; our definition. Trap: real faces are not still either, see the row of the truth.
    (Returned are the sum over frames, and their number.)
    """
    both = quiet[1:] & quiet[:-1]
    speed = np.linalg.norm(np.diff(lips, axis=0)[both], axis=-1).mean(-1) if both.any() else np.zeros(0)
    return float(speed.sum() * fps * 1000), len(speed)


def motion_beats(lips: np.ndarray, fps: float) -> np.ndarray:
    """(n,) seconds of the local minima of the mean speed of the lip vertices that are at least a tenth of its mean deep."""
    from scipy.signal import find_peaks

    speed = np.linalg.norm(np.diff(lips, axis=0), axis=-1).mean(-1)
    if len(speed) < 3 or speed.max() < STILL:
        return np.zeros(0)
    return (find_peaks(-speed, prominence=BEAT_DEPTH * speed.mean())[0] + 1) / fps  # speed t is between frames t and t + 1


def beat_consistency(beats: np.ndarray, sound_beats: np.ndarray, sigma: float = BEAT_SIGMA) -> float:
    """Beat consistency = mean over the beats a of the sound of exp(-min over motion beats b of (a - b)^2 / (2 * 0.1^2)).

    Source: SAiD's beat consistency score. Beats of the sound are librosa's onsets; beats of the motion are the minima of the
    speed of the lip vertices (SAiD takes those of its 32 coefficients, which other faces do not have). 0 without any.
    Traps: the more beats the motion has, the higher the score, so a face that trembles does well: read it beside the truth's
    row and the jitter ratio.
    """
    if not len(beats):
        return 0.0
    distance = np.abs(sound_beats[:, None] - beats[None]).min(1)
    return float(np.exp(-(distance**2) / (2 * sigma**2)).mean())


def coverage_error(samples: np.ndarray, g: np.ndarray, lips: np.ndarray) -> tuple[float, int]:
    """CE = LVE of the best of N samples, in m^2; the best is chosen per clip, by its LVE summed over frames.

    Source: ProbTalk3D's evaluation code (N = 10). Trap: it falls with N, so state N. (Returned are the sum over frames, and
    their number.)
    """
    return min(float(lve_frames(sample, g, lips).sum()) for sample in samples), len(g)


def mean_estimate_error(samples: np.ndarray, g: np.ndarray, lips: np.ndarray) -> float:
    """MEE = LVE of the mean of N samples, in m^2.

    Source: ProbTalk3D's evaluation code (N = 10). Trap: the mean of many different mouths is a smooth one, which LVE rewards.
    """
    return lve(samples.mean(0), g, lips)


def pairs_of(count: int, seed: int) -> np.ndarray:
    """(count // 2, 2) indices: samples shuffled, the first half paired with the second."""
    order = np.random.default_rng(seed).permutation(count)
    return np.stack([order[: count // 2], order[count // 2 : count // 2 * 2]], 1)


def diversity(samples: np.ndarray, seed: int = 0) -> float:
    """Diversity = mean over pairs of samples, frames and all vertices of ||a - b||, in mm.

    Source: ProbTalk3D's evaluation code: N samples of a clip are shuffled (seeded) into N/2 pairs. Trap: trembling is diverse,
    too; how much is right cannot be seen from one recording a sentence.
    """
    values = [np.linalg.norm(samples[a] - samples[b], axis=-1).mean() for a, b in pairs_of(len(samples), seed)]
    return float(np.mean(values) * 1000)


def coefficient_mse(p: np.ndarray, g: np.ndarray) -> float:
    """Mean over all frames and coefficients of (p - g)^2, in the coefficients' own units.

    For ARKit weights and FLAME parameters. Papers on blendshapes sometimes call this or its root LVE; it is not, and values of
    different sets of coefficients cannot be compared.
    """
    return float(((p - g) ** 2).mean())
