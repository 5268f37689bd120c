"""Fit the coarticulation model (`talkinghead.face.coarticulation`) to tracked faces whose words are known, and measure it.

    python tools/fit_coarticulation.py DATA [-o assets/coarticulation.json] [--say z=zed] [--credit TEXT] [--licence TEXT]
    python tools/fit_coarticulation.py DATA --measure [--phones FOLDER]

DATA was made by `talkinghead prepare video` and has transcripts, which are aligned (extra `align`) into DATA/phones.jsonl.
The fit sees the clips of the split train; `--measure` prints JSON lines about the split test: correlation of lip aperture and
width with the tracked lips at no lag and at the best constant one, beside one viseme per phoneme blurred by 40 ms; and how
often and when lips shut at /p b m/. `--phones` names a folder with phones.jsonl, whose speakers nobody filmed. Some minutes.

Phonemes share strength by what the mouth does for them (FEATURES): each table is linear in these plus a penalised part of the
phoneme's own, so that phonemes that DATA lacks move, too.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead import load_audio
from talkinghead.data.align import align
from talkinghead.data.manifest import Clip, read_manifest
from talkinghead.data.motion import read_animation
from talkinghead.errors import InputError
from talkinghead.evaluate.lips import tracked_lips
from talkinghead.evaluate.metrics import LAGS, SHUT, lagged
from talkinghead.face import coarticulation as co
from talkinghead.face.head import Head
from talkinghead.face.phonemes import PHONES, SILENCE, VOWELS
from talkinghead.face.visemes import NAMES, viseme_matrix

# Vowels: how open, how rounded, how far back (-1 front). From charts of American English.
VOWEL_CHART = """
    AA 1.0 0.0 0.3    AE 0.8 0.0 -0.6   AH 0.5 0.0 0.0    AO 0.7 0.6 0.7    AW 0.9 0.4 0.3    AY 0.9 0.0 -0.3   EH 0.6 0.0 -0.6
    ER 0.35 0.4 0.0   EY 0.5 0.0 -0.8   IH 0.3 0.0 -0.6   IY 0.15 0.0 -1.0  OW 0.5 0.8 0.8    OY 0.5 0.6 0.3    UH 0.3 0.6 0.6
    UW 0.15 1.0 0.8
""".split()
CHART = {VOWEL_CHART[i]: [float(x) for x in VOWEL_CHART[i + 1 : i + 4]] for i in range(0, len(VOWEL_CHART), 4)}
GLIDE = ("AW", "AY", "EY", "OW", "OY")
CONSONANTS = {
    "labial": "P B M",
    "labiodental": "F V",
    "dental": "TH DH",
    "alveolar": "T D N S Z L",
    "retroflex": "R",
    "palatal": "SH ZH CH JH Y",
    "velar": "K G NG",
    "glottal": "HH",
    "stop": "P B T D K G CH JH",
    "nasal": "M N NG",
    "fricative": "F V TH DH S Z SH ZH HH",
    "sibilant": "S Z SH ZH CH JH",
    "approximant": "R Y W",
    "lateral": "L",
    "voiced": "B M V DH D N Z L R ZH JH Y G NG W",
    "rounded": "SH ZH CH JH R W",
    "spread": "Y",
}
WEIGHTS = {"aperture": 1.0, "width": 1.0, "shapes": 1.0}  # of the three parts of the loss
SCALE = {"aperture": 0.004, "width": 0.002}  # metres that count as much as a standard deviation of a shape
RIDGE = 0.03  # with the costs below: best on words that were left out of the fit
START = {  # of a table's values, and how much its squares cost
    "target": (0.05, 30.0),
    "duration": (0.0, 3.0),
    "loudness": (0.0, 3.0),
    "dominance": (0.0, 0.1),
    "lead": (0.5, 0.05),
    "lag": (0.0, 0.05),
    "rise": (np.log(0.05), 0.02),
    "fall": (np.log(0.05), 0.02),
}
SHARED = ("duration", "loudness")  # no part of a phoneme's own: there is too little to see
TIMES = (0.012, 0.2)  # seconds, bounds of rise and fall
VISEME = {  # of the naive teacher
    **dict.fromkeys("P B M".split(), "PP"),
    **dict.fromkeys("F V".split(), "FF"),
    **dict.fromkeys("TH DH".split(), "TH"),
    **dict.fromkeys("T D".split(), "DD"),
    **dict.fromkeys("K G HH NG".split(), "kk"),
    **dict.fromkeys("CH JH SH ZH".split(), "CH"),
    **dict.fromkeys("S Z".split(), "SS"),
    **dict.fromkeys("N L".split(), "nn"),
    **dict.fromkeys("R ER".split(), "RR"),
    **dict.fromkeys("AA AE AH AW AY".split(), "aa"),
    **dict.fromkeys("EH EY".split(), "E"),
    **dict.fromkeys("IH IY Y".split(), "I"),
    **dict.fromkeys("AO OW OY".split(), "O"),
    **dict.fromkeys("UH UW W".split(), "U"),
    SILENCE: "sil",
}


def features() -> Tensor:
    """(P, F) what the mouth does for each of PHONES."""
    rows = []
    for p in PHONES:
        vowel = [float(p in VOWELS), *CHART.get(p, (0.0, 0.0, 0.0)), float(p in GLIDE), float(p == SILENCE)]
        rows.append([*vowel, *(float(p in members.split()) for members in CONSONANTS.values())])
    return torch.tensor(rows)


class Model(nn.Module):
    """The tables of `Coarticulation`, differentiable."""

    def __init__(self, level: Tensor) -> None:
        super().__init__()
        self.register_buffer("features", features())
        self.register_buffer("level", level)
        sizes = {name: len(co.CHANNELS if name in ("target", *SHARED) else co.GROUPS) for name in START}
        count, width = self.features.shape
        self.common = nn.ParameterDict({n: nn.Parameter(torch.zeros(width, size)) for n, size in sizes.items()})
        self.own = nn.ParameterDict({n: nn.Parameter(torch.zeros(count, size)) for n, size in sizes.items() if n not in SHARED})
        self.base = nn.ParameterDict({n: nn.Parameter(torch.full((size,), float(START[n][0]))) for n, size in sizes.items()})
        self.rate = nn.Parameter(torch.zeros(len(co.GROUPS)))

    def table(self, name: str) -> Tensor:
        """(P, C) or (P, G) in the units of `Coarticulation`."""
        value = self.features @ self.common[name] + self.base[name]
        if name in self.own:
            value = value + self.own[name]
        if name in ("rise", "fall"):
            return value.clamp(*np.log(TIMES)).exp()
        return 0.1 * value if name in ("lead", "lag") else value

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """(B, T, C) weights, not bounded; the formula of `coarticulation` for a batch."""
        phone, t = batch["phone"], batch["times"][:, :, None, None]
        length = torch.log((batch["end"] - batch["start"]).clamp(min=1e-3) / co.DURATION).clamp(*co.DURATIONS)[..., None]
        length = torch.where((phone == PHONES.index(SILENCE))[..., None], 0.0, length)
        louder = (batch["loudness"] - self.level[phone])[..., None]
        target = self.table("target")[phone] + self.table("duration")[phone] * length + self.table("loudness")[phone] * louder
        scale = torch.exp(self.rate * length)
        rise, fall = ((self.table(n)[phone] * scale)[:, None] for n in ("rise", "fall"))
        lead, lag = (self.table(n)[phone][:, None] for n in ("lead", "lag"))
        x, y = (t - batch["start"][:, None, :, None] + lead) / rise, (batch["end"][:, None, :, None] + lag - t) / fall
        pull = self.table("dominance")[phone][:, None] + nn.functional.logsigmoid(x) + nn.functional.logsigmoid(y)
        pull = torch.softmax(pull.masked_fill(~batch["there"][:, None, :, None], -1e9), 2)
        return torch.einsum("btsc,bsc->btc", pull[..., torch.from_numpy(co.GROUP_OF)], target)

    def penalty(self) -> Tensor:
        """Ridge: strength is shared where the data do not speak."""
        own = sum(START[n][1] * (value**2).sum() for n, value in self.own.items())
        return own + 0.2 * sum(START[n][1] * (value**2).sum() for n, value in self.common.items())

    @torch.no_grad()
    def tables(self, provenance: dict) -> co.Coarticulation:
        """What ships. The speaker's resting mouth is taken out: in silence a head rests as it was modelled."""
        tables = {name: self.table(name).double().numpy() for name in START}
        rest = PHONES.index(SILENCE)
        tables["target"] = tables["target"] - tables["target"][rest]
        for name in SHARED:
            tables[name][rest] = 0.0
        level = self.level.double().numpy()
        return co.Coarticulation(PHONES, **tables, level=level, rate=self.rate.double().numpy(), provenance=provenance)


def aligned(folder: Path, clips: list[Clip], say: dict[str, str]) -> dict[str, list]:
    """Phonemes of each clip, from DATA/phones.jsonl as far as they are there."""
    path = folder / "phones.jsonl"
    known = {line["id"]: line["phones"] for line in map(json.loads, path.read_text().splitlines())} if path.exists() else {}
    with path.open("a") as file:
        for clip in clips:
            if clip.id in known or not clip.transcript:
                continue
            try:
                text = " ".join(say.get(word, word) for word in clip.transcript.split())
                spans = align(load_audio(folder / clip.audio), text).phones
            except InputError as error:
                print(f"left out {clip.id}: {error}")
                continue
            known[clip.id] = [[name, start, end] for start, end, name in spans]
            file.write(json.dumps({"id": clip.id, "phones": known[clip.id]}) + "\n")
    return known


def spans_of(phones: list) -> list[tuple[float, float, str]]:
    """[[phone, start, end]...] of phones.jsonl -> ((start, end, phone)...)."""
    return [(start, end, name) for name, start, end in phones]


def collect(folder: Path, clips: list[Clip], phones: dict[str, list]) -> dict[str, Tensor]:
    """All clips as padded tensors."""
    head, rows = Head.default(), []
    for clip in clips:
        animation, lips = read_animation(folder, clip), tracked_lips(folder, clip)
        wave = load_audio(folder / clip.audio)
        segments = co.segments_of(spans_of(phones[clip.id]), clip.duration, co.loudness_of(wave))
        shapes = np.stack([animation.coefficients[:, columns(head, name)].mean(1) for name in co.CHANNELS], 1)
        row = {
            "times": animation.times,
            "shapes": shapes,
            "aperture": animation.lip_aperture(),
            "frames": np.ones(len(shapes), bool),
        }
        row |= {
            "start": segments.start,
            "end": segments.end,
            "loudness": segments.loudness,
            "there": np.ones(len(segments.start), bool),
        }
        row["phone"] = np.array([PHONES.index(p) for p in segments.phones])
        width = animation.lip_width() if lips is None else np.interp(animation.times, lips.times, lips.width * eyes(head))
        which = np.clip(np.searchsorted(segments.end, animation.times), 0, len(segments.phones) - 1)
        quiet = np.array([segments.phones[k] == SILENCE for k in which])
        row["width"] = width - np.median(width[quiet] if quiet.any() else width)  # beyond the speaker's at rest
        rows.append(row)
    return padded(rows)


def padded(rows: list[dict[str, np.ndarray]]) -> dict[str, Tensor]:
    """Clips of any length -> (B, ...) tensors; `frames` and `there` tell what is real."""
    sizes = {key: max(len(row[key]) for row in rows) for key in rows[0]}

    def pad(value: np.ndarray, size: int) -> Tensor:
        out = np.zeros((size, *value.shape[1:]), value.dtype if value.dtype.kind in "bi" else np.float32)
        out[: len(value)] = value
        return torch.from_numpy(out)

    return {key: torch.stack([pad(row[key], size) for row in rows]) for key, size in sizes.items()}


def columns(head: Head, name: str) -> list[int]:
    """Rows of a channel in the head's basis: one, or one for each side."""
    return [head.index(name + side) for side in (("Left", "Right") if name in co.PAIRED else ("",))]


def eyes(head: Head) -> float:
    """Metres between the outer corners of the eyes, the unit of tracked lips."""
    from talkinghead.models.talker import eye_distance

    return eye_distance(head)


def fit(data: dict[str, Tensor], steps: int, seed: int = 0) -> Model:
    """Adam on random clips; a minute on one core."""
    torch.manual_seed(seed)
    head, rng = Head.default(), np.random.default_rng(seed)
    gap = head.landmark("lip_upper_inner", head.basis) - head.landmark("lip_lower_inner", head.basis)
    width = head.landmark("lip_corner_left", head.basis) - head.landmark("lip_corner_right", head.basis)
    opens = torch.tensor([gap[columns(head, name), 1].sum() for name in co.CHANNELS])
    widens = torch.tensor([width[columns(head, name), 0].sum() for name in co.CHANNELS])
    there, phone = data["there"], data["phone"]
    counts = torch.bincount(phone[there], minlength=len(PHONES))
    sums = torch.zeros(len(PHONES)).index_add_(0, phone[there], data["loudness"][there])
    level = torch.where(counts > 0, sums / counts.clamp(min=1), sums.sum() / counts.sum())
    spread = data["shapes"][data["frames"]].std(0) + 0.01
    model = Model(level)
    optimiser = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.03, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        pick = torch.from_numpy(rng.choice(len(phone), min(160, len(phone)), replace=False))
        batch = {name: value[pick] for name, value in data.items()}
        z, seen = model(batch), batch["frames"]
        parts = {
            "shapes": (((z - batch["shapes"]) / spread) ** 2)[seen].mean(),
            "aperture": (((z @ opens - batch["aperture"]) / SCALE["aperture"]) ** 2)[seen].mean(),
            "width": (((z @ widens - batch["width"]) / SCALE["width"]) ** 2)[seen].mean(),
        }
        loss = sum(WEIGHTS[name] * value for name, value in parts.items()) + RIDGE * model.penalty()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0 or step == steps - 1:
            told = {name: round(float(value.detach()), 4) for name, value in parts.items()}
            print(json.dumps({"step": step, **told}), flush=True)
    return model


def visemes(spans: list, seconds: float, fps: float):
    """The naive teacher: one viseme for each phoneme, blurred by a Gaussian of 40 ms."""
    from scipy.ndimage import gaussian_filter1d

    from talkinghead.animation import Animation
    from talkinghead.audio import frame_count, frame_times

    head = Head.default()
    segments = co.segments_of(spans, seconds)
    times = frame_times(frame_count(seconds, fps), fps)
    which = np.clip(np.searchsorted(segments.end, times), 0, len(segments.phones) - 1)
    rows = viseme_matrix(head)[[NAMES.index(VISEME[segments.phones[i]]) for i in which]]
    return Animation(gaussian_filter1d(rows, 0.04 * fps, axis=0), fps, head)


def measure(folder: Path, clips: list[Clip], phones: dict[str, list]) -> None:
    """Prints figures about clips whose lips were tracked."""
    tables: dict[tuple[str, str], list] = {}
    shut: dict[str, list] = {"real lips": [], "coarticulation": [], "visemes": []}
    for clip in clips:
        lips = tracked_lips(folder, clip)
        if lips is None:
            continue
        spans, wave = spans_of(phones[clip.id]), load_audio(folder / clip.audio)
        made = {
            "coarticulation": co.speak(spans, clip.duration, 50, loudness=co.loudness_of(wave)),
            "without loudness": co.speak(spans, clip.duration, 50),
            "visemes": visemes(spans, clip.duration, 50),
        }
        for system, animation in made.items():
            for what, real, found in (
                ("aperture", lips.aperture, animation.lip_aperture()),
                ("width", lips.width, animation.lip_width()),
            ):
                tables.setdefault((system, what), []).append(lagged(lips.times, real, animation.times, found))
        for system, animation in {**made, "real lips": read_animation(folder, clip)}.items():
            if system in shut:
                shut[system] += closures(phones[clip.id], animation)
    for (system, what), rows in tables.items():
        table = np.nanmean(rows, axis=0)
        best = int(table.argmax())
        r = {"r": round(float(table[len(LAGS) // 2]), 4), "r_at_best_lag": round(float(table[best]), 4)}
        line = {
            "data": folder.name,
            "system": system,
            "what": what,
            "clips": len(rows),
            "best_lag_ms": round(LAGS[best] * 1000),
        }
        print(json.dumps(line | r))
    for system, rows in shut.items():
        print(json.dumps({"data": folder.name, "system": system, **summary(rows)}))


def closures(phones: list, animation) -> list[tuple[bool, float]]:
    """For each /p b m/ but those after a pause: whether the lips shut within 20 ms of it, and when (middle, after its own)."""
    out, aperture, times = [], animation.lip_aperture(), animation.times
    for (before, _, _), (name, start, end) in pairwise(phones):
        near = (times >= start - 0.02) & (times <= end + 0.02)
        if name in co.BILABIAL and before != SILENCE and near.any():
            lowest = times[near][aperture[near] < max(SHUT, float(aperture[near].min()) + 1e-6)]
            out.append((bool(aperture[near].min() < SHUT), float(lowest.mean() - (start + end) / 2)))
    return out


def summary(rows: list[tuple[bool, float]]) -> dict:
    """Share shut, and the median and the mean deviation of when."""
    late = np.array([t for _, t in rows]) * 1000
    figures = {"shut": np.mean([s for s, _ in rows]), "after_centre_ms": np.median(late), "deviation_ms": np.abs(late).mean()}
    return {"bilabials": len(rows), **{name: round(float(value), 3) for name, value in figures.items()}}


def measure_phones(folder: Path) -> None:
    """Closures, apertures in mm and stillness for speech that nobody filmed."""
    groups = {"labiodental": "F V", "open": "AA AE AY AW", "rounded": "UW OW W", "silence": SILENCE}
    rows: dict[str, list] = {"coarticulation": [], "visemes": []}
    apertures: dict[str, list[float]] = {name: [] for name in groups}
    for line in map(json.loads, (folder / "phones.jsonl").read_text().splitlines()):
        spans = spans_of(line["phones"])
        made = {"coarticulation": co.speak(spans, spans[-1][1], 50), "visemes": visemes(spans, spans[-1][1], 50)}
        for system, animation in made.items():
            rows[system] += closures(line["phones"], animation)
        aperture, times = made["coarticulation"].lip_aperture() * 1000, made["coarticulation"].times
        for name, start, end in line["phones"]:
            inside = (times >= start) & (times <= end)
            for group, members in groups.items():
                if name in members.split() and inside.any():
                    apertures[group].append(float(np.median(aperture[inside])))
    for system, found in rows.items():
        print(json.dumps({"data": folder.name, "system": system, **summary(found)}))
    medians = {group: round(float(np.median(values)), 2) for group, values in apertures.items()}
    print(json.dumps({"data": folder.name, "median_aperture_mm": medians}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("assets/coarticulation.json"))
    parser.add_argument("--say", action="append", default=[], help="word=how the aligner's dictionary calls it")
    parser.add_argument("--credit", default="")
    parser.add_argument("--licence", default="unknown")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--phones", type=Path)
    args = parser.parse_args()
    clips = read_manifest(args.data)
    phones = aligned(args.data, clips, dict(pair.split("=") for pair in args.say))
    clips = [clip for clip in clips if clip.id in phones]
    if args.measure:
        measure(args.data, [clip for clip in clips if clip.split == "test"], phones)
        if args.phones:
            measure_phones(args.phones)
        return
    train = [clip for clip in clips if clip.split == "train"]
    model = fit(collect(args.data, train, phones), args.steps)
    provenance = {"source": args.credit, "licence": args.licence, "clips": len(train), "made_by": "tools/fit_coarticulation.py"}
    model.tables(provenance).save(args.output)
    print(args.output)


if __name__ == "__main__":
    main()
