"""The observation of users: the one place that names its columns and their order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from ..compiled import observations
from ..foundation.caching import cached_by_size
from ..foundation.errors import CarouselError
from . import cues
from .table import user_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Population
    from .table import UserTable

SIGNS = ("vulnerable", "farewell", "payoff")
"""Optional last columns, in this order."""

NOT_SHOWN = -1.0
"""Value of the cue and engagement columns before the first turn."""


@dataclass(frozen=True)
class Columns:
    """Position of each quantity in a flat observation.

    An observation holds, in this order: the level of each cue; engagement (0 or 1); the current
    persona, one-hot; the availability of each persona, 0 or 1; turns with the current persona;
    share of the session gone; then, where the population shows them, whether the user is
    vulnerable and whether the user has just said goodbye, 0 or 1, what a turn without persona pays,
    and the persona that the user's badge names, one-hot over the personas. Before the first turn
    cues and engagement are -1, and other columns that depend on past turns are 0. With `unmask`,
    the action that enacts no persona comes last among the personas.

    Attributes:
        n_cues: J.
        n_actions: K.
        vulnerable: column that says whether the user is vulnerable, or None.
        farewell: column that says whether the user has just said goodbye, or None.
        payoff: column that says what a turn without persona pays, or None.
        n_badges: personas that a badge may name; 0: no badge is shown.
    """

    n_cues: int
    n_actions: int
    vulnerable: int | None = None
    farewell: int | None = None
    payoff: int | None = None
    n_badges: int = 0

    @classmethod
    def of(cls, population: Population) -> Columns:
        """The columns of this population."""
        n_badges = 0 if population.badge is None else len(population.personas)
        base = cls(len(population.cues), population.n_actions, n_badges=n_badges)
        signs = [sign for sign in SIGNS if sign in population.shows]
        return replace(base, **{sign: base.elapsed + 1 + i for i, sign in enumerate(signs)})

    @property
    def cues(self) -> slice:
        """Level of each cue."""
        return slice(0, self.n_cues)

    @property
    def engagement(self) -> int:
        """Whether the user engaged."""
        return self.n_cues

    @property
    def persona(self) -> slice:
        """The current persona, one-hot."""
        return slice(self.n_cues + 1, self.n_cues + 1 + self.n_actions)

    @property
    def available(self) -> slice:
        """Availability of each persona."""
        return slice(self.n_cues + 1 + self.n_actions, self.streak)

    @property
    def streak(self) -> int:
        """Turns with the current persona."""
        return self.n_cues + 1 + 2 * self.n_actions

    @property
    def elapsed(self) -> int:
        """Share of the session gone."""
        return self.streak + 1

    @property
    def width(self) -> int:
        """Number of columns, D."""
        signs = sum(getattr(self, sign) is not None for sign in SIGNS)
        return self.streak + 2 + signs + self.n_badges

    @property
    def badge(self) -> slice:
        """The persona that the user's badge names, one-hot; empty where no badge is shown."""
        return slice(self.width - self.n_badges, self.width)

    @property
    def n_contexts(self) -> int:
        """Number of contexts; `context` is below it."""
        return (1 + self.n_badges) << (self.n_actions + 1)

    def refuse_narrow(self, observation: NDArray[np.float32]) -> None:
        """Raise if observations lack columns, since compiled code does not check.

        Raises:
            CarouselError: they do.
        """
        if observation.ndim != 2 or observation.shape[1] < self.width:
            raise CarouselError(
                f"observation has shape {observation.shape}; it must have {self.width} columns, a "
                "row per lane"
            )

    def refuse_cues(self, observation: NDArray[np.float32], lane: int) -> None:
        """Raise if compiled code found a lane whose cues are no symbol of these users.

        Args:
            lane: the lane (`reading.symbol`), after a turn that was played; -1: there is none.

        Raises:
            CarouselError: there is such a lane.
        """
        if lane >= 0:
            raise CarouselError(
                f"cues of lane {lane} are {observation[lane, self.cues].tolist()}; after a turn "
                "each must be one of its levels, from 0 on"
            )

    def context(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """What every observation shows of the user, as a number, (N, D) to (N,).

        A bit per available action, one more for a visibly vulnerable user, and above these 1 + the
        persona that a badge names.
        """
        self.refuse_narrow(observation)
        found = np.empty(len(observation), dtype=np.int64)
        observations.contexts(observation, self.of_context, found)
        return found

    @cached_property
    def of_context(self) -> tuple[int, int, int, int, int]:
        """The columns that `context` reads, in the form of `reading.context`."""
        vulnerable = -1 if self.vulnerable is None else self.vulnerable
        badge = self.badge.start if self.n_badges else -1
        return (self.available.start, self.n_actions, vulnerable, badge, self.n_badges)


def column_names(population: Population) -> tuple[str, ...]:
    """The name of every column, in order, length D."""
    n = len(population.cues)
    shown = [*cues.NAMES[:n], *(f"cue_{j + 1}" for j in range(len(cues.NAMES), n))]
    return (
        *shown,
        "engagement",
        *(f"persona_{name}" for name in population.actions),
        *(f"available_{name}" for name in population.actions),
        "turns_with_persona",
        "session_gone",
        *(sign for sign in SIGNS if sign in population.shows),
        *(f"badge_{name}" for name in population.personas if population.badge is not None),
    )


def observation_space(population: Population) -> spaces.Box:
    """Space of one observation: float32, shape (D,), with tight bounds per column."""
    columns = Columns.of(population)
    low = np.zeros(columns.width, dtype=np.float32)
    high = np.ones(columns.width, dtype=np.float32)
    low[columns.cues] = NOT_SHOWN
    low[columns.engagement] = NOT_SHOWN
    high[columns.cues] = np.array(population.cue_levels, dtype=np.float32) - 1
    high[columns.streak] = population.session_length
    if columns.payoff is not None:
        low[columns.payoff] = min(0.0, population.unmask_payoff)
        high[columns.payoff] = max(1.0, population.unmask_payoff)
    return spaces.Box(low, high, dtype=np.float32)


@cached_by_size(lambda rows: sum(array.nbytes for array in rows))
def first_rows(population: Population) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Observation and availability at the start of a session; one row if equal for all users.

    Returns:
        First observations, float32, shape (users or 1, D), and availability, int8, shape (users
        or 1, K); both are shared and read-only.
    """
    first, available = first_rows_of(population, user_table(population))
    # one row stays in the nearest cache
    if (first == first[0]).all():
        first, available = first[:1].copy(), available[:1].copy()
    for shared in (first, available):
        shared.setflags(write=False)
    return first, available


def first_rows_of(
    population: Population, users: UserTable
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """`first_rows` of these users, shapes (users, D) and (users, K)."""
    columns = Columns.of(population)
    first = np.zeros((len(users), columns.width), dtype=np.float32)
    first[:, columns.cues] = NOT_SHOWN
    first[:, columns.engagement] = NOT_SHOWN
    first[:, columns.available] = users.available
    if columns.vulnerable is not None:
        first[:, columns.vulnerable] = users.vulnerable
    if columns.payoff is not None:
        first[:, columns.payoff] = population.unmask_payoff
    if columns.n_badges:
        first[np.arange(len(users)), columns.badge.start + users.badge] = 1.0
    return first, users.available.astype(np.int8)
