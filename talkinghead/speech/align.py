"""Forced alignment: a recording and what is said in it -> when each word and each phoneme is said (English).

Two engines. pocketsphinx (extra `align`) carries its acoustic model and the CMU dictionary; measured on synthetic voices whose
phoneme times are known, it is off by 10 to 13 ms on average. Where torchaudio imports, its `forced_align` puts the dictionary's
phonemes on the posteriors of a network that the caller brings, such as the shipped model's (`models.recogniser`), which was
trained on noise and many voices.
Words that are not in the dictionary are spelled out by simple rules of English: the times of such a word's neighbours are good,
those within the word are as good as the rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.errors import InputError
from talkinghead.speech import ctc_align
from talkinghead.speech.spans import Span, Spans, cut_spans

ENGINES = ("pocketsphinx", "model")
SILENCE = "SIL"
EDGE = 0.2  # seconds of silence put around a recording, so that the first and the last phoneme have room
LONGEST = 600.0  # seconds in one piece; memory grows with it
ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen""".split()
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SHORT = {"mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "st": "saint", "&": "and", "%": "percent", "+": "plus"}
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
    """What is said when: ((start, end, text), ...) in seconds, without gaps in `phones`, whose pauses are SIL (ARPAbet)."""

    words: Spans
    phones: Spans
    guessed: tuple[str, ...] = ()  # words that the dictionary lacks


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
    words = spoken(transcript)
    if not words:
        raise InputError("the transcript has no words")
    if len(wave) > LONGEST * RATE:
        raise InputError(f"{len(wave) / RATE:.0f} seconds in one piece; at most {LONGEST:.0f} are aligned, cut it")
    return _by_model(wave, words, find_recogniser()) if engine == "model" else _by_pocketsphinx(wave, words)


def _by_model(wave: np.ndarray, words: list[str], recogniser: ctc_align.Recogniser | None) -> Alignment:
    if ctc_align.forced_align() is None:
        raise InputError("aligning with the model needs torchaudio for the torch that is installed; use pocketsphinx")
    if recogniser is None:
        raise InputError("model: its speech encoder has not learnt phonemes; align with pocketsphinx")
    decoder = _decoder() if find_spec("pocketsphinx") else None  # for its dictionary
    said = {word: decoder and decoder.lookup_word(word) for word in words}
    guessed = tuple(word for word, known in said.items() if not known)
    phones = [(said[word] or sounds(word)).split() for word in words]
    found = ctc_align.place(ctc_align.posteriors(recogniser, wave), recogniser.phones, words, phones)
    duration = len(wave) / RATE
    return Alignment(_within(found[0], duration), _within(found[1], duration), guessed)


def _by_pocketsphinx(wave: np.ndarray, words: list[str]) -> Alignment:
    decoder = _decoder()
    guessed = tuple(dict.fromkeys(word for word in words if decoder.lookup_word(word) is None))
    for word in guessed:
        decoder.add_word(word, sounds(word), True)
    edge = round(EDGE * RATE)
    loudest = max(float(np.abs(wave).max(initial=0)), 1e-6)
    # Faint noise: the model has never heard digital silence.
    padded = np.random.default_rng(0).standard_normal(len(wave) + 2 * edge).astype(np.float32) * 3e-4
    padded[edge : edge + len(wave)] += wave * (0.5 / loudest)
    samples = np.clip(np.round(padded * 32767), -32768, 32767).astype(np.int16).tobytes()
    try:
        decoder.set_align_text(" ".join(words))
        _decode(decoder, samples)
        decoder.set_alignment()
        _decode(decoder, samples)
        found = decoder.get_alignment()
    except RuntimeError as error:
        raise InputError(f"the transcript does not fit the sound ({error})") from None
    if found is None:
        raise InputError("the transcript does not fit the sound")
    return _spans(found, len(wave) / RATE, guessed)


def spoken(text: str) -> list[str]:
    """Text as it is said: small letters, numbers in words, no punctuation.

    >>> spoken("Dr. Smith's 21 cats, 1984!")
    ['doctor', "smith's", 'twenty', 'one', 'cats', 'one', 'thousand', 'nine', 'hundred', 'eighty', 'four']
    """
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower().replace("’", "'"))
    out: list[str] = []
    for token in re.findall(r"\d+|[a-zà-ÿ]+(?:'[a-z]+)*|[&%+]", text):
        out.extend(number(int(token)) if token.isdigit() and len(token) < 13 else [SHORT.get(token, str(token))])
    return [word for token in out for word in ([ONES[int(d)] for d in token] if token.isdigit() else [token])]


def number(value: int) -> list[str]:
    """A whole number from 0 to below 10^12 in words."""
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= size:
            rest = number(value % size) if value % size else []
            return [*number(value // size), name, *rest]
    if value < 20:
        return [ONES[value]]
    return [TENS[value // 10], *([ONES[value % 10]] if value % 10 else [])]


def sounds(word: str) -> str:
    """A guess at how a word that no dictionary has is said, as ARPAbet phonemes with blanks between them."""
    import unicodedata

    letters = re.sub("[^a-z]", "", unicodedata.normalize("NFKD", word))
    if len(letters) > 3 and letters.endswith("e") and letters[-2] not in "aeiou":
        letters = letters[:-1]
    out, place = [], 0
    while place < len(letters):
        size = next(n for n in (4, 3, 2, 1) if letters[place : place + n] in SOUNDS)
        out.append(SOUNDS[letters[place : place + size]])
        place += size
    return " ".join(out) or "AH"


def _decoder() -> Any:
    """A new one for every recording, 0.1 s: it adapts to what it hears, and the same sound must give the same times."""
    from pocketsphinx import Decoder

    return Decoder(lm=None, bestpath=False, samprate=RATE, loglevel="FATAL")


def _decode(decoder: Any, samples: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()


def _spans(found: Any, duration: float, guessed: tuple[str, ...]) -> Alignment:
    """Frames of 10 ms -> seconds of the recording, the silence around it cut off."""
    words, phones = [], []
    for word in found:
        parts = [(p.start / 100 - EDGE, (p.start + p.duration) / 100 - EDGE, p.name) for p in word]
        pause = word.name.startswith("<") or parts[0][2] in ("SIL", "+SPN+", "+NSN+")
        if not pause:
            words.append((parts[0][0], parts[-1][1], re.sub(r"\(\d+\)$", "", word.name)))
        phones.extend((a, b, SILENCE if pause or name.startswith("+") else name) for a, b, name in parts)
    joined: list[tuple[float, float, str]] = []
    for start, end, name in phones:
        if joined and name == SILENCE == joined[-1][2]:
            joined[-1] = (joined[-1][0], end, name)
        else:
            joined.append((start, end, name))
    return Alignment(_within(words, duration), _within(joined, duration), guessed)


def _within(spans: Iterable[Span], duration: float) -> Spans:
    return cut_spans(spans, 0.0, duration) or ()
