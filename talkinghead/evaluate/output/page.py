"""index.html: one file without outside parts. Table, charts, films, curves and definitions; its plots are drawn here as SVG."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.data.manifest import Clip
from talkinghead.evaluate.output.format import best_of, cell, number
from talkinghead.evaluate.output.videos import still
from talkinghead.evaluate.table import FAMILIES, HEADLINE, LEVEL, METRICS

MOST_CLIPS = 24  # with curves on the page; report.json has figures of all
COLOURS = ("#d1495b", "#2e7fb8", "#e0972f", "#5b8c3e", "#8e5aa8", "#17877d", "#b5651d", "#6b7280", "#c2478f", "#4b5563")
TRUTH_COLOUR = "#111827"
LEFT, WIDTH, HEIGHT, WAVE = 46, 940, 110, 46  # pixels: margin and area of a plot, and the sound above it
STYLE = """
:root{--ink:#111827;--soft:#6b7280;--line:#e5e7eb}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1120px;padding:32px 24px 80px;color:var(--ink);background:#fff;
 font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:26px;margin:0 0 4px}
h2{font-size:19px;margin:44px 0 10px;padding-top:14px;border-top:1px solid var(--line)}
h3{font-size:15px;margin:26px 0 6px}
p,li{max-width:86ch}
.soft,small{color:var(--soft)}
a{color:#1d4ed8}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:5px 14px 5px 0;text-align:right;vertical-align:top;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-right:24px}
td small{display:block;font-size:11.5px;line-height:1.3}
thead th{vertical-align:bottom;border-bottom:2px solid var(--ink)}
tr.family td{padding-top:16px;font-weight:600;color:var(--soft)}
td.best{font-weight:700}
td.best small{font-weight:400}
.dot{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:14px 28px}
.charts h3{margin:8px 0 0}
.key{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;margin:6px 0 10px}
ul.list{list-style:none;padding:0;font-size:14px}
.line{font-size:13px;margin:4px 0}
video{width:100%;max-width:900px;border:1px solid var(--line)}
svg{max-width:100%;height:auto;display:block}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
summary{cursor:pointer}
dt{font-weight:600;margin-top:12px}
dd{margin:2px 0 0;max-width:92ch}
"""
PLAYHEAD = """
document.querySelectorAll("video").forEach(v=>{const lines=v.closest("section").querySelectorAll("line.now");
const move=()=>{lines.forEach(l=>{const x=l.dataset.left*1+v.currentTime*l.dataset.scale;l.setAttribute("x1",x);
l.setAttribute("x2",x);l.setAttribute("visibility","visible")});if(!v.paused)requestAnimationFrame(move)};
["play","seeked","timeupdate"].forEach(e=>v.addEventListener(e,move))});
"""


def page(report: dict, folder: Path, clips: list[Clip], results: dict, films: dict[str, Path], sheets: dict[str, Path]) -> str:
    """The whole document. sheets: pictures of the emotions of models, by name."""
    names = list(report["systems"])
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)} | {"truth": TRUTH_COLOUR}
    about = report["data"]
    shown = _shown(clips, films)
    title = f"Evaluation on {about['folder']}, {report['conditions']['split']} split"
    people = f"{len(about['speakers'])} speakers" if len(about["speakers"]) > 1 else f"speaker {about['speakers'][0]}"
    size = f"{about['clips']} clip{'s' * (about['clips'] > 1)}, {_length(about['seconds'])}"
    origin = f"{about['annotation']} motion from {about['source']}; lips of the {about['lips_of']}"
    subtitle = f"{size}, {people}; {origin}; talkinghead {report['talkinghead']}"
    parts = [
        f"<h1>{escape(title)}</h1><p class=soft>{escape(subtitle)}</p>",
        _systems(report, colours),
        f"<h2>Figures</h2><p>Value, and under it the {LEVEL:g} % bootstrap interval over clips, from three on. Bold is the "
        "best of the systems; arrows say what is better. Hover over a name for its definition, or follow it.</p>",
        _table(report, colours),
        "<h2>At a glance</h2>" + _charts(report, colours),
    ]
    for name, found in report.get("emotions", {}).items():
        parts.append(_emotions(name, found, sheets.get(name)))
    if films:
        parts.append("<h2>Side by side</h2><p class=soft>The line in the curves below a film follows it as it plays.</p>")
        by_id = {clip.id: clip for clip in clips}
        parts += [_clip(folder, by_id[name], report, results, colours, films[name]) for name in films]
    rest = [clip for clip in shown if clip.id not in films]
    if rest:
        parts.append("<h2>Lips of single clips</h2>")
        parts += [_clip(folder, clip, report, results, colours, None) for clip in rest]
        if len(shown) < len(clips):
            parts.append(f"<p class=soft>{len(shown)} of {len(clips)} clips are drawn; report.json has the figures of all.</p>")
    parts += [_definitions(report), _conditions(report)]
    head = f'<meta charset=utf-8><meta name=viewport content="width=device-width"><title>{escape(title)}</title>'
    head = f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head>"
    return f"{head}<body>{''.join(parts)}<script>{PLAYHEAD}</script></body></html>\n"


def _shown(clips: list[Clip], films: dict[str, Path]) -> list[Clip]:
    """At most `MOST_CLIPS`, evenly spread, those with films first."""
    rest = [clip for clip in clips if clip.id not in films]
    room = max(0, MOST_CLIPS - len(films))
    picked = np.unique(np.linspace(0, len(rest) - 1, min(room, len(rest))).round().astype(int)) if rest else []
    return [clip for clip in clips if clip.id in films] + [rest[i] for i in picked]


def _systems(report: dict, colours: dict[str, str]) -> str:
    notes = [
        f"<li>{_dot(colours[name])}<b>{escape(name)}</b>{': ' if about['note'] else ''}{escape(about['note'])}</li>"
        for name, about in report["systems"].items()
    ]
    told = "".join(f"<li>{escape(note)}</li>" for note in report["notes"])
    return f"<ul class=list>{''.join(notes)}</ul>" + (
        f"<details open><summary>Notes</summary><ul>{told}</ul></details>" if told else ""
    )


def _table(report: dict, colours: dict[str, str]) -> str:
    results = report["results"]
    names = [*report["systems"], *(["truth"] if results["truth"] else [])]
    head = "".join(f"<th>{_dot(colours[name])}{escape(name)}</th>" for name in names)
    rows = []
    for family, keys in FAMILIES.items():
        used = [key for key in keys.split() if key in report["metrics"]]
        if used:
            rows.append(f"<tr class=family><td colspan={len(names) + 1}>{family}</td></tr>")
        for key in used:
            top, cells = best_of(key, results), []
            for name in names:
                value, interval = cell(key, results[name].get(key))
                mark = " class=best" if name in top else ""
                cells.append(f"<td{mark}>{value}{f'<small>{interval}</small>' if interval else ''}</td>")
            rows.append(f"<tr><td>{_named(key)}</td>{''.join(cells)}</tr>")
    return f"<div class=scroll><table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _named(key: str) -> str:
    metric = METRICS[key]
    arrow = {"lower": "↓", "higher": "↑", "one": "→ 1", "zero": "→ 0"}.get(metric.better, "")
    unit = f" <span class=soft>{metric.unit}</span>" if metric.unit else ""
    return f'<a href="#{key}" title="{escape(metric.definition)}">{metric.name}</a>{unit} {arrow}'


def _charts(report: dict, colours: dict[str, str]) -> str:
    """Dots with intervals, one small chart a headline metric."""
    charts = [f"<div><h3>{_named(k)}</h3>{_chart(k, report, colours)}</div>" for k in HEADLINE if k in report["metrics"]]
    return f"<div class=charts>{''.join(charts)}</div>"


def _chart(key: str, report: dict, colours: dict[str, str]) -> str:
    results, left, wide = report["results"], 106, 214
    names = [name for name in [*report["systems"], "truth"] if key in results[name]]
    values = [v for name in names for v in (results[name][key][k] for k in ("value", "low", "high")) if v is not None]
    aim = {"one": [0.0, 1.0], "lower": [0.0], "higher": [0.0, 1.0]}.get(METRICS[key].better, [])
    low, high = min([*values, *aim]), max([*values, *aim])

    def x(value: float) -> float:
        return round(left + wide * (value - low) / ((high - low) or 1.0), 1)

    bottom = 10 + 20 * len(names)
    parts = [f'<line x1={left} x2={left + wide} y1={bottom} y2={bottom} stroke="#d1d5db"/>']
    if METRICS[key].better == "one":
        parts.append(f'<line x1={x(1)} x2={x(1)} y1=2 y2={bottom} stroke="#9ca3af" stroke-dasharray="3 3"/>')
        parts.append(f"<text x={x(1)} y={bottom + 13} text-anchor=middle>1</text>" * (x(1) < left + wide - 40))
    for i, name in enumerate(names):
        y, figure, colour = 14 + 20 * i, results[name][key], colours[name]
        parts.append(f"<text x={left - 10} y={y + 4} text-anchor=end>{escape(_short(name, 15))}</text>")
        parts.append(f'<line x1={left} x2={left + wide} y1={y} y2={y} stroke="#f1f3f5"/>')
        if figure["low"] is not None:
            ends = f"x1={x(figure['low'])} x2={x(figure['high'])}"
            parts.append(f'<line {ends} y1={y} y2={y} stroke="{colour}" stroke-width=4 stroke-opacity=.35 />')
        parts.append(f'<circle cx={x(figure["value"])} cy={y} r=4.5 fill="{colour}"/>')
    for place, anchor, value in ((left, "start", low), (left + wide, "end", high)):
        parts.append(f"<text x={place} y={bottom + 13} text-anchor={anchor}>{number(key, value)}</text>")
    return f'<svg viewBox="0 0 332 {bottom + 18}" width=332 role=img>{"".join(parts)}</svg>'


def _emotions(name: str, found: dict, sheet: Path | None) -> str:
    """The figures of `evaluate.emotions` for one model, what was taken for what, and the sheet."""
    from talkinghead.evaluate.emotion import response

    head = "".join(f"<th>{escape(heading)}</th>" for heading, _, _ in response.COLUMNS)
    rows = "".join(
        f"<tr><td>{escape(row)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for row, cells in response.cells(found).items()
    )
    parts = [
        f"<h2>Emotions of {escape(name)}</h2><p class=soft>{escape(response.told(found))}.</p>",
        f"<div class=scroll><table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>",
        f"<p class=soft>{escape(response.EXPLAINED)}</p><p class=soft>{escape(found['caveat'])}</p>",
        *(_confusion(reader, table) for reader, table in found["confusions"].items()),
    ]
    if sheet is not None:
        data = base64.b64encode(sheet.read_bytes()).decode()
        title = (
            "Emotions down; sounds, and within them intensities, across. The same moment of the same recording in each column."
        )
        parts.append(f'<p class=soft>{title}</p><img alt="{title}" style="width:100%" src="data:image/jpeg;base64,{data}">')
    return "".join(parts)


def _confusion(reader: str, table: dict[str, dict[str, int]]) -> str:
    """Shown emotions down, what a reader took them for across, at the largest intensity."""
    columns = list(dict.fromkeys([*table, *(seen for row in table.values() for seen in row)]))
    head = "".join(f"<th>{escape(seen)}</th>" for seen in columns)
    rows = "".join(
        f"<tr><td>{escape(shown)}</td>"
        + "".join(f"<td{' class=best' if seen == shown else ''}>{row.get(seen, '')}</td>" for seen in columns)
        + "</tr>"
        for shown, row in table.items()
    )
    body = f"<table><thead><tr><th>shown</th>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<details><summary>What the reader {escape(reader)} took them for</summary><div class=scroll>{body}</div></details>"


def _clip(folder: Path, clip: Clip, report: dict, results: dict, colours: dict[str, str], film: Path | None) -> str:
    curves = {name: results[name].curves.get(clip.id, {}) for name in [*report["systems"], "truth"]}
    kinds = [kind for kind in ("aperture", "width") if kind in curves["truth"]]
    said = " ".join(filter(None, [clip.transcript, f"({clip.emotion})" if clip.emotion else None]))
    title = f"{escape(clip.id)} <small>{escape(said)}</small>"
    body = _video(film) if film else ""
    body += _figures(clip, report) + _legend([*report["systems"], "truth"], colours)
    if kinds:
        seconds = len(curves["truth"][kinds[0]]) / curves["truth"]["fps"]
        body += _sound(folder, clip, seconds)
        body += "".join(_plot(kind, {n: c for n, c in curves.items() if kind in c}, colours, seconds) for kind in kinds)
    return f"<section><h3>{title}</h3>{body}</section>"


def _figures(clip: Clip, report: dict) -> str:
    """One line: how far and how well timed each system's lips are on this clip."""
    texts = []
    for name in report["systems"]:
        values = report["per_clip"][name].get(clip.id, {})
        some = [
            f"{METRICS[key].name} {number(key, value)}{f' {METRICS[key].unit}' if METRICS[key].unit else ''}"
            for key in ("lve_mm", "aperture_r_lag")
            if (value := values.get(key)) is not None
        ]
        if some:
            texts.append(f"{escape(name)}: {', '.join(some)}")
    return f"<p class='soft line'>{'; '.join(texts)}</p>"


def _legend(names: list[str], colours: dict[str, str]) -> str:
    return f"<div class=key>{''.join(f'<span>{_dot(colours[name])}{escape(name)}</span>' for name in names)}</div>"


def _sound(folder: Path, clip: Clip, seconds: float) -> str:
    """The waveform as its extremes in each pixel, with phonemes or words where they are known."""
    wave = load_audio(folder / clip.audio)[: round(seconds * RATE)]
    top, middle, half, scale = max(float(np.abs(wave).max()), 1e-6), WAVE / 2, WAVE / 2 - 2, WIDTH / seconds
    extremes = [(column.max() / top, column.min() / top) for column in np.array_split(wave, WIDTH // 2) if len(column)]
    lines = "".join(f"M{LEFT + 2 * i} {middle - half * a:.1f}V{middle - half * b:.1f}" for i, (a, b) in enumerate(extremes))
    spans = [span for span in clip.phonemes or clip.words or () if span[0] < seconds]
    marks = ""
    for start, end, name in spans:
        x, wide = LEFT + start * scale, (min(end, seconds) - start) * scale
        marks += f'<line x1={x:.1f} x2={x:.1f} y1=0 y2={WAVE + 16} stroke="#d1d5db"/>'
        if wide > 5.5 * len(name):
            marks += f"<text x={x + wide / 2:.1f} y={WAVE + 12} text-anchor=middle>{escape(name)}</text>"
    height = WAVE + (18 if spans else 0)
    path = f'<path d="{lines}" stroke="#9ca3af" stroke-width=1.4 />'
    return f'<svg viewBox="0 0 1000 {height}" width=1000>{marks}{path}{_now(scale, height)}</svg>'


def _plot(kind: str, curves: dict[str, dict], colours: dict[str, str], seconds: float) -> str:
    """Curves in mm over seconds; the truth last, on top."""
    values = np.concatenate([np.asarray(curve[kind]) for curve in curves.values()])
    low, high = float(values.min()), float(values.max())
    low, high = (0.0 if low >= 0 and kind == "aperture" else low), max(high, low + 1)
    scale, paths = WIDTH / seconds, []
    for name, curve in curves.items():
        y = HEIGHT - 4 - (HEIGHT - 10) * (np.asarray(curve[kind]) - low) / (high - low)
        x = LEFT + (np.arange(len(y)) + 0.5) / curve["fps"] * scale
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True) if a <= LEFT + WIDTH + 1)
        wide = 2.2 if name == "truth" else 1.4
        paths.append(f'<polyline points="{points}" fill=none stroke="{colours[name]}" stroke-width={wide} stroke-opacity=.9 />')
    step = next(s for s in (0.5, 1, 2, 5, 10, 1e9) if seconds / s <= 12)
    ticks = "".join(
        f"<text x={LEFT + t * scale:.1f} y={HEIGHT + 14} text-anchor=middle>{t:g} s</text>"
        for t in np.arange(0, seconds + 1e-6, step)
    )
    sides = "".join(
        f"<text x={LEFT - 6} y={y} text-anchor=end>{text}</text>"
        for y, text in ((12, f"{high:.0f}"), (HEIGHT - 2, f"{low:.0f} mm"))
    )
    name = f'<text x={LEFT + 6} y=12 style="font-weight:600">{kind}</text>'
    frame = f'<rect x={LEFT} y=1 width={WIDTH} height={HEIGHT - 2} fill=none stroke="#e5e7eb"/>'
    body = f"{frame}{ticks}{sides}{''.join(paths)}{name}{_now(scale, HEIGHT)}"
    return f'<svg viewBox="0 0 1000 {HEIGHT + 20}" width=1000>{body}</svg>'


def _now(scale: float, height: float) -> str:
    """Where the film is; hidden until it plays."""
    place = f"data-left={LEFT} data-scale={scale:.3f} x1={LEFT} x2={LEFT} y1=0 y2={height}"
    return f'<line class=now {place} stroke="#111827" visibility=hidden />'


def _video(path: Path) -> str:
    poster = base64.b64encode(still(path)).decode()
    film = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<video controls playsinline preload=metadata poster="data:image/jpeg;base64,{poster}"'
        f' src="data:video/mp4;base64,{film}"></video>'
    )


def _definitions(report: dict) -> str:
    items = []
    for key, metric in report["metrics"].items():
        unit = f", {metric['unit']}" if metric["unit"] else ""
        items.append(f"<dt id={key}>{escape(metric['name'])}{unit}</dt><dd>{escape(metric['definition'])}</dd>")
    intro = "p is predicted, g recorded; L the lip vertices, U those of the upper face; a trap is what a metric is blind to."
    return f"<h2>Definitions</h2><p class=soft>{intro}</p><dl>{''.join(items)}</dl>"


def _conditions(report: dict) -> str:
    lines = [*report["conventions"], *(f"Set {name}: {text}." for name, text in report["vertex_sets"].items())]
    settings = ", ".join(f"{name} {value}" for name, value in report["conditions"].items() if value is not None)
    items = "".join(f"<li>{escape(line)}</li>" for line in [*lines, f"Settings: {settings}."])
    return f"<h2>How it was measured</h2><ul>{items}</ul>"


def _dot(colour: str) -> str:
    return f'<i class=dot style="background:{colour}"></i>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _length(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 120 else f"{seconds:.1f} s"
