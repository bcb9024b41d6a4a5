"""The rows of users as the kernel reads them: all or, in a very long table, those played."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..compiled import rng
from .observation import first_rows, first_rows_of
from .session import USER_BITS
from .table import MANY, UserTable, draw_users, user_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Population


class UserRows(NamedTuple):
    """The arrays of users that the kernel reads: a row each, or one row where all are equal.

    Attributes:
        rows: int32, shape (users, 2K + 3), `UserTable.by_action`.
        satiation: float64, shape (users, K + 1), gain with each persona, then memory; None without
            satiation.
        first_obs: float32, shape (users or 1, D), and
        first_mask: int8, shape (users or 1, K): observation and mask at the start of a session.
    """

    rows: NDArray[np.int32]
    satiation: NDArray[np.float64] | None
    first_obs: NDArray[np.float32]
    first_mask: NDArray[np.int8]

    @classmethod
    def of(cls, population: Population) -> UserRows:
        """The rows of all users of a population."""
        table = user_table(population)
        return cls(table.by_action, _satiation(population, table), *first_rows(population))


def _satiation(population: Population, table: UserTable) -> NDArray[np.float64] | None:
    return np.column_stack([table.gain, table.memory]) if population.has_satiation else None


class PlayedUsers:
    """The rows of a table of more than `MANY` users, each made before it is first played.

    The operating system allocates only the parts of the arrays that are written to. The next user
    is a function of a lane's key and its episode, so the rows exist before the kernel reads them.

    Attributes:
        rows: of all users; zeros where they have not been made.
    """

    rows: UserRows

    def __init__(self, population: Population) -> None:
        self._population = population
        n = population.n_users
        one = self._made_of(np.zeros(1, dtype=np.int64))
        self._alike = begin_alike(population)
        self.rows = UserRows(
            _room(n, one.rows),
            None if one.satiation is None else _room(n, one.satiation),
            one.first_obs if self._alike else _room(n, one.first_obs),
            one.first_mask if self._alike else _room(n, one.first_mask),
        )
        self._is_made = _room(n, np.zeros((1, 1), dtype=np.bool_))[:, 0]

    def __reduce__(self) -> tuple[Any, ...]:
        # a copy makes anew what was made: every row is a function of the population and the user
        return PlayedUsers, (self._population,), np.flatnonzero(self._is_made)

    def __setstate__(self, made: NDArray[np.int64]) -> None:
        self.make(made)

    def _made_of(self, users: NDArray[np.integer]) -> UserRows:
        table = draw_users(self._population, users)
        return UserRows(
            table.by_action,
            _satiation(self._population, table),
            *first_rows_of(self._population, table),
        )

    def make(self, users: NDArray[np.integer]) -> None:
        """Make the rows of these users, unless they exist."""
        lacking = np.unique(users[~self._is_made[users]])
        if not len(lacking):
            return
        made = self._made_of(lacking)
        self.rows.rows[lacking] = made.rows
        if self.rows.satiation is not None:
            self.rows.satiation[lacking] = made.satiation
        if not self._alike:
            self.rows.first_obs[lacking] = made.first_obs
            self.rows.first_mask[lacking] = made.first_mask
        self._is_made[lacking] = True

    def next_of(self, lanes: NDArray[np.void]) -> NDArray[np.int64]:
        """The users that each lane's next episode draws, shape (N,); see `session.draw_users`."""
        return self.drawn(lanes["lane_key"], lanes["episode"] + 1)

    def drawn(self, keys: NDArray[np.uint64], episode: NDArray[np.int64]) -> NDArray[np.int64]:
        """The users that these episodes of lanes draw, shape (N,)."""
        word = rng.mixed(rng.episode_keys(keys, episode) ^ USER_BITS) >> np.uint64(32)
        n = np.uint64(self._population.n_users)
        return np.asarray((word * n) >> np.uint64(32)).astype(np.int64)


def begin_alike(population: Population) -> bool:
    """Whether sessions with all users begin in the same way."""
    seen = "vulnerable" in population.shows and 0.0 < population.vulnerable_share < 1.0
    return population.unavailability == 0.0 and population.badge is None and not seen


def _room(n: int, one: NDArray[Any]) -> NDArray[Any]:
    """An array of n rows of zeros, like this one, that takes memory only as it is written: on pages
    of normal size, since those that NumPy requests are as large as ten thousand rows."""
    pages = mmap.mmap(-1, n * one[0].nbytes)
    return np.frombuffer(pages, dtype=one.dtype).reshape(n, *one.shape[1:])


def rows_of(population: Population) -> tuple[UserRows, PlayedUsers | None]:
    """The rows that the kernel reads and, for a very long table, the object that makes them."""
    if population.n_users <= MANY:
        return UserRows.of(population), None
    played = PlayedUsers(population)
    return played.rows, played
