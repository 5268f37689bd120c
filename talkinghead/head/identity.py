"""Identities of the default head: age, gender, ancestry and details of the face, all on one topology."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from talkinghead.errors import InputError, shown

AGES = {"child": 11.0, "young": 25.0, "old": 90.0}  # years of the three ages that the head's macro directions stand for
GENDERS = {"female": 0.0, "male": 1.0}
ANCESTRIES = ("african", "asian", "caucasian")
DEFAULT_HAIR = "short"
HAIR_COLOURS = {  # linear light
    "black": (0.012, 0.010, 0.009),
    "brown": (0.050, 0.028, 0.016),
    "auburn": (0.130, 0.042, 0.018),
    "blond": (0.450, 0.260, 0.105),
    "grey": (0.330, 0.325, 0.320),
    "white": (0.640, 0.630, 0.610),
}
EYE_COLOURS = {
    "brown": (0.120, 0.062, 0.024),
    "dark": (0.048, 0.026, 0.014),
    "hazel": (0.130, 0.090, 0.032),
    "green": (0.090, 0.110, 0.055),
    "blue": (0.085, 0.150, 0.230),
    "grey": (0.130, 0.160, 0.180),
}
STYLES = {  # of hair that is drawn: for women, for men; shares
    "female": {"bob": 0.30, "long": 0.26, "bun": 0.20, "curly": 0.12, "short": 0.12},
    "male": {"short": 0.52, "buzz": 0.22, "curly": 0.10, "bald": 0.12, "bob": 0.04},
}
GREYING = (42.0, 74.0)  # years at which hair begins to lose its colour, and has lost it
REACH = 2.0  # largest absolute weight of a face detail; 1 is a strong feature


def details(directions: Iterable[str]) -> list[str]:
    """Directions that `face=` takes: nose_width2, chin_prominent, eye_scale …; all but the macro ones."""
    return [name for name in directions if not name.startswith("macro/")]


def draw_person(directions: Iterable[str], seed: int) -> dict:
    """Random age, gender, ancestry and face of a seed. Raises InputError for a seed that is no whole number from 0 up."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"head: seed is {shown(seed)}, must be a whole number from 0 up")
    rng = np.random.default_rng(int(seed))
    gender = float(np.clip(rng.integers(2) + rng.normal(0, 0.12) * 0.9, 0, 1))
    shares = dict(zip(ANCESTRIES, (float(s) for s in rng.dirichlet([0.5] * 3)), strict=True))
    age = float(rng.triangular(18, 28, 75))
    names = details(directions)
    spread = np.array([0.10 if name.startswith("mouth") else 0.16 for name in names])
    face = dict(zip(names, (float(w) for w in spread * np.clip(rng.normal(0, 1, len(names)), -2.5, 2.5)), strict=True))
    light = shares["caucasian"]
    kind = "male" if gender > 0.5 else "female"
    styles = dict(STYLES[kind])
    styles["curly"] += 0.5 * shares["african"]
    styles["buzz"] = styles.get("buzz", 0) + (0.4 if kind == "male" else 0.1) * shares["african"]
    if kind == "male" and age < 32:
        styles["bald"] = 0.03
    colours = {"black": 1.6 - 1.5 * light, "brown": 0.25 + 0.5 * light, "auburn": 0.12 * light**2, "blond": 0.40 * light**2}
    eyes = {"dark": 1.5 - 1.4 * light, "brown": 0.6, "hazel": 0.25 * light, "green": 0.2 * light**2}
    eyes |= {"blue": 0.5 * light**2, "grey": 0.15 * light**2}
    look = {"hair": _pick(rng, styles), "hair_colour": _pick(rng, colours), "eye_colour": _pick(rng, eyes)}
    beard = float(rng.choice([0.08, 0.30, 0.55, 0.95])) * float(np.clip((gender - 0.6) / 0.2, 0, 1))
    return {"age": age, "gender": gender, "ancestry": shares, "face": face, **look, "beard": beard}


def _pick(rng: np.random.Generator, shares: dict[str, float]) -> str:
    weights = np.array(list(shares.values()))
    return str(rng.choice(list(shares), p=weights / weights.sum()))


def read_choice(value, what: str, choices: Iterable[str]) -> str:
    """A name out of some. Raises InputError for anything else."""
    if value not in (names := tuple(choices)):
        raise InputError(f"head: {what} is {shown(value)}, choose one of {', '.join(names)}")
    return value


def read_share(value, what: str) -> float:
    """A number from 0 to 1. Raises InputError for anything else."""
    number = _number(value, what)
    if not 0 <= number <= 1:
        raise InputError(f"head: {what} is {number:g}, must be from 0 to 1")
    return number


def usual_hair(male: float) -> str:
    """The style of somebody of whom only the gender (0 female to 1 male) is known."""
    return "bob" if male < 0.35 else DEFAULT_HAIR


def usual_colour(shares: dict[str, float]) -> str:
    """The colour of hair of somebody of whom only the ancestry is known."""
    return "brown" if shares.get("caucasian", 0.0) > 0.3 else "black"


def greyed(colour: tuple[float, float, float], years: float) -> tuple[float, float, float]:
    """Hair of that colour, linear light, at an age."""
    share = float(np.clip((years - GREYING[0]) / (GREYING[1] - GREYING[0]), 0, 1))
    grey, white = np.array(HAIR_COLOURS["grey"]), np.array(HAIR_COLOURS["white"])
    target = grey + (white - grey) * np.clip((years - 62) / 25, 0, 1)
    red, green, blue = (np.array(colour) ** (1 - share) * target**share).tolist()  # in equal steps for the eye
    return red, green, blue


def _number(value, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"head: {what} is {shown(value)}, must be a number") from None
    if not np.isfinite(number):
        raise InputError(f"head: {what} is {shown(value)}, must be a finite number")
    return number


def read_age(value) -> float:
    """Years. Raises InputError for what is no number, or an age that the head cannot have."""
    years = _number(value, "age")
    if not AGES["child"] <= years <= AGES["old"]:
        raise InputError(f"head: age is {years:g} years, this head can be {AGES['child']:g} to {AGES['old']:g} years old")
    return years


def read_gender(value) -> float:
    """0 (female) to 1 (male), from a number or a key of GENDERS. Raises InputError for anything else."""
    if isinstance(value, str):
        if value not in GENDERS:
            kinds = "'female', 'male' or a number from 0 (female) to 1 (male)"
            raise InputError(f"head: gender is {shown(value)}, must be {kinds}")
        return GENDERS[value]
    number = _number(value, "gender")
    if not 0 <= number <= 1:
        raise InputError(f"head: gender is {number:g}, must be from 0 (female) to 1 (male)")
    return number


def read_ancestry(value) -> dict[str, float]:
    """Shares of ANCESTRIES that sum to 1, from a name or a dict of shares. Raises InputError for anything else."""
    shares = {value: 1.0} if isinstance(value, str) else value
    if not isinstance(shares, dict):
        raise InputError(f"head: ancestry is {shown(value)}, must be a name or a dict of shares: {', '.join(ANCESTRIES)}")
    unknown = [name for name in shares if name not in ANCESTRIES]
    if unknown:
        raise InputError(f"head: unknown ancestry {shown(unknown[0])}, there are {', '.join(ANCESTRIES)}")
    numbers = {name: _number(share, f"ancestry {name}") for name, share in shares.items()}
    total = sum(numbers.values())
    if min(numbers.values(), default=0) < 0 or not 0 < total < np.inf:
        raise InputError(f"head: ancestry {shown(value)} needs shares that are not negative and not all zero")
    return {name: share / total for name, share in numbers.items()}


def read_face(directions: Iterable[str], weights: dict[str, float]) -> dict[str, float]:
    """Weights of directions of the face, checked. Raises InputError for an unknown direction or a weight beyond REACH."""
    from difflib import get_close_matches

    if not isinstance(weights, dict):
        raise InputError(f"head: face is {shown(weights)}, must be a dict of direction: weight")
    names, out = details(directions), {}
    for name, value in weights.items():
        if name not in names:
            near = get_close_matches(str(name), names, 1)
            raise InputError(f"head: no face direction {shown(name)}" + (f"; did you mean {near[0]!r}?" if near else ""))
        out[name] = _number(value, f"face direction {name}")
        if abs(out[name]) > REACH:
            raise InputError(f"head: face direction {name} is {out[name]:g}, must be from {-REACH:g} to {REACH:g}")
    return out


def macro_weights(years: float, male: float, shares: dict[str, float]) -> dict[str, float]:
    """Weights of the macro directions, which sum to 1: multilinear in age, gender and ancestry."""
    marks = list(AGES.values())
    at = {name: float(np.interp(years, marks, np.eye(3)[k])) for k, name in enumerate(AGES)}
    sex = {"female": 1 - male, "male": male}
    return {f"macro/{a}-{g}-{y}": shares[a] * sex[g] * at[y] for a in shares for g in sex for y in at}


def plain_arguments(given: dict) -> dict:
    """Arguments in types that JSON has: text, int, float, dict."""

    def plain(value):
        if isinstance(value, dict):
            return {str(k): plain(v) for k, v in value.items()}
        return value if isinstance(value, str) else int(value) if isinstance(value, (int, np.integer)) else float(value)

    return {name: plain(value) for name, value in given.items()}
