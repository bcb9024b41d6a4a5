"""The command that makes a page of results."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import Annotated

import typer

from ..system import console


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="folders that `carousel generalise` wrote"),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="the page, an .html file (default: DIR/report.html)"),
    ] = None,
) -> None:
    """Make one self-contained HTML page of results; a page already there is replaced."""
    # plotly takes a moment to import: only this command pays for it
    with console.status("drawing the page"):
        from ..report import write_page

        path = write_page(folders, out)
    console.say(f"wrote {path}")
