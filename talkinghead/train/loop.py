"""The training loop: stages, one after the other.

Step s of a stage sees the micro-batches s * M to (s + 1) * M - 1 of an endless order that only the seed decides, and the
processes share them out; what is random in a micro-batch follows its number. So a run goes on from a checkpoint exactly as it
would have, and several processes do what one does.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from talkinghead.data.dataset import SpeechDataset, TrainingData
from talkinghead.errors import InputError
from talkinghead.losses import check_weights, total
from talkinghead.models.talker import Talker
from talkinghead.train import checkpoint, engine, samples
from talkinghead.train.config import StageConfig, TrainConfig, check
from talkinghead.train.gradients import Gradients
from talkinghead.train.log import Log
from talkinghead.train.schedules import SCHEDULES, share
from talkinghead.train.setup import set_up
from talkinghead.train.stages import STAGES, TERMS, Stage
from talkinghead.train.surfaces import Surface
from talkinghead.train.validate import validate

BEST = "best.pt"  # the best weights of a stage that may stop early


@dataclass
class Run:
    """What stays the same from stage to stage."""

    config: TrainConfig
    accelerator: Any
    data: TrainingData
    speech: SpeechDataset | None
    surfaces: dict[str, Surface]
    out: Path
    log: Log | None  # on the first process
    mark: str  # what a checkpoint must agree with


@dataclass
class State:
    """Where a run is; what a checkpoint holds beside weights."""

    stage: int = 0
    step: int = 0
    reported: int = 0  # steps of all stages at the last report
    best: float | None = None
    waiting: int = 0  # reports since the best one
    terms: dict[str, list] = field(default_factory=dict)  # since the last report: [number of the micro-batch, value]


def run(config: TrainConfig) -> Path:
    """Train, or go on from the last checkpoint in `config.out`; returns that folder, which is then a model."""
    check(config, tuple(SCHEDULES))
    for name in STAGES:
        if getattr(config, name).steps:
            check_weights(getattr(config, name).weights, TERMS[name], f"{name}.weights")
    accelerator, out = engine.start(config), Path(config.out)
    talker, data, speech, surfaces = set_up(config, accelerator, progress)
    mark = _mark(config, talker)
    saved = checkpoint.load(out / checkpoint.NAME) or {}
    if saved and saved["mark"] != mark:
        raise InputError(f"{out}: holds a run with another model or data; choose another out= or remove it")
    state, weights = State(**saved.get("state", {})), saved.get("model", talker.state_dict())
    log = None
    if accelerator.is_main_process:
        checkpoint.sweep(out)
        log = Log(out, state.reported)
    this = Run(config, accelerator, data, speech, surfaces, out, log, mark)
    for number, name in enumerate(STAGES):
        if number < state.stage or not getattr(config, name).steps or (name == "closure" and speech is None):
            continue
        if number > state.stage:
            state, saved = State(number, reported=state.reported), {}
        weights = StageRun(this, name, state, talker, weights, saved).train()
        state, saved = State(number + 1, reported=state.reported), {}
    if log is not None:
        talker.cpu().load_state_dict(weights)
        talker.save_pretrained(out)
        log.close()
    accelerator.wait_for_everyone()
    return out


class StageRun:
    """One stage: the wrapped model, its optimizer and where it is."""

    def __init__(self, run: Run, name: str, state: State, like: Talker, weights: dict[str, Tensor], saved: dict) -> None:
        self.run, self.name, self.state, self.like = run, name, state, like
        self.accelerator, self.config = run.accelerator, run.config
        self.settings: StageConfig = getattr(run.config, name)
        processes = self.accelerator.num_processes, self.accelerator.process_index
        self.pieces, self.mine = divide(self.settings, *processes, name)
        talker = Talker(like.config, like.heads)
        talker.load_state_dict(weights)
        stage = Stage(name, talker, run.surfaces, run.config.pivot, self.settings.encoder_rate > 0)
        if "reference" in saved and stage.reference is not None:
            stage.reference.load_state_dict(saved["reference"])
        divided = run.config.strategy == "fsdp" and self.accelerator.num_processes > 1
        self.model, self.optimizer = engine.prepare(self.accelerator, stage, stage.layers(), stage.groups, divided)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.average = engine.Average(self.trained, run.config.ema) if run.config.ema else None
        if "optimizer" in saved:
            engine.load_optimizer(self.accelerator, self.model, self.optimizer, saved["optimizer"])
            if self.average is not None:
                self.average.shadow = [v.to(w.device) for v, w in zip(saved["average"], self.trained, strict=True)]
        self.shape = {name: getattr(self.settings, name) for name in ("batch", "micro", "frames")} | {"divided": divided}
        if (was := saved.get("shape", self.shape)) != self.shape:
            raise InputError(f"{run.out}: stage {name} began with {was}; go on with these, or choose another out=")
        self.gradients = Gradients(self.settings.weights, self.trained)
        self.seed = (run.config.seed, state.stage)

    def train(self) -> dict[str, Tensor]:
        """Run to the end, or to the early stop; returns the weights of the whole model, on the CPU."""
        first, steps = self.state.step, self.settings.steps
        js = (step * self.pieces + j for step in range(first, steps) for j in self.mine)
        size = self.settings.batch // self.pieces
        batches = iter(self.run.data.loader(self.seed, js, size, self.settings.frames, self.config.workers))
        weights: dict[str, Tensor] = {}
        self.model.train()
        with progress(not self.accelerator.is_main_process) as bar, engine.interruption() as asked:
            task = bar.add_task(self.name, total=steps, completed=first)
            for step in range(first, steps):
                self._step(step, batches, size)
                bar.update(task, completed=step + 1)
                due = step + 1 == steps or (step + 1) % self.config.report == 0
                if due:
                    self._check_gradients(step + 1 - first)
                    finished = self._report() or step + 1 == steps
                    weights = self._save(finished)
                    if finished:
                        break
                if asked and (due or self.accelerator.num_processes == 1):
                    if not due:
                        self._save(False)
                    raise KeyboardInterrupt
        return weights

    def _step(self, step: int, batches: Any, size: int) -> None:
        factor = share(self.settings.schedule, step, self.settings.steps, self.settings.warmup)
        for group, rate in zip(self.optimizer.param_groups, (self.settings.rate, self.settings.encoder_rate), strict=False):
            group["lr"] = rate * factor
        self.optimizer.zero_grad()
        for place, j in enumerate(step * self.pieces + j for j in self.mine):
            batch = next(batches)
            if self.name == "closure":
                assert self.run.speech is not None, "there is no such stage without"
                batch.speech = self.run.speech.batch(size, self.settings.frames, np.random.default_rng([*self.seed, j]))
            whole = place + 1 == len(self.mine) or self.shape["divided"]
            with nullcontext() if whole else self.accelerator.no_sync(self.model):
                terms = self.model(batch.to(self.accelerator.device), [*self.seed, j])
                if self.gradients.unseen and not self.shape["divided"]:
                    self.gradients.watch(terms)
                self.accelerator.backward(total(terms, self.settings.weights) / len(self.mine))
            for name, value in terms.items():
                self.state.terms.setdefault(name, []).append([j, value.detach()])
        self.accelerator.clip_grad_norm_(self.trained, self.settings.clip)
        self.optimizer.step()
        self.state.step = step + 1
        if self.average is not None:
            self.average.update()

    def _check_gradients(self, steps: int) -> None:
        if not self.shape["divided"]:  # whose weights are elsewhere when a single term asks for them
            seen = engine.gather(self.accelerator, (self.gradients.unseen, self.gradients.absent))
            unseen, absent = (set.intersection(*sets) for sets in zip(*seen, strict=True))
            self.gradients.check(sorted(unseen), sorted(absent), self.name, steps)

    def _report(self) -> bool:
        """Log, validate, show; whether to stop early. Every process is here, the first one does the work."""
        train, rate = self._means(), self.optimizer.param_groups[0]["lr"]
        weights = self._weights()
        stop, settings = False, self.settings
        if self.run.log is not None:
            talker = Talker(self.like.config, self.like.heads)
            talker.load_state_dict(weights)
            talker.to(self.accelerator.device)
            before = sum(getattr(self.config, name).steps for name in STAGES[: self.state.stage])
            self.state.reported = before + self.state.step
            line = {"step": self.state.reported, "stage": self.name, "rate": rate, "train": train}
            line["val"] = validate(talker, self.run.data, self.name, self.config.validation)
            self.run.log.add(line)
            stop = settings.stop is not None and self._judge(line["val"], weights)
            last = stop or self.state.step == settings.steps
            if self.config.videos and (last or len(self.run.log.lines) % self.config.videos == 0):
                samples.show(talker, self.run.data, self.name, self.state.reported, self.run.out, self.run.log)
        stop, self.state = engine.share(self.accelerator, (stop, self.state))
        return stop

    def _judge(self, scores: dict[str, float], weights: dict[str, Tensor]) -> bool:
        """Keep the best weights; whether there was none better for too long."""
        stop = self.settings.stop
        assert stop is not None
        if stop.metric not in scores:
            raise InputError(f"{self.name}.stop: the validation has no {stop.metric!r}; it has {', '.join(scores)}")
        value = scores[stop.metric] * (1 if stop.mode == "max" else -1)
        if self.state.best is None or value > self.state.best:
            self.state.best, self.state.waiting = value, 0
            checkpoint.save(self.run.out / BEST, {"mark": self.run.mark, "stage": self.state.stage, "model": weights})
        else:
            self.state.waiting += 1
        return self.state.waiting >= stop.patience

    def _means(self) -> dict[str, float]:
        """Means of the terms since the last report over all processes, in the order of the micro-batches."""
        mine = {name: [(j, float(value)) for j, value in pairs] for name, pairs in self.state.terms.items()}
        found: dict[str, list] = {}
        for terms in engine.gather(self.accelerator, mine):
            for name, pairs in terms.items():
                found.setdefault(name, []).extend(pairs)
        self.state.terms = {}
        means = {name: float(np.mean([value for _, value in sorted(pairs)])) for name, pairs in found.items()}
        for name, value in means.items():
            if not np.isfinite(value):
                raise InputError(
                    f"{self.name}: loss {name!r} is not finite before step {self.state.step}; lower {self.name}.rate"
                )
        return {name: round(value, 6) for name, value in means.items()}

    def _weights(self) -> dict[str, Tensor]:
        """The whole model's weights as they are validated and passed on: averaged, if the recipe says so. On the CPU."""
        with self.average.applied() if self.average is not None else nullcontext():
            return self._states()[0]

    def _states(self) -> tuple[dict[str, Tensor], dict, dict]:
        """Of the model, of the reference that stage 3 keeps to, and of the optimizer."""
        model, optimizer = engine.whole_states(self.accelerator, self.model, self.optimizer)
        parts: dict[str, dict[str, Tensor]] = {"talker": {}, "reference": {}}
        for name, value in model.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = value
        return parts["talker"], parts["reference"], optimizer

    def _save(self, finished: bool) -> dict[str, Tensor]:
        """Write the checkpoint; returns the weights to go on with."""
        model, reference, optimizer = self._states()
        state = {"mark": self.run.mark, "state": asdict(self.state), "model": model, "optimizer": optimizer}
        state["shape"] = self.shape
        state["state"]["terms"] = {n: [[j, float(v)] for j, v in pairs] for n, pairs in self.state.terms.items()}
        if reference:
            state["reference"] = reference
        if self.average is not None:
            state["average"] = [value.cpu() for value in self.average.shadow]
        if finished:
            model = self._weights()
            if self.settings.stop is not None:
                model = (checkpoint.load(self.run.out / BEST) or {})["model"]
            state = {"mark": self.run.mark, "model": model}
            state["state"] = asdict(State(self.state.stage + 1, reported=self.state.reported))
        if self.accelerator.is_main_process:
            checkpoint.save(self.run.out / checkpoint.NAME, state)
        self.accelerator.wait_for_everyone()
        return (checkpoint.load(self.run.out / checkpoint.NAME) or {})["model"] if finished else model


def divide(settings: StageConfig, processes: int, mine: int, name: str) -> tuple[int, list[int]]:
    """How many micro-batches make a step, and which of them process `mine` does. Raises InputError if they cannot be shared."""
    micro = settings.micro or -(-settings.batch // processes)
    pieces = settings.batch // micro
    if pieces * micro != settings.batch or pieces % processes:
        raise InputError(
            f"{name}: batch {settings.batch} in pieces of {micro} cannot be shared by {processes} processes; "
            f"choose a batch that is a multiple of micro times {processes}"
        )
    return pieces, list(range(mine, pieces, processes))


def progress(hidden: bool = False) -> Progress:
    """A bar on stderr."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), disable=hidden)


def _mark(config: TrainConfig, talker: Talker) -> str:
    """What must not change under a checkpoint: the model, the data and the seed."""
    parts = [asdict(talker.config), config.data, config.seed, config.features]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
