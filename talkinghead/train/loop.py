"""The training loop: stages, one after the other, on cached features of a frozen speech encoder.

Every step draws from a generator seeded by (seed, stage, step), so a run that was interrupted goes on exactly as it would have.
"""

from __future__ import annotations

import copy
import hashlib
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from talkinghead.data.dataset import MotionDataset, Speech, SpeechDataset
from talkinghead.errors import InputError
from talkinghead.face.head import Head
from talkinghead.losses import total
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.models.talker import ModelConfig, Talker, template_code
from talkinghead.train import checkpoint
from talkinghead.train.log import Log
from talkinghead.train.stages import STAGES, Surfaces, predict, trained_part


@dataclass
class StageConfig:
    """One stage. `weights` name the loss terms that count (see `stages.py`); all terms are logged."""

    steps: int = 3000
    batch: int = 16
    frames: int = 100
    rate: float = 1e-3
    weights: dict[str, float] = field(default_factory=dict)


@dataclass
class TrainConfig:
    """A recipe. `encoder` is a folder or Hub id of wav2vec 2.0 weights, or "default" for the shipped model's own.

    `speech` is a folder of recordings with phoneme times for the stage "closure" (see `SpeechDataset`), which is left out
    without it; its last `held_out` recordings are not used.
    """

    data: list[str]
    out: str
    motion: StageConfig
    prior: StageConfig
    closure: StageConfig = field(default_factory=lambda: StageConfig(steps=0))
    model: ModelConfig = field(default_factory=ModelConfig)
    encoder: str = "default"
    speech: str | None = None
    held_out: int = 20
    versions: int = 4
    report: int = 250
    seed: int = 0
    device: str = "cpu"


def run(config: TrainConfig) -> Path:
    """Train, or go on from the last checkpoint in `config.out`; returns that folder, which is then a model."""
    torch.manual_seed(config.seed)
    device = torch.device(config.device)
    out = Path(config.out)
    encoder, encoder_config, tag = load_encoder(config.encoder, device)
    config.model.encoder = encoder_config
    config.model.names = config.model.names or list(Head.default().names)
    data = MotionDataset([Path(d) for d in config.data], config.model.names, out / "features", config.versions)
    config.model.styles = data.speakers
    for split in ("train", "val"):
        if not data.split(split):
            raise InputError(f"data {', '.join(config.data)}: no clip is in split {split!r}")
    speech = SpeechDataset(Path(config.speech), out / "features", config.held_out) if config.speech else None
    talker = Talker(config.model)
    talker.audio.load_state_dict(encoder.state_dict())
    talker.to(device)
    with progress() as bar:
        task = bar.add_task("features", total=None)
        for source in (data, speech):
            if source:
                source.encode(encoder, tag, lambda done, all_: bar.update(task, completed=done, total=all_))
    saved = checkpoint.load(out / "state.pt") or {"stage": 0, "step": 0, "reports": 0}
    if "config" in saved and saved["config"] != _shape(config):
        raise InputError(f"{out}: holds a run with another model or data; choose another out= or remove it")
    if "model" in saved:
        talker.load_state_dict(saved["model"])
    surfaces, log = Surfaces(config.model, device), Log(out, saved["reports"])
    for number, stage in enumerate(STAGES):
        if number >= saved["stage"] and (stage != "closure" or speech):
            resume = saved if number == saved["stage"] else {"step": 0}
            _run_stage(talker, data, speech, surfaces, stage, number, config, resume, log)
    talker.save_pretrained(out)
    return out


def _run_stage(talker, data, speech, surfaces, stage: str, number: int, config: TrainConfig, saved: dict, log: Log) -> None:
    settings: StageConfig = getattr(config, stage)
    part = trained_part(talker, stage)
    talker.requires_grad_(False).eval()
    if stage == "closure":
        surfaces.reference = copy.deepcopy(talker.prior)
        surfaces.reference.load_state_dict(saved.get("reference", talker.prior.state_dict()))
    part.requires_grad_(True)
    optimizer = torch.optim.AdamW(part.parameters(), settings.rate, weight_decay=0.01)
    if "optimizer" in saved:
        optimizer.load_state_dict(saved["optimizer"])
    indices = data.split("train")
    chances = data.durations(indices)
    device = next(talker.parameters()).device
    before = sum(getattr(config, name).steps for name in list(STAGES)[:number])
    running: dict[str, list[float]] = {}
    with progress() as bar:
        task = bar.add_task(stage, total=settings.steps, completed=saved["step"])
        for step in range(saved["step"], settings.steps):
            rate = settings.rate * _schedule(step, settings.steps)
            optimizer.param_groups[0]["lr"] = rate
            rng = np.random.default_rng([config.seed, number, step])
            torch.manual_seed(int(rng.integers(2**31)))
            part.train()
            batch = data.batch(indices, chances, settings.batch, settings.frames, rng)
            batch.features, batch.motion, batch.style = (x.to(device) for x in (batch.features, batch.motion, batch.style))
            if stage == "closure":
                heard = speech.batch(settings.batch, settings.frames, rng)
                batch.speech = Speech(*(x.to(device) for x in (heard.features, heard.shut, heard.rest)))
            terms = STAGES[stage](talker, surfaces, batch, rng)
            loss = total(terms, settings.weights)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(part.parameters(), 1.0)
            optimizer.step()
            if not torch.isfinite(loss):
                raise InputError(f"{config.out}: the loss of stage {stage} is not finite at step {step}; lower {stage}.rate")
            for name, value in terms.items():
                running.setdefault(name, []).append(value.item())
            bar.advance(task)
            if (step + 1) % config.report == 0 or step + 1 == settings.steps:
                line = {"step": before + step + 1, "stage": stage, "rate": rate}
                line["train"] = {name: round(float(np.mean(values)), 5) for name, values in running.items()}
                line["val"] = validate(talker, data, stage)
                log.add(line)
                running = {}
                _save(talker, surfaces, optimizer, number, step + 1, settings.steps, line["step"], config)


def _save(talker, surfaces, optimizer, number: int, step: int, steps: int, reports: int, config: TrainConfig) -> None:
    state = {"config": _shape(config), "model": talker.state_dict(), "reports": reports}
    if surfaces.reference is not None:
        state["reference"] = surfaces.reference.state_dict()
    finished = step == steps
    state |= (
        {"stage": number + 1, "step": 0} if finished else {"stage": number, "step": step, "optimizer": optimizer.state_dict()}
    )
    checkpoint.save(Path(config.out) / "state.pt", state)


@torch.inference_mode()
def validate(talker: Talker, data: MotionDataset, stage: str) -> dict[str, float]:
    """On whole clips of split val: correlation of lip aperture and of lip width with the data's, aperture error in mm."""
    from talkinghead.animation import Animation

    talker.eval()
    head, device = Head.default(), next(talker.parameters()).device
    template = torch.from_numpy(template_code(head, talker.config))[None].to(device)
    scores: dict[str, list[float]] = {"aperture_r": [], "width_r": [], "aperture_mm": []}
    for i in data.split("val"):
        features, motion = (torch.from_numpy(a).float()[None].to(device) for a in data.clip(i))
        style = torch.tensor([1 + data.speakers.index(data.clips[i][1].speaker)], device=device)
        predicted = predict(talker, stage, features, motion, style, template)
        pair = []
        for values in (predicted.clamp(0, 1), motion):
            animation = Animation(head.spread(values[0].cpu().numpy(), talker.config.names), talker.config.fps, head)
            pair.append((animation.lip_aperture(), animation.lip_width()))
        (a, w), (a_true, w_true) = pair
        scores["aperture_r"].append(correlation(a, a_true))
        scores["width_r"].append(correlation(w, w_true))
        scores["aperture_mm"].append(float(np.abs(a - a_true).mean() * 1000))
    return {name: round(float(np.mean(values)), 4) for name, values in scores.items()}


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r, 0 where one of the two does not move."""
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 1e-9 and b.std() > 1e-9 else 0.0


def load_encoder(name: str, device: torch.device) -> tuple[AudioEncoder, dict, str]:
    """A frozen speech encoder, its configuration as a dict, and a tag that names its weights."""
    if name == "default":
        shipped = Talker.from_pretrained()
        encoder, settings = shipped.audio, shipped.config.encoder
    else:
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        try:
            model = AutoModel.from_pretrained(name)
        except (OSError, ValueError) as error:
            raise InputError(f"encoder {name}: cannot be loaded ({str(error).splitlines()[0]})") from None
        settings = {
            k: v for k, v in model.config.to_diff_dict().items() if k not in ("transformers_version", "dtype", "architectures")
        }
        encoder = AudioEncoder(settings | {"model_type": model.config.model_type})
        settings = settings | {"model_type": model.config.model_type}
        encoder.model.load_state_dict(model.state_dict())
    digest = hashlib.sha256()
    for value in encoder.state_dict().values():
        digest.update(value.cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return encoder.eval().requires_grad_(False).to(device), settings, digest.hexdigest()[:12]


def progress() -> Progress:
    """A bar on stderr."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True))


def _schedule(step: int, steps: int) -> float:
    """Linear warm-up over the first 100 steps, then a cosine to zero."""
    return min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _shape(config: TrainConfig) -> dict:
    """What a checkpoint must agree with to go on."""
    return {"model": asdict(config.model), "data": config.data, "seed": config.seed}
