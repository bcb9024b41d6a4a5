"""What the command line shows: tables and progress for people, JSON for programs.

Standard output carries results alone; progress and messages go to standard error.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from .interruption import Interrupted as Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_NUMBER = re.compile(r"-|[-+]?[0-9][0-9.,]*")
_PADDING = 3  # what a column takes beside its text


# in a notebook rich would ask for widgets, of which nothing else here has need
OUT = Console(force_jupyter=False)
ERR = Console(stderr=True, force_jupyter=False)


def print_json(document: Any) -> None:
    """One JSON document on standard output; numbers that JSON lacks become null."""
    typer.echo(json.dumps(clean(document), indent=2, allow_nan=False))


def clean(value: Any) -> Any:
    """Plain JSON data: mappings to dicts, sequences to lists, non-finite numbers to None."""
    if isinstance(value, dict):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def number(value: Any, digits: int = 3) -> str:
    """A number for a table; a dash where there is none."""
    return (
        "-" if value is None else f"{value:.{digits}f}" if isinstance(value, float) else str(value)
    )


def interval(row: Mapping[str, Any]) -> str:
    """The interval of a row's score, for a table; a dash where there is none."""
    return ends(row["score_low"], row["score_high"])


def ends(low: float | None, high: float | None) -> str:
    """An interval, for a table; a dash where there is none."""
    return "-" if low is None else f"{number(low)} to {number(high)}"


def say(line: str) -> None:
    """One line on standard output, as it is: names and paths may hold what looks like markup."""
    OUT.print(line, markup=False, highlight=False, soft_wrap=True)


def tell(line: str) -> None:
    """One line on standard error, as it is; a progress bar there goes on below it."""
    ERR.print(line, markup=False, highlight=False, soft_wrap=True)


def print_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output; columns of numbers are set to the right.

    Where it is narrow, text gives way and names stay whole. If all but the names is numbers, there
    is nothing to give way: what does not fit beside the names follows in a table of its own.
    """
    rows = list(rows)
    say(title)
    numeric = [i > 0 and all(_NUMBER.fullmatch(row[i]) for row in rows) for i in range(len(heads))]
    numbers = len(heads) > 2 and all(numeric[1:])
    for shown in _fitting(heads, rows) if numbers else [range(len(heads))]:
        table = Table(box=box.SIMPLE)
        for i in shown:
            table.add_column(
                heads[i],
                justify="right" if numeric[i] else "left",
                no_wrap=numbers or (i > 0) == all(numeric[1:]),
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(Text(row[i]) for i in shown))
        OUT.print(table)


def _fitting(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[int]]:
    """Columns in as many tables as the width asks for, the first column in each."""
    widths = [_PADDING + max(len(line[i]) for line in (heads, *rows)) for i in range(len(heads))]
    tables: list[list[int]] = []
    room = 0
    for i in range(1, len(heads)):
        if not tables or widths[i] > room:
            tables.append([0])
            room = OUT.width - _PADDING - widths[0]
        tables[-1].append(i)
        room -= widths[i]
    return tables


def print_figures(title: str, figures: Mapping[str, Any]) -> None:
    """Named figures, one a line, on standard output."""
    print_table(title, ("figure", "value"), ((k, number(v)) for k, v in figures.items()))


@contextmanager
def progress(
    description: str, *, remaining: bool = True
) -> Iterator[Callable[[float, float, str], None]]:
    """A progress bar on standard error, with the time that is left unless the notes tell it.

    Yields:
        A function of (done, total, note).
    """
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} % {task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        *([TimeRemainingColumn()] if remaining else []),
        console=ERR,
    )
    with bar:
        task = bar.add_task(description, total=None, note="")

        def update(done: float, total: float, note: str = "") -> None:
            bar.update(task, completed=min(done, total), total=total, note=note)

        yield update
