"""Routers through the shifts: every axis and severity, the reference re-solved each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from carousel_envs import CarouselError
from carousel_envs.registry import shifts_of
from carousel_envs.shifts import SEVERITIES, find_shift

from .distance import distance
from .evaluate import evaluate
from .players import learned_and_scripted
from .schema import complete, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from carousel_envs.registry import AnyPopulation

    from .players import Player

Row = dict[str, Any]


@dataclass(frozen=True)
class Axis:
    """A shift that is run: what it says of itself."""

    name: str
    kind: str
    description: str
    regime: str = "extrapolation"


@dataclass(frozen=True)
class Target:
    """A population to be played, and under which axes it stands in the results.

    Attributes:
        population: the shifted users, or at severity 0 those of training.
        severity: 0 to 1.
        axes: one, or at severity 0 all of them: the training users are played once.
    """

    population: AnyPopulation
    severity: float
    axes: tuple[Axis, ...]

    @property
    def name(self) -> str:
        """In one word, such as `hazard=0.5`."""
        return "training" if self.severity == 0.0 else f"{self.axes[0].name}={self.severity!r}"

    def regime(self, axis: Axis) -> str:
        """The schema's column of this name."""
        if self.severity == 0.0:
            return "training"
        return axis.regime


@dataclass(frozen=True)
class Plan:
    """Which targets a suite meets.

    Attributes:
        source: the users that shifts start from.
        severities: in order.
        axes: those that are run, in order.
        not_applicable: reason per axis that means nothing for the source.
        targets: each population once.
    """

    source: AnyPopulation
    severities: tuple[float, ...]
    axes: tuple[Axis, ...]
    not_applicable: dict[str, str]
    targets: tuple[Target, ...]

    @classmethod
    def of(
        cls,
        source: AnyPopulation,
        axes: Iterable[str] | None = None,
        severities: Sequence[float] = SEVERITIES,
    ) -> Plan:
        """The plan of these axes (default: all that there are) and severities.

        Raises:
            CarouselError: an unknown axis, a severity outside [0, 1], or nothing to be run.
        """
        among = shifts_of(source)
        chosen = [
            find_shift(name, among) for name in dict.fromkeys(among if axes is None else axes)
        ]
        graded = tuple(dict.fromkeys(severities))
        run: list[Axis] = []
        reasons: dict[str, str] = {}
        targets: list[Target] = []
        for shift in chosen:
            if reason := shift.obstacle(source):
                reasons[shift.name] = reason
                continue
            run.append(Axis(shift.name, shift.kind, shift.description, shift.regime))
            shifted = [(shift.apply(source, severity), severity) for severity in graded]
            targets += [Target(users, float(s), (run[-1],)) for users, s in shifted if s > 0.0]
        if not run or not graded:
            told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            raise CarouselError(
                f"nothing is to be run: {told or 'no axis or no severity is given'}"
            )
        if 0.0 in graded:
            targets.insert(0, Target(source, 0.0, tuple(run)))
        return cls(source, tuple(map(float, graded)), tuple(run), reasons, tuple(targets))

    def ordered(self, parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
        """The rows of all targets, by axis, severity, and player."""
        rows = pl.concat(parts)
        places = {
            (axis.name, severity): (i, j)
            for i, axis in enumerate(self.axes)
            for j, severity in enumerate(self.severities)
        }
        order = [places[key] for key in rows.select("axis", "severity").iter_rows()]
        by = sorted(range(len(order)), key=order.__getitem__)
        return rows[by]


def measured_distance(source: AnyPopulation, target: AnyPopulation) -> Row:
    """How far a target is from the source: the schema's five columns of this name."""
    found = distance(source, target)
    return {
        "distance_nats": found.nats,
        "distance_se": found.nats_se,
        "distance_per_turn": found.per_turn,
        "distance_per_turn_se": found.per_turn_se,
        "distance_note": found.note,
    }


@dataclass(frozen=True)
class Played:
    """What came of one target.

    Attributes:
        rows: keys are those of the schema, in order of axes and players.
        left_out: reason per companion that makes no sense there.
    """

    rows: list[Row]
    left_out: dict[str, str] = field(default_factory=dict)

    def frame(self) -> pl.DataFrame:
        """The rows, with the schema's types."""
        return frame(self.rows)


def play(
    target: Target,
    players: Sequence[Player],
    source: AnyPopulation,
    *,
    environment: str = "",
    users: int = 2000,
    seed: int = 0,
    report: Callable[[], None] | None = None,
) -> Played:
    """Evaluate players on one target.

    Args:
        target: whom they meet.
        players: those who are not to be met here are passed over.
        source: the users that shifts start from.
        environment: id, for the rows.
        users, seed: as in `evaluate`.
        report: called after each evaluation.

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
        **measured_distance(source, population),
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
        own = {**player.columns, "trained_on": player.trained_on(router)}
        found.append({**shared, **own, **result.row()})
        if report:
            report()
    rows = []
    for axis in target.axes:
        key = {"axis": axis.name, "kind": axis.kind, "regime": target.regime(axis)}
        rows += [complete({**row, **key}) for row in found]
    return Played(rows, left_out)


@dataclass(frozen=True)
class Suite:
    """Results of `generalise`.

    Attributes:
        rows: one per axis, severity and router; keys are the columns of `schema.columns()`.
        axes: name, kind and description of the axes that were run.
        not_applicable: reason per axis that means nothing for this population.
    """

    rows: list[Row] = field(default_factory=list)
    axes: list[dict[str, str]] = field(default_factory=list)
    not_applicable: dict[str, str] = field(default_factory=dict)

    def frame(self) -> pl.DataFrame:
        """The rows, with the schema's types."""
        return frame(self.rows)


def generalise(
    routers: Sequence[str],
    population: AnyPopulation,
    *,
    environment: str = "",
    users: int = 2000,
    seed: int = 0,
    axes: Iterable[str] | None = None,
    severities: Sequence[float] = SEVERITIES,
    report: Callable[[int, int], None] | None = None,
) -> Suite:
    """Evaluate routers on every shift of a population, in this process, and keep nothing.

    Args:
        routers: policy files, folders of them, and scripted names. Frozen ones are solved for
            `population`, the others anew for the shifted users.
        population: the training users.
        environment: id, for the rows.
        users: sessions per evaluation.
        seed: of the evaluation; the same for all, so that every comparison is paired.
        axes: names of shifts; default: all.
        severities: numbers in [0, 1].
        report: called with (rows done, rows in all).

    Raises:
        CarouselError: an unknown axis or router, or a severity outside [0, 1].
    """
    plan = Plan.of(population, axes, severities)
    players = learned_and_scripted(routers, population)
    total = len(plan.axes) * len(plan.severities) * len(players)
    done = 0
    frames = []

    for target in plan.targets:

        def count(rows: int = len(target.axes)) -> None:
            nonlocal done
            for _ in range(rows):
                done += 1
                if report:
                    report(done, total)

        played = play(
            target,
            players,
            population,
            environment=environment,
            users=users,
            seed=seed,
            report=count,
        )
        frames.append(played.frame())
    return Suite(
        plan.ordered(frames).to_dicts(),
        [{"name": a.name, "kind": a.kind, "description": a.description} for a in plan.axes],
        plan.not_applicable,
    )
