"""One stage of a run: its steps, reports and checkpoints."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from talkinghead.data.loading.dataset import TrainingData
from talkinghead.errors import InputError
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.progress import progress_bar
from talkinghead.train import checkpoint, engine, samples
from talkinghead.train.config import StageConfig, TrainConfig, divide_batch
from talkinghead.train.gradients import TRIAL, Gradients
from talkinghead.train.log import Log
from talkinghead.train.objective.geometry_terms import GeometryTerms
from talkinghead.train.objective.loss_record import LossRecord
from talkinghead.train.objective.terms import STAGES
from talkinghead.train.schedules import share
from talkinghead.train.stages import Stage
from talkinghead.train.validate import validate

BEST = "best.pt"  # the best weights of a stage that may stop early
ASK = 10  # steps after which several processes agree whether somebody asked to stop


@dataclass
class Run:
    """What stays the same from stage to stage."""

    config: TrainConfig
    accelerator: Any
    data: TrainingData
    geometry: dict[str, GeometryTerms]
    out: Path
    log: Log | None  # on the first process
    marks: dict  # of recipe, data and encoder; a checkpoint must have the same


@dataclass
class State:
    """Where a run is; what a checkpoint holds beside weights."""

    stage: int = 0
    step: int = 0
    reported: int = 0  # steps of all stages at the last report
    best: float | None = None
    waiting: int = 0  # reports since the best one


class StageRun:
    """One stage: the wrapped model, its optimizer and where it is."""

    def __init__(
        self, run: Run, name: str, state: State, like: SpeechToMotion, weights: dict[str, Tensor], saved: dict
    ) -> None:
        self.run, self.name, self.state, self.like = run, name, state, like
        self.accelerator, self.config = run.accelerator, run.config
        self.settings: StageConfig = getattr(run.config, name)
        processes = self.accelerator.num_processes, self.accelerator.process_index
        self.pieces, self.own = divide_batch(self.settings, *processes, name)
        model = SpeechToMotion(like.config)
        model.load_state_dict(weights)
        divided = run.config.strategy == "fsdp" and self.accelerator.num_processes > 1
        self.shape: dict[str, Any] = {name: getattr(self.settings, name) for name in ("batch", "micro_batch_size", "frames")}
        self.shape |= {"divided": divided, "encoder": self.settings.encoder_lr > 0}
        if (was := saved.get("shape", self.shape)) != self.shape:
            raise InputError(f"{run.out}: stage {name} began with {was}; go on with these, or choose another out=")
        wanted = frozenset(term for term, weight in self.settings.weights.items() if weight)
        trained = self.settings.encoder_lr > 0
        networks = {"lipreader": run.config.lipreader, "emotion_net": run.config.emotion_net}
        stage = Stage(
            name,
            model,
            run.geometry,
            run.config.pivot,
            trained,
            wanted,
            emotion_prob=run.config.synthetic_emotion_prob,
            **networks,
        )
        # A micro-batch has one annotation, so the layers of the others have no gradient.
        unused = len(run.geometry) > 1 or stage.train_encoder
        self.model, self.optimizer = engine.prepare(self.accelerator, stage, stage.layers(), stage.groups, divided, unused)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.average = engine.Average(self.trained, run.config.ema) if run.config.ema else None
        if "optimizer" in saved:
            engine.load_optimizer(self.model, self.optimizer, saved["optimizer"])
            if self.average is not None and "average" in saved:  # else the average begins here
                self.average.shadow = [v.to(w.device) for v, w in zip(saved["average"], self.trained, strict=True)]
        self.gradients = Gradients(self.settings.weights, self.trained)
        terms = saved.get("terms") if self.accelerator.is_main_process else None  # the checkpoint has those of all processes
        self.losses = LossRecord(self.settings.weights, terms)
        self.checked = divided  # the weights are divided, so a single term has no gradient on one process
        self.seed = (run.config.seed, state.stage)

    def train(self) -> dict[str, Tensor]:
        """Run to the end, or to the early stop; returns the weights of the whole model, on the CPU."""
        first, steps = self.state.step, self.settings.steps
        if first >= steps:
            raise InputError(
                f"{self.run.out}: stage {self.name} has done {first} steps; choose more as {self.name}.steps, or another out="
            )
        js = (step * self.pieces + j for step in range(first, steps) for j in self.own)
        size = self.settings.batch // self.pieces
        batches = iter(self.run.data.loader(self.seed, js, size, self.settings.frames, self.config.workers))
        weights: dict[str, Tensor] = {}
        every = 1 if self.accelerator.num_processes == 1 else ASK
        self.model.train()
        with progress_bar(self.accelerator.is_main_process, transient=False) as bar, engine.interruption() as asked:
            task = bar.add_task(self.name, total=steps, completed=first)
            for step in range(first, steps):
                self._step(step, batches)
                bar.update(task, completed=step + 1)
                due = step + 1 == steps or (step + 1) % self.config.eval_every == 0
                finished = False
                if due:
                    self._check_gradients(first, step + 1)
                    finished = self._report() or step + 1 == steps
                    weights = self._save(finished)
                if (due or step % every == 0) and any(engine.gather(self.accelerator, bool(asked))):
                    if not due:
                        self._save(False)
                    raise KeyboardInterrupt
                if finished:
                    break
        return weights

    def _step(self, step: int, batches: Any) -> None:
        factor = share(self.settings.schedule, step, self.settings.steps, self.settings.warmup)
        for group, lr in zip(self.optimizer.param_groups, (self.settings.lr, self.settings.encoder_lr), strict=False):
            group["lr"] = lr * factor
        self.optimizer.zero_grad()
        for place, j in enumerate(step * self.pieces + j for j in self.own):
            batch = next(batches)
            whole = place + 1 == len(self.own) or self.shape["divided"]
            with nullcontext() if whole else self.accelerator.no_sync(self.model):
                with self.accelerator.autocast():  # not around the backward pass, which follows the forward one's types
                    terms = self.model(batch.to(self.accelerator.device), [*self.seed, j])
                if self.gradients.unseen and not self.checked:
                    self.gradients.observe(terms)
                self.accelerator.backward(self.losses.add(j, terms) / len(self.own))
        self.accelerator.clip_grad_norm_(self.trained, self.settings.max_grad_norm)
        self.optimizer.step()
        self.state.step = step + 1
        if self.average is not None:
            self.average.update()

    def _check_gradients(self, first: int, step: int) -> None:
        """Raises InputError for a term without a gradient, `TRIAL` steps after `first` and once each annotation was seen."""
        if self.checked or step - first < min(TRIAL, self.settings.steps):
            return
        cycle = self.run.data.annotation_cycle
        assert cycle is not None, "set_up refuses data without training clips"
        seen = {cycle.at(j)[0] for j in range(first * self.pieces, step * self.pieces)}
        if len(seen) == len(cycle.counts) or step == self.settings.steps:
            own = self.gradients.unseen, self.gradients.absent, self.gradients.still
            self.gradients.check(engine.gather(self.accelerator, own), self.name, step - first)
            self.checked = True

    def _report(self) -> bool:
        """Log, validate and render samples; returns whether to stop early. All processes call it, the first does the work."""
        train, lr = self._means(), self.optimizer.param_groups[0]["lr"]
        weights = self._weights()
        stop, settings = False, self.settings
        if self.run.log is not None:
            model = SpeechToMotion(self.like.config)
            model.load_state_dict(weights)
            model.to(self.accelerator.device)
            before = sum(getattr(self.config, name).steps for name in STAGES[: self.state.stage])
            self.state.reported = before + self.state.step
            size = self.settings.batch // self.pieces
            epoch = self.run.data.epoch_of(self.state.step * self.pieces, size, self.settings.frames)
            line = {"step": self.state.reported, "stage": self.name, "epoch": round(epoch, 3), "lr": lr, "train": train}
            line["val"] = validate(model, self.run.data, self.name, self.config.validation)
            self.run.log.add(line)
            stop = settings.stop is not None and self._keep_best(line["val"], weights)
            last = stop or self.state.step == settings.steps
            if self.config.videos and (last or len(self.run.log.lines) % self.config.videos == 0):
                samples.show(model, self.run.data, self.name, self.state.reported, self.run.out, self.run.log)
        stop, self.state = engine.share(self.accelerator, (stop, self.state))
        return stop

    def _keep_best(self, scores: dict[str, float], weights: dict[str, Tensor]) -> bool:
        """Save the weights if they are the best; returns whether `patience` reports were no better."""
        stop = self.settings.stop
        assert stop is not None
        if stop.metric not in scores:
            raise InputError(f"{self.name}.stop: the validation has no {stop.metric!r}; it has {', '.join(scores)}")
        value = scores[stop.metric] * (1 if stop.mode == "max" else -1)
        if self.state.best is None or value > self.state.best:
            self.state.best, self.state.waiting = value, 0
            checkpoint.save(self.run.out / BEST, {"stage": self.state.stage, "model": weights})
        else:
            self.state.waiting += 1
        return self.state.waiting >= stop.patience

    def _means(self) -> dict[str, float]:
        """The terms since the last report, for the log. Raises InputError for one that is not finite."""
        means = self.losses.means(self.accelerator)
        for name, value in means.items():
            if not np.isfinite(value):
                raise InputError(
                    f"{self.name}: loss {name!r} is not finite before step {self.state.step}; lower {self.name}.lr"
                )
        return {name: round(value, 6) for name, value in means.items()}

    def _weights(self) -> dict[str, Tensor]:
        """The whole model's weights as they are validated and passed on: averaged, if the recipe says so. On the CPU."""
        with self.average.applied() if self.average is not None else nullcontext():
            return self._states()[0]

    def _states(self) -> tuple[dict[str, Tensor], dict]:
        """Of the model and of the optimizer."""
        model, optimizer = engine.whole_states(self.accelerator, self.model, self.optimizer)
        return Stage.model_state(model), optimizer

    def _save(self, finished: bool) -> dict[str, Tensor]:
        """Write the checkpoint; returns the weights to go on with."""
        if finished:
            model = self._weights()
            if self.settings.stop is not None:
                model = (checkpoint.load(self.run.out / BEST) or {})["model"]
            state = {"state": asdict(State(self.state.stage + 1, reported=self.state.reported)), "model": model}
        else:
            model, optimizer = self._states()
            state = {"state": asdict(self.state), "terms": self.losses.gather(self.accelerator), "model": model}
            state |= {"optimizer": optimizer, "shape": self.shape}
            if self.average is not None:
                state["average"] = [value.cpu() for value in self.average.shadow]
        if self.accelerator.is_main_process:
            checkpoint.save(self.run.out / checkpoint.NAME, self.run.marks | state)
        self.accelerator.wait_for_everyone()
        return (checkpoint.load(self.run.out / checkpoint.NAME) or {})["model"] if finished else model
