"""Output of the command line: tables and progress for people, JSON for programs.

Standard output carries results alone; progress and messages go to standard error.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .extras import needed_by
from .json_data import clean
from .terminal import plain

with needed_by("what is shown on a terminal"):
    from rich import box
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Table
    from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_NUMBER = re.compile(r"-|[-+]?[0-9][0-9.,]*( to [-+]?[0-9][0-9.,]*)?")
_PADDING = 2  # what a column takes beside its text


def _console(*, stderr: bool = False) -> Console:
    """A console without colours where NO_COLOR says so, bold and dim among them."""
    colours: Any = None if os.environ.get("NO_COLOR") else "auto"
    # in a notebook rich would ask for widgets, which nothing else here needs
    return Console(stderr=stderr, force_jupyter=False, color_system=colours)


OUT = _console()
ERR = _console(stderr=True)


def print_json(document: Any) -> None:
    """One JSON document on standard output; numbers that JSON lacks become null."""
    print(json.dumps(clean(document), indent=2, allow_nan=False))


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
    """Print one line on standard output. Text that looks like markup is printed as it is, and
    control characters are escaped."""
    OUT.print(plain(line), markup=False, highlight=False, soft_wrap=True)


def tell(line: str) -> None:
    """Print one line on standard error in the same way; a progress bar goes on below it."""
    ERR.print(plain(line), markup=False, highlight=False, soft_wrap=True)


def print_document(text: str) -> None:
    """Print a text of several lines on standard output."""
    OUT.print(plain(text, lines=True), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def status(doing: str) -> Iterator[Callable[[str], None]]:
    """A spinner on standard error while a block runs, if that is a terminal.

    Yields:
        A function that shows what is being done now.
    """
    if not ERR.is_terminal:
        # older releases of rich end it with an empty line in a file, too
        yield lambda now: None
        return
    with ERR.status(Text(plain(doing))) as shown:
        yield lambda now: shown.update(Text(plain(now)))


def print_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on standard output; columns of numbers are right-aligned.

    On a narrow terminal text wraps and names stay whole. If all other columns are numbers, nothing
    can wrap: columns that do not fit beside the names follow in a table of their own.
    """
    heads = [plain(head) for head in heads]
    rows = [[plain(cell, lines=True) for cell in row] for row in rows]
    say(title)
    numeric = [i > 0 and all(_NUMBER.fullmatch(row[i]) for row in rows) for i in range(len(heads))]
    numbers = len(heads) > 2 and all(numeric[1:])
    for shown in _fitting(heads, rows) if numbers else [range(len(heads))]:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for i in shown:
            table.add_column(
                heads[i],
                justify="right" if numeric[i] else "left",
                no_wrap=numbers or (i > 0) == all(numeric[1:]),
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(Text(row[i]) for i in shown))
        OUT.print()
        OUT.print(table)
    OUT.print()


def _fitting(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[int]]:
    """The columns of each table: as many tables as the width requires, each with the first."""
    widths = [_PADDING + max(len(line[i]) for line in (heads, *rows)) for i in range(len(heads))]
    tables: list[list[int]] = []
    room = 0
    for i in range(1, len(heads)):
        if not tables or widths[i] > room:
            tables.append([0])
            room = OUT.width - widths[0] + 1
        tables[-1].append(i)
        room -= widths[i]
    return tables


def print_figures(title: str, figures: Mapping[str, Any]) -> None:
    """Print named figures on standard output, one per line."""
    print_table(title, ("figure", "value"), ((k, number(v)) for k, v in figures.items()))


_BAR = 16  # cells: 80 columns leave room for the text beside it


def _nothing(done: float, total: float, note: str = "") -> None:
    """Stands for a progress bar where there is no terminal."""


@contextmanager
def progress(
    description: str, *, remaining: bool = True
) -> Iterator[Callable[[float, float, str], None]]:
    """A progress bar on standard error, with the time left unless the notes say it.

    Yields:
        A function of (done, total, note).
    """
    if not ERR.is_terminal:
        # in a file the last state of a bar says nothing, and older releases end it with a line
        yield _nothing
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=_BAR),
        TextColumn("{task.percentage:>3.0f} % {task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        *([TimeRemainingColumn()] if remaining else []),
        console=ERR,
    )
    with bar:
        task = bar.add_task(plain(description), total=None, note="")

        def update(done: float, total: float, note: str = "") -> None:
            bar.update(task, completed=min(done, total), total=total, note=plain(note))

        yield update
