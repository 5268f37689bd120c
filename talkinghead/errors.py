"""The one error that users cause."""


class InputError(ValueError):
    """Bad input or arguments: one line that says what, where and what to do. The CLI prints it and exits with 2."""
