"""The folder that keeps a study: rows, a summary, and until it is done what is finished of it.

    results.parquet     the rows (`schema`)
    summary.json        what was asked for, and what all rows share
    report.html         their page; whoever replaces rows removes it, so that it is of no others
    parts/              only until the study is done: request.json, and a file per finished target

Each file is written whole or not at all, and the summary last but for the removal of the parts: so
whatever moment a study is killed at, the same request goes on and ends in the same rows.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import real_number, shown
from carousel_envs.foundation.files import (
    check_folder,
    check_writable,
    clear_parts,
    read_whole,
    unreadable,
    write_whole,
)

from ..generalisation.schema import columns
from ..generalisation.shift_suite import Played
from ..system.sealed_documents import sealed, unsealed
from .rows_file import read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..generalisation.shift_suite import Target

FORMAT = 2
"""Of `summary.json`."""

State = Literal["new", "started", "done", "other"]

_SUMMARY: Mapping[str, tuple[type, str]] = MappingProxyType(
    {
        "request": (dict, "an object"),
        "environment": (str, "text"),
        "results_sha256": (str, "text"),
        "severities": (list, "a list"),
        "axes": (list, "a list"),
        "left_out": (list, "a list"),
    }
)
"""What is read of a summary, and what it must be."""
_ENTRIES = MappingProxyType({"axes": ("name",), "left_out": ("router", "reason")})
"""What is read of each entry of its lists."""


@dataclass(frozen=True)
class StudyFolder:
    """The folder of one study."""

    path: Path

    @property
    def results(self) -> Path:
        return self.path / "results.parquet"

    @property
    def summary_file(self) -> Path:
        return self.path / "summary.json"

    @property
    def page(self) -> Path:
        return self.path / "report.html"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    @property
    def parts(self) -> Path:
        return self.path / "parts"

    @property
    def request_file(self) -> Path:
        return self.parts / "request.json"

    def summary(self) -> dict[str, Any] | None:
        """What `summary.json` says; None if there is none.

        Raises:
            CarouselError: it cannot be read, is no summary of this format, or lacks what is read.
        """
        document = _read(self.summary_file)
        if document is None:
            return None
        if document.get("format") != FORMAT:
            raise CarouselError(
                f"{self.summary_file} is no summary in the format of this version, {FORMAT}"
            )
        for key, (kind, wanted) in _SUMMARY.items():
            value = document.get(key)
            # nothing may be left out, but of the rest something is always there
            if not isinstance(value, kind) or not (value or key == "left_out"):
                told = shown(value) if key in document else "missing"
                raise CarouselError(
                    f"{self.summary_file} is damaged: {key} is {told}; it must be {wanted}"
                    + " with something in it" * (kind is not str and key != "left_out")
                )
        for key, names in _ENTRIES.items():
            for entry in document[key]:
                if not isinstance(entry, dict) or not all(
                    isinstance(entry.get(name), str) for name in names
                ):
                    raise CarouselError(
                        f"{self.summary_file} is damaged: {key} holds {shown(entry)}; each entry "
                        f"must be an object with {' and '.join(names)}"
                    )
        for severity in document["severities"]:
            real_number(f"a severity in {self.summary_file}", severity, 0.0, 1.0)
        return document

    def state(self, request: Mapping[str, Any]) -> tuple[State, dict[str, Any]]:
        """Where the study stands, and what was asked for there.

        Returns:
            "new": nothing is there. "started": begun as requested, or its rows were lost. "done":
            finished as requested, and its rows are those that it wrote. "other": something else is
            there, which must not be replaced unasked.

        Raises:
            CarouselError: what is there cannot be read.
        """
        # a request that asks for nothing is nobody's
        if begun := _read(self.request_file):
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

    def rows(self) -> pl.DataFrame:
        """The rows of a study that is done.

        Raises:
            CarouselError: they are missing, damaged, or of another schema.
        """
        try:
            return read_rows(self.results, read_whole(self.results))
        except OSError as error:
            raise unreadable(self.results, error) from None

    def standing(self, request: Mapping[str, Any], force: bool) -> tuple[State, dict[str, Any]]:
        """`state`; with `force`, what cannot be read is "other", which may be replaced then.

        Raises:
            CarouselError: what is there cannot be read, without `force`.
        """
        try:
            return self.state(request)
        except CarouselError:
            if not force:
                raise
            return "other", {}

    def check(self) -> None:
        """Refuse before any work what could not be written at its end.

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
        """Say what is being done; parts of another request are removed."""
        if _known(self.request_file) != request:
            self.remove_parts()
            write_whole(self.request_file, sealed(request))

    def part(self, target: Target) -> Played | None:
        """What came of a target; None where it is not finished, or its file is damaged."""
        document = _known(self._part_file(target)) or {}
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
            # of types that were made to fit
            return None
        met = frame.select("target", "severity", "axis").unique().rows()
        fingerprint = target.population.fingerprint
        asked = {(fingerprint, target.severity, axis.name) for axis in target.axes}
        return played if set(met) == asked else None

    def keep(self, target: Target, played: Played) -> None:
        """Write what came of a target."""
        document = {"left_out": played.left_out, "rows": played.rows}
        write_whole(self._part_file(target), sealed(document))

    def write_rows(self, rows: pl.DataFrame) -> str:
        """Replace `results.parquet`; returns its SHA-256, hexadecimal. A page of what was there
        is removed first: whatever happens next, none is left beside rows that it does not show.

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
        """Replace `summary.json`, whose key `format` is `FORMAT`: the study is done."""
        write_whole(self.summary_file, sealed(summary))
        self.remove_parts()

    def remove_parts(self) -> None:
        """Remove what is needed only until a study is done, and nothing else."""
        # the request first: without it a part is nobody's, and is never taken up again
        self.request_file.unlink(missing_ok=True)
        for file in self.parts.glob("*.rows.json"):
            file.unlink(missing_ok=True)
        clear_parts(self.parts)
        with contextlib.suppress(OSError):
            # something of somebody else's may lie there
            self.parts.rmdir()

    def _part_file(self, target: Target) -> Path:
        return self.parts / f"{target.name}.rows.json"


def _read(path: Path) -> dict[str, Any] | None:
    """A JSON object; None if there is no such file.

    Raises:
        CarouselError: it cannot be read, or holds something else.
    """
    try:
        document = json.loads(read_whole(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError):
        raise CarouselError(f"{path} is damaged: it is no JSON") from None
    if not isinstance(document, dict):
        raise CarouselError(f"{path} holds {shown(document)}; it must be an object")
    try:
        return unsealed(document)
    except ValueError as error:
        raise CarouselError(f"{path} is damaged: {error}") from None


def _known(path: Path) -> dict[str, Any] | None:
    """The same, but None for what can be made anew, whatever is wrong with it."""
    try:
        return _read(path)
    except CarouselError:
        return None


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(read_whole(path)).hexdigest()
    except OSError:
        return None
