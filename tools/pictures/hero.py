"""The README's pictures: frames of the sample recording over its waveform, and a short silent film.

    python tools/pictures/hero.py [--model FOLDER]

Frames are chosen by the motion itself: the widest openings and the closures between them, spread over the recording.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from talkinghead import Animation, Talker, load_audio
from talkinghead.files import replacing
from talkinghead.rendering import frames, image

ROOT = Path(__file__).resolve().parents[2]
SAMPLE, PICTURES = ROOT / "assets/audio/hello.wav", ROOT / "assets/pictures"
COUNT = 7


def moments(animation: Animation) -> list[int]:
    """Frame numbers: in each of COUNT equal parts, by turns the widest opening and the tightest closure of the lips."""
    aperture = animation.lip_aperture()
    speech = np.flatnonzero(aperture > 0.002)
    parts = np.array_split(np.arange(speech[0], speech[-1] + 1), COUNT)
    return [int(part[np.argmax(aperture[part]) if i % 2 == 0 else np.argmin(aperture[part])]) for i, part in enumerate(parts)]


def strip(animation: Animation, wave: np.ndarray, rate: int) -> None:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    chosen = moments(animation)
    figure = Figure(figsize=(12.6, 4.0))
    width, top, gap = 1 / COUNT, 0.45, 0.36
    for i, frame in enumerate(chosen):
        axis = figure.add_axes((i * width, top, width, 1 - top))
        axis.imshow(image(animation, frame, size=640)[170:560, 160:480], aspect="auto", interpolation="lanczos")
        axis.axis("off")
        x = animation.times[frame] / animation.duration
        figure.add_artist(Line2D([(i + 0.5) * width, x, x], [top, gap, 0], color="#333333", linewidth=0.7, linestyle=":"))
    axis = figure.add_axes((0, 0, 1, gap))
    times = np.arange(len(wave)) / rate
    axis.fill_between(times, -np.abs(wave), np.abs(wave), color="#a9b8c7", linewidth=0, step="mid")
    lips = axis.twinx()
    lips.plot(animation.times, animation.lip_aperture() * 1000, color="#c0563f", linewidth=2)
    axis.set(xlim=(0, animation.duration), ylim=np.array([-1.05, 1.05]) * np.abs(wave).max())
    lips.set_ylim(-0.5, max(16, 1050 * animation.lip_aperture().max()))
    for a in (axis, lips):
        a.axis("off")
    axis.text(0.005, 0.06, "sound", color="#60748a", transform=axis.transAxes)
    axis.text(0.005, 0.8, "lip aperture", color="#c0563f", transform=axis.transAxes)
    with replacing(PICTURES / "hero.png") as fresh:
        figure.savefig(fresh, dpi=100)
        Image.open(fresh).convert("RGB").quantize(192, dither=Image.Dither.NONE).save(fresh, optimize=True)


def film(animation: Animation) -> None:
    pictures = [Image.fromarray(f) for f in frames(animation.resample(20), size=240)]
    with replacing(PICTURES / "hello.webp") as fresh:
        pictures[0].save(fresh, save_all=True, append_images=pictures[1:], duration=50, loop=0, quality=60, method=4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    args = parser.parse_args()
    # A seed whose blinks fall between the frames that are shown.
    animation = Talker.from_pretrained(args.model).animate(SAMPLE, seed=16, fps=60)
    strip(animation, load_audio(SAMPLE, 16000), 16000)
    film(animation)


if __name__ == "__main__":
    main()
