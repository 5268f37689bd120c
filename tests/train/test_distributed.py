"""Two real processes do what one does."""

from __future__ import annotations

import json
import socket

import cheap_training
import numpy as np
import pytest
from safetensors.numpy import load_file

from talkinghead.errors import InputError
from talkinghead.train import train
from talkinghead.train.config import StageConfig, divide_batch

FEW = ["prior.steps=4", "eval_every=2"]
FSDP = ["motion.steps=4", "strategy=fsdp", "features=live", "prior.encoder_lr=1e-3", "precision=bf16"]


def launched(*commands):
    """The exit statuses of two processes that do one `talkinghead train` after the other, told who they are as by torchrun."""
    with socket.create_server(("localhost", 0)) as door:
        place = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(door.getsockname()[1])}
    size = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    commands = [" ".join(map(str, ["train", *command])) for command in commands]
    processes = [cheap_training.process(*commands, **place, **size, RANK=rank, LOCAL_RANK=rank) for rank in "01"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    return [process.exitcode for process in processes]


def results(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()], load_file(out / "model.safetensors")


def test_two_processes_have_the_losses_of_one(recipe, tiny_data, meshes, parameters, tmp_path):
    several = [f"data=[{tiny_data},{meshes},{parameters}]", "motion.batch=8", "motion.steps=8"]
    ways = {"ddp": [*FEW, *several], "fsdp": [*FEW, *FSDP]}
    assert launched(*([recipe, f"out={tmp_path / name}2", *more] for name, more in ways.items())) == [0, 0]
    for name, more in ways.items():
        one, weights = results(train(recipe, [f"out={tmp_path / name}1", *more]))
        two, others = results(tmp_path / f"{name}2")
        assert [line["step"] for line in one] == [line["step"] for line in two]
        close = (
            {"rtol": 1e-4, "atol": 1e-5} if name != "fsdp" else {"rtol": 2e-3, "atol": 1e-4}
        )  # bf16 rounds otherwise in parts
        for a, b in zip(one, two, strict=True):
            for kind in ("train", "val"):
                assert a[kind].keys() == b[kind].keys() and a[kind]
                np.testing.assert_allclose([b[kind][term] for term in a[kind]], list(a[kind].values()), **close, err_msg=name)
        for key, value in weights.items():
            np.testing.assert_allclose(value.astype(np.float32), others[key].astype(np.float32), atol=2e-3, err_msg=key)


def test_a_step_is_divided_evenly_or_refused():
    stage = StageConfig(batch=12, micro_batch_size=3)
    assert divide_batch(stage, 1, 0, "prior") == (4, [0, 1, 2, 3])
    assert divide_batch(stage, 2, 1, "prior") == (4, [1, 3])
    assert divide_batch(StageConfig(batch=12), 4, 3, "prior") == (4, [3])
    with pytest.raises(InputError, match="micro-batches of 3 cannot be shared by 3 processes"):
        divide_batch(stage, 3, 0, "prior")
    with pytest.raises(InputError, match="cannot be shared"):
        divide_batch(StageConfig(batch=10, micro_batch_size=4), 1, 0, "prior")
    with pytest.raises(InputError, match="must have 2 or more at a time"):
        divide_batch(StageConfig(batch=2, weights={"cross_modality": 1}), 2, 0, "motion")
    assert divide_batch(StageConfig(batch=2, weights={"vertex": 1}), 2, 1, "motion") == (2, [1])
