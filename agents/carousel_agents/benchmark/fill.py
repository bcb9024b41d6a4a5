"""Filling a run store: what is there stays, what is missing is run, what differs is refused."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from carousel_envs import CarouselError
from carousel_envs.reference import solve

from ..system.locks import locked
from .engine import LocalEngine
from .perform import Job
from .runs import RunStore, difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .engine import Engine
    from .perform import Trainer
    from .runs import Run, RunFolder

_LOCK = ".lock"


@dataclass(frozen=True)
class Result:
    """What became of one run.

    Attributes:
        run: which.
        status: "kept" (it was there), "done" (now) or "failed".
        record: as in `run.json`; None if it failed.
        error: one sentence, if it failed.
    """

    run: Run
    status: Literal["kept", "done", "failed"]
    record: Mapping[str, Any] | None = None
    error: str | None = None

    def row(self) -> dict[str, Any]:
        """As plain data."""
        known = self.record or {}
        return {
            "run": self.run.name,
            "status": self.status,
            "score": known.get("evaluation", {}).get("score"),
            "swaps": known.get("evaluation", {}).get("swaps"),
            "seconds": known.get("training", {}).get("seconds"),
            "error": self.error,
        }


class Listener:
    """What is told while a store is filled; here: nothing is done with it."""

    def solving(self, name: str) -> None:
        """The reference of these users (`Run.users_name`) is about to be solved."""

    def began(self, kept: Sequence[Result], jobs: Sequence[Job]) -> None:
        """What is there, and what will be run."""

    def progress(self, job: Job, share: float, mean_return: float) -> None:
        """A run has come this far, 0 to 1."""

    def ended(self, result: Result) -> None:
        """A run has ended."""


def fill(
    runs: Sequence[Run],
    out: Path,
    *,
    force: bool = False,
    command: str = "",
    engine: Engine | None = None,
    listener: Listener | None = None,
    execute: Trainer | None = None,
) -> list[Result]:
    """Perform the runs that a store lacks.

    Interrupted at any moment, it can be called again and goes on.

    Args:
        runs: what the store shall hold.
        out: the store; made if missing.
        force: replace runs that were asked for differently (another population, other settings,
            another number of steps, ...) instead of refusing.
        command: what was typed, kept with every run.
        engine: what performs them; default: two processes on this machine.
        listener: is told what happens.
        execute: in place of `learning.train.execute`.

    Returns:
        One result per run, in the order given.

    Raises:
        CarouselError: the parts of a run do not go together; or the store cannot be written, is
            being filled by another process, or holds other runs under these names.
    """
    store, listener = RunStore(out), listener or Listener()
    engine = engine or LocalEngine()
    with locked(out / _LOCK, str(out)):
        results: dict[str, Result] = {}
        jobs, others = [], []
        for run in runs:
            folder = store.folder(run)
            request = run.request()
            state = folder.state(request)
            if state == "done":
                folder.tidy(run.name)
                results[run.name] = Result(run, "kept", folder.record())
                continue
            if state == "other":
                others.append((run, _difference(folder, request)))
            jobs.append(Job(run, request, folder, command, execute))
        if others and not force:
            run, difference = others[0]
            more = f" ({len(others)} runs differ)" if len(others) > 1 else ""
            raise CarouselError(
                f"{out / run.name} holds another run: {difference}{more}; give --force to replace "
                "what differs, or another folder"
            )
        # solved here once, and found by the workers in the store of references
        for name, run in {job.run.users_name: job.run for job in jobs}.items():
            listener.solving(name)
            solve(run.population)
        listener.began(list(results.values()), jobs)
        with closing(engine(jobs, listener.progress)) as outcomes:  # type: ignore[type-var]
            for outcome in outcomes:
                run = outcome.job.run
                result = (
                    Result(run, "failed", error=outcome.error)
                    if outcome.record is None
                    else Result(run, "done", outcome.record)
                )
                results[run.name] = result
                listener.ended(result)
    return [results[run.name] for run in runs]


def _difference(folder: RunFolder, request: Mapping[str, Any]) -> str:
    record = folder.record()
    if record is None:
        return f"it has no {folder.record_file.name}"
    key, there, asked = difference(record["request"], request)
    return f"{key} is {there!r} there, {asked!r} was asked for"
