"""Memory and time of `talkinghead animate` by length; one JSON line a run.

    python tools/bench/long.py --seconds 60 1860 7200 --outputs npz csv --emotion neutral auto

Speech of each length is made of the recordings of a folder (`--speech`), one after the other in a shuffled order, or of the
sample that ships. Each run is a process of its own: `peak_mb` is the most memory that it held (its maximum resident set),
`seconds` and `cpu_seconds` are by the clock and of all cores, `growth` is the peak in units of the one of the first length with
the same output and emotion, `per_minute` the processor seconds a minute of speech.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from talkinghead import __version__
from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.files import asset
from talkinghead.io.files import SOUNDS

PAUSES = 0.1, 1.5  # seconds between two recordings


def make_speech(path: Path, seconds: float, sources: list[Path]) -> None:
    """Write a 16-bit WAV of `seconds`, recordings and pauses in an order that is the same each time."""
    rng, left = random.Random(0), round(seconds * RATE)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, left, "NONE", ""))
        while left:
            for source in rng.sample(sources, len(sources)):
                samples = np.pad(load_audio(source), (0, round(rng.uniform(*PAUSES) * RATE)))[:left]
                file.writeframes(np.round(samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
                left -= len(samples)


def measure(command: list[str]) -> dict[str, float]:
    """Peak memory and time of a process. Raises SystemExit if it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: status {process.returncode}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return {
        "peak_mb": round(used.ru_maxrss / unit),
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[60.0, 1860.0, 7200.0])
    parser.add_argument("--outputs", nargs="+", default=["npz"], help="suffixes without the dot, one run each")
    parser.add_argument("--emotion", nargs="+", default=["neutral"], help="one run each")
    parser.add_argument("--speech", type=Path, help="folder of recordings")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="after --: further options of animate")
    options = parser.parse_args()
    more = [option for option in options.options if option != "--"]
    sources = [asset("audio/hello.wav")]
    if options.speech:
        sources = sorted(path for path in options.speech.rglob("*") if path.suffix.lower() in (*SOUNDS, ".opus"))
    first: dict[tuple[str, str], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seconds in options.seconds:
            speech = Path(folder) / f"{seconds:g}.wav"
            make_speech(speech, seconds, sources)
            for emotion in options.emotion:
                for suffix in options.outputs:
                    out = Path(folder) / f"out.{suffix}"
                    command = [sys.executable, "-m", "talkinghead", "animate", str(speech), "-o", str(out)]
                    row = measure([*command, "--emotion", emotion, *more])
                    growth = row["peak_mb"] / first.setdefault((emotion, suffix), row["peak_mb"])
                    row |= {"growth": round(growth, 2), "per_minute": round(60 * row["cpu_seconds"] / seconds, 2)}
                    about = {"talkinghead": __version__, "speech": seconds, "output": suffix, "emotion": emotion}
                    print(json.dumps(about | row), flush=True)
            speech.unlink()


if __name__ == "__main__":
    main()
