"""A study: routers beside scripted ones, on their training users and off them.

Everything that is written says how to make it again.
"""

from __future__ import annotations

import shlex
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import whole_number
from carousel_envs.foundation.files import check_folder
from carousel_envs.reference.store import solvers
from carousel_envs.shifts import SEVERITIES

from ..benchmark.runs import difference
from ..generalisation.columns import requested
from ..generalisation.players import companions, controls, learned_and_scripted
from ..generalisation.shift_suite import Plan, play
from ..report import write_page
from ..system import console
from ..system.locks import locked
from ..system.workers import MOST_WORKERS, each
from .folder import FORMAT, StudyFolder
from .shift_summary import document_of, versions
from .source_digest import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from carousel_envs.registry import AnyPopulation

    from ..generalisation.players import Player
    from ..generalisation.shift_suite import Played, Target


def _typed(number: float) -> str:
    """A number as short as it can be typed to be read as the same."""
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


@dataclass(frozen=True)
class Study:
    """What is asked for.

    Attributes:
        environment: id, for the rows and the commands.
        population: the training users.
        routers: policy files, folders of them, and scripted names.
        users, seed: as in `evaluate`.
        axes: shifts to run; None: all.
        severities: how far.
        controls: folders of policies that were trained on a target.
        changes: the --set options behind `population`, for the commands.
    """

    environment: str
    population: AnyPopulation
    routers: tuple[str, ...]
    users: int = 2000
    seed: int = 0
    axes: tuple[str, ...] | None = None
    severities: tuple[float, ...] = SEVERITIES
    controls: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def options(self) -> str:
        """The --set options, as they are typed."""
        return "".join(f" --set {shlex.quote(change)}" for change in self.changes)

    def command(self, out: Path) -> str:
        """What to type to get all this again."""
        parts = ["carousel", "generalise", *self.routers, self.environment, "--out", str(out)]
        parts += [part for axis in self.axes or () for part in ("--axis", axis)]
        if self.severities != SEVERITIES:
            parts += [part for s in self.severities for part in ("--severity", _typed(s))]
        parts += [part for folder in self.controls for part in ("--control", folder)]
        parts += ["--users", str(self.users), "--seed", str(self.seed)]
        return shlex.join(parts) + self.options

    def plan(self) -> Plan:
        """Which targets are met.

        Raises:
            CarouselError: a number or an axis is not allowed.
        """
        whole_number("users", self.users, 1, 2**31)
        whole_number("seed", self.seed, 0, 2**63 - 1 - self.users)
        return Plan.of(self.population, self.axes, self.severities)

    def players(self, plan: Plan) -> list[Player]:
        """Who takes part: those asked for, what stands beside them, controls.

        Raises:
            CarouselError: a router or a control that makes no sense here.
        """
        asked = learned_and_scripted(self.routers, self.population)
        trained = controls(self.controls, (target.population for target in plan.targets))
        return [*asked, *trained, *companions(asked)]

    def request(self, plan: Plan, players: Sequence[Player]) -> dict[str, Any]:
        """All that decides the rows, as plain JSON data."""
        taking_part = [player for player in players if not player.companion]
        return {
            "environment": self.environment,
            "population": self.population.fingerprint,
            "users": self.users,
            "seed": self.seed,
            "severities": list(plan.severities),
            "axes": [axis.name for axis in plan.axes],
            "targets": {target.name: target.population.fingerprint for target in plan.targets},
            "routers": {
                str(i + 1): ("control " * player.control) + player.policy
                for i, player in enumerate(taking_part)
            },
            "sha256": {player.policy: player.sha256 for player in taking_part if player.file},
            "companions": [player.policy for player in players if player.companion],
            "versions": versions(),
            "solvers": solvers(),
            "sources": sources(),
            **requested(),
        }


def check_study(study: Study, out: Path) -> None:
    """Refuse before any work what would fail at its end.

    Raises:
        CarouselError: a number, an axis or the place to write is not allowed.
    """
    study.plan()
    StudyFolder(out).check()


@dataclass(frozen=True)
class Outcome:
    """A finished study.

    Attributes:
        summary: as written.
        rows: as written; columns of `schema.SCHEMA`.
        kept: whether it was finished before, and nothing was done now.
        no_page: why these rows have no page; None if they have one, or none was asked for.
    """

    summary: dict[str, Any] = field(repr=False)
    rows: pl.DataFrame
    kept: bool = False
    no_page: CarouselError | None = None


def run_study(
    study: Study,
    out: Path,
    *,
    force: bool = False,
    workers: int = 2,
    training: Mapping[str, Any] | None = None,
    command: str | None = None,
) -> Outcome:
    """Perform a study and write `results.parquet`, `summary.json` and `report.html` into `out`.

    Interrupted at any moment, it can be called again and goes on. What is finished stays. Rows that
    no page can show are told all the same: `Outcome.no_page` says why.

    Args:
        study: what is asked for.
        out: folder; made if missing.
        force: replace the results of another study instead of refusing.
        workers: processes that share the targets, 1 to 256.
        training: how the router was trained, if this run did it.
        command: what to type to get all this again, if that is no `carousel generalise`.

    Raises:
        CarouselError: a bad router, axis or place to write, another process writes there, or
            results of another study are there.
    """

    started = time.perf_counter()
    whole_number("workers", workers, 1, MOST_WORKERS)
    plan = study.plan()
    players = study.players(plan)
    request = study.request(plan, players)
    folder = StudyFolder(out)
    check_folder(out)
    with locked(folder.lock, str(out)):
        folder.check()
        state, there = folder.standing(request, force)
        if state == "other" and not force:
            raise refusal(out, there, request)
        if state == "done":
            folder.remove_parts()
            summary = folder.summary()
            assert summary is not None
            rows = folder.rows()
            # killed between the summary and the page, or it could not be made
            no_page = None if folder.page.exists() else _without_page(out)
            return Outcome(summary, rows, kept=True, no_page=no_page)
        folder.begin(request)
        with console.progress("shifted users") as bar:
            played = _played(study, plan, players, folder, workers, bar)
        rows = plan.ordered(played[target.name].frame() for target in plan.targets)
        seconds = time.perf_counter() - started + (training or {}).get("seconds", 0.0)
        summary = console.clean(
            {
                "format": FORMAT,
                **document_of(study, plan, players, played, training),
                "command": command or study.command(out),
                "request": request,
                "results_sha256": folder.write_rows(rows),
                "elapsed_seconds": round(seconds, 1),
            }
        )
        folder.write_summary(summary)
        no_page = _without_page(out)
    return Outcome(summary, rows, no_page=no_page)


def _without_page(out: Path) -> CarouselError | None:
    """Write the page; what keeps it from being written, if anything does."""
    try:
        write_page([out])
    except CarouselError as error:
        return error
    return None


def refusal(out: Path, there: Mapping[str, Any], request: Mapping[str, Any]) -> CarouselError:
    """Why a folder is not written to: it holds what was asked for otherwise."""
    told = "it has no summary.json"
    if there:
        key, found, asked = difference(there, request)
        told = f"{key} is {found!r} there, {asked!r} was asked for"
    return CarouselError(
        f"{out} holds results of another study: {told}; give --force to replace them, or another "
        "folder"
    )


Task = tuple["Target", "Sequence[Player]", "AnyPopulation", dict[str, Any]]


def _perform(task: Task) -> Played:
    target, players, source, options = task
    return play(target, players, source, **options)


def _played(
    study: Study,
    plan: Plan,
    players: Sequence[Player],
    folder: StudyFolder,
    workers: int,
    bar: Callable[[float, float, str], None],
) -> dict[str, Played]:
    """What came of every target by its name: what is finished is read, the rest is played."""
    done: dict[str, Played] = {}
    tasks: dict[str, Task] = {}
    targets = {target.name: target for target in plan.targets}
    options = {"environment": study.environment, "users": study.users, "seed": study.seed}
    for name, target in targets.items():
        if (part := folder.part(target)) is not None:
            done[name] = part
        else:
            tasks[name] = (target, players, plan.source, options)
    bar(len(done), len(targets), "")
    with closing(each(tasks, _perform, workers)) as found:  # type: ignore[type-var]
        for name, played in found:
            folder.keep(targets[name], played)
            done[name] = played
            bar(len(done), len(targets), name)
    return done
