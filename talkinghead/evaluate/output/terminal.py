"""The table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkinghead.evaluate.output.format import ARROWS, best_of, cell, number
from talkinghead.evaluate.table import FAMILIES, LEVEL, METRICS

if TYPE_CHECKING:
    from rich.table import Table


def show(report: dict) -> None:
    """The table on the terminal: metrics down, systems across, in as many tables as the width asks for."""
    from rich.console import Console

    console, results = Console(), report["results"]
    about = report["data"]
    console.print(
        f"{about['clips']} clip{'s' * (about['clips'] != 1)}, {about['seconds']:.0f} s, of {about['folder']}"
        f" ({report['conditions']['split']}); lips of the {about['lips_of']}; ± half of the {LEVEL:g} % interval",
        markup=False,
    )
    names = [*report["systems"], *(["truth"] if results["truth"] else [])]
    while names:
        some, room = [], console.width - 26
        while names and (not some or room >= _wide(names[0], results)):
            room -= _wide(names[0], results)
            some.append(names.pop(0))
        console.print(_rich_table(report, some))
        console.print()
    if "emotions" in report:
        from talkinghead.evaluate.output.emotions import rich_table, summary

        for name, figures in report["emotions"].items():
            console.print(rich_table(name, figures))
            console.print(summary(figures), style="dim", markup=False, highlight=False)
            console.print()
    for note in report["notes"]:
        console.print(f"note: {note}", style="dim", markup=False, highlight=False)


def _rich_table(report: dict, names: list[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for name in names:
        table.add_column(name, overflow="fold")
    for family, keys in FAMILIES.items():
        rows = [key for key in keys.split() if key in report["metrics"]]
        if rows:
            table.add_row(f"[dim]{family}[/dim]")
        for key in rows:
            top = best_of(key, report["results"])
            table.add_row(_title(key), *(_rich(key, report["results"][name].get(key), name in top) for name in names))
    return table


def _wide(name: str, results: dict) -> int:
    """Characters of a system's column."""
    return max(len(name[:24]), *(len(_short(key, figure)) for key, figure in results[name].items()), 0) + 2


def _short(key: str, figure: dict | None) -> str:
    """The value and half of its interval; the interval itself is in the report."""
    value = cell(key, figure)[0]
    if not figure or figure["low"] is None:
        return value
    half = number(key, (figure["high"] - figure["low"]) / 2)
    return value if float(half) == 0 or float(half) < 1e-9 * abs(figure["value"]) else f"{value} ±{half}"


def _title(key: str) -> str:
    metric = METRICS[key]
    arrow = ARROWS.get(metric.better, "").replace(" ", "")
    return f"  {metric.name} {f'{metric.unit} ' * bool(metric.unit)}{arrow}".rstrip()


def _rich(key: str, figure: dict | None, best: bool) -> str:
    value, _, half = _short(key, figure).partition(" ")
    value = f"[bold]{value}[/bold]" if best else value
    return f"{value} [dim]{half}[/dim]" if half else value
