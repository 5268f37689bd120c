"""An animation -> a film, an animated picture, frames or one picture, by the suffix of the file."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from talkinghead.audio.clock import RATE, exact_rate, frame_count
from talkinghead.errors import InputError, InputWarning
from talkinghead.files import replacing
from talkinghead.inputs import Inputs
from talkinghead.progress import progress_bar
from talkinghead.rendering.film.composition import Film, compose, sheet
from talkinghead.rendering.output import animated, stills
from talkinghead.rendering.output.movies import rates_of, write_movie
from talkinghead.rendering.output.pace import timed
from talkinghead.rendering.output.pipeline import encode
from talkinghead.rendering.output.sound import Sound
from talkinghead.rendering.settings import MOVIES, STILLS, RenderSettings, check_output, parse_sheet
from talkinghead.signals import heeding
from talkinghead.speech.subtitles import Cue, from_words, read_subtitles

if TYPE_CHECKING:
    from talkinghead.motion.animation import Animation

TOLERANCE = 0.5  # seconds that sound and motion may differ without a warning
AUTO = "auto"


def render(
    animation: Animation,
    path: str | Path,
    *,
    audio: str | Path | None = None,
    track: int | None = None,
    beside: Mapping[str, Animation | Path] | None = None,
    name: str = "",
    progress: bool = False,
    settings: RenderSettings | None = None,
    **changes: Any,
) -> None:
    """Draw `animation`: .mp4, .mov or .webm with its sound, .gif, .webp, frames/%04d.png, or one picture as .png or .jpg.

    All are as long as `audio` where it is given: the last frame is held, or frames are left out.
    audio: path of an audio or video file. track: which of its sounds, see `load_audio`.
    beside: name -> animations of any head, or paths of films, that are shown side by side. name: that of `animation` there.
    settings, changes: fields of `RenderSettings`, such as size, camera, lights, look, background.
    Raises InputError for bad arguments, an unreadable `audio` or a disk that cannot take the file.
    """
    path = Path(path)
    settings = replace(settings, **changes) if settings is not None else RenderSettings(**changes)
    check_output(path, settings)
    others = dict(beside or {})
    inputs = Inputs(audio, settings, [shown for shown in others.values() if isinstance(shown, Path)])
    inputs.refuse(path.parent if stills.is_numbered(path) else path, below=stills.is_numbered(path))
    sound = None if audio is None else Sound(audio, track, rates_of(path.suffix))
    rate = exact_rate(animation.fps)
    if path.suffix.lower() == ".gif":
        rate = min(rate, animated.FASTEST)
    animation = _at_rate(animation, rate)
    count = len(animation)
    if sound is not None:
        count = frame_count(sound.seconds, animation.fps)
        if abs(sound.seconds - animation.duration) > TOLERANCE:
            lengths = f"{audio} lasts {sound.seconds:.2f} s but the animation {animation.duration:.2f} s"
            warnings.warn(f"{lengths}: the video follows the sound", InputWarning, stacklevel=3)
    cues, soft = (find_subtitles(animation, wanted, audio, track) for wanted in (settings.subtitles, settings.subtitle_track))
    others = {label: shown if isinstance(shown, Path) else _at_rate(shown, rate) for label, shown in others.items()}
    film = compose(animation, settings, count, name=name, beside=others, cues=cues)
    try:
        _write(film, path, animation, settings, sound, soft, progress)
    finally:
        film.close()


def _write(
    film: Film,
    path: Path,
    animation: Animation,
    settings: RenderSettings,
    sound: Sound | None,
    soft: list[Cue],
    progress: bool,
) -> None:
    suffix = path.suffix.lower()
    if suffix in STILLS and not stills.is_numbered(path):
        if settings.sheet is not None:
            picture = sheet(film, moments(film, animation, settings.sheet))
        else:
            picture = film.draw(film.count // 2 if settings.at is None else film.frame_at(settings.at))
        with replacing(path) as fresh:
            stills.write_still(picture, fresh)
        return
    if sound is not None and suffix not in MOVIES:
        warnings.warn(f"{path}: {suffix} has no sound; {' '.join(MOVIES)} have it", InputWarning, stacklevel=4)
    numbered = stills.is_numbered(path)
    with progress_bar(progress) as bar, replacing(path.parent if numbered else path) as fresh:
        if numbered:
            write = partial(stills.write_frames, folder=fresh, name=path.name)
        elif suffix == ".gif":
            shown = np.unique(np.linspace(0, film.count - 1, animated.SAMPLED).round().astype(int))
            palette = animated.palette_of([film.draw(int(t)) for t in shown])
            write = partial(animated.write_gif, path=fresh, rate=film.rate, palette=palette)
        elif suffix == ".webp":
            write = partial(animated.write_webp, path=fresh, rate=film.rate)
        else:
            seconds = float(film.count / film.rate)
            write = partial(write_movie, path=fresh, rate=film.rate, sound=sound, cues=soft, seconds=seconds)
        pictures = bar.track(heeding(film.pictures()), film.count, description=path.name)
        encode(timed(pictures, film.count, path.name, bar.console) if progress else pictures, write)


def write_pictures(pictures: Iterable[np.ndarray], path: Path, fps: float, *, audio: str | Path | None = None) -> None:
    """Write (H, W, 3) uint8 pictures of even height and width as .mp4; `audio` is not cut. Raises as `write` does."""
    sound = None if audio is None else Sound(audio)
    with replacing(path) as fresh:
        encode(pictures, partial(write_movie, path=fresh, rate=exact_rate(fps), sound=sound, suffix=".mp4"))


def find_subtitles(
    animation: Animation, subtitles: str | None, audio: str | Path | None = None, track: int | None = None
) -> list[Cue]:
    """The subtitles that a setting names. Raises InputError for words without times."""
    if subtitles is None:
        return []
    if subtitles != AUTO:
        path = Path(subtitles)
        wave = None
        if audio is not None and path.suffix.lower() == ".txt":
            from talkinghead.audio.load import load_audio

            wave = load_audio(audio, RATE, track=track)
        return read_subtitles(path, wave)
    words = animation.meta.get("words")
    try:
        spans = tuple((float(start), float(end), str(word)) for start, end, word in words or ())
    except (TypeError, ValueError):
        spans = ()
    if not spans:
        raise InputError("subtitles auto: the animation keeps no words; animate with --transcript, or give a file with times")
    return from_words(spans, str(animation.meta.get("transcript", "")).split())


def moments(film: Film, animation: Animation, chosen: str) -> list[tuple[str, int]]:
    """(name, frame) of the pictures of a sheet. Raises InputError for a time beyond the end, and without phonemes."""
    wanted = parse_sheet(chosen)
    if wanted == "phonemes":
        return _of_phonemes(film, animation)
    if isinstance(wanted, int):
        wanted = [float((k + Fraction(1, 2)) * film.count / wanted / film.rate) for k in range(wanted)]
    return [(f"{seconds:.2f} s", film.frame_at(seconds)) for seconds in wanted if not isinstance(seconds, str)]


def _of_phonemes(film: Film, animation: Animation) -> list[tuple[str, int]]:
    """Of each phoneme the longest one, in the order in which they are first said."""
    longest: dict[str, tuple[float, float]] = {}
    try:
        for start, end, phone in animation.meta.get("phones") or ():
            phone = str(phone).rstrip("012")
            before = longest.setdefault(phone, (float(start), float(end)))
            if end - start > before[1] - before[0]:
                longest[phone] = float(start), float(end)
    except (TypeError, ValueError):
        longest = {}
    found = [(phone, (a + b) / 2) for phone, (a, b) in longest.items() if (a + b) / 2 * film.rate <= film.count]
    if not found:
        raise InputError("sheet phonemes: the animation keeps no phonemes; animate with --transcript, or choose how many")
    return [(f"{phone}  {seconds:.2f} s", film.frame_at(seconds)) for phone, seconds in found]


def _at_rate(animation: Animation, rate: Fraction) -> Animation:
    """A motion at the rate of the film. Where no frame is moved by half of one, the frames stay as they are."""
    if abs(float(rate) / animation.fps - 1) * len(animation) < 0.5:
        return replace(animation, fps=float(rate))
    return animation.resample(float(rate))
