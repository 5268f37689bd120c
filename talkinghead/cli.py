"""The command line: one function a verb. What is heavy is imported when a verb needs it."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from talkinghead.arguments import check_fps, check_outputs, parse, read_size, read_unit
from talkinghead.errors import InputError, InputWarning
from talkinghead.head.spec import read_head

if TYPE_CHECKING:
    from talkinghead.batch import Look, Voice
    from talkinghead.motion.animation import Animation

VIDEO = ".mp4"
READERS = (".npz", ".csv")
Outputs = Annotated[
    tuple[Path, ...],
    UseAppendAction,
    arg(name="output", aliases=("-o",), metavar="FILE", help="File to write, its format by its suffix. Repeat it for more."),
]
HeadName = Annotated[
    str,
    arg(metavar="HEAD", help="default, one of its people such as default:age=60,gender=female,seed=3, or a head's .npz file."),
]
Camera = Literal["front", "three-quarter", "side"]
Prior = Literal["parallel", "autoregressive"]
Size = Annotated[str, arg(metavar="PIXELS", help="Side of the video, or WIDTHxHEIGHT.")]
Backend = Annotated[str | None, arg(metavar="NAME", help="Renderer; `talkinghead info` lists them. The fastest that works.")]
Name = Annotated[str | None, arg(metavar="NAME")]
Number = Annotated[float | None, arg(metavar="NUMBER")]
Count = Annotated[int | None, arg(metavar="NUMBER")]
File = Annotated[Path | None, arg(metavar="PATH")]
Formats = Annotated[
    tuple[Literal["npz", "csv", "glb", "usdc", "usda", "obj", "mp4"], ...],
    UseAppendAction,
    arg(metavar="FORMAT", help="Folders and lists: npz (if not said), csv, glb, usdc, usda, obj or mp4. Repeat it for more."),
]
Engine = Annotated[
    Literal["local", "ray"],
    arg(help="Where workers are: on this machine; or on the Ray cluster that RAY_ADDRESS names or that is started here."),
]
Emotion = Annotated[str, arg(metavar="EMOTION")]
Model = Annotated[str | None, arg(metavar="MODEL", help="Folder of a model or its id on the Hub. The one that ships.")]


def animate(
    audio: Annotated[Positional[Path], arg(metavar="AUDIO")],
    output: Outputs = (),
    *,
    head: HeadName = "default",
    model: Model = None,
    emotion: Emotion = "neutral",
    intensity: float = 1.0,
    expressiveness: float = 1.0,
    articulation: float = 1.0,
    upper_face: float = 1.0,
    lower_face: float = 1.0,
    style: str | None = None,
    transcript: Annotated[str | None, arg(metavar="TEXT")] = None,
    idle: float = 1.0,
    blinks: float = 1.0,
    gaze: float = 1.0,
    brows: float = 1.0,
    head_motion: float = 1.0,
    prior: Prior = "parallel",
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    fps: float = 30.0,
    device: str = "cpu",
    size: Size = "512",
    camera: Camera = "front",
    backend: Backend = None,
    format: Formats = (),
    workers: int = 1,
    engine: Engine = "local",
) -> None:
    """Turn speech into a talking head: one recording into files, or many into a folder.

    Args:
        audio: Recording: WAV, FLAC, MP3, Ogg, M4A, or a video with sound.
            Or a folder of recordings, or a list of them: .txt with a path a line, or .csv or .jsonl
            with audio and, if wanted, output, emotion, intensity, style, seed, head and the strengths;
            paths in it, also of emotion curves, are relative to the list.
            With these, -o is a folder. What is done is not done again; batch.json there says what
            failed, and the exit status is 2 if anything did.
        emotion: How it is said: neutral, happy, sad, surprised, fearful, disgusted, angry, contempt; a blend
            such as happy:0.6,surprised:0.3; a .csv or .json file with keyframes over time (columns time,
            in seconds, and emotions; or time, emotion and intensity); or auto: what the voice tells.
        intensity: How strongly, 0 to 1, times what emotion says; 0 is neutral.
        expressiveness: How far emotion, brows and head go; 1 is usual, 0 to 3.
        articulation: How far the mouth goes with the words, likewise.
        upper_face: How far brows, lids, cheeks and nose go, whatever moves them, likewise.
        lower_face: How far mouth and jaw go, whatever moves them, likewise.
        style: Whose way of speaking; one of the model's speakers.
        transcript: The English that is said, or a .txt file with it. The lips then follow its phonemes,
            which are aligned with the sound, and no model is used; the rest is as usual.
        idle: Strength of all that is not the mouth's: the four that follow; 0 switches them off.
        blinks: How often eyes blink; 1 is usual, 0 never.
        gaze: How far eyes wander.
        brows: How far brows move with the voice.
        head_motion: How far the head moves with the voice.
        prior: What turns sound into motion: parallel, all at once, or autoregressive, knowing what
            it did before, of models that have it.
        temperature: Above 0, the motion of the mouth is sampled, too; 1 is as varied as people are.
        top_p: Of what is sampled: only the likeliest that together have this probability.
        seed: Decides all that is sampled; the same seed gives the same motion.
        fps: Frames a second.
        device: Where the model runs: cpu, cuda, mps.
        workers: Folders and lists: recordings at a time.
    """
    from talkinghead.batch import DIALS, LISTS, Look, Voice
    from talkinghead.motion.emotion_curve import check_emotion

    check_emotion(emotion, intensity)
    given = (blinks, gaze, brows, head_motion, expressiveness, articulation, upper_face, lower_face)
    dials = dict(zip(DIALS, given, strict=True))
    voice = Voice(emotion, intensity, style, idle, prior, temperature, top_p, seed, fps, head, **dials)
    look = Look(read_size(size), camera, backend)
    check_fps(fps)
    if transcript is not None:
        if audio.is_dir() or audio.suffix.lower() in LISTS:
            raise InputError(f"--transcript is for one recording; {audio} is a folder or a list of them")
        settings = {"model": model, "style": style, "prior": prior != "parallel"}
        settings |= {"temperature": temperature, "top-p": top_p != 1}
        for name, given in settings.items():
            if given:
                raise InputError(f"--{name} is the model's, which --transcript does without; leave one of them out")
    if audio.is_dir() or audio.suffix.lower() in LISTS:
        return _animate_all(
            audio, output, format, voice=voice, look=look, model=model, device=device, workers=workers, engine=engine
        )
    for name, given in (("format", format), ("workers", workers != 1), ("engine", engine != "local")):
        if given:
            raise InputError(f"--{name} is for a folder of recordings or a list of them; {audio} is neither")
    _animate_one(audio, output, voice, look, model, device, transcript)


def _animate_one(
    audio: Path,
    output: tuple[Path, ...],
    voice: Voice,
    look: Look,
    model: str | None,
    device: str,
    transcript: str | None = None,
) -> None:
    from talkinghead.audio.clock import RATE
    from talkinghead.audio.load import load_audio

    check_outputs(output, audio, [VIDEO, *_formats()])
    video = _video(output, audio=audio, size=look.size, camera=look.camera, backend=look.backend)
    face = read_head(voice.head)
    wave = load_audio(audio)  # before torch is imported: a bad file is told at once
    if transcript is not None:
        from talkinghead.transcript import animate_transcript, read_transcript

        with _working("aligning"):
            how = {"head": face, "fps": voice.fps, "seed": voice.seed, **voice.lively()}
            animation = animate_transcript(wave, read_transcript(transcript), rate=RATE, **how)
    else:
        with _working("loading the model"):
            from talkinghead.models.talker import Talker

            talker = Talker.from_pretrained(model, device)
        with _working("animating"):
            animation = talker.animate(wave, rate=RATE, head=face, **voice.spoken())
    for path in output:
        _write(animation, path, **video)


def _animate_all(audio: Path, output: tuple[Path, ...], formats: tuple[str, ...], **how) -> None:
    """Status 2 if anything failed: whoever calls this from a script must not take some for all."""
    if len(output) != 1:
        raise InputError(f"{audio}: say which folder to write with one -o FOLDER; --format says what")
    out = output[0]
    if out.suffix.lower() in (VIDEO, *_formats()) and not out.is_dir():
        raise InputError(f"{out}: many recordings are written to a folder; give its name, and --format {out.suffix[1:]}")
    read_head(how["voice"].head)
    from talkinghead.batch import REPORT, animate_all

    report = animate_all(audio, out, formats=formats or ("npz",), progress=sys.stderr.isatty(), **how)
    failed = report["failed"]
    for name, entry in failed.items():
        print(f"failed   {name}: {entry['reason']}")
    print(f"{report['animated']} animated, {report['skipped']} there already, {len(failed)} failed: {out / REPORT}")
    if failed:
        name, entry = next(iter(failed.items()))
        count = len(failed) + report["animated"] + report["skipped"]
        raise InputError(f"{len(failed)} of {count} recordings failed, the first: {name}: {entry['reason']}")


def render(
    animation: Annotated[Positional[Path], arg(metavar="ANIMATION")],
    output: Outputs = (),
    *,
    audio: Path | None = None,
    head: HeadName = "default",
    fps: float | None = None,
    size: Size = "512",
    camera: Camera = "front",
    backend: Backend = None,
) -> None:
    """Show an animation as a video.

    Args:
        animation: Motion: .npz or .csv.
        audio: Recording to put under the video.
        fps: Frames a second; those of the animation.
    """
    check_outputs(output, animation, [VIDEO])
    check_fps(fps)
    video = _video(output, audio=audio, size=read_size(size), camera=camera, backend=backend)
    if audio is not None:
        from talkinghead.audio.load import load_audio

        check_outputs(output, audio, [VIDEO])
        load_audio(audio)
    motion = _read(animation, head, fps)
    for path in output:
        _write(motion, path, **video)


def convert(
    animation: Annotated[Positional[Path], arg(metavar="ANIMATION")],
    output: Outputs = (),
    *,
    head: HeadName = "default",
    fps: float | None = None,
) -> None:
    """Write an animation in other formats.

    Args:
        animation: Motion: .npz or .csv.
        fps: Frames a second; those of the animation.
    """
    check_outputs(output, animation, _formats())
    check_fps(fps)
    motion = _read(animation, head, fps)
    for path in output:
        _write(motion, path)


def prepare(
    source: Annotated[Positional[str], arg(metavar="SOURCE")],
    paths: Annotated[Positional[tuple[Path, ...]], arg(metavar="PATHS")],
    output: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER", help="Data set to write or to go on with.")] = None,
    *,
    workers: int = 1,
    engine: Engine = "local",
    speaker: Name = None,
    emotion: Name = None,
    intensity: Number = None,
    licence: Name = None,
    offset: Number = None,
    align: bool = False,
    fps: Number = None,
    unit: Name = None,
    head: File = None,
    flame: File = None,
    mesh: File = None,
    regions: File = None,
    audio: File = None,
    order: Name = None,
    longest: Number = None,
    held_out: Count = None,
    size_mb: Number = None,
) -> None:
    """Turn recordings of faces into a data set to train on. An interrupted run goes on where it was.

    Args:
        source: What the paths are. Recordings of your own:
            video: films of one talking face each; folders name the speakers
            folder: sound files with motion of the same name beside them, .npz or .csv
            livelink: takes of the app Live Link Face
            speech: sound files with phoneme times or a transcript beside them (phones.jsonl, .TextGrid, .lab, .txt);
            the motion is made up from the phonemes
            Published sets, by their documented layouts; checked on made-up files of that layout only, but for facegood:
            vocaset: as published, or in the layout of FaceFormer and CodeTalker
            biwi: in the layout of CodeTalker
            multiface, meshtalk: tracked meshes
            mead: with FLAME parameters, as INFERNO or ProbTalk3D write them
            beat, beat2: conversations, ARKit weights and FLAME parameters
            a2fbench: the sets of UniTalker's benchmark
            claire: NVIDIA's training set of Audio2Face
            facegood: takes of FACEGOOD's Audio2Face
            And what was prepared already:
            shards: a data set as WebDataset shards, if it is large
        paths: Files or folders.
        workers: Clips at a time.
        speaker: video, folder, livelink, speech: who speaks in all clips; the names of their folders.
        emotion: folder, livelink: of all clips.
        intensity: folder: of the emotion, 0 to 1.
        licence: video, folder, livelink, speech, facegood: of the recordings.
        offset: video: seconds by which the sound is later than the picture.
        align: video: find the phonemes of clips whose words are known; needs the extra align.
        fps: vocaset, biwi, mead, claire, folder, livelink, speech: frames a second; those of the set or of the file.
        unit: vocaset, biwi, multiface, meshtalk, a2fbench, claire: of the vertices, m, cm, mm or the metres that 1 is.
        head: video, folder: file of the head that the motion is for; the default head.
        flame: mead, beat2, a2fbench, folder: a FLAME model of yours (.pkl or .npz), to have a mesh for the parameters.
        mesh: vocaset, biwi, multiface, meshtalk, claire: .obj or .ply with the faces, where they are not beside the set.
        regions: vocaset, biwi, multiface, meshtalk, claire: index sets of lips and upper face, such as FLAME_masks.pkl.
        audio: mead: folder with the sound, if it is not beside the parameters.
        order: beat: order of the 51 weights where the files do not name them, apple or alphabetical.
        longest: beat, beat2: seconds of the pieces that long recordings are cut to.
        held_out: speech: so many recordings, the last by name, are for tests and the rest to train on.
        size_mb: shards: megabytes of a shard.
    """
    options = {
        "speaker": speaker,
        "emotion": emotion,
        "intensity": intensity,
        "licence": licence,
        "offset": offset,
        "align": align or None,
        "fps": fps,
        "unit": read_unit(unit),
        "head": head,
        "flame": flame,
        "mesh": mesh,
        "regions": regions,
        "audio": audio,
        "order": order,
        "longest": longest,
        "held_out": held_out,
        "size_mb": size_mb,
    }
    options = {name: value for name, value in options.items() if value is not None}
    from talkinghead.data import check_options
    from talkinghead.data import prepare as run

    check_options(source, options)
    if output is None:
        raise InputError(f"prepare {source}: say which folder to write with -o FOLDER")
    if not paths:
        raise InputError(f"prepare {source}: say what to read, for example: talkinghead prepare {source} CLIPS -o {output}")
    for path in (*paths, *(option for option in options.values() if isinstance(option, Path))):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is not a folder; name the folder to write the data set to")
    run(source, list(paths), output, workers=workers, engine=engine, **options)
    print(output)


def train(
    config: Annotated[Positional[Path], arg(metavar="CONFIG")],
    overrides: Annotated[Positional[tuple[str, ...]], arg(metavar="KEY=VALUE")] = (),
) -> None:
    """Train a model. An interrupted run goes on where it was.

    Args:
        config: Recipe: a file of yours, or one that ships, such as configs/talker.yaml. What a recipe can say is listed in
            talkinghead/train/config.py.
        overrides: Changes to the recipe, such as data=data/grid out=runs/a prior.rate=5e-4.
    """
    from talkinghead.train import train as run

    print(run(config, list(overrides)))


def evaluate(
    paths: Annotated[Positional[tuple[str, ...]], arg(metavar="SYSTEM... DATA")],
    output: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER", help="Report to write, or to go on with.")] = None,
    *,
    baselines: tuple[Literal["still", "mean", "loudness", "nearest"], ...] = ("still", "mean", "loudness", "nearest"),
    split: Literal["train", "val", "test"] = "test",
    clips: int | None = None,
    annotation: str | None = None,
    samples: int = 1,
    seed: int = 0,
    idle: float = 1.0,
    prior: Prior = "parallel",
    lips: Path | None = None,
    upper: Path | None = None,
    unit: Annotated[str, arg(metavar="NAME")] = "m",
    fps: float | None = None,
    device: str = "cpu",
    videos: int = 3,
    emotions: int = 0,
    disentangle: int = 0,
) -> None:
    """Measure models, and animations of other tools, on a prepared data set. An interrupted run goes on where it was.

    Args:
        paths: Any number of systems, then the data set. A system is a model's folder, its id on the Hub, the word default
            for the model that ships, or a folder of animations: one ID.npz, ID.csv or ID.npy of raw vertices for each clip.
            NAME=PATH names it.
        baselines: What to compare with: a still face, the mean of the training clips, a jaw driven by loudness, the most
            similar sound of the training clips. None if nothing follows.
        split: Clips to measure on.
        clips: Only so many of them.
        annotation: Kind of motion, where the data set has several.
        samples: How often each model is sampled for coverage, mean-estimate error and diversity; these need 2 or more.
        seed: Decides all that is sampled.
        idle: Strength of the models' blinks, gaze, brows and head motion.
        prior: What turns the models' sound into motion, as in `talkinghead animate`.
        lips: Indices of the lip vertices: .txt, .npy, .json, or FLAME_masks.pkl. Those of the head.
        upper: Indices of the upper face, likewise.
        unit: Of raw vertices in .npy files: m, cm, mm or the metres that 1 is.
        fps: Of .npy files; that of the clip.
        device: Where models run: cpu, cuda, mps.
        videos: How many clips of the report are shown side by side.
        emotions: On how many clips to measure the emotions of the models: whether they are seen, grow with intensity,
            and leave the lips in sync. With a sheet of emotions, intensities and sounds on the page.
        disentangle: On how many clips to measure whether the models keep mouth and upper face apart: what changes
            when the sound or the expression is another clip's. Written as disentangle.json and .png, too.
    """
    from talkinghead.evaluate.run import evaluate as run

    if not paths:
        raise InputError("evaluate: say what to measure on, for example: talkinghead evaluate default data/vocaset -o report")
    *systems, data = paths
    run(
        systems,
        data,
        out=output,
        split=split,
        baselines=baselines,
        samples=samples,
        seed=seed,
        idle=idle,
        prior=prior,
        lips=lips,
        upper=upper,
        unit=unit,
        fps=fps,
        clips=clips,
        annotation=annotation,
        device=device,
        videos=videos,
        emotions=emotions,
        progress=True,
    )
    if disentangle:
        from talkinghead.evaluate import disentangle as swaps

        how = {"split": split, "clips": disentangle, "annotation": annotation, "device": device}
        figures = swaps.measure_models(systems, data, **how)
        print(swaps.table(figures))
        if output is not None:
            swaps.write(figures, output)
    if output is not None:
        print(output)


def info() -> None:
    """Show versions, devices, renderers, extras and what is shipped."""
    from talkinghead.info import report

    for name, value in report():
        print(f"{name:<22}{value}")


VERBS = {
    "animate": animate,
    "render": render,
    "convert": convert,
    "prepare": prepare,
    "train": train,
    "evaluate": evaluate,
    "info": info,
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command. 0: done; 2: the input or the arguments are wrong, one line on stderr says how; 130: interrupted.

    A defect of ours leaves as an exception: a traceback and status 1.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")  # of the libraries; a user can do nothing about them
            warnings.simplefilter("always", InputWarning)
            warnings.showwarning = lambda message, *where, **more: print(f"talkinghead: {message}", file=sys.stderr)
            parse(VERBS, sys.argv[1:] if arguments is None else arguments)()
    except InputError as error:
        return _say(str(error))
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # a full disk, a folder without permission: the user's to mend
        if error.filename is None and not error.errno:
            raise
        return _say(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
    return 0


def _say(line: str) -> int:
    print(f"talkinghead: {' '.join(line.split())}", file=sys.stderr)
    return 2


def _formats() -> list[str]:
    from talkinghead.export import suffixes

    return list(suffixes())


def _read(path: Path, head: str, fps: float | None) -> Animation:
    """An animation of any readable format, at `fps` if given."""
    if path.suffix.lower() not in READERS:
        raise InputError(f"{path}: an animation is read from {' or '.join(READERS)}")
    face = read_head(head)
    if path.suffix.lower() == ".csv":
        from talkinghead.export.csv import read

        motion = read(path, face, fps)
    else:
        from talkinghead.export.npz import read

        motion = read(path, face)
    return motion.resample(fps) if fps else motion


def _video(outputs: tuple[Path, ...], backend: str | None, **options) -> dict:
    """Options of a video, with a renderer that works: it is looked for before the slow work, if it is needed."""
    if any(path.suffix.lower() == VIDEO for path in outputs):
        from talkinghead.render import choose

        backend = choose(backend)
    return {"backend": backend, **options}


def _write(animation: Animation, path: Path, **video) -> None:
    if path.suffix.lower() == VIDEO:
        animation.render(path, progress=sys.stderr.isatty(), **video)
    else:
        with _working(f"writing {path.name}"):
            animation.save(path)
    print(path)


def _working(what: str) -> contextlib.AbstractContextManager:
    """A spinner on stderr while something takes long; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)


if __name__ == "__main__":
    sys.exit(main())
