"""Performing one run: train, write the policy, evaluate it, record the results."""

from __future__ import annotations

import os
import platform
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from carousel_envs import CarouselError

from ..generalisation import evaluate
from ..router import find_router

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..learning import PolicyFile
    from ..learning.train import Progress, Run
    from .runs import GridRun
    from .store import RunFolder


class Trainer(Protocol):
    """A function that trains as `learning.train.execute` does."""

    def __call__(
        self, run: Run, *, report: Callable[[Progress], None], checkpoint: Path
    ) -> PolicyFile:
        """Train, or resume from the checkpoint."""
        ...


@dataclass(frozen=True)
class Job:
    """A run, and everything that another process needs to perform it.

    Attributes:
        run: the run.
        request: see `GridRun.request`.
        folder: where it is kept.
        command: the command line, for the record.
        execute: in place of `learning.train.execute`; importable by name.
    """

    run: GridRun
    request: Mapping[str, Any]
    folder: RunFolder
    command: str
    execute: Trainer | None = None


def machine() -> dict[str, Any]:
    """Properties of this machine that the speed of a run depends on."""
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def perform(job: Job, report: Callable[[float, float], None]) -> dict[str, Any]:
    """Train a policy, or resume its interrupted training, and evaluate it.

    Args:
        job: files of another request in its folder are removed first.
        report: called now and then with the share done, 0 to 1, and the mean return.

    Returns:
        The record, as written to `run.json`.

    Raises:
        Exception: whatever training or evaluation raises, after `run.json` records it.
    """
    folder = job.folder
    with folder.locked(job.run.name):
        record = folder.record()
        if record is not None and folder.state(job.request) == "done":
            # a worker of a killed process finished this run before it ended itself
            return record
        return _recorded(job, report)


def _recorded(job: Job, report: Callable[[float, float], None]) -> dict[str, Any]:
    """`perform`, in a folder that is locked."""
    from ..learning.train import versions

    folder = job.folder
    begun = {
        "status": "started",
        "request": dict(job.request),
        "command": job.command,
        "versions": versions(job.run.algorithm),
    }
    if folder.state(job.request) == "other":
        folder.clear()
    folder.clear_parts()
    before = folder.record()
    if before is not None and before["versions"] != begun["versions"]:
        # a run of other versions cannot be resumed
        folder.checkpoint.unlink(missing_ok=True)
    folder.write(begun)
    try:
        record = _performed(job, report)
    except Exception as error:
        told = {"error": sentence(error)}
        if not isinstance(error, CarouselError):
            told["traceback"] = traceback.format_exc()
        folder.write({**begun, "status": "failed", **told})
        raise
    folder.write(record)
    folder.checkpoint.unlink(missing_ok=True)
    return record


def sentence(error: Exception) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, CarouselError) else f"{type(error).__name__}: {text}"


def evaluation_of(run: GridRun, folder: RunFolder) -> dict[str, Any]:
    """The row of a run's evaluation: its policy, loaded as any other reader would load it."""
    router = find_router(str(folder.policy), run.population)
    return evaluate(router, run.population, users=run.users, seed=run.evaluation_seed).row()


def _performed(job: Job, report: Callable[[float, float], None]) -> dict[str, Any]:
    from ..learning.algorithms import ALGORITHMS
    from ..learning.checkpoint import CheckpointError
    from ..learning.train import execute

    run = job.run

    def trained() -> PolicyFile:
        return (job.execute or execute)(
            run.training(),
            report=lambda progress: report(progress.steps / progress.total, progress.mean_return),
            checkpoint=job.folder.checkpoint,
        )

    try:
        file = trained()
    except CheckpointError:
        # damaged: it cannot be resumed, and must not stop the grid
        job.folder.checkpoint.unlink(missing_ok=True)
        file = trained()
    file.save(job.folder.policy)
    return {
        "status": "done",
        "request": dict(job.request),
        # the table of a store is made where no plugin may say so
        "remembers": ALGORITHMS.find(run.algorithm).remembers,
        "training": dict(file.training),
        "evaluation": evaluation_of(run, job.folder),
        "policy_sha256": job.folder.policy_digest(),
        "command": job.command,
        "versions": dict(file.versions),
        "machine": machine(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
