"""The training loop: stages, one after the other.

Step s of a stage sees the micro-batches s * M to (s + 1) * M - 1 of an endless order that only the seed decides, and the
processes share them out; what is random in a micro-batch follows its number. So a run goes on from a checkpoint exactly as it
would have, and several processes do what one does.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from talkinghead.data.manifest import NAME as MANIFEST
from talkinghead.data.store.shard_reader import SHARDS
from talkinghead.errors import InputError
from talkinghead.fingerprint import fingerprint, weights_fingerprint
from talkinghead.inputs import Inputs
from talkinghead.losses import check_weights
from talkinghead.models.folder import CONFIG, WEIGHTS
from talkinghead.models.pretrained import save_model
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.train import checkpoint, engine
from talkinghead.train.config import TrainConfig, check_recipe, divide_batch
from talkinghead.train.log import NAME as LOG
from talkinghead.train.log import Log
from talkinghead.train.objective.terms import STAGES, TERMS
from talkinghead.train.schedules import SCHEDULES
from talkinghead.train.setup import set_up
from talkinghead.train.stage_run import Run, StageRun, State
from talkinghead.writing import sweep_below


def run_training(config: TrainConfig) -> Path:
    """Train, or go on from the last checkpoint in `config.out`; returns that folder, which is then a model."""
    check_recipe(config, tuple(SCHEDULES))
    for name in STAGES:
        if getattr(config, name).steps:
            check_weights(getattr(config, name).weights, TERMS[name], f"{name}.weights")
    accelerator, out = engine.start(config), Path(config.out)
    wanted = [name for name in STAGES if getattr(config, name).steps]
    for name in wanted:
        divide_batch(getattr(config, name), accelerator.num_processes, 0, name)
    saved = checkpoint.load(out / checkpoint.NAME) or {}
    marks: dict[str, Any] = {"recipe": _begun(config)}
    _compare(config, saved, marks)
    state = State(**saved.get("state", {}))
    if accelerator.is_main_process:
        sweep_below(out)
    if _finished(out, state, wanted):
        return out
    model, heads, data, geometry = set_up(config, accelerator)
    marks["mark"] = _mark(model)
    if saved and saved["mark"] != marks["mark"]:
        raise InputError(f"{out}: its run had other speakers, annotations or another encoder; choose another out= or remove it")
    weights, log = saved.get("model", model.state_dict()), None
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        log = Log(out, state.reported)
    this = Run(config, accelerator, data, geometry, out, log, marks)
    for number, name in enumerate(STAGES):
        if number < state.stage or name not in wanted:
            continue
        if number > state.stage:
            state, saved = State(number, reported=state.reported), {}
        weights = StageRun(this, name, state, model, weights, saved).train()
        state, saved = State(number + 1, reported=state.reported), {}
    if log is not None:
        log.close()
        model.cpu().load_state_dict(weights)
        save_model(model, heads, out)  # last: from now on the run is finished
    accelerator.wait_for_everyone()
    return out


def _begun(config: TrainConfig) -> dict[str, str]:
    """The keys of a recipe that may not change under a checkpoint."""
    found = {name: getattr(config, name) for name in ("data", "seed", "features", "encoder", "init")}
    found |= {f"model.{name}": value for name, value in asdict(config.model).items()}
    return {name: json.dumps(value, sort_keys=True) for name, value in found.items()}


def _mark(model: SpeechToMotion) -> str:
    """Fingerprint of what comes from the data (annotations, speakers) and of the encoder."""
    return fingerprint([asdict(model.config), weights_fingerprint(model.audio)])


def _compare(config: TrainConfig, saved: dict, marks: dict) -> None:
    """Raises InputError if `config.out` is not for this recipe, before anything is written there or takes long."""
    out = Path(config.out)
    Inputs(config.data, config.init, config.encoder).refuse(out)
    was = saved.get("recipe", {})
    for name, value in marks["recipe"].items():
        if saved and was.get(name) != value:
            raise InputError(f"{out}: holds a run with {name}={was.get(name)}, not {value}; choose another out= or remove it")
    for name in (MANIFEST, SHARDS, CONFIG):
        if not saved and (out / name).exists() and (name != CONFIG or not (out / LOG).exists()):
            raise InputError(f"{out}: holds something else ({name}); choose another out=")


def _finished(out: Path, state: State, wanted: list[str]) -> bool:
    """Whether all stages are done and the model was written after that."""
    done = not any(STAGES.index(name) >= state.stage for name in wanted)
    model, last = out / WEIGHTS, out / checkpoint.NAME
    return done and model.exists() and last.exists() and model.stat().st_mtime_ns >= last.stat().st_mtime_ns
