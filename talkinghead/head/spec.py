"""Heads by a word, as `--head` names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkinghead.errors import InputError

if TYPE_CHECKING:
    from talkinghead.head.head import Head


def read_head(name: str) -> Head | None:
    """The head that `--head` names; None for the plain default one.

    default:KEY=VALUE,… gives a person of the default head: age, gender, ancestry and seed are `Head.default`'s arguments,
    any other key a direction of the face.
    """
    from talkinghead.head.head import Head

    word, _, person = name.partition(":")
    if word != "default":
        return Head.load(name)
    if not person:
        return None
    given: dict = {"face": {}}
    for item in person.split(","):
        key, sign, value = (part.strip() for part in item.partition("="))
        if not sign or not key or not value:
            raise InputError(f"head {name}: write default:key=value,… such as default:age=60,gender=female,seed=3")
        if key in ("age", "gender", "ancestry", "seed"):
            given[key] = _number(value, int if key == "seed" else float) if key in ("age", "seed") else _maybe_number(value)
        else:
            given["face"][key] = _number(value, float)
    return Head.default(**{**given, "face": given["face"] or None})


def _number(text: str, kind: type):
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"head: {text!r} is not a {'whole ' if kind is int else ''}number") from None


def _maybe_number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
