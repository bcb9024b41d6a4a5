"""The folder that keeps runs.

A store is a folder with one folder per run, `ENV[@CHANGE,...]/ALGO[-history8][-context]/seed-N`,
which holds

    policy.safetensors    the policy
    run.json              the request, how far the run has come, and its results
    training.checkpoint   only until the run is done: an interrupted run goes on from here

Each file is written whole or not at all. `run.json` names everything that was asked for (the
*request*), so a finished run is never run again, and a run of another request is never taken for
it. A store may also lie in an archive (`system.archives`), which is unpacked when it is opened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from carousel_envs import CarouselError
from carousel_envs.foundation.files import clear_parts, read_whole, write_whole

from ..learning.policy_format import LARGEST_BYTES
from ..system import archives
from ..system.locks import locked
from ..system.sealed_documents import read_json, sealed, unsealed
from .record import refuse_damaged
from .runs import GridRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

FORMAT = 1
"""The format of `run.json`."""
State = Literal["new", "started", "done", "other"]


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def policy(self) -> Path:
        """The file of the policy."""
        return self.path / "policy.safetensors"

    @property
    def record_file(self) -> Path:
        """The file of the record."""
        return self.path / "run.json"

    @property
    def checkpoint(self) -> Path:
        """The file that an interrupted training goes on from."""
        return self.path / "training.checkpoint"

    def record(self) -> dict[str, Any] | None:
        """The contents of `run.json`; None if there is no such file.

        Raises:
            CarouselError: it cannot be read, or is no record of a run.
        """
        try:
            document: dict[str, Any] = read_json(self.record_file)
        except FileNotFoundError:
            return None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise CarouselError(
                f"{self.record_file} is no record of a run in the format of this version, {FORMAT}"
            )
        refuse_damaged(self.record_file, document)
        try:
            return unsealed(document)
        except ValueError as error:
            raise CarouselError(
                f"{self.record_file} is damaged: {error}; remove its folder to run it anew"
            ) from None

    def write(self, record: Mapping[str, Any]) -> None:
        """Replace `run.json`."""
        write_whole(self.record_file, sealed({"format": FORMAT, **record}))

    def state(self, request: Mapping[str, Any]) -> State:
        """How far the run has come.

        Returns:
            "new": the folder holds nothing. "done": the request is finished, and the policy is the
            one it wrote. "started": the request was begun, or failed, or its policy was lost.
            "other": the folder holds something else, which must not be replaced unasked.
        """
        record = self.record()
        if record is None:
            return "other" if self.policy.exists() or self.checkpoint.exists() else "new"
        if record["request"] != request:
            return "other"
        return "done" if self.finished(record) else "started"

    def finished(self, record: Mapping[str, Any]) -> bool:
        """Whether this is the record of a finished run whose policy is still there, unchanged."""
        done: bool = record["status"] == "done"
        return done and record["policy_sha256"] == self.policy_digest()

    def policy_digest(self) -> str | None:
        """SHA-256 of the policy file, hexadecimal; None if it is missing."""
        try:
            return hashlib.sha256(read_whole(self.policy, LARGEST_BYTES)).hexdigest()
        except OSError:
            return None

    @property
    def lock(self) -> Path:
        """The file that is locked while a process performs the run."""
        return self.path / ".lock"

    def locked(self, what: str) -> AbstractContextManager[None]:
        """Hold the run's lock; waits for a process that performs the run now.

        Args:
            what: the run, by name.
        """
        return locked(self.lock, what, wait=True)

    def tidy(self, what: str) -> None:
        """Remove what a process left that was killed after the end of the run."""
        if self.checkpoint.exists() or self.lock.exists() or any(self.path.glob(".*.part")):
            with self.locked(what):
                self.checkpoint.unlink(missing_ok=True)
                self.clear_parts()

    def clear(self) -> None:
        """Remove the files that a run writes, and those of interrupted writes; no others."""
        for path in (self.record_file, self.checkpoint, self.policy):
            path.unlink(missing_ok=True)
        self.clear_parts()

    def clear_parts(self) -> None:
        """Remove the files of interrupted writes."""
        clear_parts(self.path)


@dataclass(frozen=True)
class RunStore:
    """A folder of runs."""

    path: Path

    def folder(self, run: GridRun) -> RunFolder:
        """The folder of a run."""
        return RunFolder(self.path / run.name)

    def finished(self) -> tuple[list[dict[str, Any]], int]:
        """The records of all finished runs, by name, and the number of unfinished ones.

        Raises:
            CarouselError: there is no such folder, it holds no run, or a record or the archive of
                the store is damaged.
        """
        if not archives.unpacked(self.path).is_dir():
            raise CarouselError(f"{self.path} is no folder of runs: there is no such folder")
        records, open_runs = {}, 0
        for file in self.path.glob("*/*/seed-*/run.json"):
            folder = RunFolder(file.parent)
            record = folder.record()
            if record is not None and folder.finished(record):
                key = _key(record)
                if key in records:
                    raise CarouselError(
                        f"{self.path} holds {GridRun.of(record['request']).name} twice"
                    )
                records[key] = record
            else:
                open_runs += 1
        if not records:
            raise CarouselError(
                f"{self.path} holds no finished run ({open_runs} begun)"
                if open_runs
                else f"{self.path} holds no run; `carousel grid` fills such a folder"
            )
        return [records[key] for key in sorted(records)], open_runs

    def pack(self) -> Path:
        """Write the archive of the store: policy and record of every finished run.

        Returns:
            The archive, `FOLDER.tar` beside the folder.

        Raises:
            CarouselError: see `finished`; or the archive cannot be written.
        """
        files = []
        for record in self.finished()[0]:
            folder = self.folder(GridRun.of(record["request"]))
            files += [folder.policy, folder.record_file]
        return archives.pack(self.path, files)


def _key(record: Mapping[str, Any]) -> tuple[Any, ...]:
    run = GridRun.of(record["request"])
    return (run.users_name, run.router, run.seed)
