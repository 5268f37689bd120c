"""The figures of emotions as tables, for the page and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkinghead.motion.emotions import EMOTIONS

if TYPE_CHECKING:
    from rich.table import Table

HEADER = (
    "The reader geometry was trained on the authored expressions, the generator of the training data: it tells whether a model "
    "shows these."
)
EXPLAINED = (
    "seen: share of the clips in which the reader of action units, or the one of geometry, names the emotion (chance is 1 in "
    "7, and 1 in 8). moved: mean distance of the face's vertices from the neutral prediction; Spearman: its rank correlation "
    "with intensity; monotone: share of clips in which each step of intensity adds to it. p b m shut: share of these "
    "consonants at which the lips shut within 60 ms. r and lag: correlation of lip aperture with the recorded lips, and with "
    "the neutral prediction, and the lag at which it is best. The last four: aperture and width against those of the neutral "
    "prediction after the mean of each was taken away, correlation and root mean square."
)
# What is shown: heading, where it is in a row, digits. The terminal has room for those of BRIEF.
COLUMNS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("seen: units", ("seen", "units", "1"), 2),
    ("geometry", ("seen", "geometry", "1"), 2),
    ("units at 0.5", ("seen", "units", "0.5"), 2),
    ("geometry at 0.5", ("seen", "geometry", "0.5"), 2),
    ("moved mm", ("displacement", "1"), 2),
    ("Spearman", ("spearman",), 2),
    ("monotone", ("monotone",), 2),
    ("p b m shut", ("closures",), 2),
    ("r recorded", ("recorded", "r"), 3),
    ("lag ms", ("recorded", "lag_ms"), 0),
    ("r neutral", ("neutral", "r"), 3),
    ("lag ms", ("neutral", "lag_ms"), 0),
    ("aperture r", ("content", "aperture", "r"), 3),
    ("mm", ("content", "aperture", "mm"), 2),
    ("width r", ("content", "width", "r"), 3),
    ("mm", ("content", "width", "mm"), 2),
)
BRIEF = {
    0: "units",
    1: "geometry",
    4: "mm",
    5: "Spearman",
    7: "p b m",
    8: "r rec.",
    10: "r neut.",
    13: "mm open",
    15: "mm wide",
}


def cells(figures: dict) -> dict[str, list[str]]:
    """{row: cells of COLUMNS as text} of what `figures` returned; "–" where there is nothing."""
    rows = {EMOTIONS[0]: figures["neutral"], **figures["emotions"], "all": figures["all"]}
    return {name: [_cell(row, path, digits) for _, path, digits in COLUMNS] for name, row in rows.items()}


def _cell(row, path: tuple[str, ...], digits: int) -> str:
    for key in path:
        row = row.get(key) if isinstance(row, dict) else row if key == "1" else None
        if row is None:
            return "–"
    return f"{row:.{digits}f}"


def summary(figures: dict) -> str:
    """One line under the table."""
    where = {"data": "of the data set", "model": "that the model hears"}
    phonemes = " and ".join(where[name] for name in figures["phonemes"])
    parts = [
        f"{figures['clips']} clips, at intensity 1 where none is named",
        "intensity 0 is neutral to the bit" if figures["exact"] else "intensity 0 is NOT neutral to the bit",
        f"phonemes {phonemes}" if phonemes else "no phonemes are known",
    ]
    if own := figures.get("own"):
        parts.append(
            f"told the recorded emotion of {own['clips']} clips: "
            + ", ".join(f"{k} {v}" for k, v in own.items() if k != "clips")
        )
    return "; ".join(parts)


def rich_table(name: str, figures: dict) -> Table:
    """For the terminal, the columns of BRIEF."""
    from rich.table import Table

    look = {"box": None, "pad_edge": False, "header_style": "bold", "title_justify": "left", "padding": (0, 1, 0, 0)}
    table = Table(title=f"{name}: emotions\n{HEADER}", **look)
    table.add_column("")
    for heading in BRIEF.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for row, values in cells(figures).items():
        table.add_row(row, *(values[i] for i in BRIEF))
    return table
