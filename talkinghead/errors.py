"""The one error that users cause, the one warning, and how both show what strangers wrote: in one short line."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

LONGEST = 1000  # characters of a message; of a longer one the middle is left out
# What moves the cursor, ends a line, turns its direction or is no character.
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class InputError(ValueError):
    """Bad input or arguments: one line that says what, where and what to do. The CLI prints it and exits with 2."""

    def __init__(self, message: object = "") -> None:
        super().__init__(plain_line(str(message)))


class OutputError(InputError):
    """An output that cannot be written, whatever is read: a full disk, a folder that is gone, another process at work on it."""


class InputWarning(UserWarning):
    """Input that is odd but can be worked with: one line that says what was done about it. The CLI prints it and goes on."""

    def __init__(self, message: object = "") -> None:
        super().__init__(plain_line(str(message)))


def plain_line(text: str) -> str:
    """Text as one line of at most `LONGEST` characters. Signs that would act on a terminal are written as escapes."""
    text = UNSEEN.sub(lambda match: " " if match[0] in "\n\r\t" else ascii(match[0])[1:-1], text.strip())
    if len(text) > LONGEST:
        text = f"{text[: LONGEST * 2 // 3]} ... {text[-LONGEST // 4 :]}"
    return text


def choose_name(what: str, name: Any, names: Iterable[str]) -> str:
    """`name`, which must be one of `names`. Raises InputError that has the nearest of them, or all."""
    names = tuple(names)
    if name in names:
        return name
    near = get_close_matches(str(name), names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(names)}"
    raise InputError(f"no {what} {shown(name)}: {hint}")


def brief(error: BaseException) -> str:
    """The first line of an error, short enough for a one-line message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def shown(value: Any) -> str:
    """A value of a stranger's file as messages show it: what Python would write, but short, however much the value holds."""
    try:
        text = SHORT.repr(value)
        return text if len(text) <= 200 else f"{text[:150]} ... {text[-40:]}"
    except (ValueError, RecursionError):  # a number with thousands of digits
        return f"a {type(value).__name__} that is too long to be shown"


SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = 80
SHORT.maxlevel = 2
