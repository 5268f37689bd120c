"""Kill commands at random moments, look at what is left, run them again: nothing may be lost, the end must be the same.

    python tools/measure/kills.py [CASE…] [--kills 50] [--seed 0] [--folder FOLDER]

Each trial starts a command, mostly over the output of another run of it, and ends it with SIGKILL, SIGTERM or SIGINT, either
after a random time or at a random operation on a file of the output (an audit event of Python); a third of the trials kills the
command that is run again, too. One JSON line a case: `kills`, how many were in time (`landed`), how many left something to
sweep (`left`), and a list of `faults`, each with what is needed to repeat it (`--only TRIAL`). A fault is

    inputs     a file that the command reads has changed
    lost       a file of the output that was there before is not there any more
    half       a file of the output is neither the old one nor the new one, or cannot be read
    status     a signal is not told by the exit status
    unswept    something hidden is left by SIGTERM or SIGINT, or by the command that is run again
    rerun      the command that is run again fails
    different  its output has other bytes than that of a run which nobody disturbed

Not compared: TensorBoard's files, which are named by the time; the counts of batch.json, which say what the last run did.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

for library in ("OMP", "OPENBLAS", "MKL"):  # the last bits of sums depend on it, and a fork has no threads but one
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
STATUS = {signal.SIGTERM: 143, signal.SIGINT: 130}
GROWING = ("batch.json", "state.pt", "log.jsonl", "loss.png", "prepare.json", "shards.json")  # differ while a run is at work
TRAINING = """
data: [{data}]
out: {out}
encoder: default
augmentations_per_clip: 1
eval_every: 4
device: cpu
model: {{landmarks: [lip_upper_inner, lip_lower_inner], num_heads: 4, categories: 5, width: 16, dilations: [1], prior_width: 16,
  prior_dilations: [1, 2]}}
motion: {{steps: 12, batch: 2, frames: 20, weights: {{vertex: 1, lips: 1, cross_modality: 1}}}}
prior: {{steps: 12, batch: 2, frames: 20, weights: {{lips: 1, code: 0.1, code_feature: 1}}}}
"""


@dataclass(frozen=True)
class Case:
    """A command that writes to the folder `out`, and one that writes the same files with other contents, if there is one."""

    new: list[str]
    old: list[str] | None
    share: float = 1.0  # of the kills that are asked for: a slow command gets fewer


def cases(inputs: Path, out: Path) -> dict[str, Callable[[], Case]]:
    """Commands by name; what they read is made when they are asked for."""
    everything = ("mp4", "glb", "usdc", "usda", "csv", "npz", "obj")

    def outputs(*suffixes: str) -> list[str]:
        return [word for suffix in suffixes for word in ("-o", str(out / f"a.{suffix}"))]

    def animate(*suffixes: str) -> Callable[[], Case]:
        words = ["animate", sound(inputs / "one.wav", 0.0, 0.5), *outputs(*suffixes), "--size", "64", "--backend", "software"]
        return lambda: Case([*words, "--seed", "1"], [*words, "--seed", "2", "--emotion", "happy"])

    def batch(workers: int, share: float) -> Case:
        for i in range(4):
            sound(inputs / "many" / f"{i}.wav", 0.4 * i, 0.4)
        words = ["animate", str(inputs / "many"), "-o", str(out), "--workers", str(workers)]
        words += ["--format", "npz", "--format", "obj", "--format", "usdc", "--size", "64"]
        return Case([*words, "--seed", "1"], [*words, "--seed", "2", "--emotion", "happy"], share)

    def convert() -> Case:
        once(["animate", sound(inputs / "one.wav", 0.0, 0.5), "-o", str(inputs / "motion.npz")], inputs / "motion.npz")
        words = ["convert", str(inputs / "motion.npz"), *outputs(*everything[1:])]
        return Case([*words, "--fps", "25"], [*words, "--fps", "10"])

    def pairs() -> str:
        for i in range(3):
            path = inputs / "pairs" / f"{i}.wav"
            once(["animate", sound(path, i, 1.0), "-o", str(path.with_suffix(".npz"))], path.with_suffix(".npz"))
        return str(inputs / "pairs")

    def prepare() -> Case:
        words = ["prepare", "folder", pairs(), "-o", str(out)]
        return Case([*words, "--emotion", "happy"], [*words, "--emotion", "sad"])

    def data() -> str:
        once(["prepare", "folder", pairs(), "-o", str(inputs / "data")], inputs / "data")
        return str(inputs / "data")

    def shards() -> Case:
        return Case(["prepare", "shards", data(), "-o", str(out), "--size-mb", "0.02"], None)

    def train() -> Case:
        recipe = inputs / "tiny.yaml"
        recipe.write_text(TRAINING.format(data=data(), out=out))
        return Case(["train", str(recipe)], None)

    return {
        **{suffix: animate(suffix) for suffix in everything},
        "animate": animate(*everything),
        "batch": lambda: batch(1, 1.0),
        "workers": lambda: batch(2, 0.4),
        "convert": convert,
        "prepare": prepare,
        "shards": shards,
        "train": train,
    }


def sound(path: Path, start: float, seconds: float) -> str:
    """A piece of the sample recording as a file."""
    from scipy.io import wavfile

    from talkinghead.files import asset

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        rate, samples = wavfile.read(asset("audio/hello.wav"))
        wavfile.write(path, rate, samples[int(start * rate) :][: int(seconds * rate)])
    return str(path)


def once(words: list[str], made: Path) -> None:
    if not made.exists() and (status := Run(words).wait()):
        raise SystemExit(f"{' '.join(words)}: status {status}")


class Run:
    """A command in a fork of this process, which has imported what is slow to import."""

    def __init__(self, words: list[str], out: Path | None = None, at: int | None = None, sign: int = 0) -> None:
        """at: the operation on a file of `out` at which the process sends itself the signal."""
        self.log, self.begun = tempfile.TemporaryFile(), time.monotonic()  # noqa: SIM115
        self.pid = os.fork()
        if self.pid:
            return
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(self.log.fileno(), 1)
        os.dup2(self.log.fileno(), 2)
        self.count = 0
        if out is not None:
            sys.addaudithook(lambda event, arguments: self._hear(event, arguments, str(out), at, sign))
        from talkinghead.cli import main

        status = 1
        try:
            status = main(words)
        except SystemExit as end:
            status = int(end.code or 0)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            if out is not None and at is None:
                known = sorted(name for name in sys.modules if name != "__main__")
                os.write(1, b"\n" + json.dumps({"operations": self.count, "modules": known}).encode())
            os._exit(status)

    def _hear(self, event: str, arguments: tuple, out: str, at: int | None, sign: int) -> None:
        if event.startswith(("open", "os.", "shutil.")) and any(out in str(value) for value in arguments[:2]):
            self.count += 1
            if self.count == at:
                os.kill(os.getpid(), sign)

    def kill_after(self, seconds: float, sign: int) -> None:
        time.sleep(seconds)
        if not os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            os.kill(self.pid, sign)

    def wait(self) -> int:
        """Exit status, minus the signal if one ended it."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.seconds = time.monotonic() - self.begun
        self.log.seek(0)
        self.said = self.log.read().decode(errors="replace").strip()
        return status


def content(folder: Path, times: bool = False) -> dict[str, str]:
    """Digest by path of what is visible in a folder; a folder of frames (.obj) is one thing. times: with times of change."""
    found: dict[str, blake2b] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in name.parts) or "tensorboard" in name.parts:
            continue
        unit = next((str(folder) for folder in name.parents if folder.suffix == ".obj"), str(name))
        data = path.read_bytes()
        if name.name == "batch.json":
            data = json.dumps({k: v for k, v in json.loads(data).items() if k not in ("animated", "skipped")}).encode()
        mark = found.setdefault(unit, blake2b(digest_size=8))
        mark.update(f"{name} {path.stat().st_mtime_ns if times else ''}".encode() + data)
    return {name: mark.hexdigest() for name, mark in found.items()}


def hidden(folder: Path) -> list[str]:
    """What is left to sweep."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*")]


class Trials:
    """The trials of one case."""

    def __init__(self, name: str, case: Case, inputs: Path, out: Path) -> None:
        self.name, self.case, self.inputs, self.out = name, case, inputs, out
        self.kept = out.with_name("old")
        shutil.rmtree(self.kept, ignore_errors=True)
        self.kept.mkdir()
        if case.old:
            self._clean()
            self._whole(case.old)
            shutil.copytree(out, self.kept, dirs_exist_ok=True, symlinks=True)
        self.old = content(self.kept)
        self._clean()
        self._whole(case.new)
        self.new = content(out)
        self._clean()
        self.seconds, self.operations = self._whole(case.new)
        differs = content(out) != self.new
        self.read = content(inputs, times=True)
        self.landed, self.left, self.faults = 0, 0, []
        self._note(-1, [], ["different: two runs that nobody disturbed"] if differs else [])

    def _clean(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()

    def _whole(self, words: list[str]) -> tuple[float, int]:
        """Seconds and operations of a run that nobody disturbs. What it imports is imported here: no kill is spent on that."""
        run = Run(words, self.out)
        if status := run.wait():
            raise SystemExit(f"{' '.join(words)}: status {status}: {run.said[:1000]}")
        said = json.loads(run.said.splitlines()[-1])
        preload(said["modules"])
        return run.seconds, said["operations"]

    def one(self, seed: int, trial: int) -> None:
        """Kill, look, perhaps kill again, run again, look."""
        rng = random.Random(f"{self.name} {seed} {trial}")
        self._clean()
        over = self.case.old is not None and rng.random() < 0.7
        if over:
            shutil.copytree(self.kept, self.out, dirs_exist_ok=True, symlinks=True)
        before = self.old if over else {}
        moments = []
        for _ in range(1 if rng.random() < 0.67 else 2):
            sign, there = rng.choice(SIGNALS), set(hidden(self.out))
            if rng.random() < 0.5:
                moments.append(f"{sign.name} at operation {(at := rng.randint(1, self.operations))}")
                run = Run(self.case.new, self.out, at, sign)
            else:
                moments.append(f"{sign.name} after {(at := rng.uniform(0, self.seconds)):.3f} s")
                run = Run(self.case.new)
                run.kill_after(at, sign)
            status = run.wait()
            self.landed += status not in (0, 2)
            faults = self._after(before, sign, status, run.said, there)
            self._note(trial, moments, faults)
        run = Run(self.case.new)
        status, faults = run.wait(), []
        if status:
            faults.append(f"rerun: status {status}: {run.said[-300:]}")
        elif (now := content(self.out)) != self.new:
            differing = {name for name in now.keys() | self.new.keys() if now.get(name) != self.new.get(name)}
            faults.append(f"different: {sorted(differing)}")
        faults += [f"unswept: {name}" for name in hidden(self.out)]
        self._note(trial, moments, faults)

    def _after(self, before: dict[str, str], sign: int, status: int, said: str, there: set[str]) -> list[str]:
        """Faults of what is there after a signal. there: what an earlier kill had left to sweep."""
        faults = []
        left = hidden(self.out)
        self.left += bool(left)
        if content(self.inputs, times=True) != self.read:
            faults.append("inputs: changed")
        try:
            now = content(self.out)
        except ValueError as error:
            return [f"half: {error}"]
        faults += [f"lost: {name}" for name in before.keys() - now.keys()]
        for name, mark in now.items():
            if Path(name).name not in GROWING and mark not in (before.get(name), self.new.get(name)):
                faults.append(f"half: {name}")
        faults += [f"half: {name}" for name in GROWING if not self._readable(self.out / name)]
        if sign in STATUS:
            if status not in (0, STATUS[sign], -sign):
                faults.append(f"status: {status} after {signal.Signals(sign).name}: {said[-300:]}")
            faults += [f"unswept: {name}" for name in left if name not in there]
        return faults

    def _readable(self, path: Path) -> bool:
        if not path.exists():
            return True
        try:
            if path.suffix == ".pt":
                import torch

                torch.load(path, weights_only=True)
            elif path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".jsonl":
                [json.loads(line) for line in path.read_text().splitlines()]
        except Exception:
            return False
        return True

    def _note(self, trial: int, moments: list[str], faults: list[str]) -> None:
        for fault in faults:
            self.faults.append({"trial": trial, "moments": list(moments), "fault": fault})
            print(f"{self.name}: {self.faults[-1]}", file=sys.stderr, flush=True)


def preload(modules: list[str]) -> None:
    """Import what a command imports."""
    for name in modules:
        with contextlib.suppress(Exception):  # names that libraries make up
            importlib.import_module(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help="all, if none is named")
    parser.add_argument("--kills", type=int, default=50, help="trials of each case; of slow ones less")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of trials to repeat")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder, if not said")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (args.folder or Path(temporary)).absolute()
        inputs, out = folder / "inputs", folder / "out"
        inputs.mkdir(parents=True, exist_ok=True)
        known = cases(inputs, out)
        for name in args.cases or known:
            begun = time.monotonic()
            if name not in known:
                raise SystemExit(f"{name}: no such case; choose of {', '.join(known)}")
            case = known[name]()
            trials = Trials(name, case, inputs, out)
            numbers = args.only or range(round(args.kills * case.share))
            for trial in numbers:
                trials.one(args.seed, trial)
                print(
                    f"{name}: trial {trial}: {trials.landed} landed, {len(trials.faults)} faults", file=sys.stderr, flush=True
                )
            line = {"case": name, "kills": len(numbers), "landed": trials.landed, "left": trials.left}
            line |= {"operations": trials.operations, "run_seconds": round(trials.seconds, 2)}
            line |= {"seconds": round(time.monotonic() - begun), "faults": trials.faults}
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
