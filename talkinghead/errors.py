"""The one error that users cause, and the one warning."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input or arguments: one line that says what, where and what to do. The CLI prints it and exits with 2."""


class InputWarning(UserWarning):
    """Input that is odd but can be worked with: one line that says what was done about it. The CLI prints it and goes on."""


def brief(error: BaseException) -> str:
    """The first line of an error, short enough for a one-line message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
