"""Routers under shift: every axis and severity, with the reference solved anew each time.

`generalise` is the one way in: `carousel generalise` calls it too, and keeps what it returns in a
folder (`carousel_agents.study`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown, whole_number
from carousel_envs.shifts import SEVERITIES

from ..system.workers import MOST_WORKERS
from .distance import distance
from .encounters import Conditions, Played, play_parts
from .evaluate import checked_seed, evaluate
from .players import FROZEN_BLIND
from .schema import complete
from .shift_plan import Axis, Plan, Target
from .taking_part import companions, controls, learned_and_scripted, masked
from .telling_apart import refuse_mixed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .encounters import Keeper, Row
    from .players import Player

__all__ = ["Axis", "Plan", "ShiftResults", "ShiftStudy", "ShiftSuite", "Target", "generalise"]


@dataclass(frozen=True)
class ShiftStudy:
    """Which routers are taken through which shifts of which users.

    Attributes:
        routers: policy files, folders of them, and scripted names. Frozen ones are solved for
            `population`, the others anew for the shifted users. From Python also routers as
            objects, which play everywhere as they are.
        population: the training users.
        environment: id, for the rows and the commands.
        users: sessions per evaluation.
        seed: of every evaluation, so that all comparisons are paired.
        axes: names of shifts; None: all that mean something here.
        severities: numbers in [0, 1]; 0 is training.
        controls: folders of policies that were trained on a shifted target.
        companions: whether the scripted routers that give a score its scale (frozen loop, optimum,
            uniform choice, best constant, ...) play even if they were not asked for.
        changes: the --set options that made `population`, for the commands.
    """

    routers: tuple[Policy | str, ...]
    population: AnyPopulation
    environment: str = ""
    users: int = 2000
    seed: int = 0
    axes: tuple[str, ...] | None = None
    severities: tuple[float, ...] = SEVERITIES
    controls: tuple[str, ...] = ()
    companions: bool = True
    changes: tuple[str, ...] = ()

    @property
    def by_name(self) -> tuple[str, ...]:
        """The routers, all of them given by name.

        Raises:
            CarouselError: one is an object, which no command could name.
        """
        for router in self.routers:
            if not isinstance(router, str):
                raise CarouselError(
                    f"router {shown(router)} is an object; a study that is kept in a folder takes "
                    "routers by name, such as file.py:Object"
                )
        return tuple(str(router) for router in self.routers)

    def plan(self) -> Plan:
        """The targets.

        Raises:
            CarouselError: a number or an axis is not allowed.
        """
        whole_number("users", self.users, 1, 2**31)
        checked_seed(self.seed, self.users)
        return Plan.of(self.population, self.axes, self.severities)

    def players(self, plan: Plan) -> list[Player]:
        """The routers asked for, those of them that can be kept from picking who is missing, the
        controls, and the companions.

        Raises:
            CarouselError: a router or a control makes no sense here.
        """
        asked = learned_and_scripted(self.routers, self.population)
        trained = controls(self.controls, (target.population for target in plan.targets))
        refuse_mixed([*asked, *trained])
        beside = companions(asked) if self.companions else ()
        kept = masked(asked, (target.population for target in plan.targets))
        return [*asked, *kept, *trained, *beside]


@dataclass(frozen=True)
class ShiftSuite:
    """A study with its targets and players found and checked: ready to be played.

    Attributes:
        study: what was asked for.
        plan: the targets.
        players: all routers that take part.
    """

    study: ShiftStudy
    plan: Plan
    players: tuple[Player, ...]

    @classmethod
    def of(cls, study: ShiftStudy) -> ShiftSuite:
        """Find and check everything; nothing is played yet.

        Raises:
            CarouselError: see `ShiftStudy.plan` and `ShiftStudy.players`.
        """
        plan = study.plan()
        return cls(study, plan, tuple(study.players(plan)))

    def play(
        self,
        *,
        workers: int = 1,
        keeper: Keeper | None = None,
        report: Callable[[float, float, str], None] | None = None,
    ) -> ShiftResults:
        """Evaluate every player on every target; see `generalise`."""
        whole_number("workers", workers, 1, MOST_WORKERS)
        parts = {t.name: _Encounter(t, self.players, self.study) for t in self.plan.targets}
        played = play_parts(parts, _meet, workers=workers, keeper=keeper, report=report)
        return ShiftResults(self.plan, played)


@dataclass(frozen=True)
class ShiftResults:
    """Results of `generalise`.

    Attributes:
        plan: the axes, severities and targets that were played.
        played: results by the name of their target.
    """

    plan: Plan
    played: Mapping[str, Played]

    def frame(self) -> pl.DataFrame:
        """A row per axis, severity and router, with the columns of `schema.columns()`."""
        return self.plan.ordered(self.played[target.name].frame() for target in self.plan.targets)

    @property
    def rows(self) -> list[Row]:
        """The same as plain data."""
        return self.frame().to_dicts()


def generalise(
    study: ShiftStudy,
    *,
    workers: int = 1,
    keeper: Keeper | None = None,
    report: Callable[[float, float, str], None] | None = None,
) -> ShiftResults:
    """Evaluate routers on every shift of a population.

    All routers meet the same users with the same luck, and scores are on the reference of the users
    that are met.

    Args:
        study: what is asked for.
        workers: processes that share the targets, 1 to 256; 1: this process.
        keeper: where finished targets are kept, so that an interrupted study goes on; default:
            nowhere.
        report: called with the number of targets done, the number of targets, and the last one's
            name.

    Raises:
        CarouselError: a router, axis or severity is unknown, a number is not allowed, or a router
            that was asked for makes no sense here.
    """
    return ShiftSuite.of(study).play(workers=workers, keeper=keeper, report=report)


def play(
    target: Target,
    players: Sequence[Player],
    source: AnyPopulation,
    *,
    environment: str = "",
    users: int = 2000,
    seed: int = 0,
) -> Played:
    """Evaluate players on one target.

    Args:
        target: the users they meet.
        players: those who do not play on this target are passed over.
        source: the users that shifts start from.
        environment: id, for the rows.
        users, seed: as in `evaluate`.

    Raises:
        CarouselError: users or seed is not allowed, or a router that was asked for makes no sense
            here.
    """
    population = target.population
    found: list[Row] = []
    left_out: dict[str, str] = {}
    shared = {
        "environment": environment,
        "severity": target.severity,
        "source": source.fingerprint,
        "target": population.fingerprint,
        **_measured_distance(source, population),
    }
    for player in players:
        if not player.plays(population, source):
            continue
        try:
            router = player.router(population, source)
        except CarouselError as error:
            if not player.companion:
                raise
            left_out[player.name] = str(error)
            continue
        result = evaluate(router, population, users=users, seed=seed)
        own = {**player.columns, "trained_on": player.trained_on(router, population)}
        found.append({**shared, **own, **result.row()})
    _add_frozen_zero(found)
    rows = []
    for axis in target.axes:
        key = {"axis": axis.name, "kind": axis.kind, "regime": target.regime(axis)}
        rows += [complete({**row, **key, **_known(row)}) for row in found]
    return Played(rows, left_out)


def _known(row: Row) -> dict[str, str]:
    """The regime of those who trained on this very population, whatever it is to others."""
    return {"regime": "level"} if row["trained_on"] == "level" else {}


def _add_frozen_zero(rows: Sequence[Row]) -> None:
    """Add to rows of one target what is measured from the training users' best schedule: the zero
    of the score knows the target, this one does not."""
    frozen = (row for row in rows if (row["router"], row["role"]) == (FROZEN_BLIND, "frozen"))
    zero = next((row["engagement"] for row in frozen), None)
    for row in rows:
        row["frozen_blind"] = zero
        scale = None if zero is None or row["value"] is None else row["value"] - zero
        if scale is not None and scale >= 1e-3 * max(abs(row["value"]), 1.0):
            row["score_from_frozen_blind"] = (row["engagement"] - zero) / scale


@dataclass(frozen=True)
class _Encounter:
    """A target and its players: all that another process needs to play them."""

    target: Target
    players: tuple[Player, ...]
    study: ShiftStudy

    @property
    def conditions(self) -> Conditions:
        fingerprint, severity = self.target.population.fingerprint, self.target.severity
        return frozenset((fingerprint, severity, axis.name) for axis in self.target.axes)


def _meet(encounter: _Encounter) -> Played:
    study = encounter.study
    return play(
        encounter.target,
        encounter.players,
        study.population,
        environment=study.environment,
        users=study.users,
        seed=study.seed,
    )


def _measured_distance(source: AnyPopulation, target: AnyPopulation) -> dict[str, Any]:
    """The schema's five columns that say how far a target is from the source."""
    found = distance(source, target)
    return {
        "distance_nats": found.nats,
        "distance_se": found.nats_se,
        "distance_per_turn": found.per_turn,
        "distance_per_turn_se": found.per_turn_se,
        "distance_note": found.note,
    }
