"""Written English -> the words that are said: numbers, money, dates, abbreviations, letters. num2words says numbers.

Every rule is a pattern and what is said instead, applied in order to the whole text; what is left are words.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from talkinghead.errors import InputError
from talkinghead.speech.measures import PER, UNIT, measure

MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
SHORT_MONTHS = {name[:3]: name for name in MONTHS.split("|")} | {"Sept": "September"}
CURRENCIES = {  # sign -> one, many, a hundredth, hundredths
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
SCALES = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion", "tn": "trillion"}
TITLES = {  # with or without a dot
    **{"mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "prof": "professor", "vs": "versus", "jr": "junior"},
    **{"sr": "senior", "etc": "et cetera", "blvd": "boulevard", "approx": "approximately", "dept": "department"},
}
ABBREVIATIONS = {  # only with a dot and a word after it: without, they are words of their own
    **{"st": "saint", "mt": "mount", "ft": "fort", "ave": "avenue", "rd": "road", "gen": "general", "col": "colonel"},
    **{"lt": "lieutenant", "sgt": "sergeant", "capt": "captain", "gov": "governor", "sen": "senator", "rep": "representative"},
    **{"rev": "reverend", "hon": "honorable", "inc": "incorporated", "ltd": "limited", "co": "company", "corp": "corporation"},
    **{"est": "established", "tue": "tuesday", "tues": "tuesday", "thu": "thursday", "thurs": "thursday", "fri": "friday"},
}
NUMBERED = {"no": "number", "nos": "numbers", "fig": "figure", "vol": "volume", "ch": "chapter", "p": "page"}  # with one after
SIGNS = {"&": "and", "%": "percent", "+": "plus", "=": "equals", "@": "at", "×": "times", "÷": "divided by", "#": "number"}
SIGNS |= {
    "±": "plus or minus",
    "≈": "about",
    "√": "square root of",
    "π": "pi",
    "§": "section",
    "‰": "per mille",
    "≥": "at least",
    "≤": "at most",
}
FOLDED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ŋ": "ng"}
)
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
N = r"\d+(?:\.\d+)?"  # a number
LONGEST = 300_000  # characters
COUNT = "\ue000"  # stands before a number that was written with commas, which is no year


def spoken(text: str, known: Callable[[str], bool] | None = None) -> list[str]:
    """Text as it is said: small letters, numbers in words, no punctuation; letters of other alphabets are left out.

    known: whether the dictionary has a word; words in capitals that it has not are spelled.

    >>> spoken("Dr. Smith's 21 cats, 1984!")
    ['doctor', "smith's", 'twenty', 'one', 'cats', 'nineteen', 'eighty', 'four']
    """
    if len(text) > LONGEST:
        raise InputError(f"the transcript has {len(text)} characters; {LONGEST} are more than is said in four hours")
    text = unicodedata.normalize("NFC", _stream_safe(html.unescape(text)))
    text = re.sub(r"</?[A-Za-z][^<>]{0,40}>|\[[^\[\]]{0,100}\]", " ", text)  # markup, and what is heard but not said: [music]
    text = re.sub(f"([0-9A-Za-z])([{''.join(RAISED)}]{{1,9}})", _power, text)
    text = re.sub(r"[\u00ad\u200b-\u200f\u2060\ufeff]", "", text)  # hyphens and joins that are not seen
    text = re.sub("[’‘ʼ＇`´]", "'", re.sub("[™®©]", "", text))
    for mark, plain in (("½", " 1/2"), ("¼", " 1/4"), ("¾", " 3/4"), ("⅓", " 1/3"), ("⅔", " 2/3"), ("№", "No. "), ("−", "-")):
        text = text.replace(mark, plain)
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text))
    # Digits that are said one by one anyway stand apart: the patterns below look at a run of them from each of its digits.
    text = re.sub(r"\d{30,}", lambda m: f" {' '.join(m[0])} ", text)
    text = re.sub(CONTINENTAL, lambda m: f"{COUNT}{m[1].replace('.', '')}.{m[2]}", text)
    text = re.sub(GROUPED, lambda m: COUNT + re.sub(r"\D", "", m[0]), text)
    for pattern, say in RULES:
        text = re.sub(pattern, say, text)
    words, shouted = [], text.isupper()
    for match in WORD.finditer(text):
        word = match[0]
        if not is_latin(word):
            continue
        several = word.endswith("s") and word[:-1].isupper()  # DVDs
        letters = word[:-1] if several else word
        spelled = not shouted and 2 <= len(letters) <= 5 and letters.isupper() and letters.isalpha()
        if spelled and not _sayable(letters, known) and not (several and known is not None and known(word.lower())):
            words.extend(letters.lower())
            words[-1] += "'s" if several else ""
        else:
            words.append(word.lower())
    return words


def _stream_safe(text: str) -> str:
    """Text with at most 30 accents a letter (Unicode's UAX #15): the time that they take grows with their square."""
    kept, run = [], 0
    for c in text:
        run = run + 1 if unicodedata.combining(c) else 0
        if run <= 30:
            kept.append(c)
    return "".join(kept)


def is_latin(word: str) -> bool:
    """Whether all letters of a word are Latin, with or without accents."""
    return all(not c.isalpha() or unicodedata.name(c, "").startswith("LATIN") for c in word)


def fold(word: str) -> str:
    """A word in small letters without accents: fiancé is fiance, Łódź is lodz."""
    plain = unicodedata.normalize("NFKD", word.lower().translate(FOLDED))
    return "".join(c for c in plain if not unicodedata.combining(c)).translate(FOLDED)


def number(value: int | str) -> list[str]:
    """A number in words, as `3.14`; whole ones up to below 10^12, larger ones digit by digit."""
    text = str(value)
    whole, _, rest = text.partition(".")
    if len(whole) > 12 or (len(whole) > 1 and whole[0] == "0"):
        said = [word for digit in whole for word in _words(int(digit))]
    else:
        said = _words(int(whole)) if whole else []
    return said + (["point", *(word for digit in rest for word in _words(int(digit)))] if rest else [])


@lru_cache(maxsize=4096)
def _words(value: int, to: str = "cardinal") -> list[str]:
    try:
        from num2words import num2words
    except ImportError:
        raise InputError("numbers in a transcript need num2words: pip install 'talkinghead[align]'") from None
    said: Any = num2words(value, to=to)
    return [word for word in re.findall("[a-z]+", said) if word != "and"]


def _say(value: int | str) -> str:
    return f" {' '.join(number(value))} "


def _ordinal(value: str | int) -> str:
    return f" {' '.join(_words(int(value), 'ordinal'))} "


def _year(value: str | int) -> str:
    return f" {' '.join(_words(int(value), 'year'))} "


def _decade(match: re.Match) -> str:
    said = _words(int(match[1]), "year" if len(match[1]) == 4 else "cardinal")
    last = said[-1]
    return f" {' '.join([*said[:-1], last[:-1] + 'ies' if last.endswith('y') else last + 's'])} "


def _money(sign: str, amount: str, scale: str | None) -> str:
    one, many, cent, cents = CURRENCIES[sign]
    whole, _, part = amount.partition(".")
    if scale:
        return f"{_say(amount)}{SCALES.get(scale.lower(), scale.lower())} {many} "
    if len(part) != 2:
        return f"{_say(amount)}{one if amount == '1' else many} "
    coins = f"{_say(str(int(part)))}{cent if int(part) == 1 else cents} " if int(part) else ""
    notes = f"{_say(str(int(whole or 0)))}{one if int(whole or 0) == 1 else many} " if int(whole or 0) or not coins else ""
    return f"{notes}{'and ' if notes and coins else ''}{coins}"


def _time(match: re.Match) -> str:
    hour, *rest = (int(part) if part else 0 for part in match.groups()[:3])
    said = [
        _say(hour),
        *(("oh " if part < 10 else "") + _say(part) for part in (rest if rest[1] else rest[:1]) if part or rest[1]),
    ]
    half = f"{match[4]} m " if match[4] else ""
    return "".join(said) + (half or ("" if any(rest) else "o'clock "))


def _fraction(match: re.Match) -> str:
    whole, over, under = match[1], int(match[2]), int(match[3])
    name = {2: "half", 4: "quarter"}.get(under) or _ordinal(under).strip()
    many = {"half": "halves"}.get(name, f"{name}s") if over > 1 else name
    part = f"a {name}" if whole and over == 1 else f"{_say(over)}{many}"
    return f"{_say(whole)}and {part} " if whole else f" {part} "


def _spelled(text: str) -> str:
    return f" {' '.join(c for c in text if c.isalpha())} "


def _digits(match: re.Match) -> str:
    return "".join(_say(digit) for digit in re.sub(r"\D", "", match[0]))


def _sayable(word: str, known: Callable[[str], bool] | None) -> bool:
    """Whether capitals are said as a word: one of the dictionary, or consonants and vowels in turn, as in COVID."""
    if known is None:
        return bool(re.search("[AEIOUY]", word))
    return known(word.lower()) or bool(re.fullmatch("[^AEIOUY]([AEIOU][^AEIOUY]){2}", word))


def _power(match: re.Match) -> str:
    """What is raised above the line; behind a word it is the number of a footnote."""
    over = "".join(RAISED[c] for c in match[2])
    said = {"2": " squared", "3": " cubed"}.get(over) or f" to the{_ordinal(over)}"
    return match[1] + (f"{said} " if match[1].isdigit() or over in "23" else " ")


def _date(year: str, month: str, day: str) -> str:
    return f" {MONTHS.split('|')[int(month) - 1]} {_ordinal(day)}{_year(year)}"


def _roman(match: re.Match) -> str:
    """Chapter IV is chapter four, Henry VIII is Henry the eighth."""
    name, total = match[1], _roman_value(match[2].upper())
    if not total:
        return match[0]
    return f"{name} the{_ordinal(total)}" if name in RULERS else f"{name}{_say(total)}"


def _roman_value(letters: str) -> int:
    """The value of a Roman numeral; 0 for other letters."""
    if not re.fullmatch("M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})", letters):
        return 0
    amounts = [dict(zip("IVXLCDM", (1, 5, 10, 50, 100, 500, 1000), strict=True))[letter] for letter in letters]
    return sum(-a if a < max(amounts[i:]) else a for i, a in enumerate(amounts))


def _alone(match: re.Match) -> str:
    """A Roman numeral that is too long for an abbreviation; one above a thousand is a year."""
    total = _roman_value(match[0])
    return match[0] if not total else _year(total) if total > 1000 else _say(total)


SIGN = "[" + "".join(CURRENCIES) + "]"
CODES = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))
# Thousands: 1,000 and 1 000 and 1'000; with points only from a million on, as 1.000 is a fraction.
GROUPED = (
    r"(?<![\d.,'])(?:\d{1,3}(?:,\d{3})+(?!\d)|[1-9]\d{0,2}(?: \d{3}){1,4}(?! ?\d)"
    r"|[1-9]\d{0,2}(?:'\d{3})+(?!\d)|[1-9]\d{0,2}(?:\.\d{3}){2,}(?![\d.]))"
)
CONTINENTAL = r"(?<![\d.,])([1-9]\d{0,2}(?:\.\d{3})+),(\d{1,2})(?!\d|,\d)"  # 1.234,56
RULERS = (
    "Alexander|Benedict|Catherine|Charles|Edward|Elizabeth|Francis|Frederick|George|Gregory|Henry|James|Leo|Louis|Mary|Napoleon"
    "|Nicholas|Paul|Peter|Philip|Pius|Richard|William"
).split("|")
COUNTED = "Act|Appendix|Bowl|Book|Chapter|Mark|Part|Phase|Scene|Section|Title|Type|Volume|War"  # also before I, V and X
DAY, MONTH, YEAR = r"(0?[1-9]|[12]\d|3[01])", r"(0?[1-9]|1[0-2])", r"(1\d{3}|20\d\d)"
DAYS = {"Mon": "Monday", "Wed": "Wednesday", "Sat": "Saturday", "Sun": "Sunday"}  # words of their own, if no date follows
SCALE = r"(?:\s*(thousand|million|billion|trillion|[kmb]|mn|bn|tn)\b)?"
RULES: tuple[tuple[str, Callable[[re.Match], str]], ...] = (
    (r"\bhttps?://", lambda m: ""),
    (r"\bwww\.", lambda m: "w w w dot "),
    (r"(?<=\w)\.(?=(?:com|org|net|edu|gov|io|co|uk|de|txt|pdf|html?|py|js)\b)", lambda m: " dot "),
    (r"\b(?:US|CA|AU|NZ|HK|C|A)\$", lambda m: "$"),
    (rf"\b({'|'.join(CODES)})\s?(?={COUNT}?\d)", lambda m: CODES[m[1]]),
    (rf"(?<=\d)\s?({'|'.join(CODES)})\b", lambda m: CODES[m[1]]),
    (r"(?<![\d.,])(\d{1,9}),(\d\d)(?=\s?€)", lambda m: f"{m[1]}.{m[2]}"),
    (rf"\b{YEAR}-(0[1-9]|1[0-2])-{DAY}\b", lambda m: _date(m[1], m[2], m[3])),
    (rf"\b{DAY}\.{MONTH}\.{YEAR}\b", lambda m: _date(m[3], m[2], m[1])),
    (rf"\b(1[3-9]|2\d|3[01])/{MONTH}/{YEAR}\b", lambda m: _date(m[3], m[2], m[1])),
    (rf"\b{MONTH}/(1[3-9]|2\d|3[01])/{YEAR}\b", lambda m: _date(m[3], m[1], m[2])),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", lambda m: " dot ".join("".join(_say(c) for c in part) for part in m[0].split("."))),
    (r"(?<!\w)\+(?!1\b)\d{1,3}(?:[-. ]?\(?\d{1,5}\)?){2,6}\b", lambda m: f" plus {_digits(m)}"),
    (r"(?<![\d.,])\b0\d{2,5}[-/ ]\d{3,}(?:[- ]\d{2,})*\b|\b\d+(?:-\d+){2,}\b", _digits),
    (r"(?:\+?\b1[-. ])?(?:\(\d{3}\) ?|\b\d{3}[-. ])\d{3}[-. ]\d{4}\b", lambda m: _digits(m)),
    (r"(?i)(?<=\b(?:call|dial) )911\b", lambda m: _digits(m)),
    (r"\b(24)/(7)\b|\b([79])/(11)\b", lambda m: "".join(_say(part) for part in m.groups() if part)),
    (r"\bw/o\b", lambda m: "without"),
    (r"\bw/(?=\W|\d)", lambda m: "with "),
    (r"\b(\d{1,2})p\b", lambda m: f"{_say(m[1])}pence "),
    (r"\b(1080|1440|2160)(?=p\b)", lambda m: _year(m[1])),
    (r"\b([A-G])#", lambda m: f"{m[1]} sharp"),
    (rf"\b({COUNTED}) ([IVXLC]{{1,9}})\b(?!')", _roman),
    (rf"\b((?i:{COUNTED})) ([ivx]{{2,7}})\b(?!')", _roman),
    (r"\b([A-Z][a-z]+) ([IVX]{2,7}|V|X)\b", lambda m: _roman(m) if len(m[2]) > 1 or m[1] in RULERS else m[0]),
    (r"\b(?:[IVX]{3,7}|[IVXLCDM]{4,15})\b", _alone),
    (rf"\b({'|'.join(DAYS)})\.?(?=,? (?:\d|(?:{'|'.join(SHORT_MONTHS)})))", lambda m: DAYS[m[1]]),
    (r"(?i)\b(in|since|until|year) (10[1-9]\d)\b(?![.,]?\d|\s*%)", lambda m: f"{m[1]}{_year(m[2])}"),
    (rf"(?i)\b({'|'.join(NUMBERED)})\.\s*(?=\d)", lambda m: f"{NUMBERED[m[1].lower()]} "),
    (rf"({SIGN})\s?({N})\s?[-–—]\s?(?={N}{SCALE}(?![\d%]))", lambda m: f"{m[2]} to {m[1]}"),
    (r"%\s?[-–—]\s?(?=\d)", lambda m: "% to "),
    (rf"(\d\s?[a-z]+)/({'|'.join(name for name in PER if len(name) > 2)})\b", lambda m: f"{m[1]} per {m[2]}"),
    (rf"(?<=[\dkmbKMB%])\s?[-–—]\s?(?={SIGN}\s?{COUNT}?\d)", lambda m: " to "),
    (rf"(?<!\w)({SIGN}\s*{COUNT}?[\d.]+{SCALE})/({'|'.join(PER)})\b", lambda m: f"{m[1]} per {PER[m[3]]}"),
    (rf"(?i)({SIGN})\s*{COUNT}?(\d*\.?\d+){SCALE}", lambda m: _money(m[1], m[2], m[3])),
    (rf"(?i)(\d+(?:\.\d+)?){SCALE}\s*({SIGN})", lambda m: _money(m[3], m[1], m[2])),
    (r"(\d+)\s*¢", lambda m: f"{_say(m[1])}cent{'s' * (m[1] != '1')} "),
    (r"(\d:\d\d|\d)(\s?(?:[ap]\.?\s?m\b\.?)?)\s*[-–—]\s*(?=\d?\d:\d\d)", lambda m: f"{m[1]}{m[2]} to "),
    (r"\b([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?:\s?([apAP])\.?\s?[mM]\b\.?|\b)", _time),
    (r"(?i)\b([ap])\.\s?m\b\.?", lambda m: f" {m[1]} m "),
    (r"(?i)(\d)\s*([ap])\.?m\b\.?", lambda m: f"{m[1]} {m[2]} m "),
    (r"(?i)\b(e\.g\.|i\.e\.)", lambda m: " for example " if m[0].lower() == "e.g." else " that is "),
    (rf"\b({'|'.join(SHORT_MONTHS)})\b\.?(?=\s*\d)", lambda m: SHORT_MONTHS[m[1]]),
    (rf"(?i)\b({MONTHS})\s+(\d\d?)\b(?![:.]?\d|st|nd|rd|th)", lambda m: f"{m[1]} {_ordinal(m[2])}"),
    (rf"(?i)\b(\d\d?)\s+({MONTHS})\b", lambda m: f"{_ordinal(m[1])}{m[2]}"),
    (r"(?i)\b(\d+)(?:st|nd|rd|th)\b", lambda m: _ordinal(m[1])),
    (r"'?\b(\d0|1\d\d0|20\d0)'?s\b", _decade),
    (r"\b\d{3}-\d{4}\b", _digits),
    (r"\b(?:(\d+)\s+)?(\d{1,2})/([2-9]|1\d|2\d|1000?)\b(?!/)", _fraction),
    (rf"({N})\s*[-–—]\s*(?={COUNT}?\d)", lambda m: f"{m[1]} to "),
    (r"(?<=\d)\s*°\s*([cCfF])\b", lambda m: f"°{m[1]}"),
    (rf"({N})M\b(?!/)", lambda m: f"{m[1]} million "),
    (rf"({N})(?:\s*|-){UNIT}", lambda m: f"{m[1]} {measure(*m.groups())} "),
    (rf"(?<![\w.])-(?={COUNT}?\.?\d)", lambda m: " minus "),
    (rf"(?<![\d.{COUNT}])\b(1[1-9]\d\d|20\d\d)\b(?!\.\d|\s*%)", lambda m: _year(m[1])),
    (r"\d+(?:\.\d+)+\.\d+", lambda m: " point ".join(_say(part) for part in m[0].split("."))),
    (r"\d*\.\d+|\d+", lambda m: _say(m[0])),
    (r"\b((?:[A-Za-z]\.){2,})", lambda m: _spelled(m[1])),
    (r"\b([A-Z][\w']+) (St|Dr)\b\.?(?!\s+[A-Z])", lambda m: f"{m[1]} {'street' if m[2] == 'St' else 'drive'} "),
    (r"\bPh\.?\s?D\b\.?", lambda m: " P H D "),
    (rf"(?i)\b({'|'.join(TITLES)})\b\.?(?!')", lambda m: f"{TITLES[m[1].lower()]} "),
    (rf"(?i)\b({'|'.join(ABBREVIATIONS)})\.(?=\s*[\w'])", lambda m: f"{ABBREVIATIONS[m[1].lower()]} "),
    (r"\bSt\b(?=\s+[A-Z])", lambda m: "saint"),
    ("[" + re.escape("".join(SIGNS)) + "]", lambda m: f" {SIGNS[m[0]]} "),
)
