"""A training is run, stopped in all ways, resumed, and compared with one that was left alone."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time

import cheap_training
import numpy as np
import pytest
import torch

from talkinghead import Talker
from talkinghead.errors import InputError, InputWarning
from talkinghead.train import engine, loop, stage_run, train
from talkinghead.train.gradients import Gradients


def lines(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def weights(out):
    return torch.load(out / "state.pt", weights_only=True)["model"]


@pytest.fixture(scope="module")
def averaged(tmp_path_factory, trained):
    """The same run with averaged weights."""
    with pytest.MonkeyPatch.context() as patch:
        cheap_training.shorten(patch.setattr)
        return train(trained.parent / "tiny.yaml", [f"out={tmp_path_factory.mktemp('averaged') / 'run'}", "ema=0.9"])


def test_a_run_gives_a_model_a_log_and_a_picture(trained):
    out = trained
    assert [(line["stage"], line["step"]) for line in lines(out)] == [
        ("motion", 4),
        ("motion", 8),
        ("prior", 12),
        ("prior", 16),
    ]
    assert {"aperture_r", "width_r", "aperture_mm", "lve_mm", "coefficient_rmse"} == set(lines(out)[0]["val"])
    assert (out / "loss.png").stat().st_size > 5000
    talker = Talker.from_pretrained(out)
    assert len(talker.animate(np.zeros(16000, np.float32))) == 30
    assert talker.config.styles == ["a", "b"] and list(talker.config.annotations) == ["arkit"]


def test_a_set_too_small_to_validate_on_is_trained_on_all_the_same(recipe, tiny_data, tmp_path):
    few = tmp_path / "few"
    shutil.copytree(tiny_data, few)
    lines_ = [line for line in (few / "manifest.jsonl").read_text().splitlines() if '"train"' in line]
    (few / "manifest.jsonl").write_text("\n".join(lines_) + "\n")
    with pytest.warns(InputWarning, match="no clip is in split 'val', so training clips are validated on"):
        out = train(recipe, [f"data={few}", "prior.steps=0"])
    assert lines(out)[-1]["val"]["aperture_mm"] > 0 and lines(out)[-1]["epoch"] > 1


def test_tensorboard_has_curves_and_a_moving_picture(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out = trained
    board = EventAccumulator(str(out / "tensorboard"), size_guidance={"images": 0})
    board.Reload()
    written = [event.value for event in board.Scalars("prior/train/lips")]
    np.testing.assert_allclose(written, [line["train"]["lips"] for line in lines(out)[2:]], rtol=1e-6)
    assert [event.step for event in board.Scalars("motion/val/aperture_mm")] == [4, 8]
    (tag,) = {tag for tag in board.Tags()["images"] if tag.startswith("prior")}
    assert board.Images(tag)[0].encoded_image_string[:4] == b"GIF8"
    assert len(list((out / "samples").glob("*.gif"))) == 2


def interrupted(recipe, overrides, monkeypatch, at):
    """Start a run and press Ctrl-C in the middle of its step `at`, counted from this start."""
    real, calls = stage_run.StageRun._step, []

    def step(self, *arguments):
        calls.append(1)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, *arguments)

    monkeypatch.setattr(stage_run.StageRun, "_step", step)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, overrides)
    monkeypatch.setattr(stage_run.StageRun, "_step", real)
    return len(calls)


@pytest.mark.parametrize(("like", "more"), [("trained", []), ("averaged", ["ema=0.9"]), ("trained", ["workers=1"])])
def test_interrupted_and_resumed_is_the_same_to_the_bit(recipe, tmp_path, monkeypatch, request, like, more):
    whole = request.getfixturevalue(like)
    broken = [f"out={tmp_path / 'broken'}", *more]
    assert interrupted(recipe, broken, monkeypatch, 3) == 3  # in the first stage, between two reports: this very step is kept
    assert torch.load(tmp_path / "broken/state.pt", weights_only=True)["state"]["step"] == 3
    assert interrupted(recipe, broken, monkeypatch, 8) == 8  # three steps into the second stage
    with pytest.raises(InputError, match=r"stage prior began with .*'frames': 20"):
        train(recipe, [*broken, "prior.frames=30"])
    train(recipe, broken)
    for name in ("model.safetensors", "log.jsonl"):
        assert (whole / name).read_bytes() == (tmp_path / "broken" / name).read_bytes()


def test_killed_at_a_random_step_and_resumed_is_the_same_to_the_bit(recipe, tmp_path):
    steps = ["motion.steps=16", "prior.steps=16", "eval_every=2"]
    whole = train(recipe, [f"out={tmp_path / 'whole'}", *steps])
    broken = [f"out={tmp_path / 'broken'}", *steps]
    process = cheap_training.process(" ".join(["train", str(recipe), *broken]))
    process.start()
    at = random.Random(time.time_ns()).randrange(2, 26)
    deadline = time.time() + 120
    while process.is_alive() and time.time() < deadline:
        log = tmp_path / "broken" / "log.jsonl"
        if log.exists() and (written := log.read_text().splitlines()) and json.loads(written[-1])["step"] >= at:
            process.kill()
            break
        time.sleep(0.01)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL, f"was not killed at step {at}"
    train(recipe, broken)
    for name in ("model.safetensors", "log.jsonl"):
        assert (whole / name).read_bytes() == (tmp_path / "broken" / name).read_bytes(), f"killed at step {at}"
    assert not list((tmp_path / "broken").rglob(".*")), "something half-written was left behind"


def test_each_stage_trains_its_own_part_and_nothing_else(recipe, trained, tmp_path):
    first = weights(trained)
    second = weights(train(recipe, [f"out={tmp_path / 'b'}", "prior.steps=4"]))
    changed = {key.split(".")[0] for key in first if not torch.equal(first[key], second[key])}
    assert changed == {"prior"}


def test_the_encoder_is_trained_where_the_recipe_says_so(recipe, tmp_path, tiny_encoder_folder):
    from safetensors.torch import load_file

    out = train(recipe, ["features=live", "prior.encoder_lr=1e-3", "motion.steps=2", "prior.steps=4"])
    trained, given = weights(out), load_file(tiny_encoder_folder / "model.safetensors")
    changed = {key for key, value in given.items() if not torch.equal(trained[f"audio.model.{key}"], value)}
    assert any(key.startswith("encoder.layers.0") for key in changed)
    assert not any(key.startswith("feature_extractor") for key in changed)
    with pytest.raises(InputError, match="needs features=live"):
        train(recipe, ["prior.encoder_lr=1e-3", f"out={tmp_path / 'c'}"])


def test_early_stopping_takes_the_best_weights(recipe, tmp_path, monkeypatch):
    scores = iter([1.0, 3.0, 2.0, 2.5, 9.0])
    monkeypatch.setattr(stage_run, "validate", lambda *a: {"aperture_r": next(scores), "lve_mm": 0.0})
    stop = "prior.stop={metric: aperture_r, patience: 2}"
    out = train(recipe, ["motion.steps=4", "prior.steps=80", stop])
    assert [line["step"] for line in lines(out)] == [4, 8, 12, 16]
    best = torch.load(out / "best.pt", weights_only=True)["model"]
    final = weights(out)
    assert all(torch.equal(best[key], final[key]) for key in best)
    scores = iter([1.0, 1.0])
    with pytest.raises(InputError, match="has no 'toy/lve_mm'; it has aperture_r, lve_mm"):
        train(recipe, [f"out={tmp_path / 'b'}", "motion.steps=4", "prior.stop={metric: toy/lve_mm}"])


def test_a_loss_that_trains_nothing_is_an_error(recipe, monkeypatch):
    from talkinghead.train.stages import Stage

    real = Stage._prior

    def cut(self, *arguments):
        terms = real(self, *arguments)
        return terms | {"lips": terms["lips"].detach()}

    monkeypatch.setattr(Stage, "_prior", cut)
    with pytest.raises(InputError, match="prior: loss 'lips' had no gradient in 8 steps: it does not depend on"):
        train(recipe, ["motion.steps=1"])


def test_averaged_weights_are_what_is_saved(trained, averaged):
    plain, mean = weights(trained), weights(averaged)
    assert any(not torch.equal(plain[key], mean[key]) for key in plain)


def test_a_run_with_another_model_is_not_overwritten(recipe, trained):
    out = trained
    before = (out / "state.pt").read_bytes()
    for override, said in {"model.num_heads=2": "model.num_heads=4, not 2", "seed=1": "seed=0, not 1"}.items():
        with pytest.raises(InputError, match=said):
            train(recipe, [f"out={out}", override])
    assert (out / "state.pt").read_bytes() == before


def test_a_finished_run_is_left_alone_and_one_with_other_steps_is_told(recipe, trained, tmp_path, monkeypatch):
    out = shutil.copytree(trained, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    (out / ".talkinghead-0").mkdir()  # left by a kill
    with monkeypatch.context() as patched:
        patched.setattr(loop, "set_up", None)  # what takes long
        assert train(recipe) == out
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    (out / "model.safetensors").unlink()  # as if killed before it was written
    train(recipe)
    assert (out / "model.safetensors").exists()
    broken = [f"out={tmp_path / 'b'}"]
    interrupted(recipe, broken, monkeypatch, 3)
    with pytest.raises(InputError, match=r"motion has done 3 steps; choose more as motion\.steps"):
        train(recipe, [*broken, "motion.steps=2"])
    # what may change: weights of losses, rates, the average
    train(recipe, [*broken, "motion.weights.velocity=1", "motion.lr=2e-3", "ema=0.9"])


def test_what_is_no_run_is_not_written_to(recipe, tiny_data, tmp_path):
    with pytest.raises(InputError, match=r"is the input; write to another name"):
        train(recipe, [f"out={tiny_data}"])
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"holds something else \(config.json\)"):
        train(recipe, [f"out={tmp_path / 'model'}"])


def test_ctrl_c_in_the_last_step_of_a_stage_ends_the_run(recipe, monkeypatch):
    assert interrupted(recipe, [], monkeypatch, 8) == 8
    assert len(lines(train(recipe))) == 4


def test_whoever_waits_for_sigterm_hears_of_it_once_the_step_is_saved():
    def end(number, frame):
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(SystemExit), engine.interruption() as asked:
            os.kill(os.getpid(), signal.SIGTERM)
        assert len(asked) == 1
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("where", ["cached", "live"])
def test_bf16_is_near_float32(recipe, tmp_path, where):
    few = ["motion.steps=4", "prior.steps=4", "eval_every=2", f"features={where}"]
    whole, half = (train(recipe, [f"precision={p}", f"out={tmp_path / p}", *few]) for p in ("fp32", "bf16"))
    for a, b in zip(lines(whole), lines(half), strict=True):
        same = a == b
        assert same == (where == "cached"), "only the encoder has fewer bits"
        np.testing.assert_allclose(a["train"]["lips"], b["train"]["lips"], rtol=0.02)


def test_a_gradient_may_come_late(recipe, monkeypatch):
    """A term that one batch of many has, as silence or a rare annotation: a run that goes on may meet none in its last step."""
    interrupted(recipe, ["motion.steps=7"], monkeypatch, 6)
    monkeypatch.setattr(Gradients, "observe", lambda self, terms: self.absent.clear())  # terms there are, but no gradient
    with pytest.raises(InputError, match="prior: loss"):  # but not motion, of which only one step is left
        train(recipe, ["motion.steps=7"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("prior.weights.lipz=1", "'lipz' is unknown here; did you mean 'lips'"),
        ("model.landmarks=[nose_of_cyrano]", "nose_of_cyrano"),
        ("data=[nowhere]", "nowhere"),
        ("encoder=nowhere/at/all", "encoder nowhere"),
        ("prior.lr=fast", "expected a number"),
        ("priur.lr=1", "did you mean 'prior'"),
        ("prior.micro_batch_size=3", "batch 4 in micro-batches of 3"),
        ("prior.schedule=cosin", "choose cosine"),
        ("precision=fp16", "needs a GPU"),
        ("device=cuda", "no GPU"),
        ("strategy=zero", "choose ddp, fsdp"),
        ("features=warm", "choose cached, live"),
        ("ema=1", "ema is 1: choose a decay of 0 or more and below 1"),
        ("motion.micro_batch_size=1", "2 or more"),
        ("prior.stop={metric: aperture_q}", "no 'aperture_q'; it has aperture_r"),
        ("workers=-1", "workers is -1: choose 0 or more"),
        ("seed=-1", "seed is -1"),
        ("motion.weights={closure: 0}", "no loss has a weight|unknown"),
    ],
)
def test_mistakes_are_said_in_one_line(recipe, override, said):
    if "cuda" in override or "fp16" in override:
        assert not torch.cuda.is_available() or pytest.skip("has a GPU")
    overrides = ["motion.weights=null"] if "closure: 0" in override else []
    with pytest.raises(InputError, match=said) as caught:
        train(
            recipe,
            [override]
            if not overrides
            else ["motion.weights.vertex=0", "motion.weights.lips=0", "motion.weights.cross_modality=0"],
        )
    assert "\n" not in str(caught.value)
