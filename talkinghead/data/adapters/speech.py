"""Speech that nobody filmed -> dataset: its phonemes move the lips by the coarticulation model. English.

Sound files and, for each, one of these, the first that is there:

* a line {"id": STEM, "phones": [["HH", 0.12, 0.2], ...]} of phones.jsonl in its folder (seconds; and, if wanted, text, speaker)
* STEM.TextGrid with a tier `phones`, as the Montreal Forced Aligner writes it
* STEM.lab with times: HTK's `0 1200000 sil`, Festival's `0.12 100 pau` (end times), or `0.0 0.12 sil` in seconds
* STEM.txt, .srt, .vtt or .ctm, or a STEM.lab without times: what is said, which is aligned (extra `align`)
* a line {"id": STEM, "text": ...} of transcripts.jsonl in its folder, which is aligned, too

The motion is of the mouth alone and made up: the motion files say `synthesised`. Phonemes are ARPAbet, IPA or TIMIT's.
The speaker is the one in phones.jsonl, or the folder of the files, or `speaker`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.data.adapters.parameter_sets import wave_of
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.data.tracking.landmarks import find_clips
from talkinghead.errors import InputError
from talkinghead.files import file_name
from talkinghead.io.files import SOUNDS
from talkinghead.models.recogniser import shipped_recogniser
from talkinghead.speech import align, coarticulation, phonemes
from talkinghead.speech.spans import Spans
from talkinghead.speech.textgrid import read_textgrid, words_and_phonemes
from talkinghead.speech.transcripts import PHONES, TEXTS, phone_spans, read_lines
from talkinghead.speech.written import READERS, read_text

VERSION = 2
LICENCE = "unknown"
FPS = 50.0
SUFFIXES = (*SOUNDS, ".opus")
WRITTEN = (".TextGrid", ".textgrid", ".lab", ".txt", ".srt", ".vtt", ".ctm")  # in the order of preference
LATE = 0.5  # seconds by which the last phoneme may end after the sound
UNSAID = (1.0, 0.1)  # seconds, and share of the speech, that may be without phonemes
LOUD, NEAR = -1.5, 0.1  # 10 dB below the loudest third, seconds


def takes(
    paths: list[Path], *, speaker: str | None = None, licence: str = LICENCE, fps: float = FPS, held_out: int | None = None
) -> tuple[list[Take], dict[str, str]]:
    """Recordings whose phonemes or words are known. fps: of the motion that is made. licence: of the recordings.

    held_out: so many, the last by id, are the split test and all others train; if not said, splits are chosen as usual.
    """
    if not 5 <= fps <= 240:
        raise InputError(f"fps is {fps:g}, 5 to 240 are expected")
    found = find_clips(paths, SUFFIXES)
    if not found:
        raise InputError(f"{paths[0] if paths else 'no paths'}: no sound files ({', '.join(SUFFIXES)})")
    tables = {folder: read_lines(folder / PHONES) for folder in {path.parent for path in found.values()}}
    texts = {folder: read_lines(folder / TEXTS) for folder in tables}
    out, dropped = [], {}
    for name, path in found.items():
        line = tables[path.parent].get(path.stem, {})
        person = speaker or str(line.get("speaker") or "") or file_name(path.absolute().parent.name)
        beside = next((p for s in WRITTEN if (p := path.with_suffix(s)).is_file()), None)
        text = line.get("text") or texts[path.parent].get(path.stem, {}).get("text")
        details: dict[str, Any] = {"fps": fps, "phones": line.get("phones"), "text": text, "model": coarticulation.VERSION}
        if details["phones"] is None and beside is None and text is None:
            dropped[name] = (
                f"no phonemes and no words: neither in {PHONES} or {TEXTS}, nor {path.stem} with {', '.join(WRITTEN[2:])}"
            )
            continue
        own = (beside,) if beside is not None and details["phones"] is None else ()
        out.append(Take(name, person, (path, *own), transcript=text, licence=licence, details=details))
    if held_out is not None:
        if not 0 <= held_out < max(1, len(out)):
            raise InputError(f"held_out is {held_out}, of {len(out)} recordings; 0 to {max(0, len(out) - 1)} can be")
        out.sort(key=lambda take: take.id)
        out = [replace(take, split="train" if i < len(out) - held_out else "test") for i, take in enumerate(out)]
    return out, dropped


def read(take: Take) -> Recording:
    """The sound, and the motion that its phonemes make."""
    wave, fps = wave_of(take.files[0]), float(take.details["fps"])
    words, phones, text, guessed = _times(take, wave)
    seconds = len(wave) / RATE
    if phones and phones[-1][1] > seconds + LATE:
        raise InputError(f"phonemes up to {phones[-1][1]:.2f} seconds, but {seconds:.2f} seconds of sound")
    loudness = coarticulation.loudness_of(wave)
    without, share = unsaid(phones, loudness)
    if without > UNSAID[0] and share > UNSAID[1]:
        raise InputError(f"{share:.0%} of the speech has no phonemes: what is said and not written would train a shut mouth")
    animation = coarticulation.speak(phones, seconds, fps, loudness=loudness)
    moved = [i for i, name in enumerate(animation.head.names) if name in coarticulation.NAMES]
    names = tuple(animation.head.names[i] for i in moved)
    spoken = [p for p in phones if phonemes.arpabet(p[2]) != phonemes.SILENCE]
    quality = {"phonemes_per_second": len(spoken) / seconds, "mean_aperture_mm": float(animation.lip_aperture().mean() * 1000)}
    if guessed is not None:
        quality["words_not_in_the_dictionary"] = float(guessed)
    meta: dict[str, Any] = {"synthesised": f"coarticulation {coarticulation.VERSION}", "phonemes": phones, "words": words}
    return Recording(wave, fps, names, animation.coefficients[:, moved], quality=quality, meta=meta | {"transcript": text})


def _times(take: Take, wave: np.ndarray) -> tuple[Spans | None, Spans, str | None, int | None]:
    """Words, phonemes, what is said as far as known, and how many words the aligner had to guess; None: it was not asked."""
    given, text = take.details["phones"], take.details["text"]
    if given is not None:
        return None, phone_spans(given), text, None
    beside = take.files[1] if len(take.files) > 1 else None
    if beside is not None and beside.suffix.lower() == ".textgrid":
        words, phones = words_and_phonemes(read_textgrid(beside))
        if phones is not None:
            return words, phones, " ".join(word for _, _, word in words) if words else None, None
        text = text or (" ".join(word for _, _, word in words) if words else None)
        if text is None:
            raise InputError(f"{beside}: has no tier named phones")
    elif beside is not None:
        suffix = beside.suffix.lower()
        content = READERS.get(suffix, read_text)(beside)
        phones = read_lab(content) if suffix == ".lab" else None
        if phones is not None:
            return None, phones, text, None
        text = content.strip()
    found = align.align(wave, text or "", find_recogniser=shipped_recogniser)
    return found.words, found.phones, " ".join((text or "").split()), len(found.guessed)


def unsaid(phones: Spans, loudness: np.ndarray) -> tuple[float, float]:
    """Seconds of what is loud in a recording that are farther than NEAR from any phoneme, and their share of what is loud.

    loudness: by `coarticulation.loudness_of`. Of speech recognisers' transcripts some leave half of a recording out; for good
    ones the share is below 0.05, for music it is 1.
    """
    times = (np.arange(len(loudness)) + 0.5) / coarticulation.LOUDNESS_RATE
    said = np.zeros(len(times), bool)
    for start, end, name in phones:
        if phonemes.arpabet(name) != phonemes.SILENCE:
            said |= (times > start - NEAR) & (times < end + NEAR)
    loud = loudness > LOUD
    missed = float((loud & ~said).sum())
    return missed / coarticulation.LOUDNESS_RATE, missed / max(1.0, float(loud.sum()))


def read_lab(text: str) -> Spans | None:
    """Phonemes of a .lab file: HTK's (100 ns), Festival's (end times after a line `#`) or seconds; None if it has no times."""
    rows = [line.split() for line in text.splitlines() if line.strip()]
    ends_only = ["#"] in rows
    if ends_only:
        rows = rows[rows.index(["#"]) + 1 :]
    if not rows or any(len(row) < 3 for row in rows):
        return None
    try:
        first, second = ([float(row[i]) for row in rows] for i in (0, 1))
    except ValueError:
        return None
    labels = [row[2] for row in rows]
    if not all(map(math.isfinite, first + second)):
        return None
    if ends_only:
        return tuple(zip([0.0, *first[:-1]], first, labels, strict=True))
    whole = all(row[0].isdigit() and row[1].isdigit() for row in rows)
    unit = 1e-7 if whole and second[-1] > 1e4 else 1.0  # so many seconds are no recording
    return tuple((a * unit, b * unit, label) for a, b, label in zip(first, second, labels, strict=True))
