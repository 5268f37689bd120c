"""The training loop: stages, one after the other.

Step s of a stage sees the micro-batches s * M to (s + 1) * M - 1 of an endless order that only the seed decides, and the
processes share them out; what is random in a micro-batch follows its number. So a run goes on from a checkpoint exactly as it
would have, and several processes do what one does.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from talkinghead.data.loading.dataset import TrainingData
from talkinghead.data.manifest import NAME as MANIFEST
from talkinghead.data.store.shard_reader import SHARDS
from talkinghead.errors import InputError
from talkinghead.files import sweep
from talkinghead.fingerprint import fingerprint, weights_fingerprint
from talkinghead.losses import check_weights, total
from talkinghead.models.pretrained import CONFIG, WEIGHTS, save_model
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.progress import progress_bar
from talkinghead.train import checkpoint, engine, samples
from talkinghead.train.config import StageConfig, TrainConfig, check, divide
from talkinghead.train.gradients import TRIAL, Gradients
from talkinghead.train.log import NAME as LOG
from talkinghead.train.log import PICTURE, Log
from talkinghead.train.schedules import SCHEDULES, share
from talkinghead.train.setup import set_up
from talkinghead.train.stages import STAGES, TERMS, Stage
from talkinghead.train.surfaces import Surface
from talkinghead.train.validate import validate

BEST = "best.pt"  # the best weights of a stage that may stop early
ASK = 10  # steps after which several processes agree whether somebody asked to stop


@dataclass
class Run:
    """What stays the same from stage to stage."""

    config: TrainConfig
    accelerator: Any
    data: TrainingData
    surfaces: dict[str, Surface]
    out: Path
    log: Log | None  # on the first process
    marks: dict  # what a checkpoint must agree with


@dataclass
class State:
    """Where a run is; what a checkpoint holds beside weights."""

    stage: int = 0
    step: int = 0
    reported: int = 0  # steps of all stages at the last report
    best: float | None = None
    waiting: int = 0  # reports since the best one
    terms: dict[str, list] = field(default_factory=dict)  # since the last report: [number of the micro-batch, value]


def run(config: TrainConfig) -> Path:  # noqa: C901
    """Train, or go on from the last checkpoint in `config.out`; returns that folder, which is then a model."""
    check(config, tuple(SCHEDULES))
    for name in STAGES:
        if getattr(config, name).steps:
            check_weights(getattr(config, name).weights, TERMS[name], f"{name}.weights")
    accelerator, out = engine.start(config), Path(config.out)
    wanted = [name for name in STAGES if getattr(config, name).steps]
    for name in wanted:
        divide(getattr(config, name), accelerator.num_processes, 0, name)
    saved = checkpoint.load(out / checkpoint.NAME) or {}
    marks: dict[str, Any] = {"recipe": _begun(config)}
    _compare(out, saved, marks)
    state = State(**saved.get("state", {}))
    if _finished(out, state, wanted):
        return out
    if not accelerator.is_main_process:
        state.terms = {}  # the checkpoint has those of all
    talker, heads, data, surfaces = set_up(config, accelerator)
    marks["mark"] = _mark(talker)
    if saved and saved["mark"] != marks["mark"]:
        raise InputError(f"{out}: its run had other speakers, annotations or another encoder; choose another out= or remove it")
    weights, log = saved.get("model", talker.state_dict()), None
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        sweep(out, (checkpoint.NAME, BEST, LOG, PICTURE, CONFIG, WEIGHTS))
        for folder in (path for path in (out / "features").rglob("*") if path.is_dir()):
            sweep(folder)
        log = Log(out, state.reported)
    this = Run(config, accelerator, data, surfaces, out, log, marks)
    for number, name in enumerate(STAGES):
        if number < state.stage or name not in wanted:
            continue
        if number > state.stage:
            state, saved = State(number, reported=state.reported), {}
        weights = StageRun(this, name, state, talker, weights, saved).train()
        state, saved = State(number + 1, reported=state.reported), {}
    if log is not None:
        talker.cpu().load_state_dict(weights)
        save_model(talker, heads, out)
        log.close()
    accelerator.wait_for_everyone()
    return out


class StageRun:
    """One stage: the wrapped model, its optimizer and where it is."""

    def __init__(
        self, run: Run, name: str, state: State, like: SpeechToMotion, weights: dict[str, Tensor], saved: dict
    ) -> None:
        self.run, self.name, self.state, self.like = run, name, state, like
        self.accelerator, self.config = run.accelerator, run.config
        self.settings: StageConfig = getattr(run.config, name)
        processes = self.accelerator.num_processes, self.accelerator.process_index
        self.pieces, self.mine = divide(self.settings, *processes, name)
        talker = SpeechToMotion(like.config)
        talker.load_state_dict(weights)
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
            talker,
            run.surfaces,
            run.config.pivot,
            trained,
            wanted,
            emotion_prob=run.config.synthetic_emotion_prob,
            **networks,
        )
        # Annotations take turns, so a micro-batch leaves the other annotations' layers alone.
        unused = len(run.surfaces) > 1 or stage.train_encoder
        self.model, self.optimizer = engine.prepare(self.accelerator, stage, stage.layers(), stage.groups, divided, unused)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.average = engine.Average(self.trained, run.config.ema) if run.config.ema else None
        if "optimizer" in saved:
            engine.load_optimizer(self.accelerator, self.model, self.optimizer, saved["optimizer"])
            if self.average is not None and "average" in saved:  # else the average begins here
                self.average.shadow = [v.to(w.device) for v, w in zip(saved["average"], self.trained, strict=True)]
        self.gradients = Gradients(self.settings.weights, self.trained)
        self.judged = divided  # whose weights are elsewhere when a single term asks for them
        self.seed = (run.config.seed, state.stage)

    def train(self) -> dict[str, Tensor]:
        """Run to the end, or to the early stop; returns the weights of the whole model, on the CPU."""
        first, steps = self.state.step, self.settings.steps
        if first >= steps:
            raise InputError(
                f"{self.run.out}: stage {self.name} has done {first} steps; choose more as {self.name}.steps, or another out="
            )
        js = (step * self.pieces + j for step in range(first, steps) for j in self.mine)
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
        for place, j in enumerate(step * self.pieces + j for j in self.mine):
            batch = next(batches)
            whole = place + 1 == len(self.mine) or self.shape["divided"]
            with nullcontext() if whole else self.accelerator.no_sync(self.model):
                with self.accelerator.autocast():  # not around the backward pass, which follows the forward one's types
                    terms = self.model(batch.to(self.accelerator.device), [*self.seed, j])
                if self.gradients.unseen and not self.judged:
                    self.gradients.watch(terms)
                self.accelerator.backward(total(terms, self.settings.weights) / len(self.mine))
            for name, value in terms.items():
                self.state.terms.setdefault(name, []).append([j, value.detach()])
        self.accelerator.clip_grad_norm_(self.trained, self.settings.max_grad_norm)
        self.optimizer.step()
        self.state.step = step + 1
        if self.average is not None:
            self.average.update()

    def _check_gradients(self, first: int, step: int) -> None:
        """Raises InputError if enough was seen since `first`, and every annotation had its turn, and a term had no gradient."""
        if self.judged or step - first < min(TRIAL, self.settings.steps):
            return
        cycle = self.run.data.annotation_cycle
        assert cycle is not None, "set_up refuses data without training clips"
        met = {cycle.at(j)[0] for j in range(first * self.pieces, step * self.pieces)}
        if len(met) == len(cycle.counts) or step == self.settings.steps:
            mine = self.gradients.unseen, self.gradients.absent, self.gradients.still
            self.gradients.check(engine.gather(self.accelerator, mine), self.name, step - first)
            self.judged = True

    def _report(self) -> bool:
        """Log, validate, show; whether to stop early. Every process is here, the first one does the work."""
        train, lr = self._means(self._terms()), self.optimizer.param_groups[0]["lr"]
        weights = self._weights()
        stop, settings = False, self.settings
        if self.run.log is not None:
            talker = SpeechToMotion(self.like.config)
            talker.load_state_dict(weights)
            talker.to(self.accelerator.device)
            before = sum(getattr(self.config, name).steps for name in STAGES[: self.state.stage])
            self.state.reported = before + self.state.step
            size = self.settings.batch // self.pieces
            epoch = self.run.data.epoch_of(self.seed, self.state.step * self.pieces, size, self.settings.frames)
            line = {"step": self.state.reported, "stage": self.name, "epoch": round(epoch, 3), "lr": lr, "train": train}
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
            checkpoint.save(self.run.out / BEST, {"stage": self.state.stage, "model": weights})
        else:
            self.state.waiting += 1
        return self.state.waiting >= stop.patience

    def _terms(self) -> dict[str, list]:
        """The terms since the last report of all processes, in the order of the micro-batches."""
        mine = {name: [[j, float(value)] for j, value in pairs] for name, pairs in self.state.terms.items()}
        found: dict[str, list] = {}
        for terms in engine.gather(self.accelerator, mine):
            for name, pairs in terms.items():
                found.setdefault(name, []).extend(pairs)
        return {name: sorted(pairs) for name, pairs in found.items()}

    def _means(self, terms: dict[str, list]) -> dict[str, float]:
        self.state.terms = {}
        means = {name: float(np.mean([value for _, value in pairs])) for name, pairs in terms.items()}
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
        return {name.removeprefix("talker."): value for name, value in model.items()}, optimizer

    def _save(self, finished: bool) -> dict[str, Tensor]:
        """Write the checkpoint; returns the weights to go on with."""
        if finished:
            model = self._weights()
            if self.settings.stop is not None:
                model = (checkpoint.load(self.run.out / BEST) or {})["model"]
            state = {"state": asdict(State(self.state.stage + 1, reported=self.state.reported)), "model": model}
        else:
            model, optimizer = self._states()
            state = {"state": asdict(self.state) | {"terms": self._terms()}, "model": model}
            state |= {"optimizer": optimizer, "shape": self.shape}
            if self.average is not None:
                state["average"] = [value.cpu() for value in self.average.shadow]
        if self.accelerator.is_main_process:
            checkpoint.save(self.run.out / checkpoint.NAME, self.run.marks | state)
        self.accelerator.wait_for_everyone()
        return (checkpoint.load(self.run.out / checkpoint.NAME) or {})["model"] if finished else model


def _begun(config: TrainConfig) -> dict[str, str]:
    """What of a recipe must stay under a checkpoint."""
    found = {name: getattr(config, name) for name in ("data", "seed", "features", "encoder", "init")}
    found |= {f"model.{name}": value for name, value in asdict(config.model).items()}
    return {name: json.dumps(value, sort_keys=True) for name, value in found.items()}


def _mark(talker: SpeechToMotion) -> str:
    """The same for what comes from the data and from the encoder."""
    return fingerprint([asdict(talker.config), weights_fingerprint(talker.audio)])


def _compare(out: Path, saved: dict, marks: dict) -> None:
    """Raises InputError if `out` is not for this recipe, before anything is written there or takes long."""
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
