"""Why perceptual losses are put on a latent and not on motion: what an emotion loss alone makes of a neutral sentence.

    python tools/show_manifold.py data/grid --emotion happy

The loss `mesh_emotion` is lowered once by changing the coefficients of a spoken clip freely, frame by frame, and once by
changing the latent of which the frozen motion decoder of a model makes motion: a temporal prior, as FLINT is EMOTE's (Danecek
et al. 2023). For both it prints what the network sees, how jerky the motion is, and how far its frames are from any that is
real: from the nearest of many frames of other clips, with expressions put on, in mm of landmarks.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from talkinghead.animation import Animation
from talkinghead.audio import frame_times, load_audio
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion import read_motion
from talkinghead.face.expressions import EMOTIONS, Manner, draw_curve, layer
from talkinghead.face.head import Head
from talkinghead.losses.emotion import mesh_emotion
from talkinghead.models.emotion_net import MeshEmotion, emotion_map
from talkinghead.models.talker import Talker, template_code

FPS, FRAMES = 50.0, 128


def windows(folder: Path, count: int) -> list[tuple[np.ndarray, Path, int]]:
    """(FRAMES, K) weights of the default head, a window of each clip, with the recording and the frame at which it begins.

    The first is of a clip that is not trained on.
    """
    clips = [clip for clip in read_manifest(folder) if clip.annotation == "arkit" and clip.motion]
    clips = sorted(clips, key=lambda clip: (clip.split == "train", clip.id))
    head, out = Head.default(), []
    for clip in clips[:: max(1, len(clips) // count)]:
        motion = read_motion(folder / str(clip.motion))
        assert motion.coefficients is not None
        weights = head.spread(motion.coefficients, motion.names).clip(0, 1)
        found = Animation(weights, motion.fps, head).resample(FPS).coefficients
        if len(found) >= FRAMES:
            first = (len(found) - FRAMES) // 2  # people of such sets are silent as they begin and end
            out.append((found[first : first + FRAMES], folder / clip.audio, first))
    return out


def lowered(loss, start: torch.Tensor, made, steps: int, rate: float) -> torch.Tensor:
    """The motion that `made` makes of what Adam makes of `start`."""
    found = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([found], rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(made(found)).backward()
        optimizer.step()
    return made(found).detach()


def nearest(points: torch.Tensor, known: torch.Tensor) -> float:
    """Mean distance of (T, F) landmarks to the nearest of (N, F), in mm a landmark."""
    return float(torch.cdist(points, known).amin(1).mean() / (points.shape[1] / 3) ** 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a prepared folder with ARKit's shapes")
    parser.add_argument("--model", default=None, help="the one that ships, if not given")
    parser.add_argument("--emotion", default="happy", choices=EMOTIONS[1:])
    parser.add_argument("--intensity", type=float, default=0.8)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--clips", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    head, rng, net = Head.default(), np.random.default_rng(options.seed), MeshEmotion.from_pretrained()
    talker = Talker.from_pretrained(options.model).requires_grad_(False)
    names, places = talker.config.annotations["arkit"], emotion_map(head)
    assert places is not None, "the default head has these landmarks"
    keep = [head.index(name) for name in names]
    (spoken, recording, first), *others = windows(options.data, options.clips)
    times = frame_times(FRAMES, FPS)
    real = [layer(motion, draw_curve(rng, times), head.names, Manner.draw(rng), FPS) for motion, _, _ in others]
    known = torch.from_numpy(np.concatenate([motion[::2] for motion in real])) @ places
    curve = torch.zeros(1, FRAMES, len(EMOTIONS))
    curve[..., EMOTIONS.index(options.emotion)] = options.intensity
    wanted = torch.from_numpy(layer(spoken, curve[0].numpy(), head.names, Manner(), FPS))[:, keep]
    start = torch.from_numpy(spoken)[None, :, keep]
    template = torch.from_numpy(template_code(head, talker.config, "arkit"))[None]
    with torch.no_grad():
        heard = talker.audio(torch.from_numpy(load_audio(recording))[None])[:, first : first + FRAMES]
        latent = talker.motion.encoder(start[:, : heard.shape[1]], heard, "arkit")

    def loss(motion: torch.Tensor) -> torch.Tensor:
        return mesh_emotion(motion, curve, net, places[keep])

    def decoded(logits: torch.Tensor) -> torch.Tensor:
        return talker.motion.decoder(logits.softmax(-1), template, "arkit").clamp(0, 1)

    def report(name: str, motion: torch.Tensor) -> None:
        moved = motion @ places[keep]
        seen = net.watch(motion[None, : net.frames * net.step], places[keep])
        jerk = torch.diff(moved, 3, dim=0).square().mean().sqrt()
        line = {"loss": loss(motion[None]), "seen": seen.logits.softmax(-1)[0, EMOTIONS.index(options.emotion)]}
        line |= {"jerk_mm_per_frame3": jerk, "mm_from_real_frames": nearest(moved, known)}
        print(json.dumps({"motion": name, **{key: round(float(value), 4) for key, value in line.items()}}))

    with torch.no_grad():
        report("recorded, neutral", start[0])
        report("recorded, with an authored expression", wanted)
        report("the same through encoder and decoder", decoded(latent)[0])
    free = lowered(loss, start, lambda motion: motion.clamp(0, 1), options.steps, 0.02)
    bound = lowered(loss, latent, decoded, options.steps, 0.2)
    with torch.no_grad():
        report("coefficients changed freely", free[0])
        report("latent changed", bound[0])


if __name__ == "__main__":
    main()
