"""Units of measure, as they are written behind a number and as they are said: `10 m/s` is ten meters per second."""

from __future__ import annotations

import re

PREFIXES = dict(zip("kMGTdcmμn", "kilo mega giga tera deci centi milli micro nano".split(), strict=True))
SCALED = {  # unit -> its name, the prefixes that it is used with; without one a capital could be anything
    **{"m": ("meter", "kdcmμn"), "g": ("gram", "kmμ"), "l": ("liter", "dcmμ"), "L": ("liter", "dcmμ"), "s": ("second", "mμn")},
    **{"W": ("watt", "kMGm"), "Wh": ("watt hour", "kMGT"), "V": ("volt", "kmM"), "A": ("amp", "m"), "Ah": ("amp hour", "m")},
    **{"Hz": ("hertz", "kMGT"), "Pa": ("pascal", "kM"), "J": ("joule", "kM"), "B": ("byte", "kMGT"), "cal": ("calorie", "k")},
    **{"bps": ("bit per second", "kMGT"), "bit": ("bit", "kMGT"), "hz": ("hertz", "kmg"), "b": ("byte", "kmgt")},
}
PLAIN = {  # unit -> its name for one
    **{"m": "meter", "g": "gram", "l": "liter", "L": "liter", "V": "volt", "W": "watt", "Hz": "hertz", "hz": "hertz"},
    **{"KB": "kilobyte", "dB": "decibel", "kw": "kilowatt", "lb": "pound", "lbs": "pound", "oz": "ounce", "ft": "foot"},
    **{"yd": "yard", "mi": "mile", "mph": "mile per hour", "kph": "kilometer per hour", "mpg": "mile per gallon"},
    **{"hp": "horsepower"},
    **{"hrs": "hour", "hr": "hour", "min": "minute", "mins": "minute", "sec": "second", "secs": "second", "px": "pixel"},
    **{"fps": "frame per second", "rpm": "turn per minute", "bpm": "beat per minute", "ppm": "part per million"},
    **{"dpi": "dot per inch", "psi": "pound per square inch", "kn": "knot", "ha": "hectare"},
    **{"°c": "degree celsius", "°C": "degree celsius", "°f": "degree fahrenheit", "°F": "degree fahrenheit", "°": "degree"},
}
PER = {"h": "hour", "s": "second", "d": "day", "yr": "year", "mo": "month", "wk": "week"} | {  # only below a stroke
    name: name for name in ("second", "minute", "hour", "day", "night", "week", "month", "year", "person", "mile", "gallon")
}
ODD = {"foot": "feet", "hertz": "hertz", "horsepower": "horsepower"}
POWERS = {"2": "square", "3": "cubic", " squared": "square", " cubed": "cubic", "sq": "square", "cu": "cubic"}


def _names() -> dict[str, str]:
    small = PREFIXES | {"m": "mega", "g": "giga", "t": "tera"}  # of bytes and hertz in small letters
    out = dict(PLAIN)
    for unit, (name, prefixes) in SCALED.items():
        for prefix in prefixes:
            out[prefix + unit] = (small if unit in ("b", "hz") else PREFIXES)[prefix] + name
    return out


NAMES = _names()
ANY = "|".join(map(re.escape, sorted(NAMES, key=len, reverse=True)))
BELOW = "|".join(map(re.escape, sorted({*NAMES, *PER}, key=len, reverse=True)))
UNIT = rf"(?:(sq|cu)\.?\s?)?({ANY})([23](?!\d)| squared| cubed)?(?:/({BELOW}))?(?![\w'])"


def measure(amount: str, power: str | None, unit: str, raised: str | None, below: str | None) -> str:
    """A unit as it is said behind `amount`; the other arguments are the groups of UNIT."""
    said = NAMES[unit] if amount == "1" else _many(NAMES[unit])
    if kind := POWERS.get(power or raised or ""):
        said = f"{kind} {said}"
    return f"{said} per {PER.get(below) or NAMES[below]}" if below else said


def _many(name: str) -> str:
    first, _, rest = name.partition(" ")
    if rest.startswith("hour"):  # watt hours
        return f"{name}s"
    return f"{ODD.get(first, first + 's')} {rest}".strip()
