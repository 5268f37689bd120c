"""Identities of the default head: age, gender, ancestry and details of the face, all on one topology."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from talkinghead.errors import InputError, shown

AGES = {"child": 11.0, "young": 25.0, "old": 90.0}  # years of the three ages that the head's macro directions stand for
GENDERS = {"female": 0.0, "male": 1.0}
ANCESTRIES = ("african", "asian", "caucasian")
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
    return {"age": age, "gender": gender, "ancestry": shares, "face": face}


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
