"""The one progress bar of long operations, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def progress_bar(shown: bool = True, *, transient: bool = True) -> Progress:
    """A context manager: add tasks and advance them, or `track` an iterable. transient: the bar goes when it is done.

    Nothing is drawn if not `shown`, or where stderr is neither a terminal nor a notebook.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    visible = shown and (console.is_terminal or console.is_jupyter)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console, transient=transient, disable=not visible)
