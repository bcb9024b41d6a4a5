"""The folder that keeps a study: rows, a summary, and until it is done its finished parts.

    results.parquet     the rows (`schema`)
    summary.json        the request, and what all rows share
    report.html         the page of these rows; replacing the rows removes it
    parts/              only until the study is done: request.json, and a file per finished part

Each file is written whole or not at all, and the summary comes last, before the parts are removed.
So a study that is killed at any moment can be asked for again, goes on, and ends in the same rows.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from carousel_envs import CarouselError
from carousel_envs.foundation.files import (
    check_folder,
    check_writable,
    clear_parts,
    read_whole,
    unreadable,
    write_whole,
)

from ..generalisation.encounters import Played
from ..generalisation.schema import columns
from ..system.sealed_documents import sealed
from .rows_file import read_rows
from .summary_file import read_object, read_summary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..generalisation.encounters import Conditions

State = Literal["new", "started", "done", "other"]


@dataclass(frozen=True)
class StudyFolder:
    """The folder of one study."""

    path: Path

    @property
    def results(self) -> Path:
        """The file of the rows."""
        return self.path / "results.parquet"

    @property
    def summary_file(self) -> Path:
        """The file of the summary."""
        return self.path / "summary.json"

    @property
    def page(self) -> Path:
        """The file of the page."""
        return self.path / "report.html"

    @property
    def lock(self) -> Path:
        """The file that is locked while a process writes here."""
        return self.path / ".lock"

    @property
    def parts(self) -> Path:
        """The folder of finished parts."""
        return self.path / "parts"

    @property
    def request_file(self) -> Path:
        """The file that names the request that the parts answer."""
        return self.parts / "request.json"

    def read(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Rows and summary of a finished study, as a page needs them, of any version so far.

        Raises:
            CarouselError: a file is missing, damaged or of another schema, or the summary belongs
                to other rows.
        """
        if not self.path.is_dir():
            raise CarouselError(f"{self.path} is not a folder")
        try:
            data = read_whole(self.results)
        except FileNotFoundError:
            raise self._lacks(self.results) from None
        except OSError as error:
            raise unreadable(self.results, error) from None
        rows = read_rows(self.results, data)
        try:
            summary = read_summary(self.summary_file, complete=False)
        except FileNotFoundError:
            raise self._lacks(self.summary_file) from None
        told = summary.get("results_sha256")
        if told is not None and told != hashlib.sha256(data).hexdigest():
            raise CarouselError(
                f"{self.summary_file} tells of other rows than those in {self.results}; the study "
                "is unfinished or its rows were changed (run its command again)"
            )
        return rows, summary

    def _lacks(self, file: Path) -> CarouselError:
        return CarouselError(
            f"{self.path} holds no {file.name}; `carousel generalise --out {self.path}` writes one"
        )

    def summary(self) -> dict[str, Any] | None:
        """The contents of `summary.json`; None if there is no such file.

        Raises:
            CarouselError: it cannot be read, is no summary of this format, or lacks a field.
        """
        try:
            return read_summary(self.summary_file, complete=True)
        except FileNotFoundError:
            return None

    def rows(self) -> pl.DataFrame:
        """The rows of a study that is done.

        Raises:
            CarouselError: they are missing, damaged, or of another schema.
        """
        try:
            return read_rows(self.results, read_whole(self.results))
        except OSError as error:
            raise unreadable(self.results, error) from None

    def state(self, request: Mapping[str, Any]) -> tuple[State, dict[str, Any]]:
        """How far a study has come, and the request that the folder answers.

        Returns:
            "new": the folder holds nothing. "started": this request was begun, or its rows were
            lost. "done": this request is finished, and the rows are those that it wrote. "other":
            the folder holds something else, which must not be replaced unasked.

        Raises:
            CarouselError: a file cannot be read.
        """
        # an empty request is no request
        if begun := _object(self.request_file):
            return ("started" if begun == request else "other"), begun
        summary = self.summary()
        if summary is None:
            return ("other" if self.results.exists() else "new"), {}
        asked: dict[str, Any] = summary["request"]
        if asked != request:
            return "other", asked
        if summary["results_sha256"] != _digest(self.results):
            return "started", asked
        self.rows()
        return "done", asked

    def standing(self, request: Mapping[str, Any], force: bool) -> tuple[State, dict[str, Any]]:
        """`state`; with `force`, a folder that cannot be read is "other" and may be replaced.

        Raises:
            CarouselError: a file cannot be read, without `force`.
        """
        try:
            return self.state(request)
        except CarouselError:
            if not force:
                raise
            return "other", {}

    def check(self) -> None:
        """Find out before any work whether the results could be written.

        Raises:
            CarouselError: a file cannot be written, or a folder has its name.
        """
        check_folder(self.path)
        for path in (self.results, self.summary_file, self.page, self.request_file):
            check_writable(path)
        with contextlib.suppress(OSError):
            # made by this check, unless something lies in it
            self.parts.rmdir()

    def begin(self, request: Mapping[str, Any]) -> None:
        """Note the request that is worked on; parts of another request are removed."""
        if _known(self.request_file) != request:
            self.remove_parts()
            write_whole(self.request_file, sealed(request))

    def part(self, name: str, conditions: Conditions) -> Played | None:
        """The kept results of a part; None if it is not finished, its file is damaged, or its rows
        cover other conditions."""
        document = _known(self._part_file(name)) or {}
        rows, left_out = document.get("rows"), document.get("left_out")
        if not isinstance(rows, list) or not rows or not isinstance(left_out, dict):
            return None
        if not all(isinstance(reason, str) for reason in left_out.values()):
            return None
        known = list(columns())
        if not all(isinstance(row, dict) and list(row) == known for row in rows):
            return None
        played = Played(rows, left_out)
        try:
            frame = played.frame()
        except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
            # of other types than those of the schema
            return None
        if frame.to_dicts() != rows:
            # of types that polars converted
            return None
        met = frame.select("target", "severity", "axis").unique().rows()
        return played if set(met) == conditions else None

    def keep(self, name: str, played: Played) -> None:
        """Write the results of a part."""
        document = {"left_out": played.left_out, "rows": played.rows}
        write_whole(self._part_file(name), sealed(document))

    def write_rows(self, rows: pl.DataFrame) -> str:
        """Replace `results.parquet`, and first remove the page of the rows that were there.

        Returns:
            SHA-256 of the file, hexadecimal.

        Raises:
            CarouselError: the place cannot be written.
        """
        content = io.BytesIO()
        rows.write_parquet(content)
        try:
            self.page.unlink(missing_ok=True)
        except OSError as error:
            raise CarouselError(
                f"{self.page} cannot be replaced: {error.strerror or error}"
            ) from None
        write_whole(self.results, content.getvalue())
        return hashlib.sha256(content.getvalue()).hexdigest()

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replace `summary.json`, which ends the study, and remove the parts."""
        write_whole(self.summary_file, sealed(summary))
        self.remove_parts()

    def remove_parts(self) -> None:
        """Remove the files that only an unfinished study needs, and no others."""
        # the request first: without it no part is ever taken up again
        self.request_file.unlink(missing_ok=True)
        for file in self.parts.glob("*.rows.json"):
            file.unlink(missing_ok=True)
        clear_parts(self.parts)
        with contextlib.suppress(OSError):
            # other files may lie there
            self.parts.rmdir()

    def _part_file(self, name: str) -> Path:
        return self.parts / f"{name}.rows.json"


def _object(path: Path) -> dict[str, Any] | None:
    """A sealed JSON object; None if there is no such file."""
    try:
        return read_object(path)
    except FileNotFoundError:
        return None


def _known(path: Path) -> dict[str, Any] | None:
    """The same; None also for a damaged file, since its contents can be made anew."""
    try:
        return _object(path)
    except CarouselError:
        return None


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(read_whole(path)).hexdigest()
    except OSError:
        return None
