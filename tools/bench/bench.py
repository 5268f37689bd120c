"""Time every stage from sound to file; one JSON line a stage, for comparing machines and versions.

    python tools/bench/bench.py --seconds 10 --repeat 3 --only load_audio encode animate

`seconds` is the fastest of the repeats, `cpu_seconds` the least time of all cores together, which other work on the machine
changes little (with OMP_NUM_THREADS=1 no thread waits for another in it), `rtf` seconds per second of speech, `ratio` seconds
in units of a fixed piece of arithmetic that ran in the same run, `peak_mb` the most memory of the process during the stage.
From the stage `h264` on, which encodes the frames that the default renderer draws, `to_h264` and `cpu_to_h264` are `seconds`
and `cpu_seconds` in units of that stage: machines and loads differ less in them.
A stage that cannot run here says why in `skipped`. The first line tells the versions and the number of cores.
The stages `prior_...` go from features to codes (see `bench_prior.py`), so `--only prior` compares the ways to do that.
The stages `data_...` are about reading training data and have figures of their own (see `bench_data.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np

from talkinghead import Animation, Head, __version__
from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.errors import InputError
from talkinghead.files import asset

LIBRARIES = ("torch", "transformers", "numpy", "av", "moderngl", "numba")


class Bench:
    """What the stages share; each piece is made when a stage first needs it, outside of the stage's time."""

    def __init__(self, seconds: float, size: int, model: str | None, folder: Path) -> None:
        self.seconds, self.size, self.model, self.folder = seconds, size, model, folder

    @cached_property
    def wave(self) -> np.ndarray:
        """The sample, repeated to the length asked for."""
        once = load_audio(asset("audio/hello.wav"))
        return np.resize(once, round(self.seconds * RATE))

    @cached_property
    def wav(self) -> Path:
        from scipy.io import wavfile

        path = self.folder / "speech.wav"
        wavfile.write(path, RATE, np.round(self.wave * 32767).astype(np.int16))
        return path

    @cached_property
    def talker(self):
        from talkinghead import Talker

        try:
            return Talker.from_pretrained(self.model)
        except FileNotFoundError as error:
            raise InputError(str(error)) from None

    @cached_property
    def animation(self) -> Animation:
        """Of the model, or a mouth that opens and closes where there is none: the later stages cost the same."""
        try:
            return self.talker.animate(self.wave)
        except InputError:
            head = Head.default()
            weights = np.zeros((round(self.seconds * 30), len(head.names)), np.float32)
            weights[:, head.index("jawOpen")] = 0.3 - 0.3 * np.cos(np.arange(len(weights)) * 0.6)
            return Animation(weights, 30.0, head)

    def stages(self) -> Iterator[tuple[str, Callable[[], Callable[[], object]]]]:
        """(name, preparation that returns what is to be timed)."""
        yield "load_audio", self._load
        yield "encode", self._encode
        yield "animate", self._animate
        yield "stream", self._stream
        from bench_prior import stages as priors

        from talkinghead.audio.clock import FPS

        yield from priors(lambda: self.talker, round(self.seconds * FPS))
        yield "h264", self._h264
        yield "vertices", self._vertices
        from talkinghead.export import suffixes
        from talkinghead.rendering.renderer import BACKENDS

        yield from ((f"render_{name}", self._renderer(name)) for name in BACKENDS)
        yield "mouth_crops", self._crops(gradient=False)
        yield "mouth_crops_gradient", self._crops(gradient=True)
        yield "video", self._video
        yield from ((f"export_{suffix[1:]}", self._exporter(suffix)) for suffix in suffixes())
        from bench_data import stages

        yield from stages(self.folder / "data")

    def _load(self) -> Callable[[], object]:
        path = self.wav
        return lambda: load_audio(path, 24000)  # another rate than the file's, as most recordings have

    def _animate(self) -> Callable[[], object]:
        talker, wave = self.talker, self.wave
        return lambda: talker.animate(wave)

    def _stream(self) -> Callable[[], object]:
        talker, wave = self.talker, self.wave
        talker.stream()  # loads the model

        def stream():
            one = talker.stream()
            frames = [one.push(block) for block in np.split(wave, range(320, len(wave), 320))]
            return sum(map(len, frames)) + len(one.finish())

        return stream

    def _vertices(self) -> Callable[[], object]:
        animation = self.animation
        return lambda: [animation.vertices(frame, posed=True) for frame in range(len(animation))]

    def _h264(self) -> Callable[[], object]:
        from talkinghead.audio.clock import exact_rate
        from talkinghead.rendering import frames
        from talkinghead.rendering.output.movies import write_movie

        pictures, rate = list(frames(self.animation, size=self.size)), exact_rate(self.animation.fps)
        return lambda: write_movie(pictures, self.folder / "pictures.mp4", rate, None)

    def _encode(self) -> Callable[[], object]:
        import torch

        talker, wave = self.talker, torch.from_numpy(self.wave)[None]

        def encode():
            with torch.inference_mode():
                return talker.network.audio(wave)

        return encode

    def _renderer(self, name: str) -> Callable[[], Callable[[], object]]:
        def prepare():
            from talkinghead.rendering import choose_backend, frames

            choose_backend(name)
            animation = self.animation
            return lambda: sum(1 for _ in frames(animation, size=self.size, camera="front", backend=name))

        return prepare

    def _crops(self, gradient: bool) -> Callable[[], Callable[[], object]]:
        """At 25 pictures a second, as lip readers see them; for these stages `rtf` / 25 is the time of one picture."""

        def prepare():
            import torch

            from talkinghead.rendering.differentiable.renderer import MouthRenderer

            animation = self.animation.resample(25.0)
            renderer = MouthRenderer(animation.head)
            weights = torch.from_numpy(animation.coefficients).requires_grad_(gradient)

            def draw():
                for piece in weights.split(25):
                    with torch.set_grad_enabled(gradient):
                        pictures = renderer(piece)
                    if gradient:
                        pictures.square().mean().backward()

            draw()  # what is compiled is not counted
            return draw

        return prepare

    def _video(self) -> Callable[[], object]:
        animation, out = self.animation, self.folder / "speech.mp4"
        return lambda: animation.render(out, audio=self.wav, size=self.size)

    def _exporter(self, suffix: str) -> Callable[[], Callable[[], object]]:
        def prepare():
            animation, out = self.animation, self.folder / f"speech{suffix}"
            return lambda: animation.save(out)

        return prepare


def yardstick() -> float:
    """Seconds of a fixed piece of arithmetic, the fastest of five."""
    matrix = np.random.default_rng(0).standard_normal((768, 768)).astype(np.float32)
    return min(_time(lambda: [matrix @ matrix for _ in range(4)]) for _ in range(5))


def _time(work: Callable[[], object]) -> float:
    return _run(work)[0]


def _run(work: Callable[[], object]) -> tuple[float, float, object]:
    """Seconds by the clock, seconds of all cores, and what the work returned."""
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - start, time.process_time() - cpu, result


def _reset_peak() -> None:
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")  # the kernel's way to start counting anew


def _peak_mb() -> float:
    """Since `_reset_peak` on Linux, since the process began elsewhere."""
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)


def measure(prepare: Callable[[], Callable[[], object]], repeat: int) -> dict:
    """The numbers of a stage, or why it did not run."""
    try:
        work = prepare()
        _reset_peak()
        runs = sorted((_run(work) for _ in range(repeat)), key=lambda run: run[0])
    except (InputError, ImportError) as error:
        return {"skipped": " ".join(str(error).split())}
    seconds, _, more = runs[0]
    row = {"seconds": round(seconds, 4), "cpu_seconds": round(min(cpu for _, cpu, _ in runs), 4), "peak_mb": round(_peak_mb())}
    return row | (more if isinstance(more, dict) else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of speech")
    parser.add_argument("--size", type=int, default=512, help="of the pictures")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="+", metavar="STAGE", help="stages, or the beginnings of their names")
    parser.add_argument("--model")
    options = parser.parse_args()
    unit, h264 = yardstick(), None
    versions = {name: version(name) for name in LIBRARIES}
    about = {
        "talkinghead": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    print(json.dumps({"stage": "versions", **about, **versions, "yardstick_seconds": round(unit, 5)}), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, prepare in Bench(options.seconds, options.size, options.model, Path(folder)).stages():
            if options.only and not name.startswith(tuple(options.only)):
                continue
            row = {"stage": name, **measure(prepare, options.repeat)}
            if "seconds" in row:
                row |= {"rtf": round(row["seconds"] / options.seconds, 5), "ratio": round(row["seconds"] / unit, 2)}
                h264 = row if name == "h264" else h264
            if h264 is not None and "seconds" in row:
                row |= {f"{clock}to_h264": round(row[f"{clock}seconds"] / h264[f"{clock}seconds"], 3) for clock in ("", "cpu_")}
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
