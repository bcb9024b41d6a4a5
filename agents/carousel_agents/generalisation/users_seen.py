"""How many users must be seen: scores on users of training and on new ones, by how many there were.

Policies trained on n users of a population are met by some of these, and by as many new users drawn
from the same ranges. What a policy gains on the former and not on the latter it has memorised. For
this users must differ: in a population in which all are alike nobody is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from carousel_envs import CarouselError, Population
from carousel_envs.errors import whole_number
from carousel_envs.users import user_table

from .statistics import interval, iqm
from .suite import Axis, Played, Target, play

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation

    from .players import Player

AXIS = Axis(
    "users",
    "covariate",
    "severity 0: users of training; severity 1: new users from the same ranges",
    "interpolation",
)
TABLE = 50
"""Users that are met, unless asked for otherwise: few enough for references to be close."""
NEW_USERS = 2**40
"""Added to the seed of the user table: new users are other draws from the same ranges."""


@dataclass(frozen=True)
class Sample:
    """Whom a policy is met by.

    Attributes:
        seen: the first users of its training.
        new: as many others.
        overlap: rows of the two tables that also lie in that of training.
    """

    seen: Population
    new: Population
    overlap: tuple[int, int]

    @classmethod
    def of(cls, training: AnyPopulation, table: int = TABLE) -> Sample:
        """The sample for policies trained on these users.

        Raises:
            CarouselError: questions, a table that is not allowed, or users who are all alike.
        """
        if not isinstance(training, Population):
            raise CarouselError("everybody asks the same questions; there are no new users")
        whole_number("table", table, 1, 10_000)
        # a longer table begins with the shorter one: these are users of training
        seen = training.replace(n_users=min(table, training.n_users))
        new = training.replace(n_users=table, users_seed=(training.users_seed + NEW_USERS) % 2**63)
        overlap = overlap_of(training, seen), overlap_of(training, new)
        if overlap[1]:
            raise CarouselError(
                f"{overlap[1]} of {table} new users are just like some of training; users must "
                "differ by a range, as with --set 'boredom_hazard=[0.02, 0.16]'"
            )
        return cls(seen, new, overlap)


def overlap_of(training: Population, other: Population) -> int:
    """How many users of the other table are, to the dynamics, like one of training."""
    known = {row.tobytes() for row in _content(training)}
    return sum(row.tobytes() in known for row in _content(other))


def _content(population: Population) -> NDArray[np.float64]:
    table = user_table(population)
    return np.column_stack([table.rows.astype(np.float64), table.gain, table.memory])


def refuse_other_ranges(players: Sequence[Player], source: AnyPopulation) -> None:
    """Refuse policies whose training users differ from these in more than their number and draw.

    Raises:
        CarouselError: a scripted router, or other users.
    """
    for player in players:
        if player.file is None:
            raise CarouselError(
                f"router {player.policy!r} was not trained; how many users it saw means nothing"
            )
        training = player.file.population
        same = isinstance(training, Population) and isinstance(source, Population)
        if not same or _ranges(training) != _ranges(source):
            raise CarouselError(
                f"router {player.policy!r} was trained on users of other ranges than those asked "
                "for (give the --set it was trained with, but for n_users and users_seed)"
            )


def _ranges(population: Any) -> Any:
    return population.replace(n_users=1, users_seed=0)


def meet(
    player: Player,
    *,
    environment: str,
    table: int = TABLE,
    users: int = 2000,
    seed: int = 0,
    report: Callable[[], None] | None = None,
) -> Played:
    """Evaluate a policy on users of its training (severity 0) and on new ones (severity 1).

    Args:
        player: learned.
        environment: id, for the rows.
        table: how many different users are met.
        users, seed: sessions, as in `evaluate`; every user plays several.
        report: called after each evaluation.

    Returns:
        Two rows of the schema. Scores are on the reference of the users that are met.

    Raises:
        CarouselError: see `Sample.of` and `evaluate`.
    """
    assert player.file is not None
    training = player.file.population
    sample = Sample.of(training, table)
    rows: list[dict[str, Any]] = []
    whom = (sample.seen, sample.new)
    for severity, (population, overlap) in enumerate(zip(whom, sample.overlap, strict=True)):
        target = Target(population, float(severity), (AXIS,))
        played = play(
            target,
            [player],
            training,
            environment=environment,
            users=users,
            seed=seed,
            report=report,
        )
        rows += [{**row, "overlap": overlap} for row in played.rows]
    return Played(rows)


def curve(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Scores against the number of training users: one row per router and number, in that order.

    Args:
        rows: of `meet`, with the columns of `schema.SCHEMA`.

    Returns:
        Plain data: router, users_trained, seeds, overlap (of new users with training); `seen`,
        `new` and `gap` (seen less new, policy by policy), interquartile means over policies with
        95 % bootstrap intervals (`seen_low`, `seen_high`, ...; None with a single policy). All are
        None where listening is worth nothing.
    """
    found = []
    groups = rows.sort("users_trained").partition_by(
        ["router", "users_trained"], maintain_order=True
    )
    for group in sorted(groups, key=lambda g: str(g["router"][0])):
        seen, new = (group.filter(pl.col("severity") == s).sort("policy") for s in (0.0, 1.0))
        row = {
            "router": group["router"][0],
            "users_trained": group["users_trained"][0],
            "seeds": len(new),
            "overlap": new["overlap"].max(),
        }
        scores = {"seen": seen["score"], "new": new["score"]}
        for name, values in (*scores.items(), ("gap", scores["seen"] - scores["new"])):
            row |= _over_policies(name, values)
        found.append(row)
    return found


def _over_policies(name: str, values: pl.Series) -> dict[str, Any]:
    if values.null_count():
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    low, high = interval([values.to_numpy()]) or (None, None)
    return {name: float(iqm(values.to_numpy())), f"{name}_low": low, f"{name}_high": high}
