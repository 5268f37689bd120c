"""Animate a folder of many short recordings; one JSON line for each number of workers.

    python tools/bench/bench_folder.py --recordings 1000 --workers 1 2
    python tools/bench/bench_folder.py --recordings 12 --opens

`seconds` is the time of the command from its start, `cpu_seconds` that of all its processes together; `each` and `cpu_each` are
the same for a recording, without what a folder of one takes (`start`); `cores` is how many were at work; `rtf` seconds for a
second of speech; `peak_mb` the most memory of one process. `--opens` counts how often each recording is opened, by strace.
Recordings are pieces of the sample, of 2 to 8 s, or all that --folder has.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.files import asset

SHORTEST, LONGEST = 2.0, 8.0  # seconds


def make_folder(folder: Path, count: int) -> float:
    """Write pieces of the sample as WAVs; seconds of all of them."""
    from scipy.io import wavfile

    rng, wave, total = np.random.default_rng(0), load_audio(asset("audio/hello.wav")), 0.0
    folder.mkdir()
    for number in range(count):
        piece = np.roll(np.tile(wave, 2), -rng.integers(len(wave)))[: round(rng.uniform(SHORTEST, LONGEST) * RATE)]
        wavfile.write(folder / f"{number:05d}.wav", RATE, np.round(piece * 32767).astype(np.int16))
        total += len(piece) / RATE
    return total


def run(folder: Path, out: Path, workers: int, before: tuple[str, ...] = ()) -> dict[str, float]:
    """Figures of `talkinghead animate`. before: of the command line, a program that runs it."""
    words = [sys.executable, "-m", "talkinghead", "animate", str(folder)]
    words += ["-o", str(out), "--format", "npz", "--workers", str(workers)]
    begin = time.monotonic()
    process = subprocess.Popen([*before, *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"animate ended with {process.returncode}")
    return {
        "seconds": time.monotonic() - begin,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def count_opens(folder: Path, place: Path, workers: int) -> dict[str, int]:
    """The most and the fewest times that a recording was opened."""
    place.mkdir()
    log = place / "opens"
    run(folder, place / "traced", workers, ("strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", str(log)))
    opened = Counter(re.findall(rf'"{re.escape(str(folder))}/([^"/]+\.wav)"', log.read_text()))
    counts = [opened[path.name] for path in folder.glob("*.wav")]
    return {"opens_most": max(counts), "opens_least": min(counts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=200, help="how many are made")
    parser.add_argument("--folder", type=Path, help="recordings of yours in their place")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of processes to try")
    parser.add_argument("--opens", action="store_true", help="count how often each is opened, which takes longer")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        make_folder(place / "one", 1)
        folder = arguments.folder or place / "many"
        total = sum_of(folder) if arguments.folder else make_folder(folder, arguments.recordings)
        count = sum(path.is_file() for path in folder.rglob("*"))
        for workers in arguments.workers:
            start = run(place / "one", place / f"start{workers}", workers)
            found = run(folder, place / f"out{workers}", workers)
            each, cpu = ((found[name] - start[name]) / max(1, count - 1) for name in ("seconds", "cpu_seconds"))
            told = {"workers": workers, "recordings": count, "speech_seconds": total, **found, "start": start["seconds"]}
            told |= {
                "each": each,
                "cpu_each": cpu,
                "rtf": found["seconds"] / total,
                "cores": found["cpu_seconds"] / found["seconds"],
            }
            told |= count_opens(folder, place / f"opens{workers}", workers) if arguments.opens else {}
            print(json.dumps({name: round(value, 4) for name, value in told.items()}), flush=True)


def sum_of(folder: Path) -> float:
    """Seconds of all recordings of a folder."""
    return sum(len(load_audio(path)) / RATE for path in sorted(folder.rglob("*")) if path.is_file())


if __name__ == "__main__":
    main()
