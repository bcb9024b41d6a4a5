"""Filling a run store: finished runs stay, missing ones are performed, other ones are refused."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from carousel_envs import CarouselError
from carousel_envs.reference import solve

from ..learning.levels.record import value_of
from ..study.requests import difference
from ..system import archives
from ..system.locks import locked
from .engine import LocalEngine
from .perform import Job, evaluation_of
from .store import RunStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .engine import Engine
    from .perform import Trainer
    from .runs import GridRun
    from .store import RunFolder

_LOCK = ".lock"


@dataclass(frozen=True)
class Result:
    """The result of one run.

    Attributes:
        run: the run.
        status: "kept" (finished before), "done" (finished now) or "failed".
        record: as in `run.json`; None if it failed.
        error: one sentence, if it failed.
    """

    run: GridRun
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
    """Hears how far a store has been filled; this one does nothing."""

    def solving(self, name: str) -> None:
        """The reference of some users (`GridRun.users_name`) is about to be solved."""

    def began(self, kept: Sequence[Result], jobs: Sequence[Job]) -> None:
        """Which runs are finished already, and which will be performed."""

    def progress(self, job: Job, share: float, mean_return: float) -> None:
        """A run has come this far, 0 to 1."""

    def ended(self, result: Result) -> None:
        """A run has ended."""


@dataclass(frozen=True)
class Filling:
    """How a store is filled.

    Attributes:
        force: replace runs of another request (another population, other settings, another number
            of steps, ...) instead of refusing.
        command: the command line, kept with every run.
        engine: performs the runs; default: two processes on this machine.
        listener: hears how far the runs have come.
        execute: trains in place of `learning.train.execute`.
    """

    force: bool = False
    command: str = ""
    engine: Engine = field(default_factory=LocalEngine)
    listener: Listener = field(default_factory=Listener)
    execute: Trainer | None = None


def fill(runs: Sequence[GridRun], out: Path, how: Filling | None = None) -> list[Result]:
    """Perform the runs that a store lacks.

    Interrupted at any moment, it can be called again and goes on.

    Args:
        runs: what the store shall hold.
        out: the store; made if missing, and unpacked if it is kept as an archive.
        how: default: `Filling()`.

    Returns:
        One result per run, in the order given.

    Raises:
        CarouselError: the parts of a run do not go together; or the store cannot be written, is
            being filled by another process, or holds other runs under these names.
    """
    how = how or Filling()
    store = RunStore(archives.unpacked(out))
    with locked(out / _LOCK, str(out)):
        results, jobs = _sorted(runs, store, how)
        # solved here once, and found by the workers in the store of references
        for name, run in {job.run.users_name: job.run for job in jobs}.items():
            how.listener.solving(name)
            solve(run.population)
        for run in {job.run.group: job.run for job in jobs}.values():
            _solve_levels(run, how.listener)
        how.listener.began(list(results.values()), jobs)
        with closing(how.engine(jobs, how.listener.progress)) as outcomes:  # type: ignore[type-var]
            for outcome in outcomes:
                run = outcome.job.run
                result = (
                    Result(run, "failed", error=outcome.error)
                    if outcome.record is None
                    else Result(run, "done", outcome.record)
                )
                results[run.name] = result
                how.listener.ended(result)
    return [results[run.name] for run in runs]


def _solve_levels(run: GridRun, listener: Listener) -> None:
    """Solve the levels of a run that divides its lanes by regret; what is solved is found again.

    Raises:
        CarouselError: one has no reference.
    """
    if run.levels is None or not run.levels.by_regret:
        return
    _, *levels = run.levels.populations(run.population, run.view)
    for text, level in zip(run.levels.shifts, levels, strict=True):
        listener.solving(f"{run.users_name} {text}")
        value_of(level)


def evaluate_again(
    runs: Sequence[GridRun], out: Path, report: Callable[[float, float, str], None] | None = None
) -> int:
    """Evaluate the policies of finished runs anew, and put the figures in place of the old ones:
    for results that were made by an earlier version of the evaluation.

    Args:
        runs: those of them that the store has finished.
        out: the store; unpacked if it is kept as an archive.
        report: called with the number of runs done, their number, and a run's name.

    Returns:
        How many runs were evaluated.

    Raises:
        CarouselError: the store is being filled by another process.
    """
    store = RunStore(archives.unpacked(out))
    with locked(out / _LOCK, str(out)):
        held = [run for run in runs if store.folder(run).state(run.request()) == "done"]
        for i, run in enumerate(held):
            folder = store.folder(run)
            with folder.locked(run.name):
                record = folder.record()
                assert record is not None
                folder.write({**record, "evaluation": evaluation_of(run, folder)})
            if report:
                report(i + 1, len(held), run.name)
    return len(held)


def _sorted(
    runs: Sequence[GridRun], store: RunStore, how: Filling
) -> tuple[dict[str, Result], list[Job]]:
    """The results of the runs that the store holds, by name, and jobs for those that it lacks.

    Raises:
        CarouselError: the store holds another run under one of these names, and `force` is off.
    """
    kept: dict[str, Result] = {}
    jobs, others = [], []
    for run in runs:
        folder = store.folder(run)
        request = run.request()
        state = folder.state(request)
        if state == "done":
            folder.tidy(run.name)
            kept[run.name] = Result(run, "kept", folder.record())
            continue
        if state == "other":
            others.append((run, _difference(folder, request)))
        jobs.append(Job(run, request, folder, how.command, how.execute))
    if others and not how.force:
        run, difference = others[0]
        more = f" ({len(others)} runs differ)" if len(others) > 1 else ""
        raise CarouselError(
            f"{store.path / run.name} holds another run: {difference}{more}; give --force to "
            "replace what differs, or another folder"
        )
    return kept, jobs


def _difference(folder: RunFolder, request: Mapping[str, Any]) -> str:
    record = folder.record()
    if record is None:
        return f"it has no {folder.record_file.name}"
    key, there, asked = difference(record["request"], request)
    return f"{key} is {there!r} there, {asked!r} was asked for"
