"""The study of how many users must be seen, with its results kept in a folder."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from carousel_envs.foundation.errors import whole_number
from carousel_envs.registry import users_of

from ..generalisation.encounters import Conditions, Played, play_parts
from ..generalisation.evaluate import checked_seed
from ..generalisation.taking_part import policies
from ..generalisation.user_samples import TABLE, Sample, samples
from ..generalisation.users_seen import AXIS, LOOP, meet, refuse_other_ranges
from ..system import console
from .requests import code
from .running import FinishedStudy, Task, run_in_folder
from .shift_summary import left_out, made_now, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from carousel_envs import Population
    from carousel_envs.registry import AnyPopulation

    from ..generalisation.players import Player
    from .folder import StudyFolder


@dataclass(frozen=True)
class UsersStudy:
    """Which policies are met by users of their training and by new ones.

    Attributes:
        environment: id, for the rows and the commands.
        population: the ranges that users are drawn from; their number and draw do not matter.
        routers: policy files and folders of them.
        table: how many different users are met.
        users, seed: sessions, as in `evaluate`.
        changes: the --set options that made `population`, for the commands.
    """

    environment: str
    population: AnyPopulation
    routers: tuple[str, ...]
    table: int = TABLE
    users: int = 2000
    seed: int = 0
    changes: tuple[str, ...] = ()

    def command(self, out: Path) -> str:
        """The command line that makes all this again."""
        parts = [*self.routers, self.environment, "--out", str(out)]
        parts += [part for change in self.changes for part in ("--set", change)]
        parts += ["--table", str(self.table)] if self.table != TABLE else []
        parts += ["--users", str(self.users), "--seed", str(self.seed)]
        return f"{typed('users-seen')} {shlex.join(parts)}"

    def players(self) -> list[Player]:
        """The policies.

        Raises:
            CarouselError: there is no policy, one is damaged, or one was trained on users of other
                ranges.
        """
        found = policies(self.routers)
        refuse_other_ranges(found, self.population)
        return found

    def request(self, players: Sequence[Player]) -> dict[str, Any]:
        """Everything that decides the rows, as plain JSON data."""
        return {
            "environment": self.environment,
            "population": self.population.fingerprint,
            "table": self.table,
            "users": self.users,
            "seed": self.seed,
            "axes": [AXIS.name],
            "routers": {str(i + 1): player.as_given for i, player in enumerate(players)},
            "sha256": {player.policy: player.sha256 for player in players},
            "companions": [LOOP.policy],
            **code(),
        }

    def summary(
        self, players: Sequence[Player], played: Mapping[str, Played], out: Path
    ) -> dict[str, Any]:
        """The fields of `summary.json` that are a study's own; see `docs/results_format.md`."""
        return {
            "title": f"{self.environment}: how many users must be seen",
            "environment": self.environment,
            "population": self.population.model_dump(mode="json"),
            "population_fingerprint": self.population.fingerprint,
            "command": self.command(out),
            **made_now(),
            "users": self.users,
            "seed": self.seed,
            "severities": [0.0, 1.0],
            "routers": [
                {**player.columns, "sha256": player.sha256, "description": player.description}
                for player in (*players, LOOP)
            ],
            "left_out": left_out(played),
            "axes": [asdict(AXIS)],
            "not_applicable": {},
        }


@dataclass(frozen=True)
class _Meeting:
    """Policies of one training population and the users that they meet."""

    players: tuple[Player, ...]
    sample: Sample
    study: UsersStudy

    @property
    def conditions(self) -> Conditions:
        whom = (self.sample.seen, self.sample.new)
        return frozenset((p.fingerprint, float(i), AXIS.name) for i, p in enumerate(whom))


def _perform(meeting: _Meeting) -> Played:
    study = meeting.study
    return meet(
        meeting.players,
        meeting.sample,
        environment=study.environment,
        users=study.users,
        seed=study.seed,
    )


def run_users_study(
    study: UsersStudy,
    out: Path,
    *,
    force: bool = False,
    page: Callable[[list[Path]], object] | None = None,
) -> FinishedStudy:
    """Perform a study of users seen and write `results.parquet` and `summary.json` into `out`.

    Args:
        study: what is asked for.
        out, force, page: see `run_in_folder`.

    Raises:
        CarouselError: a router or a number is not allowed, or some new users are just like users of
            training; or see `run_in_folder`.
    """
    began = time.perf_counter()
    whole_number("users", study.users, 1, 2**31)
    checked_seed(study.seed, study.users)
    players = study.players()
    # before anything is played: that all users are alike is found at once
    meetings = _meetings(study, players)

    def perform(folder: StudyFolder) -> tuple[pl.DataFrame, dict[str, Any]]:
        with console.progress("users seen and new") as bar:
            played = play_parts(meetings, _perform, keeper=folder, report=bar)
        rows = pl.concat(part.frame() for part in played.values())
        return rows, study.summary(players, played, out)

    return run_in_folder(Task(study.request(players), perform, began), out, force=force, page=page)


def _meetings(study: UsersStudy, players: Sequence[Player]) -> dict[str, _Meeting]:
    """A part of the study for every training population, those of the fewest users first."""
    groups: dict[Population, list[Player]] = {}
    for player in players:
        assert player.file is not None
        training = users_of(player.file.population, "every session asks the same questions")
        groups.setdefault(training, []).append(player)
    ordered = dict(sorted(groups.items(), key=lambda item: item[0].n_users))
    whom = samples(list(ordered), study.table)
    return {
        f"{training.n_users} users ({training.fingerprint})": _Meeting(tuple(own), sample, study)
        for (training, own), sample in zip(ordered.items(), whom, strict=True)
    }
