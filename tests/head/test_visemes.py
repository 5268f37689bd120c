"""The viseme presets: names that exist, and the differences that lip readers rely on."""

import numpy as np

from talkinghead import Animation
from talkinghead.head.visemes import NAMES, VISEMES, viseme_matrix


def test_fifteen_visemes_of_shapes_that_exist(default_head):
    assert NAMES == ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")
    used = {name for weights in VISEMES.values() for name in weights}
    assert used <= set(default_head.names)
    matrix = viseme_matrix(default_head)
    assert matrix.shape == (15, 52) and matrix.min() >= 0 and matrix.max() <= 1
    for weights in VISEMES.values():
        assert weights.get("mouthClose", 0) <= weights.get("jawOpen", 0)


def test_they_read_as_what_they_are(default_head):
    animation = Animation(viseme_matrix(default_head), 30.0, default_head)
    aperture = dict(zip(NAMES, animation.lip_aperture() * 1e3, strict=True))
    width = dict(zip(NAMES, animation.lip_width() * 1e3, strict=True))
    assert aperture["PP"] < 0.5 and aperture["sil"] < 0.5
    assert aperture["aa"] == max(aperture.values()) > 9
    assert all(aperture[name] > 2 for name in NAMES if name not in ("sil", "PP"))
    assert width["U"] == min(width.values()) < width["sil"] - 5
    assert width["O"] < width["sil"] - 3 and width["I"] > width["sil"]
    assert np.isfinite(list(aperture.values())).all()
