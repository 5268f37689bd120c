"""Heads by a word, as `--head` names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkinghead.errors import InputError

if TYPE_CHECKING:
    from talkinghead.audio.waveform import Waveform
    from talkinghead.head.head import Head

WORDS = ("default", "auto")  # before a colon, what is no file


def is_auto(name: str) -> bool:
    """Whether `--head` names a person that suits the voice."""
    return name.partition(":")[0] == "auto"


def read_head(name: str, voice: Waveform | None = None) -> Head | None:
    """The head that `--head` names; None for the plain default one.

    default:KEY=VALUE,… gives a person of the default head: age, gender, ancestry, seed, hair, hair_colour, eye_colour and
    beard are `Head.default`'s arguments, shapes is a set of `Head.with_shapes`, any other key a direction of the face.
    auto:KEY=VALUE,… is the same for what `voice`, at 16 kHz, does not tell.
    """
    from talkinghead.head.head import Head

    word, _, person = name.partition(":")
    if word not in WORDS:
        return Head.load(name)
    given = _person(name, person) if person else {}
    shapes = given.pop("shapes", None)
    if word == "auto":
        if voice is None:
            raise InputError(f"head {name}: listens to a recording, so it is for animate; name a person as default:age=60,…")
        head = Head.from_voice(voice, **given)
    else:
        head = Head.default(**given) if person else None
    return head if shapes is None else (head or Head.default()).with_shapes(shapes)


def _person(name: str, person: str) -> dict:
    """The arguments of `Head.default` in the text after the colon, and `shapes`."""
    given: dict = {"face": {}}
    for item in person.split(","):
        key, sign, value = (part.strip() for part in item.partition("="))
        if not sign or not key or not value:
            raise InputError(f"head {name}: write key=value,… after the colon, such as default:age=60,gender=female,seed=3")
        if key in ("shapes", "hair", "hair_colour", "eye_colour"):
            given[key] = value
        elif key == "beard":
            given[key] = _number(value, float)
        elif key in ("age", "gender", "ancestry", "seed"):
            given[key] = _number(value, int if key == "seed" else float) if key in ("age", "seed") else _maybe_number(value)
        else:
            given["face"][key] = _number(value, float)
    return {**given, "face": given["face"] or None}


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
