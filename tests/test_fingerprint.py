"""Cache keys change with what they name, and with nothing else."""

from __future__ import annotations

import numpy as np
import torch

from talkinghead.fingerprint import content_fingerprint, file_stamp, fingerprint, weights_fingerprint


def test_plain_data_arrays_and_files(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"abc")
    assert fingerprint({"a": 1, "b": (2.0, None)}) == fingerprint({"b": (2.0, None), "a": 1})
    values = [
        "1",
        1,
        1.0,
        [1],
        [[1]],
        (1,),
        {"1": 1},
        None,
        np.array([1]),
        np.array([1.0]),
        tmp_path / "a.bin",
        tmp_path / "b.bin",
    ]
    assert len({fingerprint(value) for value in values}) == len(values)
    before = fingerprint(tmp_path / "a.bin"), content_fingerprint(tmp_path / "a.bin")
    (tmp_path / "a.bin").write_bytes(b"abcd")
    assert file_stamp(tmp_path / "a.bin")[:2] == ["a.bin", 4]
    assert fingerprint(tmp_path / "a.bin") != before[0] and content_fingerprint(tmp_path / "a.bin") != before[1]


def test_weights_of_networks():
    torch.manual_seed(0)
    network = torch.nn.BatchNorm1d(2)  # has an integer without axes, too
    before = weights_fingerprint(network)
    assert weights_fingerprint(network) == before
    with torch.no_grad():
        network.bias[1] += 1e-6
    assert weights_fingerprint(network) != before
    assert weights_fingerprint(torch.nn.Linear(2, 2).half()) != weights_fingerprint(torch.nn.Linear(2, 2))
