"""Forced alignment: a recording and what is said in it -> when each word and each phoneme is said (English).

Two engines. pocketsphinx (extra `align`) carries its acoustic model and the CMU dictionary; measured on synthetic voices whose
phoneme times are known, it is off by 10 to 13 ms on average. Where torchaudio imports, its `forced_align` puts the dictionary's
phonemes on the posteriors of a network that the caller brings, such as the shipped model's (`models.recogniser`), which was
trained on noise and many voices.
Words that are not in the dictionary, also not without accents, are spelled out by simple rules of English: the times of such a
word's neighbours are good, those within the word are as good as the rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.errors import InputError
from talkinghead.speech import ctc_align
from talkinghead.speech.fit import Limits, Part, fitting, judged, misfit
from talkinghead.speech.phonemes import SILENCE
from talkinghead.speech.spans import Span, Spans, cut_spans
from talkinghead.speech.spoken import WORD, fold, is_latin, spoken

ENGINES = ("pocketsphinx", "model")
EDGE = 0.2  # seconds of silence put around a recording, so that the first and the last phoneme have room
LONGEST = 600.0  # seconds in one piece; memory grows with it
WIDE = {"beam": 0.0, "pbeam": 0.0, "wbeam": 0.0}  # no path is given up: finds the end if words are there that were not said
WIDEST = 60.0  # seconds up to which that is quick
# In pocketsphinx's unit. Words that are said: -25 to -70, also with noise 10 dB below them, of a synthetic voice to -95. Other
# words: -80 to -210. Pauses: -5 to -35, speech taken for one: -90 to -120. Measured on LibriSpeech with the right transcript,
# that of another recording, half of one.
LIMITS = Limits(word=-100.0, doubtful=-75.0, pause=-60.0, all=-78.0)
HISSES, VOICELESS = ("S", "Z", "SH", "ZH", "CH", "JH"), ("P", "T", "K", "F", "TH")  # what decides how a final s is said
# Letters to sounds for names and the like, the longest match first; a final e is silent.
SOUNDS = {
    **{"tch": "CH", "sch": "SH", "igh": "AY", "eau": "OW", "tion": "SH AH N", "ough": "OW", "augh": "AO", "ph": "F"},
    **{"th": "TH", "sh": "SH", "ch": "CH", "ck": "K", "qu": "K W", "ng": "NG", "wh": "W", "gh": "G", "kn": "N", "wr": "R"},
    **{"ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW", "oa": "OW", "ai": "EY", "ay": "EY", "ei": "EY", "ey": "IY"},
    **{"oi": "OY", "oy": "OY", "au": "AO", "aw": "AO", "ie": "IY", "ue": "UW", "ew": "UW", "ar": "AA R", "or": "AO R"},
    **{"er": "ER", "ir": "ER", "ur": "ER", "bb": "B", "cc": "K", "dd": "D", "ff": "F", "gg": "G", "ll": "L", "mm": "M"},
    **{"nn": "N", "pp": "P", "rr": "R", "ss": "S", "tt": "T", "zz": "Z", "ce": "S", "ci": "S IH", "cy": "S IY", "ge": "JH"},
    **{"a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K"},
    **{"l": "L", "m": "M", "n": "N", "o": "OW", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V"},
    **{"w": "W", "x": "K S", "y": "IY", "z": "Z"},
}


@dataclass(frozen=True)
class Alignment:
    """What is said when: ((start, end, text), ...) in seconds, without gaps in `phones`, whose pauses are SIL (ARPAbet).

    guessed: words that the dictionary lacks. unheard: words of the transcript that do not fit the sound; they are neither in
    `words` nor in `phones`. unwritten: (start, end) of sound for which the transcript has no words, or the wrong ones.
    """

    words: Spans
    phones: Spans
    guessed: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()
    unwritten: tuple[tuple[float, float], ...] = ()


FindRecogniser = Callable[[], ctc_align.Recogniser | None]


def _no_recogniser() -> None:
    return None


def require() -> None:
    """Raises InputError if the aligner is not installed."""
    if find_spec("pocketsphinx") is None:
        raise InputError("aligning a transcript needs pocketsphinx: pip install 'talkinghead[align]'")


def choose_engine(engine: str = "auto", find_recogniser: FindRecogniser = _no_recogniser) -> str:
    """One of ENGINES, the one that is meant: "auto" takes the model where torchaudio imports and a recogniser is found.

    Raises InputError for an engine that is not there.
    """
    if engine not in ("auto", *ENGINES):
        raise InputError(f"aligner {engine!r} is not known; choose auto, {' or '.join(ENGINES)}")
    if engine == "auto":
        engine = "model" if ctc_align.forced_align() is not None and find_recogniser() is not None else "pocketsphinx"
    if engine == "pocketsphinx":
        require()
    return engine


def align(
    wave: np.ndarray, transcript: str, engine: str = "auto", find_recogniser: FindRecogniser = _no_recogniser
) -> Alignment:
    """(n,) samples at 16 kHz and the English text that is said -> its times.

    engine: auto, pocketsphinx, or model, on the phonemes that the recogniser tells; it is looked for only if it is needed.
    Raises InputError if there is no text, if the recording is too long for one piece, if the two do not fit, and for an
    engine that is not there.
    """
    engine = choose_engine(engine, find_recogniser)
    text = unicodedata.normalize("NFC", transcript)
    if foreign := [word for word in WORD.findall(text) if not is_latin(word)]:
        raise InputError(f"the transcript has {foreign[0]!r}, whose letters are not Latin; English can be aligned")
    check_length(len(wave))
    lookup = _decoder().lookup_word if find_spec("pocketsphinx") else None  # its dictionary
    words = spoken(text, lookup and (lambda word: lookup(word) is not None))
    if not words:
        raise InputError("the transcript has no words")
    said = {word: pronounce(word, lookup or (lambda word: None)) for word in words}
    guessed = tuple(word for word, (_, known) in said.items() if not known)
    phones = {word: sound for word, (sound, _) in said.items()}
    if engine == "model":
        return replace(_by_model(wave, words, phones, find_recogniser()), guessed=guessed)
    return replace(_by_pocketsphinx(wave, words, phones), guessed=guessed)


def check_length(samples: int) -> None:
    """Raises InputError for a recording of more samples, at 16 kHz, than are aligned in one piece."""
    if samples > LONGEST * RATE:
        raise InputError(
            f"{samples / RATE:.0f} seconds in one piece; with a transcript at most {LONGEST:.0f} are taken, cut it"
        )


def _by_model(wave: np.ndarray, words: list[str], said: dict[str, str], recogniser: ctc_align.Recogniser | None) -> Alignment:
    if ctc_align.forced_align() is None:
        raise InputError("aligning with the model needs torchaudio for the torch that is installed; use pocketsphinx")
    if recogniser is None:
        raise InputError("model: its speech encoder has not learnt phonemes; align with pocketsphinx")
    phones = [said[word].split() for word in words]
    parts = ctc_align.place(ctc_align.posteriors(recogniser, wave), recogniser.phones, words, phones)
    return _judged(fitting(parts, ctc_align.LIMITS), ctc_align.LIMITS, len(wave) / RATE)


def _by_pocketsphinx(wave: np.ndarray, words: list[str], said: dict[str, str]) -> Alignment:
    edge = round(EDGE * RATE)
    loudest = max(float(np.abs(wave).max(initial=0)), 1e-6)
    # Faint noise: the model has never heard digital silence.
    padded = np.random.default_rng(0).standard_normal(len(wave) + 2 * edge).astype(np.float32) * 3e-4
    padded[edge : edge + len(wave)] += wave * (0.5 / loudest)
    samples = np.clip(np.round(padded * 32767), -32768, 32767).astype(np.int16).tobytes()
    tried = []
    for options in ({}, WIDE) if len(wave) <= WIDEST * RATE else ({},):
        try:
            tried.append([_part(word) for word in _align(samples, words, said, **options)])
        except RuntimeError:
            continue
        if all(part.fits for part in fitting(tried[-1], LIMITS)):
            break
    if not tried:
        raise InputError("the transcript does not fit the sound: it has too many words, or others")
    return _judged(min((fitting(parts, LIMITS) for parts in tried), key=misfit), LIMITS, len(wave) / RATE)


def _align(samples: bytes, words: list[str], said: dict[str, str], **options: float) -> Any:
    """pocketsphinx's alignment, each part with its score among all states. Raises RuntimeError if there is none."""
    decoder, judge = _decoder(**options), _decoder(compallsen=True, **options)
    for word, sound in said.items():
        for each in (decoder, judge):
            if each.lookup_word(word) is None:
                each.add_word(word, sound, True)
    decoder.set_align_text(" ".join(words))
    _decode(decoder, samples)
    decoder.set_alignment()
    _decode(decoder, samples)
    found = decoder.get_alignment()
    if found is None:
        raise RuntimeError("no path through it")
    judge.set_alignment(found)
    _decode(judge, samples)
    judged = judge.get_alignment()
    if judged is None:
        raise RuntimeError("no path through it")
    return judged


def pronounce(word: str, lookup: Callable[[str], str | None]) -> tuple[str, bool]:
    """ARPAbet phonemes of a word, and whether a dictionary has it: as it is, without accents, or without a possessive s."""
    plain = fold(word)
    for form in (word, plain):
        if found := lookup(form):
            return found, True
    stem = plain.removesuffix("'s")
    if stem != plain and (found := lookup(stem)):
        last = found.split()[-1]
        return f"{found} {'IH Z' if last in HISSES else 'S' if last in VOICELESS else 'Z'}", True
    return sounds(word), False


def sounds(word: str) -> str:
    """A guess at how a word that no dictionary has is said, as ARPAbet phonemes with blanks between them."""
    letters = re.sub("[^a-z]", "", fold(word))
    if len(letters) > 3 and letters.endswith("e") and letters[-2] not in "aeiou":
        letters = letters[:-1]
    out, place = [], 0
    while place < len(letters):
        size = next(n for n in (4, 3, 2, 1) if letters[place : place + n] in SOUNDS)
        out.append(SOUNDS[letters[place : place + size]])
        place += size
    return " ".join(out) or "AH"


def _decoder(**options: Any) -> Any:
    """A new one for every recording, 0.1 s: it adapts to what it hears, and the same sound must give the same times."""
    from pocketsphinx import Decoder

    return Decoder(lm=None, bestpath=False, samprate=RATE, loglevel="FATAL", **options)


def _decode(decoder: Any, samples: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()


def _judged(parts: Sequence[Part], limits: Limits, duration: float) -> Alignment:
    """What is said of it all, within the recording. Raises InputError if it is something else."""
    words, phones, unheard, unwritten = judged(parts, limits, duration)
    return Alignment(_within(words, duration), _within(phones, duration), (), unheard, unwritten)


def _part(word: Any) -> Part:
    """Frames of 10 ms of an alignment in seconds of the recording, before the silence around it."""
    names = [(p.start / 100 - EDGE, (p.start + p.duration) / 100 - EDGE, p.name) for p in word]
    pause = word.name.startswith("<") or names[0][2] in ("SIL", "+SPN+", "+NSN+")
    phones = tuple((a, b, SILENCE if pause or name.startswith("+") else name) for a, b, name in names)
    score = sum(p.score for p in word) / max(1, sum(p.duration for p in word))
    return Part("" if pause else re.sub(r"\(\d+\)$", "", word.name), phones, score)


def _within(spans: Iterable[Span], duration: float) -> Spans:
    return cut_spans(spans, 0.0, duration) or ()
