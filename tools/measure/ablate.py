"""What each family of losses adds: stage 1 once, then the prior with each set of losses, measured on held-out clips.

    python tools/measure/ablate.py configs/talker.yaml --out runs/ablation [--test data/grid data/facegood] [key=value ...]

All sets start from the same stage 1 and see the same windows in the same order for the same number of steps; geometry is the
recipe's own. Clips that have phonemes also teach when lips meet, touch and rest. Results are lines of OUT/ablation.jsonl (also
what the notebook draws), a table OUT/ablation.md and a plot OUT/ablation.png. An interrupted run goes on where it was; figures
that are there for the same set, data, recipe and steps are not made again. `--sets` runs some of them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from talkinghead.config import load_config
from talkinghead.data.manifest import read_manifest
from talkinghead.errors import InputError
from talkinghead.evaluate import evaluate
from talkinghead.files import recipe, replacing
from talkinghead.train import checkpoint
from talkinghead.train.config import TrainConfig
from talkinghead.train.loop import run_training
from talkinghead.train.objective.terms import GEOMETRY, STAGES, TERMS

CODES = {"code": 0.05, "code_feature": 0.5}
LIPS = {"shut": 0.2, "rest": 0.1, "touch": 0.1, "open": 0.2}
SETS: dict[str, dict[str, float]] = {  # beside the recipe's weights of geometry
    "geometry": {},
    "+ code": CODES,
    "+ shut, rest, touch": CODES | LIPS,
    "+ sync": CODES | {"sync": 0.2},
    "+ phoneme": CODES | {"phoneme": 0.2},
    "+ lip reading": CODES | {"lipreading": 15.0},
    "all": CODES | LIPS | {"sync": 0.2, "phoneme": 0.2, "lipreading": 15.0},
}
COLUMNS = {  # of evaluate: what is printed, and whether more is better
    "aperture_r": ("aperture r", True),
    "width_r": ("width r", True),
    "lve_mm": ("LVE, mm", False),
    "closure_recall": ("closure recall", True),
    "closure_precision": ("closure precision", True),
    "bilabial_recall": ("p b m shut", True),
    "labiodental_miss": ("f v to teeth, mm", False),
    "sync_likeness": ("sync likeness", True),
    "sync_lag": ("sync lag, ms", None),
}
RESULTS = "ablation.jsonl"
BESIDE = ("out", "eval_every", "validation", "videos", "workers", "device")  # of a recipe, what changes no weights


def weights_of(config: TrainConfig, extra: dict[str, float]) -> dict[str, float]:
    """The recipe's geometry and the set's own terms; those that this version does not have are left out."""
    geometry = {name: weight for name, weight in config.prior.weights.items() if name in GEOMETRY}
    return geometry | {name: weight for name, weight in extra.items() if name in TERMS["prior"]}


def trained(config: TrainConfig, out: Path, name: str, extra: dict[str, float]) -> Path:
    """The folder of a model whose prior was trained with a set of losses; goes on where it was."""
    motion = only(config, ("motion",))
    first = folder_of(motion, out, "motion")
    run_training(replace(motion, out=str(first)))
    whole = only(replace(config, prior=replace(config.prior, weights=weights_of(config, extra))), ("motion", "prior"))
    folder = folder_of(whole, out, name)
    if not (folder / checkpoint.NAME).exists():
        shutil.copyfile(first / checkpoint.NAME, folder / checkpoint.NAME)
    return run_training(replace(whole, out=str(folder)))


def folder_of(config: TrainConfig, out: Path, name: str) -> Path:
    """A folder for one training, another one for each recipe; all share the features, which are large."""
    folder, features = out / f"{slug(name)}-{digest(config)}", out / "features"
    folder.mkdir(parents=True, exist_ok=True)
    features.mkdir(exist_ok=True)
    if not (folder / "features").exists():
        (folder / "features").symlink_to(features.resolve())
    return folder


def digest(config: TrainConfig) -> str:
    """Changes with whatever of a recipe changes the model."""
    text = json.dumps({name: value for name, value in asdict(config).items() if name not in BESIDE}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def only(config: TrainConfig, stages: tuple[str, ...]) -> TrainConfig:
    """The recipe with no other stages; a copy, since a training fills in what its data are."""
    config = deepcopy(config)
    others = {name: replace(getattr(config, name), steps=0) for name in STAGES if name not in stages}
    return replace(config, **others)


def slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name.replace("+ ", "with_"))


def measured(model: Path, name: str, data: Path, split: str, clips: int | None) -> dict[str, dict]:
    """Figures of one model, and of the recorded motion as "recorded", with their intervals."""
    report = evaluate({name: model}, data, split=split, idle=0, clips=clips, videos=0)
    found = report["results"]
    return {
        label: {key: {k: found[source][key][k] for k in ("value", "low", "high")} for key in COLUMNS if key in found[source]}
        for label, source in ((name, name), ("recorded", "truth"))
    }


def ablate(config: TrainConfig, out: Path, tests: list[Path], split: str, clips: int | None, sets: list[str]) -> list[dict]:
    """All lines of the sets, old and new; each is written as soon as it is known."""
    path, console = out / RESULTS, Console(stderr=True)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    for place, name in enumerate(sets):
        absent = [term for term in SETS[name] if term not in TERMS["prior"]]
        if absent and not weights_of(config, SETS[name]).keys() - weights_of(config, CODES).keys():
            console.print(f"{name}: left out, this version has no loss {', '.join(absent)}")
            continue
        common = {"steps": config.prior.steps, "seed": config.seed, "split": split, "clips": clips}
        common |= {"weights": weights_of(config, SETS[name]), "recipe": digest(config)}
        asked = [data for data in tests if not any(_same(line, name, data, common) for line in lines)]
        console.print(f"[{place + 1}/{len(sets)}] {name}" + ("" if asked else ": done"), markup=False)
        if not asked:
            continue
        model = trained(config, out, name, SETS[name])
        for data in asked:
            found = measured(model, name, data, split, clips)
            lines = [line for line in lines if not (line["set"] == name and line["data"] == data.name)]
            lines.append({"set": name, "data": data.name, **common, "figures": found[name]})
            lines = [line for line in lines if not (line["set"] == "recorded" and line["data"] == data.name)]
            lines.append({"set": "recorded", "data": data.name, **common, "weights": {}, "figures": found["recorded"]})
            with replacing(path) as fresh:
                fresh.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return lines


def _same(line: dict, name: str, data: Path, common: dict) -> bool:
    return line["set"] == name and line["data"] == data.name and all(line.get(key) == value for key, value in common.items())


def table(lines: list[dict]) -> str:
    """Markdown, a table for each data set; the best of a column is bold."""
    out = []
    for data in dict.fromkeys(line["data"] for line in lines):
        rows = {line["set"]: line["figures"] for line in lines if line["data"] == data}
        order = [name for name in (*SETS, "recorded") if name in rows]
        columns = [key for key in COLUMNS if any(key in rows[name] for name in order)]
        steps = next(line["steps"] for line in lines if line["data"] == data)
        out += [f"{data}, prior trained for {steps} steps\n", "| | " + " | ".join(COLUMNS[key][0] for key in columns) + " |"]
        out.append("|---" * (len(columns) + 1) + "|")
        best = {key: _best(key, rows) for key in columns}
        for name in order:
            cells = [_cell(rows[name].get(key), name == best[key]) for key in columns]
            out.append(f"| {name} | " + " | ".join(cells) + " |")
        out.append("")
    return "\n".join(out)


def _best(key: str, rows: dict[str, dict]) -> str | None:
    values = {name: figures[key]["value"] for name, figures in rows.items() if key in figures and name != "recorded"}
    more = COLUMNS[key][1]
    return None if more is None or not values else (max if more else min)(values, key=lambda name: values[name])


def _cell(figure: dict | None, best: bool) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    text = f"{figure['value']:.3g}"
    return f"**{text}**" if best else text


def plot(path: Path, lines: list[dict]) -> None:
    """Bars with their intervals: a row for each data set, a column for each figure; the recorded motion is a dashed line."""
    from matplotlib.figure import Figure

    data = list(dict.fromkeys(line["data"] for line in lines))
    columns = [key for key in COLUMNS if key != "sync_lag" and any(key in line["figures"] for line in lines)]
    figure = Figure(figsize=(1.9 * len(columns) + 1.5, 2.4 * len(data)), layout="constrained")
    axes = figure.subplots(len(data), len(columns), squeeze=False)
    for row, name in enumerate(data):
        found = {line["set"]: line["figures"] for line in lines if line["data"] == name}
        sets = [label for label in SETS if label in found]
        for axis, key in zip(axes[row], columns, strict=True):
            bars(axis, {label: found[label].get(key) for label in sets}, found.get("recorded", {}).get(key))
            axis.set_title(COLUMNS[key][0] if row == 0 else "", fontsize=9)
            if not any(key in found[label] for label in sets):
                axis.set_axis_off()
            first = axis is axes[row][0]
            axis.set_yticks(range(len(sets)) if first else [], sets if first else [])
        axes[row][0].set_ylabel(name)
    figure.savefig(path, dpi=110)


def bars(axis, figures: dict[str, dict | None], truth: dict | None) -> None:
    """One panel: values with intervals, from the first set above to the last below."""
    for place, figure in enumerate(figures.values()):
        if figure is None:
            continue
        axis.barh(place, figure["value"], color="#4477aa" if place else "#bbbbbb", height=0.7)
        if figure["low"] is not None:
            axis.plot([figure["low"], figure["high"]], [place, place], color="black", linewidth=1)
    if truth is not None:
        axis.axvline(truth["value"], color="#ee6677", linestyle="--", linewidth=1)
    shown = [figure for figure in (*figures.values(), truth) if figure]
    known = [figure[k] for figure in shown for k in ("value", "low", "high") if figure[k] is not None]
    if known and min(known) > 0.5 * max(known):  # bars that start at 0 would all look alike
        axis.set_xlim(min(known) - 0.3 * (max(known) - min(known)) - 1e-3, max(known) + 0.1 * (max(known) - min(known)) + 1e-3)
    axis.invert_yaxis()
    axis.tick_params(labelsize=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--test", type=Path, nargs="+", help="prepared folders; those of the recipe")
    parser.add_argument("--split", default="test")
    parser.add_argument("--clips", type=int)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    args = parser.parse_intermixed_args()
    config = load_config(TrainConfig, recipe(args.recipe), [*args.overrides, f"out={args.out}"])
    tests = args.test or [Path(folder) for folder in config.data]
    tests = [folder for folder in tests if any(clip.split == args.split for clip in read_manifest(folder))]
    if not tests:
        raise SystemExit(f"no data has clips of split {args.split}")
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        lines = ablate(config, args.out, tests, args.split, args.clips, args.sets)
    except InputError as error:
        raise SystemExit(str(error)) from None
    (args.out / "ablation.md").write_text(table(lines) + "\n", encoding="utf-8")
    plot(args.out / "ablation.png", lines)
    print(table(lines))


if __name__ == "__main__":
    main()
