"""Samples of training users and of new users, with no user in both.

New users are drawn from the same ranges as those of training, and none of them is, to the dynamics,
like a user of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import CarouselError, Population
from carousel_envs.compiled.rng import GOLDEN, mixed
from carousel_envs.foundation.errors import whole_number
from carousel_envs.registry import users_of
from carousel_envs.users.table import draw_users, in_chunks, user_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.users.table import UserTable

TABLE = 50
"""Users that are met by default: few enough for references to be close."""
NEW_USERS = 2**40
"""Added to the seed of the user table: new users are other draws from the same ranges."""
TRIES = 1000
"""Most draws of new users; the first without a user like those of training is taken."""


@dataclass(frozen=True)
class Sample:
    """The users that meet policies trained on the same users.

    Attributes:
        seen: the first users of their training, as many as are met, or all if there are fewer.
        new: users of another draw from the same ranges, none of them like a user of training.
        overlap: how many rows of the two tables also lie in the table of training.
    """

    seen: Population
    new: Population
    overlap: tuple[int, int]

    @classmethod
    def of(cls, training: AnyPopulation, table: int = TABLE, most: int = 0) -> Sample:
        """Draw the sample for policies trained on these users.

        Args:
            training: the users of training.
            table: how many new users are met, and at most how many of training, 1 to 10 000.
            most: new users are also unlike the first `most` users of this draw, even if training
                had fewer, so that all numbers of training users share one table of new users.

        Raises:
            CarouselError: the population asks questions, the table is not allowed, or every draw of
                new users holds some who are just like users of training.
        """
        training = users_of(
            training, "every session asks the same questions; there are no new users"
        )
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
    """The sample of each training population; populations that differ only in their number of users
    share their new users.

    Raises:
        CarouselError: see `Sample.of`.
    """
    most: dict[Population, int] = {}
    for training in trainings:
        draw = training.replace(n_users=1)
        most[draw] = max(most.get(draw, 0), training.n_users)
    return [Sample.of(training, table, most[training.replace(n_users=1)]) for training in trainings]


def overlap_of(training: Population, other: Population) -> int:
    """How many users of the other table are, to the dynamics, like a user of training."""
    return _Known.of(training).in_common(other)


@dataclass(frozen=True)
class _Known:
    """The hashes of a table of users; the rows of a long table would take gigabytes.

    Attributes:
        population: of the table.
        hashes: of every row, sorted, uint64.
        rows: the row of each hash.
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
        """How many users of another, short table are, to the dynamics, like a user of this one."""
        wanted = _contents(user_table(other))
        hashes = _hashes(wanted)
        first, last = (np.searchsorted(self.hashes, hashes, side) for side in ("left", "right"))
        hit = np.flatnonzero(first < last)
        alike = self._are(self.rows[first[hit]], wanted[hit])
        # another row of the same hash may be the match
        others = (i for i in hit[~alike] if last[i] - first[i] > 1)
        return int(alike.sum()) + sum(
            bool(self._are(self.rows[first[i] : last[i]], wanted[i]).any()) for i in others
        )

    def _are(self, rows: NDArray[np.int64], contents: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether these rows, drawn anew, have these contents; shape (rows,)."""
        drawn = _contents(draw_users(self.population, rows))
        return np.asarray((drawn.view(np.uint64) == contents.view(np.uint64)).all(axis=-1))


def _contents(table: UserTable) -> NDArray[np.float64]:
    """Every user as the row of numbers that make a difference in some session."""
    return table.felt()


def _hashes(contents: NDArray[np.float64]) -> NDArray[np.uint64]:
    """A hash of each row."""
    found = np.zeros(len(contents), dtype=np.uint64)
    for column in contents.view(np.uint64).T:
        found = mixed(found + column * GOLDEN)
    return found
