"""Coefficients that a clip's motion file lacks: they are 0 in a batch, and the batch says that nobody measured them."""

import numpy as np
import pytest
import torch
from sets import coefficient_set

from talkinghead.data.loading.dataset import TrainingData
from talkinghead.models.audio_encoder import AudioEncoder

NAMES = ("jawOpen", "mouthClose", "browInnerUp")


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("first", [0, 1])
def test_what_a_clip_lacks_is_told(tmp_path, tiny_encoder, cached, first):
    """Whichever folder comes first, an annotation has the names of both."""
    folders = [
        coefficient_set(tmp_path / "whole"),
        coefficient_set(tmp_path / "mouth", names=("jawOpen", "mouthClose", "jawLeft")),
    ]
    coefficient_set(tmp_path / "whole", names=NAMES)
    data = TrainingData(folders[:: -1 if first else 1], tmp_path / "cache", versions=2, cached=cached)
    names = data.annotations["arkit"]
    assert sorted(names) == ["browInnerUp", "jawLeft", "jawOpen", "mouthClose"]
    if cached:
        torch.manual_seed(0)
        data.encode(AudioEncoder(tiny_encoder).eval(), "tag")
    brow, left = names.index("browInnerUp"), names.index("jawLeft")
    kinds = set()
    for j in range(8):
        batch = data.micro_batch((0,), j, 4, 30)
        assert batch.mask.shape == (4, 4) and batch.mask.dtype == torch.float32
        for motion, known, style in zip(batch.motion, batch.mask, batch.style, strict=True):
            kinds.add(tuple(known[[brow, left]].tolist()))
            assert known[names.index("jawOpen")] == 1
            assert not motion[:, known == 0].any()
            if style:
                assert bool(known[brow]) == data.speakers[style - 1].startswith("whole")
    assert {(1.0, 0.0), (0.0, 1.0)} <= kinds
    for i in data.split("train"):
        assert np.array_equal(data.known(i)[[brow, left]] > 0, data.whole(i)[1][:, [brow, left]].any(0))


def test_a_set_that_knows_all_says_so(tmp_path, tiny_encoder):
    data = TrainingData([coefficient_set(tmp_path / "data")], tmp_path / "cache", versions=1)
    data.encode(AudioEncoder(tiny_encoder).eval(), "tag")
    assert data.micro_batch((0,), 0, 4, 30).mask.all()
