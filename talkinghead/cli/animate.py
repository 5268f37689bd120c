"""The verb animate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, UseCounterAction, arg

from talkinghead.animate.beside import name_of, read_beside
from talkinghead.animate.lists import LISTS
from talkinghead.animate.settings import PAGE, AnimateSettings
from talkinghead.animate.silence import warn_of_silence
from talkinghead.audio.clock import RATE
from talkinghead.cli.options import Beside, Drawing, Engine, Formats, HeadName, Model, Outputs, Settings, Track
from talkinghead.cli.outputs import check_outputs, named_head, video_options, working, write_animation
from talkinghead.errors import InputError
from talkinghead.export import suffixes
from talkinghead.export.character import check_character
from talkinghead.head.spec import is_auto
from talkinghead.inputs import Inputs
from talkinghead.rendering.settings import DRAWN, RenderSettings

if TYPE_CHECKING:
    from talkinghead.animate.animation import Animation
    from talkinghead.audio.waveform import Waveform
    from talkinghead.head.head import Head

DEFAULTS, PLAIN = AnimateSettings(), RenderSettings()


def animate(
    audio: Annotated[Positional[Path], arg(metavar="AUDIO")],
    output: Outputs = (),
    *,
    settings: Settings = DEFAULTS,
    drawing: Drawing = PLAIN,
    head: HeadName = "default",
    model: Model = None,
    transcript: Annotated[str | None, arg(metavar="TEXT")] = None,
    listen: UseCounterAction[int] = 0,
    track: Track = None,
    device: str = "cpu",
    side_by_side: Beside = (),
    format: Formats = (),
    workers: int = 1,
    engine: Engine = "local",
) -> None:
    """Turn speech into a talking head: one recording into files, or many into a folder.

    Args:
        audio: Recording: WAV, FLAC, MP3, Ogg, M4A, or a video with sound.
            Or a folder of recordings, or a list of them: .txt with a path a line, or .csv or .jsonl
            with audio and, if wanted, output, head and what else is set for that recording alone, such as
            emotion and seed; paths in it, also of emotion curves, are relative to the list.
            With these, -o is a folder. What is done is not done again; batch.json there says what
            failed, and the exit status is 2 if anything did.
        transcript: The English that is said, or a file with it: .txt, .srt, .vtt, .TextGrid or .ctm. The
            lips then follow its phonemes, which are aligned with the sound; the model speaks only where
            there are no words for the sound. The rest is as usual.
        listen: The recording is somebody else's, and the face listens to it: lips at rest, nods at the ends
            of phrases, eyes on the viewer. No model is needed.
        device: Where the model runs: cpu, cuda, mps.
        workers: Folders and lists: recordings at a time.
    """
    many = audio.is_dir() or audio.suffix.lower() in LISTS
    if transcript is not None and many:
        raise InputError(f"--transcript is for one recording; {audio} is a folder or a list of them")
    if transcript is not None and model:
        raise InputError("--model is what --transcript does without; leave one of them out")
    if listen and many:
        raise InputError(f"--listen is for one recording; {audio} is a folder or a list of them")
    for name, given in (("transcript", transcript), ("model", model)):
        if listen and given:
            raise InputError(f"--{name} is what --listen does without; leave one of them out")
    if many and side_by_side:
        raise InputError(f"--side-by-side is for one recording; {audio} is a folder or a list of them")
    if many:
        how = {
            "head": head,
            "track": track,
            "drawing": drawing,
            "model": model,
            "device": device,
            "workers": workers,
            "engine": engine,
        }
        _animate_all(audio, output, format, settings, **how)
        return
    for name, given in (("format", format), ("workers", workers != 1), ("engine", engine != "local")):
        if given:
            raise InputError(f"--{name} is for a folder of recordings or a list of them; {audio} is neither")
    _animate_one(audio, output, settings, head, drawing, model, device, transcript, bool(listen), track, side_by_side)


def _animate_one(
    audio: Path,
    output: tuple[Path, ...],
    settings: AnimateSettings,
    head: str,
    drawing: RenderSettings,
    model: str | None,
    device: str,
    transcript: str | None,
    listens: bool,
    track: int | None,
    side_by_side: tuple[str, ...],
) -> None:
    from talkinghead.audio.load import open_audio

    inputs = Inputs(audio, settings, drawing, head, model, transcript, [name_of(item)[1] for item in side_by_side])
    inputs.add_below(model)
    there = check_outputs(output, audio, inputs, [*DRAWN, PAGE, *suffixes()], drawing)
    video = video_options(output, drawing, audio=audio, track=track, name=audio.stem)
    face = None if is_auto(head) else named_head(head)
    for path in output:
        check_character(face, path)
    with working(f"reading {audio.name}"):
        recording = open_audio(audio, track=track)  # before torch is imported: a bad file is told at once
    with recording:
        warn_of_silence(recording.loudest, audio)
        face = named_head(head, recording) if is_auto(head) else face
        animation = _animation(recording, settings, face, model, device, transcript, listens)
    beside = read_beside(side_by_side, animation, face) if side_by_side else {}
    for path in output:
        write_animation(animation, path, there, beside=beside, **video)


def _animation(
    recording: Waveform,
    settings: AnimateSettings,
    face: Head | None,
    model: str | None,
    device: str,
    transcript: str | None,
    listens: bool,
) -> Animation:
    if listens:
        from talkinghead.animate.listening import listen

        with working("listening"):
            return listen(recording, head=face, settings=settings)
    if transcript is not None:
        from talkinghead.animate.transcript import animate_transcript
        from talkinghead.speech.align import check_length
        from talkinghead.speech.written import read_transcript

        check_length(len(recording))  # before all of it is in memory
        with working("aligning"):
            wave = recording.samples(0, len(recording))
            return animate_transcript(wave, read_transcript(transcript), rate=RATE, head=face, settings=settings)
    with working("loading the model"):
        from talkinghead.animate.talker import Talker

        talker = Talker.from_pretrained(model, device)
    return talker.animate(recording, head=face, settings=settings, progress=sys.stderr.isatty())


def _animate_all(audio: Path, output: tuple[Path, ...], formats: tuple[str, ...], settings: AnimateSettings, **how) -> None:
    """Status 2 if anything failed: whoever calls this from a script must not take some for all."""
    if len(output) != 1:
        raise InputError(f"{audio}: say which folder to write with one -o FOLDER; --format says what")
    out = output[0]
    if out.suffix.lower() in (*DRAWN, PAGE, *suffixes()) and not out.is_dir():
        raise InputError(f"{out}: many recordings are written to a folder; give its name, and --format {out.suffix[1:]}")
    face = None if is_auto(how["head"]) else named_head(how["head"])
    for suffix in formats:
        check_character(face, out / f"speech.{suffix}")
    from talkinghead.animate.batch import REPORT, animate_all

    report = animate_all(audio, out, settings=settings, formats=formats or ("npz",), progress=sys.stderr.isatty(), **how)
    failed = report["failed"]
    for name, entry in failed.items():
        print(f"failed   {name}: {entry['reason']}")
    print(f"{report['animated']} animated, {report['skipped']} there already, {len(failed)} failed: {out / REPORT}")
    if failed:
        name, entry = next(iter(failed.items()))
        count = len(failed) + report["animated"] + report["skipped"]
        raise InputError(f"{len(failed)} of {count} recordings failed, the first: {name}: {entry['reason']}")
