"""The one error that users cause, and the one warning."""


class InputError(ValueError):
    """Bad input or arguments: one line that says what, where and what to do. The CLI prints it and exits with 2."""


class InputWarning(UserWarning):
    """Input that is odd but can be worked with: one line that says what was done about it. The CLI prints it and goes on."""
