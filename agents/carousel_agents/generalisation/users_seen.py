"""How many users must be seen: scores on users of training and on new ones, by how many there were.

Policies trained on n users of a population are met by some of these, and by new users drawn from
the same ranges. What a policy gains on the former and not on the latter it has memorised, but for
what comes of meeting two different tables, each with an optimum of its own: the frozen loop, which
cannot memorise, meets both as well, and its gap says how much that is. Users must differ: in a
population in which all are alike nobody is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from carousel_envs import CarouselError, Population
from carousel_envs.compiled.rng import GOLDEN, mix64
from carousel_envs.foundation.errors import whole_number
from carousel_envs.users.table import draw_users, in_chunks, user_table

from .players import Player
from .shift_suite import Axis, Played, Target, play
from .statistics import interval, iqm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.users.table import UserTable

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
TRIES = 1000
"""Draws of new users, of which the first without one who is just like some of training is taken."""
LOOP = Player("frozen-loop", companion=True)
"""The same router on both tables, and no more at home on one of them than its own users make it."""


@dataclass(frozen=True)
class Sample:
    """Whom policies trained on the same users are met by.

    Attributes:
        seen: the first users of their training: as many as are met, or all if there are fewer.
        new: users of another draw from the same ranges, none of them just like one of training.
        overlap: rows of the two tables that also lie in that of training.
    """

    seen: Population
    new: Population
    overlap: tuple[int, int]

    @classmethod
    def of(cls, training: AnyPopulation, table: int = TABLE, most: int = 0) -> Sample:
        """The sample for policies trained on these users.

        Args:
            training: the users of training.
            table: how many new users are met, and at most how many of training, 1 to 10 000.
            most: new users are unlike the first `most` of this draw, though training had fewer: so
                that all numbers of training users share one table of new ones.

        Raises:
            CarouselError: questions, a table that is not allowed, or in each draw of new users some
                are just like users of training.
        """
        if not isinstance(training, Population):
            raise CarouselError("everybody asks the same questions; there are no new users")
        whole_number("table", table, 1, 10_000)
        # a longer table begins with the shorter one: these are users of training
        seen = training.replace(n_users=min(table, training.n_users))
        longest = training.replace(n_users=max(most, training.n_users))
        known, fewest = _Known.of(longest), table
        for draw in range(1, TRIES + 1):
            users_seed = (training.users_seed + draw * NEW_USERS) % 2**63
            new = training.replace(n_users=table, users_seed=users_seed)
            alike = known.in_common(new)
            if not alike:
                return cls(seen, new, (overlap_of(training, seen), overlap_of(training, new)))
            fewest = min(fewest, alike)
        raise CarouselError(
            f"{fewest} of {table} new users are just like some of {longest.n_users} of training in "
            f"the best of {TRIES} draws; train on fewer users, or on users who differ by two "
            "ranges, as with --set 'boredom_hazard=[0.02, 0.16]' "
            "--set 'engagement_bored=[0.1, 0.4]'"
        )


def samples(trainings: Sequence[Population], table: int = TABLE) -> list[Sample]:
    """The sample for each of several training populations; those that differ in the number of users
    alone have their new users in common.

    Raises:
        CarouselError: see `Sample.of`.
    """
    most: dict[Population, int] = {}
    for training in trainings:
        draw = training.replace(n_users=1)
        most[draw] = max(most.get(draw, 0), training.n_users)
    return [Sample.of(training, table, most[training.replace(n_users=1)]) for training in trainings]


def overlap_of(training: Population, other: Population) -> int:
    """How many users of the other table are, to the dynamics, like one of training."""
    return _Known.of(training).in_common(other)


@dataclass(frozen=True)
class _Known:
    """A table of users, of whom a hash is kept: of a long one the rows themselves take gigabytes.

    Attributes:
        population: whose table.
        hashes: of every row, sorted, uint64.
        rows: the row of each.
    """

    population: Population
    hashes: NDArray[np.uint64]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, population: Population) -> _Known:
        hashes = np.concatenate([_hashes(_contents(t)) for _, t in in_chunks(population)])
        order = np.argsort(hashes, kind="stable")
        return cls(population, hashes[order], order)

    def in_common(self, other: Population) -> int:
        """How many users of another, short table are, to the dynamics, like one of this."""
        wanted = _contents(user_table(other))
        hashes = _hashes(wanted)
        first, last = (np.searchsorted(self.hashes, hashes, side) for side in ("left", "right"))
        hit = np.flatnonzero(first < last)
        alike = self._are(self.rows[first[hit]], wanted[hit])
        # another of the same hash may be the one
        others = (i for i in hit[~alike] if last[i] - first[i] > 1)
        return int(alike.sum()) + sum(
            bool(self._are(self.rows[first[i] : last[i]], wanted[i]).any()) for i in others
        )

    def _are(self, rows: NDArray[np.int64], contents: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether these rows, drawn anew, are what is given, shape (rows,)."""
        drawn = _contents(draw_users(self.population, rows))
        return np.asarray((drawn.view(np.uint64) == contents.view(np.uint64)).all(axis=-1))


def _contents(table: UserTable) -> NDArray[np.float64]:
    """Every user, to the dynamics, as a row of numbers."""
    columns = [table.rows.astype(np.float64), table.gain, table.memory]
    return np.ascontiguousarray(np.column_stack(columns))


def _hashes(contents: NDArray[np.float64]) -> NDArray[np.uint64]:
    """A hash of each row."""
    found = np.zeros(len(contents), dtype=np.uint64)
    for column in contents.view(np.uint64).T:
        found = np.asarray(mix64(found + column * GOLDEN))
    return found


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
    """The population that stands for its ranges, whoever was drawn from them."""
    return population.replace(n_users=1, users_seed=0)


def meet(
    players: Sequence[Player],
    sample: Sample,
    *,
    environment: str,
    users: int = 2000,
    seed: int = 0,
) -> Played:
    """Evaluate policies on users of their training (severity 0) and on new ones (severity 1), and
    beside them the frozen loop of the same training users.

    Args:
        players: learned, of one training population.
        sample: whom they meet, of this population.
        environment: id, for the rows.
        users, seed: sessions, as in `evaluate`; every user plays several.

    Returns:
        Two rows of the schema for each of them. Scores are on the reference of the users that are
        met. The source is the same for all numbers and draws of users from the same ranges.

    Raises:
        CarouselError: see `evaluate`.
    """
    assert players[0].file is not None
    training = players[0].file.population
    shared = {"source": _ranges(training).fingerprint, "users_trained": training.n_users}
    rows: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    whom = (sample.seen, sample.new)
    for severity, (population, overlap) in enumerate(zip(whom, sample.overlap, strict=True)):
        played = play(
            Target(population, float(severity), (AXIS,)),
            [*players, LOOP],
            training,
            environment=environment,
            users=users,
            seed=seed,
        )
        rows += [{**row, **shared, "overlap": overlap} for row in played.rows]
        left_out |= played.left_out
    return Played(rows, left_out)


def curve(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Scores against the number of training users: one row per router and number, in that order,
    learned routers first.

    Args:
        rows: of `meet`, with the columns of `schema.SCHEMA`.

    Returns:
        Plain data: router, users_trained, seeds, overlap (of new users with training); `seen`,
        `new` and `gap` (seen less new, policy by policy), interquartile means over policies with
        95 % bootstrap intervals (`seen_low`, `seen_high`, ...; None with a single policy). All are
        None where listening is worth nothing, and where nobody was met. The gap of the frozen loop
        is what the two tables differ by; it is subtracted from nobody's.
    """
    found = []
    groups = rows.sort("users_trained", maintain_order=True).partition_by(
        ["router", "users_trained"], maintain_order=True
    )
    for group in sorted(groups, key=lambda g: (g["role"][0] == "frozen", str(g["router"][0]))):
        seen, new = (
            group.filter(pl.col("severity") == s).sort("policy", maintain_order=True)
            for s in (0.0, 1.0)
        )
        row = {
            "router": group["router"][0],
            "users_trained": group["users_trained"][0],
            "seeds": len(new),
            "overlap": new["overlap"].max(),
        }
        scores = {"seen": seen["score"], "new": new["score"]}
        both = len(seen) == len(new)
        lost = seen["score"] - new["score"] if both else pl.Series([None], dtype=pl.Float64)
        for name, values in (*scores.items(), ("gap", lost)):
            row |= _over_policies(name, values)
        found.append(row)
    return found


def _over_policies(name: str, values: pl.Series) -> dict[str, Any]:
    if values.is_empty() or values.null_count():
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    low, high = interval([values.to_numpy()]) or (None, None)
    return {name: float(iqm(values.to_numpy())), f"{name}_low": low, f"{name}_high": high}
