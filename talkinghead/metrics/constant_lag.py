"""Lips against the films of a source: correlation at lags, and the one constant lag that suits all of its clips.

A source is what shares an offset of sound and picture: films of one camera or studio, one capture. N clips, L lags.
"""

from __future__ import annotations

import numpy as np

SOURCE_LAGS = np.arange(-8, 9) * 0.02  # seconds that are tried, symmetric about 0


def constant_lag(r_at_lags: np.ndarray) -> int:
    """Index of the lag at which the mean over clips of (N, L) correlations is largest; the shortest of equal ones.

    Lags are symmetric about 0. Clips whose correlations are not numbers do not count. Raises ValueError if none are.
    """
    rows = np.asarray(r_at_lags, np.float64)
    rows = rows[np.isfinite(rows).all(1)]
    if not len(rows):
        raise ValueError("no clip has correlations")
    mean, middle = rows.mean(0), rows.shape[1] // 2
    return min(range(len(mean)), key=lambda i: (-round(float(mean[i]), 9), abs(i - middle)))


def source_aperture_r(r_at_lags: np.ndarray) -> np.ndarray:
    """Mean over the clips of a source of the Pearson correlation over time of predicted and real lip aperture, at the one
    constant lag, of -160 to 160 ms in steps of 20, at which this mean is largest. 1 is best.

    Films and captures have offsets of sound and picture of their own, which a constant lag takes out. Real lips are those of
    the film, inner lips over the distance of the outer eye corners, where the data set keeps them (landmarks/); otherwise
    those of the recorded motion. A mouth that does not move counts as 0. Trap: it is blind to how far the mouth opens.

    (Returned are the (N,) correlations of the clips.)
    """
    return np.asarray(r_at_lags)[:, constant_lag(r_at_lags)]


def source_aperture_r_0(r_at_lags: np.ndarray) -> np.ndarray:
    """The same without any lag: what an audience of these films sees. Trap: late films and late lips look alike.

    (Returned are the (N,) correlations of the clips.)
    """
    return np.asarray(r_at_lags)[:, np.shape(r_at_lags)[1] // 2]


def source_lag(r_at_lags: np.ndarray) -> float:
    """The constant lag, in ms: above 0 the predicted lips come after the real ones, below 0 before them. Trap: it holds the
    offset of the films, too.
    """
    return round(float(SOURCE_LAGS[constant_lag(r_at_lags)]) * 1000, 3)


def source_width_r(r_at_lags: np.ndarray, lag: int) -> np.ndarray:
    """Mean over the clips of a source of the Pearson correlation of predicted and real width between the corners of the mouth,
    at the constant lag of the aperture. 1 is best. Trap: the width that a film shows depends on the turn of the head.

    (Returned are the (N,) correlations of the clips.)
    """
    return np.asarray(r_at_lags)[:, lag]
