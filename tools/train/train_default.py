"""Train the default model in one go from prepared data: lip nets, speech encoder, lips of recordings, talker.

    python tools/train/train_default.py --films data/grid=1 data/grid_s4=2 data/presidents=6 \
        --speech LIBRISPEECH FLEURS CSS10 --whisper whisper-base.bin --moonshine moonshine-base --out runs/default

Films are folders of `talkinghead prepare video` with their weights; recordings may have a phones.jsonl. In this order:

    OUT/lips            train_lip_nets.py: the lips of the films, from Whisper's layers
    OUT/lips_moonshine  with --moonshine, the same from Moonshine's layers
    OUT/encoder         train_encoder.py: an encoder that hears what these nets need
    OUT/lips_encoder    train_lip_nets.py: the lips of the films, from the encoder's features
    OUT/voices          label_lips.py: what all of these nets say of the recordings
    OUT/init            with --init, that model on the encoder's features, for the next stage to begin with
    OUT/talker          `talkinghead train` of the recipe, on films and voices; a film counts as often as its weight says
    OUT/model           the model folder, as assets/models/default

A stage that is complete is left as it is; an interrupted one goes on. `--quick` makes a few steps of everything, to see that it
runs. Recordings that are held out for the encoder are split test in OUT/voices.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import label_lips
import train_encoder
import train_lip_nets
from speech_features import LAYERS
from stage import run

from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.models.folder import CONFIG, WEIGHTS
from talkinghead.models.pretrained import load_model, save_model
from talkinghead.models.pretrained_encoder import load_encoder
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.speech.phonemes import PHONES
from talkinghead.train import train

QUICK_LIPS = ["--steps", "2", "--seeds", "1", "--batch", "2"]
QUICK_ENCODER = ["--steps", "2", "--front-steps", "1", "--batch", "2", "--seconds", "0.6"]
QUICK_RECIPE = [f"{stage}.{key}" for stage in ("motion", "prior") for key in ("steps=2", "batch=2", "frames=16")]
PLOT = {"loss.png": "training.png"}


def with_encoder(init: str, encoder: Path, out: Path) -> None:
    """Write the model `init` ("default", or a folder) with another encoder. Raises InputError if its features are not as wide.

    Encoders of `train_encoder.py` that were taught the same layers have nearly the same features.
    """
    given, heads = load_model(None if init == "default" else init)
    audio, phones, settings = load_encoder(str(encoder))
    if phones is None or audio.width != given.audio.width:
        raise InputError(f"--init {init}: its features are {given.audio.width} wide, those of {encoder} {audio.width}")
    model = SpeechToMotion(replace(given.config, encoder=settings, phones=list(PHONES)))
    own = {name: value for name, value in given.state_dict().items() if not name.startswith(("audio.", "phones."))}
    own |= {f"audio.{name}": value for name, value in audio.state_dict().items()}
    model.load_state_dict(own | {f"phones.{name}": value for name, value in phones.state_dict().items()})
    save_model(model, heads, out)


def data_of(films: list[str], voices: Path) -> str:
    """`data=` of the recipe: each film as often as its weight says, then the voices. Raises InputError for other weights."""
    folders = []
    for film in films:
        folder, weight = train_lip_nets.weighted(film)
        if weight != int(weight):
            raise InputError(f"--films {film}: the weight must be a whole number, as often as the folder is trained on")
        folders += [str(folder)] * int(weight)
    return f"data=[{', '.join([*folders, str(voices)])}]"


def stages(args: argparse.Namespace) -> dict[str, list[str]]:
    """The command line of each tool by its output folder."""
    out, speech, whisper = args.out, ["--speech", *args.speech], ["--whisper", args.whisper]
    moonshine = ["--moonshine", args.moonshine] if args.moonshine else []
    held_out, films = ["--held-out", str(args.held_out)], [str(train_lip_nets.weighted(film)[0]) for film in args.films]
    encoder, lips = ["--encoder", str(out / "encoder" / "encoder")], QUICK_LIPS if args.quick else []
    learn = ["--start", args.start, *(QUICK_ENCODER if args.quick else ["--steps", str(args.encoder_steps)])]
    layers = ["--layers", *map(str, args.layers)]
    nets = ["lips", *(["lips_moonshine"] if moonshine else []), "lips_encoder"]
    sources = {"lips": [*whisper, *layers], "lips_moonshine": moonshine, "lips_encoder": encoder}
    trained = {name: ["--data", *args.films, *sources[name], *lips] for name in nets}
    folders = [str(out / name) for name in nets]
    return {
        **{name: trained[name] for name in nets[:-1]},
        "encoder": [*whisper, *moonshine, "--lips", *folders[:-1], *speech, "--films", *films, *held_out, *learn],
        "lips_encoder": trained["lips_encoder"],
        "voices": ["--nets", *folders, *whisper, *moonshine, *encoder, *speech, *held_out, "--licence", args.licence],
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", nargs="+", required=True, metavar="FOLDER=WEIGHT")
    parser.add_argument("--speech", nargs="+", required=True, help="folders of recordings, or files")
    parser.add_argument("--whisper", required=True, help="Whisper base as a CTranslate2 file")
    parser.add_argument("--layers", type=int, nargs="+", default=LAYERS["whisper"], help="of Whisper")
    parser.add_argument("--moonshine", help="Moonshine base, whose nets teach, too: a folder of transformers, or a Hub id")
    parser.add_argument("--start", default="default", help="encoder to begin with, or gabor")
    parser.add_argument("--encoder-steps", type=int, default=1200)
    parser.add_argument("--held-out", type=int, default=20, help="recordings of each folder with phonemes that nothing learns")
    parser.add_argument("--licence", default="unknown", help="of the recordings")
    parser.add_argument("--recipe", default="configs/talker.yaml")
    parser.add_argument("--init", help="model whose motion space and prior are gone on with: a folder, or default")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="changes of the recipe")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(arguments)
    tools = {"encoder": train_encoder, "voices": label_lips}
    for name, line in stages(args).items():
        tool = tools.get(name, train_lip_nets)
        print(f"== {args.out / name}: {tool.__name__}.py {' '.join(line)}", flush=True)
        tool.main([*line, "--out", str(args.out / name)])
    talker = args.out / "talker"
    encoder, init = args.out / "encoder" / "encoder", args.out / "init"
    if args.init and not (init / CONFIG).exists():
        with_encoder(args.init, encoder, init)
    given = [data_of(args.films, args.out / "voices"), f"init={init}" if args.init else f"encoder={encoder}", f"out={talker}"]
    given += [*(QUICK_RECIPE if args.quick else []), *args.set]
    print(f"== {talker}: talkinghead train {args.recipe} {' '.join(given)}", flush=True)
    train(args.recipe, given)
    for name in (CONFIG, WEIGHTS, *PLOT):
        if (talker / name).exists():
            with replacing(args.out / "model" / PLOT.get(name, name)) as fresh:
                shutil.copyfile(talker / name, fresh)
    print(f"== {args.out / 'model'}: the model")


if __name__ == "__main__":
    run(main)
