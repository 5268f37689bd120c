"""Visemes over time, `.visemes.json`, `.srt`, `.textgrid` and `.tsv`, for 2D characters, game engines and annotation.

`.visemes.json`: `fps`, `names` of the fifteen, `weights` of each in every frame, which together move the mouth most nearly as
the motion does, and `cues`, one viseme after the other (see `visemes`), with start and end in seconds. `.srt`: a subtitle for
each viseme of Oculus' set. `.textgrid`: the same as a tier `visemes` for Praat. `.tsv`: the mouth shapes A to H and X of
Rhubarb Lip Sync, a line with the time and the shape for each change, which is the format of its option `-f tsv`.
Rhubarb's shapes: https://github.com/DanielSWolf/rhubarb-lip-sync#mouth-shapes
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

from talkinghead.export.visemes import spans
from talkinghead.files import replacing
from talkinghead.motion.animation import Animation
from talkinghead.speech.spans import Span

RHUBARB = {
    **{"sil": "X", "PP": "A", "FF": "G", "aa": "D", "E": "C", "O": "E", "RR": "E", "U": "F", "nn": "H"},
    **dict.fromkeys(("TH", "DD", "kk", "CH", "SS", "I"), "B"),
}


def write(animation: Animation, path: Path) -> None:
    """Write the visemes. Raises InputError for heads without ARKit's shapes."""
    kind = path.suffix.lower()
    cues = spans(animation)
    text = _json(animation, cues) if kind == ".json" else {".srt": _srt, ".textgrid": _textgrid, ".tsv": _tsv}[kind](cues)
    with replacing(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def _json(animation: Animation, cues: list[Span]) -> str:
    motion = animation.to("oculus")
    content = {
        "fps": motion.fps,
        "names": list(motion.head.names),
        "weights": [[round(value, 4) for value in row] for row in motion.coefficients.tolist()],
        "cues": [{"start": round(a, 6), "end": round(b, 6), "viseme": name} for a, b, name in cues],
    }
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def _srt(cues: list[Span]) -> str:
    return "".join(f"{i}\n{_clock(a)} --> {_clock(b)}\n{name}\n\n" for i, (a, b, name) in enumerate(cues, 1))


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"


def _textgrid(cues: list[Span]) -> str:
    """Praat's long text format ("TextGrid file formats" in its manual)."""
    end = f"{cues[-1][1]:.6f}"
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end}", "tiers? <exists>"]
    lines += ["size = 1", "item []:", "    item [1]:", '        class = "IntervalTier"', '        name = "visemes"']
    lines += ["        xmin = 0", f"        xmax = {end}", f"        intervals: size = {len(cues)}"]
    for i, (start, stop, name) in enumerate(cues, 1):
        lines += [f"        intervals [{i}]:", f"            xmin = {start:.6f}", f"            xmax = {stop:.6f}"]
        lines.append(f'            text = "{name}"')
    return "\n".join(lines) + "\n"


def _tsv(cues: list[Span]) -> str:
    shapes = [(start, RHUBARB[name]) for start, _, name in cues]
    changes = [next(run) for _, run in groupby(shapes, key=lambda cue: cue[1])]
    return "".join(f"{start:.2f}\t{shape}\n" for start, shape in [*changes, (cues[-1][1], "X")])
