"""The page about a prepared dataset, OUT/index.html: how much of what, how it moves, sounds and looks, what was dropped.

One file without scripts, links or fonts of others. How clips move and sound is measured on a sample of them, so that the page
of a large set takes seconds, too. Plots need matplotlib (the extra `train`); without it there is a table of their figures.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from talkinghead.audio.load import load_audio
from talkinghead.data.convert.summary import meaning
from talkinghead.data.manifest import SPLITS, Clip
from talkinghead.data.motion_file import animation_of, head_of, read_meta, read_motion
from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.fingerprint import digest
from talkinghead.motion.animation import Animation

PAGE = "index.html"
VERSION = 1
SAMPLE, BYTES = 60, 400e6  # clips that are measured, and what is read of them at most
SHEET = 8  # clips on the contact sheet
PICTURE = 176  # pixels, side of a picture
LISTED = 300  # dropped clips on the page
BARS = 16  # speakers, or emotions, in a chart
LOUD = 0.1  # of the loudest: sound above this is speech


@dataclass(frozen=True, eq=False)
class Measured:
    """A clip of the sample. opening: (T,) mm, of the lips where the head has landmarks, else displacement of what moves."""

    clip: Clip
    loudness: float  # dB of full scale, RMS while there is speech
    opening: np.ndarray | None
    speed: float | None  # mm/s, RMS of the opening's change
    lips: bool
    animation: Animation | None  # of the three moments on the sheet: least, median and widest
    moments: tuple[float, ...]  # seconds


def write_page(out: Path, report: dict, clips: Sequence[Clip]) -> Path:
    """Write the page unless it is there and nothing changed since; its path."""
    path = out / PAGE
    sample = _sample(out, clips)
    made = [read_meta(out / clip.motion).get("mark") for clip in sample]
    mark = digest([VERSION, report, made, find_spec("matplotlib") is not None])
    if path.exists() and mark in path.read_text(encoding="utf-8")[:400]:
        return path
    measured = [_measure(out, clip) for clip in sample]
    minutes = {split: [c.duration / 60 for c in clips if c.split == split] for split in SPLITS}
    parts = [
        _head(report, mark),
        _tiles(report, minutes),
        _plots(clips, measured),
        _sheet(measured),
        _quality(report),
        _dropped(report),
        "</main></body></html>\n",
    ]
    with replacing(path) as fresh:
        fresh.write_text("\n".join(parts), encoding="utf-8")
    return path


def _sample(out: Path, clips: Sequence[Clip]) -> list[Clip]:
    """Clips spread over the whole set, as many as are quickly read; none of shards, whose clips are no files."""
    places = np.unique(np.linspace(0, len(clips) - 1, min(SAMPLE, len(clips))).round().astype(int))
    rng = np.random.default_rng(0)
    found, size = [], 0.0
    for i in rng.permutation(places):
        clip = clips[int(i)]
        if not (out / clip.motion).is_file():
            return []
        size += (out / clip.motion).stat().st_size
        if size > BYTES and found:
            break
        found.append(clip)
    return sorted(found, key=lambda clip: clip.id)


def _measure(out: Path, clip: Clip) -> Measured:
    wave = load_audio(out / clip.audio)
    level = np.sqrt(np.convolve(wave.astype(np.float64) ** 2, np.full(1600, 1 / 1600), "same"))[::800]
    loudness = float(20 * np.log10(np.sqrt(np.mean(level[level >= LOUD * level.max()] ** 2)) + 1e-9))
    motion = read_motion(out / clip.motion)
    try:
        animation = animation_of(motion, head_of(out, clip), clip.id)
    except InputError:  # parameters of a face whose model is not there
        return Measured(clip, loudness, None, None, False, None, ())
    lips = {"lip_upper_inner", "lip_lower_inner"} <= set(animation.head.landmarks)
    opening = 1000 * (animation.lip_aperture() if lips else _displacement(animation))
    speed = float(np.sqrt(np.mean((np.diff(opening) * motion.fps) ** 2))) if len(opening) > 1 else 0.0
    order = np.argsort(opening, kind="stable")
    moments = [int(order[i]) for i in (0, len(order) // 2, -1)]
    picked = {
        n: v[moments] for n in ("residual", "rotation", "translation", "gaze") if (v := getattr(animation, n)) is not None
    }
    three = replace(animation, coefficients=animation.coefficients[moments], **picked)
    return Measured(clip, loudness, opening, speed, lips, three, tuple((t + 0.5) / motion.fps for t in moments))


def _displacement(animation: Animation) -> np.ndarray:
    """(T,) metres, RMS over the tenth of the vertices that move most."""
    away = np.stack([np.linalg.norm(animation.offsets(t), axis=1) for t in range(len(animation))])
    most = np.argsort(away.std(0))[-max(1, away.shape[1] // 10) :]
    return np.sqrt(np.mean(away[:, most] ** 2, 1))


def _head(report: dict, mark: str) -> str:
    title = f"{report['source']}: a dataset of talkinghead"
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><!-- {mark} -->
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title><style>{STYLE}</style></head>
<body><main><h1>{escape(report["source"])}</h1>"""


def _tiles(report: dict, minutes: dict[str, list[float]]) -> str:
    total = sum(map(sum, minutes.values()))
    long = f"{total / 60:.1f} hours" if total >= 120 else f"{total:.1f} minutes" if total >= 2 else f"{60 * total:.1f} s"
    unit, scale = ("minutes", 1) if total >= 10 else ("seconds", 60)
    dropped = len(report["dropped"])
    tiles = [
        (f"{report['clips']}", "clips" if report["clips"] != 1 else "clip"),
        (long, "of sound and motion"),
        (str(len(report["speakers"])), "speakers" if len(report["speakers"]) != 1 else "speaker"),
        (", ".join(report["annotations"]), "kind of motion" if len(report["annotations"]) == 1 else "kinds of motion"),
        (str(dropped), "dropped" + (", see below" if dropped else "")),
    ]
    boxes = "".join(f"<div><b>{escape(value)}</b><span>{escape(what)}</span></div>" for value, what in tiles)
    rows = "".join(
        f"<tr><td>{split}</td><td>{count}</td><td>{scale * m:.1f}</td><td>{100 * m / max(total, 1e-9):.0f} %</td></tr>"
        for split, count, m in ((split, len(m), sum(m)) for split, m in minutes.items())
    )
    how = f"<p>Splits: {escape(report['split'])}.</p>" if "split" in report else ""
    table = f"<table><tr><th>split</th><th>clips</th><th>{unit}</th><th>share</th></tr>{rows}</table>"
    return f'<section class="tiles">{boxes}</section><section>{how}{table}</section>'


def _plots(clips: Sequence[Clip], measured: list[Measured]) -> str:
    speakers, emotions = _minutes(clips, "speaker"), _minutes(clips, "emotion")
    values: dict[str, np.ndarray] = {"length of a clip (s)": np.array([clip.duration for clip in clips])}
    for lips, name in ((True, "widest opening of the lips"), (False, "largest displacement")):
        mine = [m for m in measured if m.opening is not None and m.lips == lips]
        if mine:
            values[f"{name} (mm)"] = np.array([m.opening.max() for m in mine if m.opening is not None])
            values[f"{'speed of the lips' if lips else 'speed'} (mm/s)"] = np.array([m.speed for m in mine])
    if measured:
        values["loudness of speech (dBFS)"] = np.array([m.loudness for m in measured])
    few = f" All but the lengths are of a sample of {len(measured)} clips." if 0 < len(measured) < len(clips) else ""
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(f'<td>{np.percentile(v, q):.4g}</td>' for q in (0, 50, 100))}</tr>"
        for name, v in values.items()
    )
    table = f"<table><tr><th></th><th>least</th><th>median</th><th>most</th></tr>{rows}</table>"
    if find_spec("matplotlib") is None:
        advice = f"{few} Plots need matplotlib: pip install 'talkinghead[data]'."
        return f"<section><h2>In figures</h2><p>{advice}</p>{table}</section>"
    bars = {"speaker": speakers, "emotion": emotions if set(emotions) != {"unknown"} else {}}
    charts = "".join(_bars(f"minutes by {name}", counts) for name, counts in bars.items() if len(counts) > 1)
    return f"<section><h2>In figures</h2>{_histograms(values)}<p>{few}</p>{table}<div class=bars>{charts}</div></section>"


def _minutes(clips: Sequence[Clip], by: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for clip in clips:
        key = getattr(clip, by) or "unknown"
        found[key] = found.get(key, 0.0) + clip.duration / 60
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _histograms(values: dict[str, np.ndarray]) -> str:
    from matplotlib.figure import Figure

    columns = 4 if len(values) == 4 else min(3, len(values))
    lines = -(-len(values) // columns)
    figure = Figure(figsize=(10.5, 2.1 * lines), layout="constrained")
    for axis, (name, v) in zip(figure.subplots(lines, columns, squeeze=False).flat, values.items(), strict=False):
        bins = max(5, min(30, round(2 * np.sqrt(len(v)))))
        # Equal values are one bar, and rounding loses none at the ends.
        middle, wide = (v.min() + v.max()) / 2, 1.001 * max(np.ptp(v), 0.02 * np.abs(v).max(), 1e-9)
        axis.hist(v, bins=bins, range=(middle - wide / 2, middle + wide / 2), color=BLUE)
        axis.set_title(name, fontsize=9, loc="left")
        _plain(axis)
        axis.locator_params(axis="x", nbins=5)
        axis.locator_params(axis="y", nbins=5, integer=True)
    for axis in figure.axes[len(values) :]:
        axis.set_visible(False)
    return _svg(figure)


def _bars(title: str, counts: dict[str, float]) -> str:
    from matplotlib.figure import Figure

    shown = dict(list(counts.items())[:BARS])
    if len(rest := list(counts.values())[BARS:]):
        shown[f"{len(rest)} others"] = sum(rest)
    figure = Figure(figsize=(5.2, 0.6 + 0.22 * len(shown)), layout="constrained")
    axis = figure.subplots()
    axis.barh([_short(name) for name in shown], list(shown.values()), color=BLUE, height=0.7)
    axis.invert_yaxis()
    axis.margins(y=0.02)
    axis.set_title(title, fontsize=9, loc="left")
    _plain(axis)
    return _svg(figure)


def _plain(axis) -> None:
    axis.tick_params(labelsize=8, length=2)
    axis.spines[["top", "right"]].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"


def _svg(figure) -> str:
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "talkinghead", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    return text.getvalue()[text.getvalue().index("<svg") :]


def _sheet(measured: list[Measured]) -> str:
    """Three moments each of some clips, drawn by the package's renderer; as points where the mesh has no faces."""
    usable = [m for m in measured if m.animation is not None]
    chosen, rows = _various(usable), []
    try:
        if not usable:
            raise InputError("no mesh is known for this kind of motion" if measured else "the clips are in shards")
        drawn = _pictures(chosen)
    except InputError as error:  # also where no renderer works
        return f"<section><h2>Contact sheet</h2><p>None: {escape(str(error))}.</p></section>"
    for m, pictures in zip(chosen, drawn, strict=True):
        images = "".join(
            f'<figure><img alt="" src="{_data(p)}"><figcaption>{t:.2f} s</figcaption></figure>'
            for p, t in zip(pictures, m.moments, strict=True)
        )
        about = " · ".join(filter(None, [m.clip.speaker, m.clip.emotion, m.clip.split]))
        rows.append(f"<div class=clip><p><b>{escape(m.clip.id)}</b><br>{escape(about)}</p>{images}</div>")
    what = "the lips are open" if all(m.lips for m in chosen) else "the face is away from rest"
    text = f"<p>Moments when {what} least, middling and most.</p>"
    return f'<section><h2>Contact sheet</h2>{text}<div class="sheet">{"".join(rows)}</div></section>'


def _various(measured: list[Measured]) -> list[Measured]:
    """Some clips: of all kinds of motion, of many speakers, and of all emotions, as far as possible."""
    chosen: list[Measured] = []
    left = list(measured)
    while left and len(chosen) < SHEET:
        seen = [(m.clip.annotation, m.clip.speaker, m.clip.emotion) for m in chosen]
        counts = [
            tuple(sum(s[i] == key for s in seen) for i, key in enumerate((m.clip.annotation, m.clip.speaker, m.clip.emotion)))
            for m in left
        ]
        chosen.append(left.pop(counts.index(min(counts))))
    return sorted(chosen, key=lambda m: (m.clip.annotation, m.clip.speaker, m.clip.id))


def _pictures(chosen: list[Measured]) -> list[list[np.ndarray]]:
    """For each clip its (H, W, 3) pictures. Clips of one head come together: to light a head takes longer than to draw it."""
    from talkinghead.rendering.renderer import choose, frames

    groups: dict[int, list[int]] = {}
    for i, m in enumerate(chosen):
        assert m.animation is not None
        groups.setdefault(id(m.animation.head), []).append(i)
    found: list[list[np.ndarray]] = [[] for _ in chosen]
    backend = choose()
    for places in groups.values():
        animations = [a for i in places if (a := chosen[i].animation) is not None]
        if not len(animations[0].head.faces):
            drawn = [_points(a.vertices(t)) for a in animations for t in range(len(a))]
        else:
            drawn = [picture for a in animations for picture in frames(a, size=PICTURE, backend=backend)]
        for k, i in enumerate(places):
            found[i] = drawn[3 * k : 3 * k + 3]
    return found


def _points(vertices: np.ndarray) -> np.ndarray:
    """(V, 3) as a picture (PICTURE, PICTURE, 3) uint8: points seen from the front, nearer ones darker."""
    low, high = vertices.min(0), vertices.max(0)
    scale = 0.9 * PICTURE / max(float((high - low)[:2].max()), 1e-9)
    place = (vertices - (low + high) / 2)[:, :2] * scale * [1, -1] + PICTURE / 2
    order = np.argsort(vertices[:, 2])
    column, row = np.clip(place[order].round().astype(int), 0, PICTURE - 2).T
    shade = (200 - 150 * (vertices[order, 2] - low[2]) / max(float(high[2] - low[2]), 1e-9)).astype(np.uint8)
    picture = np.full((PICTURE, PICTURE, 3), 246, np.uint8)
    grow = 1 if len(vertices) > 4000 else 2
    for dx in range(grow):
        for dy in range(grow):
            picture[row + dy, column + dx] = shade[:, None]
    return picture


def _data(picture: np.ndarray) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _quality(report: dict) -> str:
    if not report["quality"]:
        return ""
    rows = "".join(
        f"<tr><td>{escape(meaning(name))}</td><td>{v['median']:g}</td><td>{v['worst']:g}</td></tr>"
        for name, v in report["quality"].items()
    )
    return f"<section><h2>Quality</h2><table><tr><th></th><th>median</th><th>least</th></tr>{rows}</table></section>"


def _dropped(report: dict) -> str:
    dropped = report["dropped"]
    if not dropped:
        return ""
    rows = "".join(f"<tr><td>{escape(d['id'])}</td><td class=text>{escape(d['reason'])}</td></tr>" for d in dropped[:LISTED])
    more = f"<p>and {len(dropped) - LISTED} more: report.json lists them.</p>" if len(dropped) > LISTED else ""
    heads = "<tr><th>clip</th><th class=text>why</th></tr>"
    return f"<section><h2>Dropped</h2><table>{heads}{rows}</table>{more}</section>"


BLUE = "#3b6ea8"
STYLE = """
body { margin: 0; background: #fafafa; color: #222; font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 1.5rem }
h1 { margin: 0 0 1rem; font-size: 1.7rem } h2 { margin: 0 0 .6rem; font-size: 1.15rem }
section { background: #fff; border: 1px solid #e4e4e4; border-radius: 8px; padding: 1rem 1.2rem; margin: 0 0 1rem }
.tiles { display: flex; flex-wrap: wrap; gap: 2rem } .tiles b { display: block; font-size: 1.35rem; font-weight: 600 }
.bars { display: flex; flex-wrap: wrap; gap: 1rem; align-items: start; margin-top: .8rem }
.tiles span { color: #666 } svg { max-width: 100%; height: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .2rem .8rem .2rem 0; text-align: right }
th { font-weight: 600; color: #666; border-bottom: 1px solid #ddd } td:first-child, th:first-child, .text { text-align: left }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(490px, 1fr)); gap: .8rem 1.2rem }
.clip { display: grid; grid-template-columns: 1fr repeat(3, minmax(0, 116px)); gap: 4px; align-items: start }
.clip p { margin: 0; font-size: 13px; color: #666; overflow-wrap: anywhere } .clip b { color: #222 }
figure { margin: 0 } img { width: 100%; height: auto; border-radius: 5px; display: block }
figcaption { font-size: 12px; color: #888; text-align: center }
p { margin: 0 0 .6rem }
"""
