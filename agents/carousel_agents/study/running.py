"""Performing a study in its folder: locked, resumed where it was interrupted, never replaced
unasked. Studies of every kind run through `run_in_folder`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.files import check_folder

from ..system.json_data import clean
from ..system.locks import locked
from .folder import StudyFolder
from .requests import refusal
from .summary_file import FORMAT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import polars as pl


@dataclass(frozen=True)
class FinishedStudy:
    """A finished study.

    Attributes:
        summary: as written.
        rows: as written; columns of `schema.SCHEMA`.
        kept: whether it was finished before, and nothing was played now.
        no_page: why these rows have no page; None if they have one, or none was asked for.
    """

    summary: dict[str, Any] = field(repr=False)
    rows: pl.DataFrame
    kept: bool = False
    no_page: CarouselError | None = None


@dataclass(frozen=True)
class Task:
    """What a kind of study leaves to `run_in_folder`.

    Attributes:
        request: everything that decides the rows, as plain JSON data.
        perform: plays what the folder does not keep yet; returns the rows, and the summary but for
            format, request, digest and time.
        began: moment of `time.perf_counter` that the time is counted from.
    """

    request: Mapping[str, Any]
    perform: Callable[[StudyFolder], tuple[pl.DataFrame, Mapping[str, Any]]]
    began: float


def run_in_folder(
    task: Task,
    out: Path,
    *,
    force: bool = False,
    page: Callable[[list[Path]], object] | None = None,
) -> FinishedStudy:
    """Perform a study and write `results.parquet` and `summary.json`.

    Interrupted at any moment, it can be called again and goes on. Finished parts stay.

    Args:
        task: what to perform.
        out: folder; made if missing.
        force: replace the results of another request instead of refusing.
        page: writes the page of a list of folders, such as `report.write_page`; it is called while
            the folder is locked. A `CarouselError` that it raises costs no rows: it is returned as
            `FinishedStudy.no_page`.

    Raises:
        CarouselError: the place cannot be written, another process writes there, it holds results
            of another request, or whatever `perform` raises.
    """
    folder = StudyFolder(out)
    check_folder(out)
    with locked(folder.lock, str(out)):
        folder.check()
        state, there = folder.standing(task.request, force)
        if state == "other" and not force:
            raise refusal(out, there, task.request)
        if state == "done":
            folder.remove_parts()
            summary = folder.summary()
            assert summary is not None
            # killed between the summary and the page, or the page could not be made
            wanted = None if folder.page.exists() else page
            return FinishedStudy(summary, folder.rows(), True, _without_page(wanted, out))
        folder.begin(task.request)
        rows, told = task.perform(folder)
        seconds = time.perf_counter() - task.began
        summary = clean(
            {
                "format": FORMAT,
                **told,
                "request": task.request,
                "results_sha256": folder.write_rows(rows),
                "elapsed_seconds": round(seconds, 1),
            }
        )
        folder.write_summary(summary)
        return FinishedStudy(summary, rows, no_page=_without_page(page, out))


def _without_page(page: Callable[[list[Path]], object] | None, out: Path) -> CarouselError | None:
    """Write the page; returns the error that kept it from being written."""
    try:
        if page is not None:
            page([out])
    except CarouselError as error:
        return error
    return None
