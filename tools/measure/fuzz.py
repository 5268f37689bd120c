"""Damaged files for every reader: each has to read them or to refuse them in one line, in bounded time and memory.

    python tools/measure/fuzz.py [--reader wav head ...] [--minutes 10] [--seed 0] [--jobs 2] [--out runs/fuzz] [--guided]

Readers and damages are those of the property tests (`tests/helpers/strangers.py`, `damage.py`). Each input is read in a process
of a pool; one that takes too long or too much memory is ended and is a finding, as is any exception but InputError, a crash,
and a refusal that is no clear line. `--guided`: the inputs are chosen by the coverage of the package's code, by the package
`atheris` (pip install atheris), in a process for each reader. Lines of JSON on stdout: a finding as it is found, with the file
that shows it again in OUT, and per reader the inputs, minutes and findings.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
import time
import traceback
from collections import Counter
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/helpers"))  # what the property tests use

SECONDS = 20.0  # that one small file may take
MEMORY = 512 << 20  # bytes by which a process may grow for one small file
HARD = 3 << 30  # bytes of data beyond those of the start, at which the system refuses more
KEPT = 3  # inputs that are written down of one finding


def finding_of(error: BaseException) -> str:
    """What and where: the exception and the last place in the package, or the assertion that failed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame for frame in frames if "talkinghead/talkinghead" in frame.filename or f"{ROOT}/talkinghead/" in frame.filename
    ]
    last = (ours or frames)[-1]
    text = str(error).split(":")[0] if isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} {text[:60]} in {Path(last.filename).name}:{last.lineno} {last.name}".replace("  ", " ")


def peak() -> int:
    """Bytes of memory that this process had at most since `reset`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) << 10
    return 0


def reset() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def try_one(reader: str, content: bytes, folder: Path) -> tuple[str, str]:
    """A finding ("" for none) and what was said."""
    from strangers import put, reads_or_refuses

    reset()
    before = peak()
    try:
        said = reads_or_refuses(put(reader, folder, content), folder) or ""
        found = ""
    except Exception as error:
        found = finding_of(error)
        said = " ".join(str(error).split())[:200]
    if not found and peak() - before > MEMORY:
        found, said = "memory", f"{(peak() - before) >> 20} MiB"
    return found, said


def damage(reader: str, seed: int) -> bytes:
    from damage import damaged
    from strangers import READERS, good_files

    rng = random.Random(seed)
    return damaged(good_files(reader)[READERS[reader].target], READERS[reader].kind, rng)


def work(pipe: Connection) -> None:
    """A process of the pool: (reader, seed) in, (finding, what was said) out."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    size = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (size + HARD, size + HARD))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    folder, last = Path(mkdtemp(prefix="fuzz")), ""
    pipe.send(str(folder))
    count = 0
    while (task := pipe.recv()) is not None:
        reader, seed = task
        if reader != last:
            shutil.rmtree(folder)
            folder.mkdir()
            last = reader
        content = damage(reader, seed)
        pipe.send(try_one(reader, content, folder))
        count += 1
        if count % 200 == 0:
            gc.collect()
    shutil.rmtree(folder, ignore_errors=True)


class Worker:
    """One process and what it is at."""

    def __init__(self) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.folder = Path(self.pipe.recv())
        self.task: tuple[str, int] | None = None
        self.since = 0.0

    def give(self, reader: str, seed: int) -> None:
        self.task, self.since = (reader, seed), time.monotonic()
        self.pipe.send(self.task)

    def result(self) -> tuple[str, str, int] | None:
        """A finding, what was said, and the seed; None for a process that is still at work, or at none."""
        if self.task is None:
            return None
        seed = self.task[1]
        if self.pipe.poll():
            try:
                found, said = self.pipe.recv()
            except (EOFError, ConnectionError):
                self.process.join(5)
                found, said = f"crash {self.process.exitcode}", ""
        elif time.monotonic() - self.since > SECONDS:
            found, said = "hang", f"{SECONDS:g} s"
        else:
            return None
        self.task = None
        return found, said, seed

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        shutil.rmtree(self.folder, ignore_errors=True)


def random_run(readers: list[str], minutes: float, seed: int, jobs: int, out: Path) -> None:
    """Readers in turn, each with its own share of the time."""
    import torch
    from strangers import good_files, put, reads_or_refuses

    torch.set_num_threads(1)
    for name in readers:  # before the processes start: all have the files, and what is imported to read them
        good_files(name)
        with TemporaryDirectory() as folder:
            reads_or_refuses(put(name, Path(folder)), Path(folder))
    workers = [Worker() for _ in range(jobs)]
    findings: Counter = Counter()
    for name in readers:
        begin, number, done, refused = time.monotonic(), 0, 0, 0
        while True:
            for worker in [worker for worker in workers if not worker.task and time.monotonic() - begin < minutes * 60]:
                worker.give(name, seed * 1_000_000_007 + number)
                number += 1
            if not any(worker.task for worker in workers):
                break
            wait([worker.pipe for worker in workers if worker.task], 1.0)
            for index, worker in enumerate(workers):
                if (result := worker.result()) is None:
                    continue
                found, said, task_seed = result
                done += 1
                refused += bool(said) and not found
                if found:
                    tell(findings, name, found, said, damage(name, task_seed), out, task_seed)
                if not worker.process.is_alive() or found == "hang":
                    worker.end()
                    workers[index] = Worker()
        summary(name, done, time.monotonic() - begin, refused, findings)
    for worker in workers:
        worker.end()


def tell(findings: Counter, reader: str, found: str, said: str, content: bytes, out: Path, number: int) -> None:
    from strangers import READERS

    findings[reader, found] += 1
    if findings[reader, found] > KEPT:
        return
    place = out / reader / f"{''.join(c if c.isalnum() else '_' for c in found)[:80]}-{findings[reader, found]}"
    place.mkdir(parents=True, exist_ok=True)
    (place / Path(READERS[reader].target).name).write_bytes(content)
    print(json.dumps({"reader": reader, "finding": found, "said": said, "file": str(place), "number": number}), flush=True)


def summary(name: str, done: int, seconds: float, refused: int, findings: Counter) -> None:
    mine = {found: count for (reader, found), count in findings.items() if reader == name}
    line = {"reader": name, "inputs": done, "minutes": round(seconds / 60, 2), "refused": refused, "findings": mine}
    print(json.dumps(line), flush=True)


def guided(reader: str, minutes: float, seed: int, out: Path) -> None:
    """One reader, its inputs chosen by coverage, in this process."""
    import atheris

    with atheris.instrument_imports(include=["talkinghead"]):
        import strangers
        from strangers import good_files

        good_files(reader)
        begin = time.monotonic()
        with TemporaryCorpus(good_files(reader)[strangers.READERS[reader].target]) as corpus:
            folder, findings = corpus / "files", Counter()
            folder.mkdir()
            state = {"inputs": 0, "refused": 0}

            def one(data: bytes) -> None:
                state["inputs"] += 1
                found, said = try_one(reader, data, folder)
                state["refused"] += bool(said) and not found
                if found:
                    tell(findings, reader, found, said, data, out, state["inputs"])
                if time.monotonic() - begin > minutes * 60:
                    summary(f"{reader}", state["inputs"], time.monotonic() - begin, state["refused"], findings)
                    sys.stdout.flush()
                    shutil.rmtree(corpus, ignore_errors=True)
                    os._exit(0)

            def mutate(data: bytes, most: int, number: int) -> bytes:
                from damage import damaged

                rng = random.Random(number)
                if rng.random() < 0.5:
                    return atheris.Mutate(data, most)
                return damaged(data, strangers.READERS[reader].kind, rng)[:most]

            limits = [
                f"-seed={seed + 1}",
                "-max_len=65536",
                f"-timeout={SECONDS:.0f}",
                "-rss_limit_mb=6000",
                "-verbosity=0",
                "-len_control=0",
            ]
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 2)
            one(good_files(reader)[strangers.READERS[reader].target])
            atheris.Setup([sys.argv[0], *limits, str(corpus / "seeds")], one, custom_mutator=mutate)
            atheris.Fuzz()


class TemporaryCorpus:
    """A folder with one good input for libFuzzer."""

    def __init__(self, content: bytes) -> None:
        self.folder = Path(mkdtemp(prefix="fuzz"))
        (self.folder / "seeds").mkdir()
        (self.folder / "seeds/good").write_bytes(content)

    def __enter__(self) -> Path:
        return self.folder

    def __exit__(self, *_) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def guided_run(readers: list[str], minutes: float, seed: int, out: Path) -> None:
    """A process for each reader, started again with another seed where it crashed."""
    import subprocess

    for name in readers:
        begin, tries = time.monotonic(), 0
        while (left := minutes - (time.monotonic() - begin) / 60) > 0.05 and tries < 20:
            own = [sys.executable, __file__, "--guided", "--alone", "--reader", name, "--minutes", f"{left:.3f}"]
            done = subprocess.run([*own, "--seed", str(seed + tries), "--out", str(out)], check=False, cwd=out)
            if done.returncode == 0:
                break
            crash = {"reader": name, "finding": f"crash or hang {done.returncode}", "said": "", "file": str(out)}
            print(json.dumps(crash), flush=True)
            tries += 1


def main() -> None:
    from strangers import READERS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", nargs="*", default=list(READERS), choices=list(READERS), metavar="NAME")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/fuzz"))
    parser.add_argument("--guided", action="store_true")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)  # the process of one reader
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    given.out = given.out.resolve()
    if given.guided and given.alone:
        guided(given.reader[0], given.minutes, given.seed, given.out)
    elif given.guided:
        guided_run(given.reader, given.minutes, given.seed, given.out)
    else:
        random_run(given.reader, given.minutes, given.seed, given.jobs, given.out)


if __name__ == "__main__":
    main()
