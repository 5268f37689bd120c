"""How well a model's lips follow real ones on held-out clips, beside a linear map from log-mel fitted to the same clips.

    python tools/measure/measure_lips.py DATA… [--model FOLDER] [--split test] [--plot PICTURE.png] [--phones FOLDER] [--rest]

Prints one JSON line per folder and system: mean Pearson correlation of lip aperture and of lip width over clips, and
the same after the one constant lag that suits the folder best; `talkinghead evaluate` gives these for a model and much
more, this tool adds the linear floor. Real lips are the tracked landmarks where the folder has them (inner lips over eye
corners), otherwise the prepared motion. `--phones` names a folder of recordings with
`phones.jsonl` (ARPAbet and seconds): without any real lips it still tells whether lips shut at /p b m/ and open at open
vowels. `--rest` plays what is no speech (silence, noise, music, hum, clicks, signals, wind; `--sounds` names a folder of
recordings of more), at which lips should rest: the largest aperture, how far the worst lip vertex is from rest, and how much
the lips jitter.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import librosa
import numpy as np

from talkinghead import Talker, load_audio
from talkinghead.audio.clock import frame_times
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.evaluate.measures.lips import LipCurves, tracked_lips
from talkinghead.metrics.lips import LAGS, SHUT, lagged

CONTEXT = 7  # mel frames of 20 ms on either side that the linear map sees
RATE = 16000


def real_lips(folder: Path, clip) -> LipCurves:
    """Tracked in the film where there is one, of the prepared motion otherwise."""
    found = tracked_lips(folder, clip)
    if found is not None:
        return found
    animation = read_animation(folder, clip)
    return LipCurves(animation.times, animation.lip_aperture(), animation.lip_width())


def log_mel(wave: np.ndarray) -> np.ndarray:
    """(T, 80 * (2 CONTEXT + 1)) at 50 a second on the frame clock."""
    mel = librosa.feature.melspectrogram(y=np.pad(wave, 160), sr=RATE, n_fft=640, hop_length=320, n_mels=80, center=False)
    mel = np.log(mel + 1e-6).T
    mel = mel - mel.mean(0)
    padded = np.pad(mel, ((CONTEXT, CONTEXT), (0, 0)), mode="edge")
    return np.concatenate([padded[i : i + len(mel)] for i in range(2 * CONTEXT + 1)], axis=1)


def ridge(folder: Path, clips: list, most: int = 120):
    """The floor: aperture and width as a linear map of log-mel, fitted to at most `most` training clips."""
    inputs, outputs = [], []
    for clip in clips[:: max(1, len(clips) // most)]:
        x = log_mel(load_audio(folder / clip.audio))
        lips = real_lips(folder, clip)
        inputs.append(x)
        outputs.append(np.stack([np.interp(frame_times(len(x), 50), lips.times, v) for v in (lips.aperture, lips.width)], 1))
    x, y = np.concatenate(inputs), np.concatenate(outputs)
    mean, std, centre = x.mean(0), x.std(0) + 1e-6, y.mean(0)
    x = (x - mean) / std
    weights = np.linalg.solve(x.T @ x + 1000 * np.eye(x.shape[1]), x.T @ (y - centre))
    return lambda wave: ((log_mel(wave) - mean) / std) @ weights + centre


def score(pairs: list) -> dict:
    """pairs of (times, real, predicted at 50 a second) -> mean correlation as it is, and at the best constant lag."""
    table = np.nanmean([lagged(times, real, frame_times(len(p), 50), p) for times, real, p in pairs], axis=0)
    best, zero = int(table.argmax()), len(LAGS) // 2
    figures = {"r": table[zero], "best_lag_ms": LAGS[best] * 1000, "r_at_best_lag": table[best]}
    return {name: round(value) if name.endswith("ms") else round(float(value), 4) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="*")
    parser.add_argument("--phones", type=Path)
    parser.add_argument("--last", type=int, default=20, help="how many recordings of --phones, from the end")
    parser.add_argument("--model", default=None)
    parser.add_argument("--split", default="test")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--rest", action="store_true")
    parser.add_argument("--sounds", type=Path, help="folder of recordings without speech, for --rest")
    args = parser.parse_args()
    talker = Talker.from_pretrained(args.model)
    for folder in args.data:
        clips = list(read_manifest(folder))
        held = [c for c in clips if c.split == args.split]
        floor = ridge(folder, [c for c in clips if c.split == "train"])
        pairs: dict[tuple[str, str], list] = {}
        for clip in held:
            wave = load_audio(folder / clip.audio)
            lips = real_lips(folder, clip)
            animation = talker.animate(wave, fps=50, idle=0)
            systems = {"talker": (animation.lip_aperture(), animation.lip_width()), "log-mel ridge": floor(wave).T}
            for system, values in systems.items():
                for what, truth, predicted in zip(("aperture", "width"), (lips.aperture, lips.width), values, strict=True):
                    pairs.setdefault((system, what), []).append((lips.times, truth, predicted))
        for (system, what), found in pairs.items():
            print(
                json.dumps({"data": folder.name, "system": system, "what": what, "clips": len(found), **score(found)}),
                flush=True,
            )
        if args.plot:
            plot(args.plot.with_stem(f"{args.plot.stem}_{folder.name}"), held, pairs)
    if args.phones:
        print(json.dumps(phones(talker, args.phones, args.last)))
    if args.rest or args.sounds:
        rows = rest(talker, args.sounds)
        print(f"{'sound':<24}{'aperture mm':>12}{'lips mm':>9}{'typical mm':>12}{'jitter mm/s':>13}")
        for name, row in rows.items():
            print(f"{name:<24}{row['aperture']:>12.2f}{row['lips']:>9.2f}{row['typical']:>12.2f}{row['jitter']:>13.2f}")
        print(json.dumps({"rest": rows}))


def rest(talker: Talker, folder: Path | None) -> dict:
    """What lips do at four seconds of each sound that is not speech, in mm from rest.

    aperture: the largest. lips: the worst lip vertex of any frame; typical: of the median frame. jitter: mean speed of the
    lip vertices, in mm/s; lips of speakers do 20 to 60.
    """
    lips = talker.face()[1].regions["lips"] > 0.5
    out = {}
    for name, wave in {**not_speech(), **recorded(folder)}.items():
        animation = talker.animate(wave.astype(np.float32), fps=50, idle=0)
        moved = np.einsum("tk,kvx->tvx", animation.coefficients, animation.head.basis[:, lips]) * 1000
        far = np.linalg.norm(moved, axis=-1).max(1)
        speed = np.linalg.norm(np.diff(moved, axis=0), axis=-1).mean() * 50
        values = {
            "aperture": animation.lip_aperture().max() * 1000,
            "lips": far.max(),
            "typical": np.median(far),
            "jitter": speed,
        }
        out[name] = {key: round(float(value), 3) for key, value in values.items()}
    return out


def not_speech() -> dict[str, np.ndarray]:
    """Sounds that training does not make in this way, and three draws of each kind that it does, which it has not seen."""
    from talkinghead.audio.synthetic_sounds import SOUNDS

    rng, times = np.random.default_rng(0), np.arange(4 * RATE) / RATE
    noise = rng.standard_normal(len(times))
    sounds = {"silence": 0 * noise, **{f"noise {level} dB": noise * 10 ** (level / 20) for level in (-80, -60, -45, -30)}}
    tones = [np.sin(2 * np.pi * f * times) * (np.sin(np.pi * times + i) > 0) for i, f in enumerate((220, 277, 330, 440, 554))]
    sounds["chords"] = 0.05 * np.sum(tones, axis=0)
    sounds["hum of 50 Hz"] = 0.03 * np.sum([np.sin(2 * np.pi * 50 * k * times) / k for k in (1, 2, 3, 5, 7)], axis=0)
    sounds["fan"] = 0.05 * np.convolve(noise, np.ones(24) / 24, "same") * (1 + 0.2 * np.sin(2 * np.pi * 11 * times))
    typing = np.zeros(len(times))
    for start in np.cumsum(rng.gamma(3, 0.05, 25)):
        n = slice(int(start * RATE), int(start * RATE) + 800)
        typing[n] += noise[n] * np.exp(-np.arange(800) / 100)[: len(typing[n])]
    sounds["typing"] = 0.1 * typing
    sounds["telephone"] = 0.1 * (np.sin(2 * np.pi * 440 * times) + np.sin(2 * np.pi * 480 * times)) * (times % 2 < 1)
    for kind, make in SOUNDS.items():
        sounds |= {f"{kind} {i}": 0.05 * make(np.random.default_rng([999, i]), len(times)) for i in range(3)}
    return sounds


def recorded(folder: Path | None) -> dict[str, np.ndarray]:
    """The first twelve seconds of the recordings of a folder."""
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder else []
    return {path.stem[:22]: load_audio(path)[: 12 * RATE] for path in files}


def phones(talker: Talker, folder: Path, last: int) -> dict:
    """Lips at phonemes of strangers: share of /p b m/ during which they shut (within 20 ms), when, and apertures in mm."""
    groups = {"bilabial": "P B M", "labiodental": "F V", "open": "AA AE AY AW", "silence": "SIL"}
    apertures: dict[str, list[float]] = {name: [] for name in groups}
    shut, late, still = [], [], []
    lines = [json.loads(line) for line in (folder / "phones.jsonl").read_text().splitlines()]
    for line in sorted(lines, key=lambda d: d["id"])[-last:]:
        aperture = talker.animate(next(folder.glob(line["id"] + ".*")), fps=50, idle=0).lip_aperture() * 1000
        times = frame_times(len(aperture), 50)
        for phone, start, end in line["phones"]:
            group = next((g for g, members in groups.items() if phone in members.split()), None)
            near = (times >= start - 0.02) & (times <= end + 0.02)
            if group is None or not near.any() or (group == "silence" and end - start < 0.2):
                continue
            if group == "bilabial":
                shut.append(aperture[near].min() < 1000 * SHUT)
                late.append(times[near][aperture[near].argmin()] - (start + end) / 2)
                apertures[group].append(aperture[near].min())
            elif group == "silence":
                apertures[group].append(float(np.median(aperture[near])))
                still.append(np.abs(np.diff(aperture[near])).mean())
            else:
                apertures[group].append(aperture[near].max())
    return {
        "recordings": last,
        "bilabials": len(shut),
        "shut": round(float(np.mean(shut)), 3),
        "minimum_after_centre_ms": round(float(np.median(late)) * 1000),
        "silence_mm_per_frame": round(float(np.mean(still)), 4) if still else None,
        **{f"{name}_mm": round(float(np.median(values)), 2) for name, values in apertures.items() if values},
    }


def plot(path: Path, clips: list, pairs: dict) -> None:
    from matplotlib.figure import Figure

    rows = min(4, len(clips))
    figure = Figure(figsize=(10, 2 * rows), layout="constrained")
    for row, axis in enumerate(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]):
        times, real, _ = pairs["talker", "aperture"][row]
        axis.plot(times, (real - real.min()) / np.ptp(real), "k", label="real lips")
        for system in ("talker", "log-mel ridge"):
            p = pairs[system, "aperture"][row][2]
            axis.plot(frame_times(len(p), 50), (p - p.min()) / np.ptp(p), label=system)
        axis.set_title(clips[row].transcript or clips[row].id, fontsize=9)
    axis.legend()
    axis.set_xlabel("seconds")
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
