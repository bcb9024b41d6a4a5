"""The study of how many users must be seen: results in a folder, as those of any study."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from carousel_envs import Population
from carousel_envs.foundation.errors import whole_number
from carousel_envs.foundation.files import check_folder
from carousel_envs.reference.store import solvers

from ..generalisation.columns import requested
from ..generalisation.players import policies
from ..generalisation.users_seen import AXIS, LOOP, TABLE, meet, refuse_other_ranges, samples
from ..system import console
from ..system.locks import locked
from .folder import FORMAT, StudyFolder
from .shift_study import Outcome, refusal
from .shift_summary import left_out, versions
from .source_digest import sources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carousel_envs.registry import AnyPopulation

    from ..generalisation.players import Player
    from ..generalisation.shift_suite import Played


@dataclass(frozen=True)
class UsersStudy:
    """What is asked for.

    Attributes:
        environment: id, for the rows and the commands.
        population: the ranges that users are drawn from; their number and draw do not matter.
        routers: policy files and folders of them.
        table: how many different users are met.
        users, seed: sessions, as in `evaluate`.
        changes: the --set options behind `population`, for the commands.
    """

    environment: str
    population: AnyPopulation
    routers: tuple[str, ...]
    table: int = TABLE
    users: int = 2000
    seed: int = 0
    changes: tuple[str, ...] = ()

    def command(self, out: Path) -> str:
        """What to type to get all this again."""
        parts = ["carousel", "users-seen", *self.routers, self.environment, "--out", str(out)]
        parts += [part for change in self.changes for part in ("--set", change)]
        parts += ["--table", str(self.table)] if self.table != TABLE else []
        return shlex.join([*parts, "--users", str(self.users), "--seed", str(self.seed)])

    def players(self) -> list[Player]:
        """The policies.

        Raises:
            CarouselError: no policy, a damaged one, or one trained on users of other ranges.
        """
        found = policies(self.routers)
        refuse_other_ranges(found, self.population)
        return found

    def request(self, players: Sequence[Player]) -> dict[str, Any]:
        """All that decides the rows, as plain JSON data."""
        return {
            "environment": self.environment,
            "population": self.population.fingerprint,
            "table": self.table,
            "users": self.users,
            "seed": self.seed,
            "axes": [AXIS.name],
            "routers": {str(i + 1): player.policy for i, player in enumerate(players)},
            "sha256": {player.policy: player.sha256 for player in players},
            "companions": [LOOP.policy],
            "versions": versions(),
            "solvers": solvers(),
            "sources": sources(),
            **requested(),
        }


def _by_training(players: Sequence[Player]) -> dict[Population, list[Player]]:
    """The players by the users that they were trained on, the fewest first."""
    found: dict[Population, list[Player]] = {}
    for player in players:
        assert player.file is not None
        assert isinstance(player.file.population, Population)
        found.setdefault(player.file.population, []).append(player)
    return dict(sorted(found.items(), key=lambda item: item[0].n_users))


def run_users_study(study: UsersStudy, out: Path, *, force: bool = False) -> Outcome:
    """Perform the study and write `results.parquet` and `summary.json` into `out`.

    What takes long is to solve references, and these are kept: interrupted, it is quicker the next
    time.

    Raises:
        CarouselError: a bad router, number or place to write, new users who are just like some of
            training, another process writes there, or results of another study are there.
    """
    import polars as pl

    started = time.perf_counter()
    whole_number("users", study.users, 1, 2**31)
    whole_number("seed", study.seed, 0, 2**63 - 1 - study.users)
    players = study.players()
    groups = _by_training(players)
    # before anything is played: users who are all alike are told at once
    whom = samples(list(groups), study.table)
    request = study.request(players)
    folder = StudyFolder(out)
    check_folder(out)
    with locked(folder.lock, str(out)):
        folder.check()
        state, there = folder.standing(request, force)
        if state == "other" and not force:
            raise refusal(out, there, request)
        if state == "done":
            summary = folder.summary()
            assert summary is not None
            return Outcome(summary, folder.rows(), kept=True)
        played: dict[str, Played] = {}
        with console.progress("users seen and new") as bar:
            for i, ((training, group), sample) in enumerate(zip(groups.items(), whom, strict=True)):
                name = f"{training.n_users} users"
                bar(i, len(groups), name)
                played[f"{name} ({training.fingerprint})"] = meet(
                    group,
                    sample,
                    environment=study.environment,
                    users=study.users,
                    seed=study.seed,
                )
            bar(1, 1, "")
        rows = pl.concat(found.frame() for found in played.values())
        summary = console.clean(
            {
                "format": FORMAT,
                "title": f"{study.environment}: how many users must be seen",
                "environment": study.environment,
                "population": study.population.model_dump(mode="json"),
                "population_fingerprint": study.population.fingerprint,
                "command": study.command(out),
                "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                "versions": {"python": sys.version.split()[0], **versions()},
                "users": study.users,
                "seed": study.seed,
                "severities": [0.0, 1.0],
                "routers": [
                    {**player.columns, "sha256": player.sha256, "description": player.description}
                    for player in (*players, LOOP)
                ],
                "left_out": left_out(played),
                "axes": [asdict(AXIS)],
                "not_applicable": {},
                "request": request,
                "results_sha256": folder.write_rows(rows),
                "elapsed_seconds": round(time.perf_counter() - started, 1),
            }
        )
        folder.write_summary(summary)
    return Outcome(summary, rows)
