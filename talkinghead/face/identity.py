"""Many people from the one default head: age, sex, ancestry and face details, all with the same topology."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from talkinghead.errors import InputError
from talkinghead.face.head import Head, Part

AGES = {"child": 11.0, "young": 25.0, "old": 90.0}  # years of the three ages that the head's macro directions stand for
GENDERS = {"female": 0.0, "male": 1.0}
ANCESTRIES = ("african", "asian", "caucasian")
REACH = 2.0  # the largest weight of a face detail; 1 is already a strong feature
# Linear factors on the skin's base colour at a share of one (equal shares: 1), chosen by eye
DARK = np.array([0.42, 0.33, 0.27])
LIGHT = {"asian": np.array([1.06, 1.03, 0.95]), "caucasian": np.array([1.08, 1.07, 1.08])}
# Shapes of p, b and m, and the company they are shut in
BILABIAL = (
    (("mouthClose",), ("jawOpen",)),
    (("mouthPressLeft", "mouthPressRight"), ()),
    (("mouthRollLower",), ()),
    (("mouthRollUpper",), ()),
)
MOST = 0.04  # of the mouth's width: what a shape may be changed by to shut the lips
JOINT_RADIUS = 0.02  # metres: a joint moves with what is this near to it


def person(
    head: Head,
    *,
    seed: int | None = None,
    age: float | None = None,
    gender: float | str | None = None,
    ancestry: str | dict[str, float] | None = None,
    face: dict[str, float] | None = None,
) -> Head:
    """The head as another person: same faces, basis names and landmarks; template, joints, lids and colours change.

    seed: a random person; what else is given is kept, the rest is drawn. age: 11 to 90 years. gender: "female", "male"
    or 0 (female) to 1 (male). ancestry: "african", "asian", "caucasian" or their shares. face: weights in [-2, 2] of the
    directions that `details(head)` lists. Without arguments: the neutral person, 25 years, in the middle of everything.
    `provenance["person"]` of the result has the arguments that make it again. Raises InputError for what is out of range.
    """
    arguments = {"seed": seed, "age": age, "gender": gender, "ancestry": ancestry, "face": face}
    given = {name: value for name, value in arguments.items() if value is not None}
    if not given:
        return head
    if not head.identity:
        raise InputError(f"head {head.name} has no identity directions: it is one person only")
    drawn = _draw(head, seed) if seed is not None else {}
    years = _age(given.get("age", drawn.get("age", AGES["young"])))
    male = _gender(given.get("gender", drawn.get("gender", 0.5)))
    shares = _ancestry(given.get("ancestry", drawn.get("ancestry", dict.fromkeys(ANCESTRIES, 1.0))))
    weights = _macro_weights(years, male, shares) | drawn.get("face", {}) | _face(head, given.get("face", {}))
    change = sum(weight * head.identity[name] for name, weight in weights.items() if weight)
    template, basis = _shut_lips(head, (head.template + change).astype(np.float32))
    _close_lids(head, template, basis)
    label = ", ".join(f"{k}={v}" for k, v in given.items())
    return replace(
        head,
        name=f"{head.name}({label})",
        template=template,
        basis=basis,
        parts=tuple(_coloured(part, years, shares) for part in head.parts),
        joints=_joints(head, template - head.template),
        provenance=head.provenance | {"person": _plain(given)},
    )


def details(head: Head) -> list[str]:
    """Names for `face=`: nose_width2, chin_prominent, eye_scale, ..."""
    return [name for name in head.identity if not name.startswith("macro/")]


def _draw(head: Head, seed: int) -> dict:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"head: seed is {seed!r}, must be a whole number from 0 up")
    rng = np.random.default_rng(int(seed))
    gender = float(np.clip(rng.integers(2) + rng.normal(0, 0.12) * 0.9, 0, 1))
    shares = dict(zip(ANCESTRIES, (float(s) for s in rng.dirichlet([0.5] * 3)), strict=True))
    age = float(rng.triangular(18, 28, 75))
    names = details(head)
    spread = np.array([0.10 if name.startswith("mouth") else 0.16 for name in names])
    face = dict(zip(names, (float(w) for w in spread * np.clip(rng.normal(0, 1, len(names)), -2.5, 2.5)), strict=True))
    return {"age": age, "gender": gender, "ancestry": shares, "face": face}


def _number(value, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"head: {what} is {value!r}, must be a number") from None
    if not np.isfinite(number):
        raise InputError(f"head: {what} is {value!r}, must be a finite number")
    return number


def _age(value) -> float:
    years = _number(value, "age")
    if not AGES["child"] <= years <= AGES["old"]:
        raise InputError(f"head: age is {years:g} years, this head can be {AGES['child']:g} to {AGES['old']:g} years old")
    return years


def _gender(value) -> float:
    if isinstance(value, str):
        if value not in GENDERS:
            raise InputError(f"head: gender is {value!r}, must be 'female', 'male' or a number from 0 (female) to 1 (male)")
        return GENDERS[value]
    number = _number(value, "gender")
    if not 0 <= number <= 1:
        raise InputError(f"head: gender is {number:g}, must be from 0 (female) to 1 (male)")
    return number


def _ancestry(value) -> dict[str, float]:
    shares = {value: 1.0} if isinstance(value, str) else value
    if not isinstance(shares, dict):
        raise InputError(f"head: ancestry is {value!r}, must be a name or a dict of shares: {', '.join(ANCESTRIES)}")
    unknown = [name for name in shares if name not in ANCESTRIES]
    if unknown:
        raise InputError(f"head: unknown ancestry {unknown[0]!r}, there are {', '.join(ANCESTRIES)}")
    numbers = {name: _number(share, f"ancestry {name}") for name, share in shares.items()}
    total = sum(numbers.values())
    if min(numbers.values(), default=0) < 0 or not 0 < total < np.inf:
        raise InputError(f"head: ancestry {value!r} needs shares that are not negative and not all zero")
    return {name: share / total for name, share in numbers.items()}


def _face(head: Head, weights: dict[str, float]) -> dict[str, float]:
    from difflib import get_close_matches

    if not isinstance(weights, dict):
        raise InputError(f"head: face is {weights!r}, must be a dict of direction: weight")
    names, out = details(head), {}
    for name, value in weights.items():
        if name not in names:
            near = get_close_matches(str(name), names, 1)
            raise InputError(f"head: no face direction {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        out[name] = _number(value, f"face direction {name}")
        if abs(out[name]) > REACH:
            raise InputError(f"head: face direction {name} is {out[name]:g}, must be from {-REACH:g} to {REACH:g}")
    return out


def _macro_weights(years: float, male: float, shares: dict[str, float]) -> dict[str, float]:
    """Multilinear in age, gender and ancestry; the weights sum to one."""
    marks = list(AGES.values())
    at = {name: float(np.interp(years, marks, np.eye(3)[k])) for k, name in enumerate(AGES)}
    sex = {"female": 1 - male, "male": male}
    return {f"macro/{a}-{g}-{y}": shares[a] * sex[g] * at[y] for a in shares for g in sex for y in at}


def _joints(head: Head, change: np.ndarray) -> dict[str, np.ndarray]:
    """Eyes move with their eyeballs, other joints with the skin around them."""
    balls, out = head.regions["eyeballs"] > 0.5, {}
    for name, place in head.joints.items():
        if name.endswith("_eye"):
            mine = balls & (np.sign(head.template[:, 0]) == np.sign(place[0]))
            weight = mine.astype(np.float32)
        else:
            distance = np.linalg.norm(head.template - place, axis=1)
            weight = np.exp(-(((distance - distance.min()) / JOINT_RADIUS) ** 2))
        out[name] = (place + (weight @ change) / weight.sum()).astype(np.float32)
    return out


def _shut_lips(head: Head, template: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Template and basis with lips that meet: at rest, and in the shapes of a bilabial.

    Each identity direction leaves the lips shut by itself, many together do not.
    """
    from talkinghead.face.seal import lips_of

    lips, basis = lips_of(head), head.basis.copy()
    if lips is None:
        return template, basis
    template = (template + lips.correction(template)).astype(np.float32)
    for names, company in BILABIAL:
        if not all(name in head.names for name in (*names, *company)):
            continue
        rows = [head.names.index(name) for name in names]
        change = lips.correction(template + basis[rows].sum(0) + sum(basis[head.names.index(name)] for name in company))
        change = np.clip(change, -MOST * lips.width, MOST * lips.width)
        left = np.clip(lips.rest * 4 + 0.5, 0, 1)[:, None]  # a pair shares it, each has its own side of the mouth
        for row, share in zip(rows, (left, 1 - left) if len(rows) == 2 else (1.0,), strict=True):
            basis[row] += (share * change).astype(np.float32)
    return template, basis


def _close_lids(head: Head, template: np.ndarray, basis: np.ndarray) -> None:
    """Stretch the blinks in `basis` to this person's eye opening, so that eyeBlink 1 closes every eye."""
    for side in ("left", "right"):
        name = f"eyeBlink{side.capitalize()}"
        pair = [f"eye_{side}_upper", f"eye_{side}_lower"]
        if name in head.names and all(p in head.landmarks for p in pair):
            before, after = (np.diff(head.landmark(pair, points)[:, 1])[0] for points in (head.template, template))
            basis[head.names.index(name)] *= 1.03 * after / before


def _coloured(part: Part, years: float, shares: dict[str, float]) -> Part:
    """Skin by ancestry; brows by ancestry and a little greyer with age (their painted part stays as it is)."""
    if part.name == "skin":
        factor = _tone(shares)
    elif part.name == "brows":
        factor = _tone(shares) ** 0.8 * (1 + np.clip((years - 40) / 40, 0, 1) * np.array([0.5, 0.7, 0.9]))
    else:
        return part
    return replace(part, colour=tuple(float(c) for c in np.asarray(part.colour) * factor))


def _tone(shares: dict[str, float]) -> np.ndarray:
    excess = shares.get("african", 0.0) - 1 / 3
    if excess > 0:
        return DARK ** (1.5 * excess)
    rest = sum(shares.get(name, 0.0) for name in LIGHT)
    light = sum(shares.get(name, 0.0) / rest * colour for name, colour in LIGHT.items())
    return light ** (-3 * excess)


def _plain(given: dict) -> dict:
    """Arguments as JSON can hold them."""

    def plain(value):
        if isinstance(value, dict):
            return {str(k): plain(v) for k, v in value.items()}
        return value if isinstance(value, str) else int(value) if isinstance(value, (int, np.integer)) else float(value)

    return {name: plain(value) for name, value in given.items()}
