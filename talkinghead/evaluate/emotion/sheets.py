"""Contact sheets: emotion x intensity x viseme, of a model that speaks or of the authored expressions alone.

E emotions, I intensities, S sounds. A model's faces are frames of recordings in which the sound is heard, chosen on its neutral
motion, so that every emotion is shown at the same moment of the same word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.evaluate.cache import Cache, state
from talkinghead.files import asset, file_name, replacing
from talkinghead.head.head import Head
from talkinghead.head.visemes import NAMES, viseme_matrix
from talkinghead.motion.animation import OPTIONAL, Animation
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner, layer

if TYPE_CHECKING:
    from PIL import Image

    from talkinghead.animate.talker import Talker
    from talkinghead.evaluate.systems import Model

# The sounds of a sheet: phonemes that count as it, the viseme that stands for it, and what its frame is chosen by.
SOUNDS: dict[str, tuple[tuple[str, ...], str, Callable[[Animation], np.ndarray]]] = {
    "m": (("M", "P", "B"), "PP", lambda a: -a.lip_aperture()),
    "a": (("AA", "AE", "AH", "AY", "AW"), "aa", lambda a: a.lip_aperture()),
    "i": (("IY", "IH"), "I", lambda a: a.lip_width() + a.lip_aperture()),
    "u": (("UW", "UH", "W", "OW"), "U", lambda a: -a.lip_width()),
}
VERSION = 2  # goes up when the same motion would give another picture
INTENSITIES = (0.25, 0.5, 0.75, 1.0)
LONGEST = 10.0  # seconds of a recording that a model without phonemes hears
AROUND, NEAR = 1.0, 0.04  # seconds of the recording that are animated on both sides; of those in which the frame is chosen
FPS = 50.0
PLAIN = Manner()
FACE = (0.8, 1.2)  # of a cell: eye distances from the middle of the eyes to its upper edge, and its half width
TALL = 3.05  # eye distances from its upper to its lower edge


@dataclass(frozen=True)
class Moment:
    """Where a sound is heard. wave: (n,) at 16 kHz around it; time: seconds in it, None: anywhere; likely: its probability."""

    wave: np.ndarray
    time: float | None
    likely: float


def moments(talker: Talker, recordings: Sequence[str | Path | np.ndarray]) -> dict[str, Moment]:
    """{sound: where the model's own phonemes are surest of it}, which may not be very sure: see `likely`.

    Of a model that knows no phonemes, the first recording, in which its motion has to choose.
    """
    surest: dict[str, Moment] = {}
    for recording in recordings:
        wave = load_audio(recording, RATE, source_rate=None if isinstance(recording, str | Path) else RATE)
        if not talker.config.phones:
            return {sound: Moment(wave[: round(LONGEST * RATE)], None, 0.0) for sound in SOUNDS}
        posteriors = np.exp(talker.phoneme_posteriors(wave))
        for sound, (phones, _, _) in SOUNDS.items():
            for phone in (p for p in phones if p in talker.config.phones):
                column = posteriors[:, talker.config.phones.index(phone)]
                t = int(column.argmax())
                if sound not in surest or column[t] > surest[sound].likely:
                    middle = round((t + 0.5) / FPS * RATE)
                    start = max(0, middle - round(AROUND * RATE))
                    piece = wave[start : middle + round(AROUND * RATE)]
                    surest[sound] = Moment(piece, (middle - start) / RATE, float(column[t]))
    return surest


def spoken(
    talker: Talker,
    recordings: Sequence[str | Path | np.ndarray],
    *,
    head: Head | None = None,
    intensities: Sequence[float] = INTENSITIES,
    sounds: Sequence[str] = tuple(SOUNDS),
    **how,
) -> dict[tuple[str, str, float], Animation]:
    """{(sound, emotion, intensity): one frame} of a model. `how` goes to `Talker.animate`; idle is 0 if it does not tell."""
    where, out = moments(talker, recordings), {}
    how = {"idle": 0.0, "seed": 0, "head": head, **how}
    for sound in sounds:
        moment = where[sound]
        plain = talker.animate(moment.wave, fps=FPS, **how)
        far = np.zeros(len(plain)) if moment.time is None else np.abs(plain.times - moment.time)
        near = np.flatnonzero(far <= max(NEAR, far.min()))
        frame = int(near[SOUNDS[sound][2](plain)[near].argmax()])
        for emotion in EMOTIONS:
            for intensity in intensities:
                given = {"emotion": emotion, "intensity": intensity}
                shown = plain if emotion == "neutral" else talker.animate(moment.wave, fps=FPS, **given, **how)
                out[sound, emotion, intensity] = one(shown, frame)
    return out


def authored(
    head: Head,
    *,
    intensities: Sequence[float] = INTENSITIES,
    sounds: Sequence[str] = tuple(SOUNDS),
    manner: Manner = PLAIN,
) -> dict[tuple[str, str, float], Animation]:
    """{(sound, emotion, intensity): one frame} of the authored expressions on visemes, without a model."""
    matrix, out = viseme_matrix(head), {}
    times = np.arange(round(0.8 * FPS)) / FPS
    loud = np.clip((0.14 - np.abs(times - 0.4)) / 0.06, 0, 1)[:, None]  # held for 0.16 s, between two open mouths
    for sound in sounds:
        aside = matrix[NAMES.index("E")] if sound == "m" else 0 * matrix[0]
        speech = (loud * matrix[NAMES.index(SOUNDS[sound][1])] + (1 - loud) * aside).astype(np.float32)
        for i, emotion in enumerate(EMOTIONS):
            for intensity in intensities:
                curve = np.zeros((len(times), len(EMOTIONS)), np.float32)
                curve[:, i] = intensity
                shown = layer(speech, curve, head.names, manner)
                out[sound, emotion, intensity] = one(Animation(shown, FPS, head), len(times) // 2)
    return out


def one(animation: Animation, frame: int) -> Animation:
    """A single frame."""
    names = OPTIONAL
    rest = {name: value[frame : frame + 1] for name in names if (value := getattr(animation, name)) is not None}
    return replace(animation, coefficients=animation.coefficients[frame : frame + 1], **rest)


def faces(shown: Sequence[Animation], width: int, camera: str = "front") -> list[Image.Image]:
    """A picture of `width` pixels of the first frame of each animation of one head, cut to the face."""
    from PIL import Image

    from talkinghead.rendering.renderer import open_renderer

    head = shown[0].head
    left, top, wide, tall = box(head, camera)
    side = int(np.clip(np.ceil(2 * width / wide / 2) * 2, 64, 2048))  # twice as fine, then made smaller: smooth edges
    renderer = open_renderer(shown[0], side, camera)
    cut = round(side * left), round(side * top), round(side * (left + wide)), round(side * (top + tall))
    try:
        pictures = (renderer.draw(motion.vertices(0, posed=True)) for motion in shown)
        size = width, round(width * tall / wide)
        return [Image.fromarray(p).crop(cut).resize(size, Image.Resampling.LANCZOS) for p in pictures]
    finally:
        renderer.close()


def box(head: Head, camera: str = "front") -> tuple[float, float, float, float]:
    """Left, top, width, height of the face as shares of a square picture; of a head without eyes, the middle of the picture."""
    from talkinghead.rendering.camera import place_camera

    if not {"left_eye", "right_eye"} <= head.joints.keys():
        return 0.2, 0.1, 0.6, 0.8
    eyes = np.stack([head.joints["left_eye"], head.joints["right_eye"]]).astype(np.float64)
    distance = float(np.linalg.norm(eyes[0] - eyes[1]))
    matrix = place_camera(head, camera, 512, 512).matrix
    ends = project(matrix, eyes.mean(0) + distance * np.array([[0, 0, 0], [0, 1, 0]]))
    unit, middle = float(ends[0, 1] - ends[1, 1]), ends[0]
    return middle[0] - FACE[1] * unit, middle[1] - FACE[0] * unit, 2 * FACE[1] * unit, TALL * unit


def project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, 3) -> (n, 2) shares of the picture, from its left and upper edge."""
    clip = np.concatenate([points, np.ones((len(points), 1))], 1) @ matrix.astype(np.float64).T
    return np.stack([(1 + clip[:, 0] / clip[:, 3]) / 2, (1 - clip[:, 1] / clip[:, 3]) / 2], 1)


def write(model: Model, recordings: Sequence[Path], folder: Path) -> Path:
    """The sheet of a system that is a model, as NAME.jpg; what is there and up to date is kept."""
    path, cache = folder / f"{file_name(model.name)}.jpg", Cache(folder.parent)
    made = model.identity("sheet")
    key = None if made is None else f"{VERSION} {made} {[state(recording) for recording in recordings]}"
    if not (path.exists() and cache.get(".sheets", model.name, key)):
        prior = {"prior": model.options.prior, "seed": model.options.seed}
        sample = asset("audio/hello.wav")  # has what short clips may lack
        picture = sheet(spoken(model.talker, [*recordings, sample], **prior))
        with replacing(path) as fresh:
            picture.save(fresh, "JPEG", quality=85, optimize=True)
        cache.put(".sheets", model.name, key, {"file": path.name})
    return path


def sheet(shown: dict[tuple[str, str, float], Animation], width: int = 112) -> Image.Image:
    """Emotions down, sounds and within them intensities across; cells of `width` pixels."""
    from PIL import Image, ImageDraw, ImageFont

    sounds = list(dict.fromkeys(sound for sound, _, _ in shown))
    strengths = list(dict.fromkeys(intensity for _, _, intensity in shown))
    pictures = dict(zip(shown, faces(list(shown.values()), width), strict=True))
    tall = next(iter(pictures.values())).height
    side, top, gap = 118, 62, 10
    block = len(strengths) * width + gap
    canvas = Image.new("RGB", (side + len(sounds) * block - gap, top + len(EMOTIONS) * tall), "white")
    draw, large, small = ImageDraw.Draw(canvas), ImageFont.load_default(24), ImageFont.load_default(18)
    for s, sound in enumerate(sounds):
        draw.text((side + s * block + (block - gap) / 2, 17), f"/{sound}/", "black", large, anchor="mm")
        for k, strength in enumerate(strengths):
            draw.text((side + s * block + (k + 0.5) * width, 46), f"{strength:g}", "#444444", small, anchor="mm")
    for e, emotion in enumerate(EMOTIONS):
        draw.text((side - 10, top + (e + 0.5) * tall), emotion, "black", ImageFont.load_default(20), anchor="rm")
        for s, sound in enumerate(sounds):
            for k, strength in enumerate(strengths):
                canvas.paste(pictures[sound, emotion, strength], (side + s * block + k * width, top + e * tall))
    return canvas


def strip(shown: dict[tuple[str, str, float], Animation], sound: str, width: int = 1400) -> Image.Image:
    """A smaller picture: emotions across, intensities down, one sound."""
    from PIL import Image, ImageDraw, ImageFont

    strengths = list(dict.fromkeys(intensity for said, _, intensity in shown if said == sound))
    side, top = 46, 40
    cell = (width - side) // len(EMOTIONS)
    pictures = faces([shown[sound, emotion, strength] for strength in strengths for emotion in EMOTIONS], cell)
    tall = pictures[0].height
    canvas = Image.new("RGB", (side + cell * len(EMOTIONS), top + tall * len(strengths)), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(22)
    for e, emotion in enumerate(EMOTIONS):
        draw.text((side + (e + 0.5) * cell, top / 2), emotion, "black", font, anchor="mm")
    for k, strength in enumerate(strengths):
        draw.text((side / 2, top + (k + 0.5) * tall), f"{strength:g}", "black", font, anchor="mm")
        for e in range(len(EMOTIONS)):
            canvas.paste(pictures[k * len(EMOTIONS) + e], (side + e * cell, top + k * tall))
    return canvas
