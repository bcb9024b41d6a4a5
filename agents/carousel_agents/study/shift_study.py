"""The study of routers under shift, with its results kept in a folder.

Plays through `generalisation.shift_suite`, as `generalise` does. Everything that is written says
how to make it again.
"""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any

from carousel_envs.foundation.errors import whole_number
from carousel_envs.shifts import SEVERITIES

from ..generalisation.shift_suite import ShiftSuite
from ..system import console
from ..system.workers import MOST_WORKERS
from .folder import StudyFolder
from .requests import code
from .running import FinishedStudy, Task, run_in_folder
from .shift_summary import options_of, summary_of, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import polars as pl

    from ..generalisation.shift_suite import ShiftStudy


def check_shift_study(study: ShiftStudy, out: Path) -> None:
    """Find out before any work whether a study can be performed and written.

    Raises:
        CarouselError: a number, an axis or the place to write is not allowed.
    """
    study.plan()
    _ = study.by_name
    StudyFolder(out).check()


def run_shift_study(
    study: ShiftStudy,
    out: Path,
    *,
    force: bool = False,
    workers: int = 2,
    page: Callable[[list[Path]], object] | None = None,
    training: Mapping[str, Any] | None = None,
    command: str | None = None,
) -> FinishedStudy:
    """Perform a study of shifts and write `results.parquet` and `summary.json` into `out`.

    Args:
        study: what is asked for.
        out, force, page: see `run_in_folder`.
        workers: processes that share the targets, 1 to 256.
        training: how the router was trained, if this run did it.
        command: the command that makes all this again; default: `carousel generalise ...`.

    Raises:
        CarouselError: a router or axis is unknown; or see `run_in_folder`.
    """
    began = time.perf_counter() - (training or {}).get("seconds", 0.0)
    whole_number("workers", workers, 1, MOST_WORKERS)
    suite = ShiftSuite.of(study)

    def perform(folder: StudyFolder) -> tuple[pl.DataFrame, dict[str, Any]]:
        with console.progress("shifted users") as bar:
            results = suite.play(workers=workers, keeper=folder, report=bar)
        summary = summary_of(suite, results, training)
        return results.frame(), {**summary, "command": command or command_of(study, out)}

    return run_in_folder(Task(request_of(suite), perform, began), out, force=force, page=page)


def request_of(suite: ShiftSuite) -> dict[str, Any]:
    """Everything that decides the rows, as plain JSON data."""
    study, plan = suite.study, suite.plan
    taking_part = [player for player in suite.players if not player.companion]
    return {
        "environment": study.environment,
        "population": study.population.fingerprint,
        "users": study.users,
        "seed": study.seed,
        "severities": list(plan.severities),
        "axes": [axis.name for axis in plan.axes],
        "targets": {target.name: target.population.fingerprint for target in plan.targets},
        "routers": {
            str(i + 1): ("control " * player.control) + player.as_given
            for i, player in enumerate(taking_part)
        },
        "sha256": {player.policy: player.sha256 for player in taking_part if player.sha256},
        "companions": [player.policy for player in suite.players if player.companion],
        **code(),
    }


def command_of(study: ShiftStudy, out: Path) -> str:
    """The command line that makes all this again."""
    parts = [*study.by_name, study.environment, "--out", str(out)]
    parts += [part for axis in study.axes or () for part in ("--axis", axis)]
    if study.severities != SEVERITIES:
        parts += [part for s in study.severities for part in ("--severity", _typed(s))]
    parts += [part for folder in study.controls for part in ("--control", folder)]
    parts += ["--users", str(study.users), "--seed", str(study.seed)]
    return f"{typed('generalise')} {shlex.join(parts)}{options_of(study)}"


def _typed(number: float) -> str:
    """The shortest text that is read as the same number."""
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))
