"""Two real processes do what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

from talkinghead.errors import InputError
from talkinghead.train.config import StageConfig
from talkinghead.train.loop import divide


def launched(recipe, out, processes, *overrides):
    words = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--master_port", "0"]
    words += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0", "-m", "talkinghead.cli"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*words, "train", str(recipe), f"out={out}", *overrides], capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()], load_file(out / "model.safetensors")


@pytest.mark.parametrize("more", [[], ["strategy=fsdp", "features=live", "prior.encoder_rate=1e-3"]], ids=["ddp", "fsdp"])
def test_two_processes_have_the_losses_of_one(recipe, tmp_path, more):
    one, weights = launched(recipe, tmp_path / "one", 1, *more)
    two, others = launched(recipe, tmp_path / "two", 2, *more)
    assert [line["step"] for line in one] == [line["step"] for line in two]
    for a, b in zip(one, two, strict=True):
        for kind in ("train", "val"):
            assert a[kind].keys() == b[kind].keys() and a[kind]
            np.testing.assert_allclose(list(a[kind].values()), list(b[kind].values()), rtol=1e-4, atol=1e-5)
    for name, value in weights.items():
        np.testing.assert_allclose(value.astype(np.float32), others[name].astype(np.float32), atol=2e-3, err_msg=name)


def test_a_step_is_divided_evenly_or_refused():
    stage = StageConfig(batch=12, micro=3)
    assert divide(stage, 1, 0, "prior") == (4, [0, 1, 2, 3])
    assert divide(stage, 2, 1, "prior") == (4, [1, 3])
    assert divide(StageConfig(batch=12), 4, 3, "prior") == (4, [3])
    with pytest.raises(InputError, match="pieces of 3 cannot be shared by 3 processes"):
        divide(stage, 3, 0, "prior")
    with pytest.raises(InputError, match="cannot be shared"):
        divide(StageConfig(batch=10, micro=4), 1, 0, "prior")
