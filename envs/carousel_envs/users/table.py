"""A finite, seeded, fingerprinted table of users drawn from a population.

Probabilities are stored as multiples of 1/65536, the resolution of the kernel's draws; 65535 is
rounded up to 65536, so that every value fits 16 bits. The kernel and the reference solvers read the
same arrays, so no rounding comes between them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..foundation.caching import cached_by_size
from .draws import draws_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .population import Population

UNIT = 65536
"""Probability one, in the unit of the tables."""

FRESH, BORED = 0, 1
"""Index of each mood, in every array that has an axis of moods."""

VULNERABLE_BIT = 24
"""Bit of a row's flags that marks a vulnerable user; the low bits mark available actions."""
BADGE_BIT = 25
"""First of the bits of a row's flags that hold the badge: 1 + the persona it names; 0: none."""


@dataclass(frozen=True, eq=False)
class UserTable:
    """Users as rows.

    Attributes:
        rows: int32, shape (n, 4K + 5). Columns: fit of each action, hazard of each, engagement of
            each with a fresh user, with a bored one, leaving (fresh, bored), saying goodbye (fresh,
            bored), all in 1/65536, then flags: a bit per available action, `VULNERABLE_BIT`, and
            the badge from `BADGE_BIT` on.
        gain: float64, shape (n, K), engagement lost per unit of satiation.
        memory: float64, shape (n,), share of satiation kept from turn to turn.
        archetype: int32, shape (n,).
        n_actions: K.
    """

    rows: NDArray[np.int32]
    gain: NDArray[np.float64]
    memory: NDArray[np.float64]
    archetype: NDArray[np.int32]
    n_actions: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All arrays of the table, a row per user."""
        return self.rows, self.gain, self.memory, self.archetype

    @property
    def nbytes(self) -> int:
        """Memory that the table takes, `by_action` included, in bytes."""
        return self.rows.nbytes // 2 + sum(array.nbytes for array in self.arrays)

    @property
    def fit(self) -> NDArray[np.float64]:
        """P(fresh right after a persona takes over), shape (n, K)."""
        return self.rows[:, : self.n_actions] / UNIT

    @property
    def hazard(self) -> NDArray[np.float64]:
        """P(a fresh user becomes bored in a turn), shape (n, K)."""
        return self.rows[:, self.n_actions : 2 * self.n_actions] / UNIT

    @property
    def engagement(self) -> NDArray[np.float64]:
        """P(engagement) without satiation, shape (n, K, 2): fresh, bored."""
        k = self.n_actions
        both = self.rows[:, 2 * k : 4 * k].reshape(-1, 2, k)
        return np.asarray(both.transpose(0, 2, 1) / UNIT)

    @property
    def leave(self) -> NDArray[np.float64]:
        """P(leaving) per turn, shape (n, 2): fresh, bored."""
        return self.rows[:, -5:-3] / UNIT

    @property
    def farewell(self) -> NDArray[np.float64]:
        """P(saying goodbye) per turn, shape (n, 2): fresh, bored."""
        return self.rows[:, -3:-1] / UNIT

    @property
    def available(self) -> NDArray[np.bool_]:
        """Which actions are available to each user, shape (n, K)."""
        bits = 1 << np.arange(self.n_actions)
        return np.asarray((self.rows[:, -1:] & bits) != 0)

    @property
    def vulnerable(self) -> NDArray[np.bool_]:
        """Whether each user is vulnerable, shape (n,)."""
        return np.asarray((self.rows[:, -1] >> VULNERABLE_BIT) & 1 != 0)

    @property
    def badge(self) -> NDArray[np.int32]:
        """Persona that each user's badge names, -1 for users without one, shape (n,)."""
        return np.asarray((self.rows[:, -1] >> BADGE_BIT) - 1)

    @cached_property
    def by_action(self) -> NDArray[np.int32]:
        """The rows as the kernel reads them: two probabilities per number, the second in the upper
        half, with 65535 for 65536; int32, shape (n, 2K + 3): of each action fit and hazard, then
        engagement with a fresh and with a bored user; then leaving (fresh, bored), saying goodbye
        (fresh, bored), and flags."""
        k = self.n_actions
        half = np.minimum(self.rows[:, :-1], UNIT - 1).astype(np.uint32)
        actions, moods = half[:, : 4 * k].reshape(-1, 2, 2, k), half[:, 4 * k :].reshape(-1, 2, 2)
        of_actions = (actions[:, :, 0] | actions[:, :, 1] << 16).transpose(0, 2, 1)
        of_moods = moods[:, :, 0] | moods[:, :, 1] << 16
        both = np.hstack([of_actions.reshape(-1, 2 * k), of_moods]).view(np.int32)
        table = np.hstack([both, self.rows[:, -1:]])
        table.setflags(write=False)
        return table

    def felt(self) -> NDArray[np.float64]:
        """Every user as the numbers that make a difference, shape (n, 5K + 6): what no session can
        bring out is 0. That is all of an action that is unavailable; hazard and engagement in a
        mood that the user is never in with an action, and leaving and goodbyes in one that the user
        is never in; satiation that is not kept, or takes nothing off; and the badge, which is a
        sign and no trait. Two users of equal rows differ in no session in which both are shown
        alike."""
        k = self.n_actions
        rows, available = self.rows.astype(np.float64), self.available
        fit, hazard = rows[:, :k], rows[:, k : 2 * k]
        fresh = available & (fit > 0.0)
        bored = available & ((fit < UNIT) | (hazard > 0.0))
        fit *= available
        hazard *= fresh
        for at, mood in ((2 * k, fresh), (3 * k, bored)):
            rows[:, at : at + k] *= mood
        for at, mood in ((0, fresh), (1, bored)):
            rows[:, [4 * k + at, 4 * k + 2 + at]] *= mood.any(axis=1, keepdims=True)
        rows[:, -1] = self.rows[:, -1] & ((1 << BADGE_BIT) - 1)
        engages = (rows[:, 2 * k : 3 * k] > 0.0) | (rows[:, 3 * k : 4 * k] > 0.0)
        gain = self.gain * (engages & (self.memory[:, None] > 0.0))
        memory = self.memory * (gain > 0.0).any(axis=1)
        return np.ascontiguousarray(np.column_stack([rows, gain, memory]))

    def take(self, index: NDArray[np.integer]) -> UserTable:
        """The table of the rows with these indices, in this order."""
        return UserTable(
            np.ascontiguousarray(self.rows[index]),
            self.gain[index],
            self.memory[index],
            self.archetype[index],
            self.n_actions,
        )

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over the content of the table."""
        digest = hashlib.sha256()
        for array in self.arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def _counts(probability: NDArray[np.float64]) -> NDArray[np.int32]:
    counts = np.rint(probability * UNIT).astype(np.int32)
    counts[counts == UNIT - 1] = UNIT
    return counts


MANY = 2**20
"""Number of users above which only the rows that are played are made."""
_CHUNK = 2**16
"""Rows drawn at once: intermediate results take much more memory than the rows themselves."""


@cached_by_size(lambda table: table.nbytes)
def user_table(population: Population) -> UserTable:
    """Realise a population as its table of `n_users` rows.

    Row i depends on (users_seed, i) alone, and each quantity on a uniform draw of its own: a
    shifted population moves the same users, and a longer table begins with the shorter one.
    """
    n, k = population.n_users, population.n_actions
    table = UserTable(
        rows=np.empty((n, 4 * k + 5), dtype=np.int32),
        gain=np.empty((n, k)),
        memory=np.empty(n),
        archetype=np.empty(n, dtype=np.int32),
        n_actions=k,
    )
    for start, drawn in in_chunks(population):
        for whole, part in zip(table.arrays, drawn.arrays, strict=True):
            whole[start : start + len(drawn)] = part
    for array in table.arrays:
        array.setflags(write=False)
    return table


def in_chunks(population: Population) -> Iterator[tuple[int, UserTable]]:
    """The table of a population piece by piece, each with the index of its first row."""
    for start in range(0, population.n_users, _CHUNK):
        stop = min(start + _CHUNK, population.n_users)
        yield start, draw_users(population, np.arange(start, stop))


def weighed_users(population: Population) -> tuple[UserTable, NDArray[np.int64]]:
    """Users and the multiplicity of each, int64, shape (rows,): every user once or, for a table of
    more than `MANY`, which is never made as a whole, every distinct user."""
    if population.n_users <= MANY:
        table = user_table(population)
        return table, np.ones(len(table), dtype=np.int64)
    found: list[tuple[UserTable, NDArray[np.int64]]] = []
    waiting = distinct = 0
    for _, drawn in in_chunks(population):
        found.append(_distinct([(drawn, np.ones(len(drawn), dtype=np.int64))]))
        waiting += len(found[-1][0])
        if waiting > max(MANY, 2 * distinct):
            found = [_distinct(found)]
            waiting = distinct = len(found[0][0])
    return _distinct(found)


def _distinct(
    found: list[tuple[UserTable, NDArray[np.int64]]],
) -> tuple[UserTable, NDArray[np.int64]]:
    """The distinct users of several tables, in the order of the first of each; arguments and result
    as `weighed_users` returns them."""
    tables, counts = zip(*found, strict=True)
    parts = zip(*(table.arrays for table in tables), strict=True)
    rows, gain, memory, archetype = (np.concatenate(part) for part in parts)
    whole = np.column_stack([rows.astype(np.float64), gain, memory])
    _, first, which = np.unique(whole, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.bincount(which.ravel(), weights=np.concatenate(counts)).astype(np.int64)
    joined = UserTable(rows, gain, memory, archetype, tables[0].n_actions)
    return joined.take(first[order]), number[order]


def draw_users(population: Population, index: NDArray[np.integer]) -> UserTable:
    """Some rows of a population's table, by their indices, in this order."""
    drawn = draws_of(population, index)
    archetype = drawn.archetypes()
    fit, vulnerable = population.fit_matrix()[archetype], drawn.vulnerable()
    hazard = drawn.values("boredom_hazard")
    lift = population.per_action("appeal") + vulnerable[:, None] * population.per_action(
        "vulnerable_appeal"
    )
    lift[:, len(population.personas) :] = -1.0  # without a persona, no user engages
    rows = np.column_stack(
        [
            _counts(fit),
            _counts(hazard[:, None] * (1.0 - population.hazard_relief * fit)),
            *(
                _counts(np.clip(drawn.values(name)[:, None] + lift, 0.0, 1.0))
                for name in ("engagement_fresh", "engagement_bored")
            ),
            *(
                _counts(drawn.values(name))
                for name in ("leave_fresh", "leave_bored", "farewell_fresh", "farewell_bored")
            ),
            (drawn.available() << np.arange(population.n_actions)).sum(axis=1)
            + (vulnerable.astype(np.int64) << VULNERABLE_BIT)
            + (drawn.badges(fit) << BADGE_BIT),
        ]
    ).astype(np.int32)
    return UserTable(
        rows=np.ascontiguousarray(rows),
        gain=drawn.values("satiation_gain")[:, None] * population.per_action("satiation_wear"),
        memory=drawn.values("satiation_memory"),
        archetype=archetype,
        n_actions=population.n_actions,
    )
