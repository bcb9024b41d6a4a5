"""`write_page`: the results of some folders as one HTML page that needs nothing but itself."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.foundation.files import check_writable, write_whole

from ..generalisation.statistics import COVERAGE
from .aggregate import RESAMPLES
from .figures import FLOOR
from .folders import read_studies, titles
from .records import text
from .render import environment, plotly_javascript
from .sections import MEASURES, section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PAGE = "report.html"


def write_page(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Render what `carousel generalise` left in some folders.

    A page already there is replaced whole. The page is a function of the rows, the summaries and
    the paths given: the same gives the same bytes.

    Args:
        folders: each with `results.parquet` and `summary.json`. Results of one environment and the
            same training users share a section, whichever folders they are from.
        out: the file to write, named *.html; default: `report.html` in the first folder.

    Returns:
        The file that was written.

    Raises:
        CarouselError: a folder cannot be read or shown, or the file cannot be written (whatever
            was there is still there).
    """
    if not folders:
        raise CarouselError("no folder is given; a report is made from one at least")
    path = folders[0] / PAGE if out is None else out
    # results would be lost if a name were mistyped
    if path.suffix.lower() not in (".html", ".htm"):
        raise CarouselError(f"out {shown(str(path))} must end in .html or .htm")
    studies = read_studies(folders)
    check_writable(path)
    sections = [
        {**section(study, place), "title": title}
        for place, (study, title) in enumerate(zip(studies, titles(studies), strict=True))
    ]
    words = ["carousel", "report", *map(str, folders)]
    command = shlex.join([*words, *([] if out is None else ["--out", str(out)])])
    html = (
        environment()
        .get_template("study.html")
        .render(
            sections=sections,
            pictures={name: views for part in sections for name, views in part["pictures"].items()},
            page_command=command,
            bounds=any(part["bounds"] for part in sections),
            floor=text(FLOOR, 1),
            metrics=MEASURES,
            resamples=RESAMPLES,
            coverage=COVERAGE,
            plotly=plotly_javascript(),
        )
    )
    write_whole(path, html.encode())
    return path
