"""Disentanglement of the motion space: how the face changes when the sound or the expression is another clip's.

For pairs of held-out clips, the encoder of stage 1 gets the sound of one clip and the motion of another. In MeshTalk's sense
(Richard et al. 2021) a space is disentangled if another sound changes the mouth and not the brows and lids, and another
expression the reverse.
B pairs, T frames at the model's rate, K coefficients, R regions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from talkinghead.animate.talker import Talker
from talkinghead.errors import InputError
from talkinghead.evaluate.selection import splits_of, spread
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.losses import geometry
from talkinghead.metrics.lips import pearson
from talkinghead.models.categorical import hard
from talkinghead.models.config import BLENDSHAPES
from talkinghead.models.template import template_code
from talkinghead.motion.animation import Animation

REGIONS = ("lips", "lower_face", "eyelids", "brows", "upper_face")  # those that the mesh has
STILL = 0.1  # mm: a region that another clip altogether changes less has no share
SWAPS = ("audio", "expression", "both")  # what is another clip's


@dataclass(frozen=True, eq=False)
class Swapped:
    """One pair of clips: what stage 1 makes of (T, K) `motions`, by what was swapped ("" is the clip itself)."""

    clip: str
    other: str
    head: Head
    names: list[str]
    fps: float
    truth: np.ndarray
    truth_other: np.ndarray
    motions: dict[str, np.ndarray]

    def animation(self, values: np.ndarray) -> Animation:
        return Animation(self.head.scatter_coefficients(values, self.names), self.fps, self.head)


def disentangle(
    talker: Talker, data: str | Path, *, split: str = "test", clips: int | None = 20, annotation: str | None = None
) -> dict:
    """How far the face moves when the audio, the expression, or both are another clip's; the figures of `report`.

    talker: any model with stage 1 trained. data: a prepared folder. clips: of the split, evenly spread; each is paired with
    the one half a round further on. Raises InputError where there are fewer than two clips, or no mesh.
    """
    return report(swap(talker, data, split=split, clips=clips, annotation=annotation))


def swap(
    talker: Talker, data: str | Path, *, split: str = "test", clips: int | None = 20, annotation: str | None = None
) -> list[Swapped]:
    """The pairs behind `disentangle`, to look at."""
    from talkinghead.data.loading.dataset import TrainingData

    config = talker.config
    with TemporaryDirectory() as place:
        prepared = TrainingData([Path(data)], Path(place), cached=False, names=config.annotations, heads=talker.heads)
        everything = (i for name in splits_of(split) for i in prepared.split(name))
        chosen = [i for i in everything if annotation in (None, prepared.clip(i).annotation)]
        kinds = {prepared.clip(i).annotation for i in chosen}
        if len(kinds) > 1:
            raise InputError(f"{data}: has motion of several kinds, {', '.join(sorted(kinds))}; choose one with --annotation")
        if len(chosen) < 2:
            raise InputError(f"{data}: the split {split} has {len(chosen)} clips; two or more are needed to swap them")
        if clips is not None:
            chosen = spread(chosen, clips)
        kind = kinds.pop()
        head = talker.heads.get(kind) or prepared.heads.get(kind)
        if head is None or kind not in config.annotations:
            raise InputError(f"{data}: swapping needs a mesh for its {kind} motion, and a model that was trained on it")
        inputs = [_inputs(talker, prepared, i) for i in chosen]
        names = [prepared.clip(i).id for i in chosen]
    half = len(inputs) // 2
    return [
        _pair(talker, head, kind, names[i], names[(i + half) % len(inputs)], inputs[i], inputs[(i + half) % len(inputs)])
        for i in range(len(inputs))
    ]


@torch.inference_mode()
def _inputs(talker: Talker, prepared, i: int) -> tuple[Tensor, Tensor]:
    """(1, T, D) features and (1, T, K) motion of a clip."""
    device = talker.network.device
    wave, motion = prepared.whole(i)
    features = talker.network.audio(torch.from_numpy(wave).float()[None].to(device))
    motion = torch.from_numpy(motion).float()[None].to(device)
    frames = min(features.shape[1], motion.shape[1])
    return features[:, :frames], motion[:, :frames]


@torch.inference_mode()
def _pair(talker: Talker, head: Head, kind: str, clip: str, other: str, first: tuple, second: tuple) -> Swapped:
    frames = min(first[0].shape[1], second[0].shape[1])
    (features, motion), (features_2, motion_2) = ([part[:, :frames] for part in clip] for clip in (first, second))
    template = torch.from_numpy(template_code(head, talker.config, kind))[None].to(motion.device)
    motions = {}
    for name, sound, shown in (
        ("", features, motion),
        ("audio", features_2, motion),
        ("expression", features, motion_2),
        ("both", features_2, motion_2),
    ):
        made = talker.network.motion.decoder(hard(talker.network.motion.encoder(shown, sound, kind)), template, kind)[0]
        motions[name] = (made.clamp(0, 1) if kind in BLENDSHAPES else made).cpu().numpy()
    truth, truth_other = (values[0].cpu().numpy() for values in (motion, motion_2))
    return Swapped(clip, other, head, talker.config.annotations[kind], talker.config.fps, truth, truth_other, motions)


def report(pairs: list[Swapped]) -> dict:
    """{"clips", "regions": {region: {...}}, "follows": {...}}.

    regions: in mm, roots of the mean squared distance of the region's vertices, averaged over frames and clips. audio,
    expression, both: from the clip's own reconstruction when these are swapped; error: of that reconstruction from the
    recorded motion; audio_share, expression_share: of what swapping both changes. follows: mean correlation over time of lip
    aperture, and of the lids' opening, when the audio is clip A's and the expression is clip B's, with A's and with B's.
    """
    head, names = pairs[0].head, pairs[0].names
    keep = [head.index(name) for name in names]
    grams = {
        region: geometry.gram(head, head.regions[region])[keep][:, keep].numpy()
        for region in REGIONS
        if region in head.regions and head.regions[region].any()
    }
    regions: dict[str, dict[str, float]] = {}
    for region, matrix in grams.items():
        row = {what: float(np.mean([_far(p.motions[what], p.motions[""], matrix) for p in pairs])) for what in SWAPS}
        row["error"] = float(np.mean([_far(p.motions[""], p.truth, matrix) for p in pairs]))
        for what in ("audio", "expression"):
            row[f"{what}_share"] = row[what] / max(row["both"], 1e-9)
        regions[region] = {name: round(value, 4) for name, value in row.items()}
    return {"clips": len(pairs), "regions": regions, "follows": _follows(pairs)}


def _far(a: np.ndarray, b: np.ndarray, matrix: np.ndarray) -> float:
    """mm: mean over frames of the root mean square distance of a region's vertices."""
    return float(_distances(a, b, matrix).mean())


def _distances(a: np.ndarray, b: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(T,) mm: root mean square distance of a region's vertices, whose `geometry.gram` is `matrix`."""
    d = (a - b).astype(np.float64)
    return np.sqrt(np.einsum("tk,kl,tl->t", d, matrix.astype(np.float64), d).clip(0))


def _follows(pairs: list[Swapped]) -> dict[str, dict[str, float]]:
    """Correlation of lips and lids with both clips, in reconstructions from the sound of one and the motion of the other."""
    curves = {"lips": ("lip_upper_inner", "lip_lower_inner"), "lids": ("eye_left_upper", "eye_left_lower")}
    out = {}
    for name, ends in curves.items():
        if not set(ends) <= pairs[0].head.landmarks.keys():
            continue
        values: dict[str, list[float]] = {"heard": [], "seen": [], "itself": []}
        for pair in pairs:
            opening = {
                what: _opening(pair.animation(motion), *ends)
                for what, motion in (("truth", pair.truth), ("other", pair.truth_other), *pair.motions.items())
            }
            values["heard"].append(pearson(opening["audio"], opening["other"]))  # its sound is the other's
            values["seen"].append(pearson(opening["audio"], opening["truth"]))
            values["itself"].append(pearson(opening[""], opening["truth"]))
        finite = {what: [r for r in rs if np.isfinite(r)] for what, rs in values.items()}
        if all(finite.values()):
            out[name] = {what: round(float(np.mean(rs)), 3) for what, rs in finite.items()}
    return out


def _opening(animation: Animation, upper: str, lower: str) -> np.ndarray:
    return np.linalg.norm(animation.landmark(upper) - animation.landmark(lower), axis=1).astype(np.float64)


def measure_models(
    systems, data: str | Path, *, split: str = "test", clips: int = 20, annotation: str | None = None, device: str = "cpu"
) -> dict[str, dict]:
    """{name: `disentangle`} of the models among `systems`, named as for `evaluate`. Raises InputError if there is none."""
    from talkinghead.evaluate.systems import Model, Options, find_systems

    models = [system for system in find_systems(systems, Options(device=device)) if isinstance(system, Model)]
    if not models:
        raise InputError("evaluate: only models have a motion space whose sound and expression could be swapped")
    return {m.name: disentangle(m.talker, data, split=split, clips=clips, annotation=annotation) for m in models}


def write(figures: dict[str, dict], out: str | Path) -> list[Path]:
    """disentangle.json and disentangle.png (one heat map a model) of {model: what `disentangle` returned} into a folder."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / "disentangle.json", out / "disentangle.png"]
    with replacing(paths[0]) as fresh:
        fresh.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    with replacing(paths[1]) as fresh:
        draw(figures).savefig(fresh, format="png", dpi=110)
    return paths


def draw(figures: dict[str, dict]):
    """A matplotlib figure: for each model, mm that each region moves when the sound or the expression is another clip's."""
    from matplotlib.figure import Figure

    picture = Figure(figsize=(7.5, 0.8 + 2.1 * len(figures)), layout="constrained")
    for axis, (name, found) in zip(picture.subplots(len(figures), 1, squeeze=False)[:, 0], figures.items(), strict=True):
        regions = found["regions"]
        share = np.array([[row[f"{what}_share"] for row in regions.values()] for what in ("audio", "expression")])
        share[:, [row["both"] < STILL for row in regions.values()]] = np.nan
        image = axis.imshow(share, cmap="magma", vmin=0, vmax=1, aspect="auto")
        for i, what in enumerate(("audio", "expression")):
            for j, row in enumerate(regions.values()):
                text = f"{row[what]:.2f} mm\n" + ("still" if np.isnan(share[i, j]) else f"{share[i, j]:.0%}")
                axis.text(j, i, text, ha="center", va="center", color="w" if share[i, j] < 0.6 else "k")
        axis.set_xticks(range(len(regions)), [region.replace("_", " ") for region in regions])
        axis.set_yticks([0, 1], ["another's\nsound", "another's\nexpression"])
        axis.set_title(f"{name}: {found['clips']} clips; % of what another clip altogether changes", fontsize=10)
        picture.colorbar(image, ax=axis, label="share")
    return picture


def table(figures: dict[str, dict]) -> str:
    """The figures as text, a line a region."""
    lines = []
    for name, found in figures.items():
        lines.append(f"{name}: change in mm when the audio, the expression or both are another clip's ({found['clips']} clips)")
        lines.append(f"  {'region':<12}{'audio':>16}{'expression':>16}{'both':>9}{'error':>9}")
        for region, row in found["regions"].items():
            cells = "".join(f"{row[what]:>9.3f}{row[f'{what}_share']:>7.0%}" for what in ("audio", "expression"))
            lines.append(f"  {region:<12}{cells}{row['both']:>9.3f}{row['error']:>9.3f}")
        for part, row in found["follows"].items():
            lines.append(f"  {part}: correlation {row['heard']:.2f} with the clip heard, {row['seen']:.2f} with the one seen")
    return "\n".join(lines)
