"""The verb prepare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from talkinghead.cli.arguments import read_unit
from talkinghead.cli.options import Count, Engine, File, Name, Number
from talkinghead.errors import InputError


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
            speech: sound files with phoneme times or a transcript beside them (phones.jsonl, .TextGrid, .lab, .txt,
            .srt, .vtt); the motion is made up from the phonemes
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
    from talkinghead.data.preparation import check_options
    from talkinghead.data.preparation import prepare as run

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
