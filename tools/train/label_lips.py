"""Make a data set of recordings that nobody filmed: lip nets say what the lips do.

    python tools/train/label_lips.py --nets runs/lips --whisper whisper-base.bin --speech LIBRISPEECH FLEURS --out data/voices

The outputs of several folders of nets (`tools/train/train_lip_nets.py`) are averaged. They decide the aperture and the other
weights. Where a phones.jsonl tells the phonemes of a recording, rules add what film shows badly: lips that meet at /p b m/, the
lower lip under the teeth at /f v/, rounding, the tongue, and rest in pauses. The folder is one as `talkinghead prepare` writes
it; its motion has the mouth's shapes alone, so all others count as not known.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from lip_labels import Mouth, average, label, sharpened
from lip_nets import LipNets, load_nets
from recordings import Recording, find_recordings
from speech_features import Features, add_sources, features_of
from stage import begin, complete, run

from talkinghead.audio.clock import FPS, RATE
from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.manifest import NAME, Clip, write_manifest
from talkinghead.data.motion_file import Motion, write_motion
from talkinghead.errors import InputError
from talkinghead.progress import progress_bar
from talkinghead.speech.coarticulation import loudness_of, segments_of


def read_nets(folders: list[Path], args: argparse.Namespace) -> tuple[list[LipNets], list[Features]]:
    """Nets of several folders, and what makes the features of each. Raises InputError if they have not the same shapes."""
    nets = [load_nets(folder) for folder in folders]
    if any(one.config.shapes != nets[0].config.shapes for one in nets):
        raise InputError(f"--nets {' '.join(map(str, folders))}: they were trained on different shapes")
    return nets, [features_of(one.config.features, args) for one in nets]


def write(out: Path, recording: Recording, nets: list[LipNets], features: list[Features], licence: str) -> Clip:
    """Sound and motion of one recording; its line of the manifest."""
    wave = load_audio(recording.path)
    phones = recording.phones_said(wave)
    segments = segments_of(phones, len(wave) / RATE, loudness_of(wave)) if phones else None
    weights, lips = average(nets, [of(wave) for of in features])
    weights, lips = sharpened(weights).clip(0, 1), sharpened(lips)
    weights, tongue = label(Mouth(nets[0].config.shapes), weights, lips[:, 0], segments)
    names = tuple(nets[0].config.shapes)
    if tongue is not None:
        names, weights = (*names, "tongueOut"), np.concatenate([weights, tongue[:, None]], 1)
    audio, motion = f"audio/{recording.id}.flac", f"motion/{recording.id}.safetensors"
    write_audio(out / audio, wave)
    write_motion(out / motion, Motion(FPS, names, weights.astype(np.float32), meta={"synthesised": "lip nets"}))
    seconds = round(len(wave) / RATE, 6)
    place = recording.id, audio, motion, recording.speaker, recording.split
    return Clip(*place, seconds, FPS, "lip nets", licence, phonemes=phones)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", type=Path, nargs="+", required=True)
    add_sources(parser)
    parser.add_argument("--speech", type=Path, nargs="+", required=True, help="folders of recordings, or files")
    parser.add_argument("--held-out", type=int, default=20, help="recordings of each folder with phonemes that are split test")
    parser.add_argument("--licence", default="unknown", help="of the recordings")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(arguments)
    if complete(args, args.out / NAME):
        return
    recordings = find_recordings(args.speech, args.held_out)
    nets, features = read_nets(args.nets, args)
    begin(args)
    for folder in ("audio", "motion"):
        (args.out / folder).mkdir(exist_ok=True)
    with progress_bar() as bar:
        clips = [
            write(args.out, one, nets, features, args.licence)
            for one in bar.track(recordings, description="lips of recordings")
        ]
    write_manifest(args.out, clips)
    print(f"{args.out}: {len(clips)} recordings, {sum(bool(clip.phonemes) for clip in clips)} with phonemes")


if __name__ == "__main__":
    run(main)
