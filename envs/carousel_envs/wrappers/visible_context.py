"""The context of a session as columns of the observation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..registry import users_of
from ..users.spans import MAX_SATIATION_GAIN, MAX_SATIATION_WEAR, PER_PERSONA
from ..users.table import MANY, draw_users, user_table
from .forms import Info, names_of, read_names
from .observers import Observer, ScalarObserver, VectorObserver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ..users.population import Population
    from ..users.table import UserTable
    from .forms import Rows

_MOODS = ("fresh", "bored")

# name -> (attribute of the user table, whether its last axis is the mood, largest value allowed)
_USER_FIELDS = {
    "fit": ("fit", False, 1.0),
    "hazard": ("hazard", False, 1.0),
    "engagement": ("engagement", True, 1.0),
    "leave": ("leave", True, 1.0),
    # as a persona wears off: the population's number times the persona's
    "satiation_gain": ("gain", False, MAX_SATIATION_GAIN * MAX_SATIATION_WEAR),
    "satiation_memory": ("memory", False, 1.0),
}
# name of a field of the population -> bounds
_POPULATION_FIELDS = {
    "swap_cost": (0.0, 100.0),
    "persona_cost": (0.0, 100.0),
    "session_length": (1.0, 10_000.0),
}

USER_CONTEXT = tuple(_USER_FIELDS)
"""What `VisibleContext` shows by default."""


def _columns(
    population: Population, table: UserTable
) -> dict[str, tuple[list[str], NDArray[np.float32], Any]]:
    """Of every context field: column names, values (users, columns), (low, high)."""
    found: dict[str, tuple[list[str], NDArray[np.float32], Any]] = {}
    for field, (attribute, by_mood, top) in _USER_FIELDS.items():
        values = np.asarray(getattr(table, attribute))
        names = [field]
        # axes after the first are personas, and moods where the field has them
        if values.ndim - by_mood == 2:
            names = [f"{name}_{action}" for name in names for action in population.actions]
        if by_mood:
            names = [f"{name}_{mood}" for name in names for mood in _MOODS]
        found[field] = names, values.reshape(len(table), -1).astype(np.float32), (0.0, top)
    for field, bounds in _POPULATION_FIELDS.items():
        names, value = [field], getattr(population, field)
        if field in PER_PERSONA:
            names = [f"{field}_{action}" for action in population.actions]
            value = population.per_action(field)
        shape = (len(table), len(names))
        found[field] = names, np.broadcast_to(value, shape).astype(np.float32), bounds
    return found


def _known(
    population: Population, table: UserTable
) -> dict[str, tuple[list[str], NDArray[np.float32], Any]]:
    """`_columns` of every field, and of every single column by its name."""
    fields = _columns(population, table)
    single = {
        name: ([name], values[:, c : c + 1], bounds)
        for names, values, bounds in fields.values()
        for c, name in enumerate(names)
    }
    return {**fields, **single}


class VisibleContext(Observer):
    """Appends parameters of the user and of the session to the observation.

    The values are the row of the user table that the lane plays: they change when a session starts
    (in the row that shows its first observation) and at no other time. Their bounds are those
    of any `Population`, not of this one, so that a policy has the same space under a shift.

    Fields, in the order of `show`: `fit`, `hazard` (one column per persona, `fit_alice`),
    `engagement`, `leave` (one per mood, `leave_bored`; and per persona where it differs by
    persona), `satiation_gain`, `satiation_memory`; of the population `swap_cost`,
    `persona_cost` (engagement units, the latter one column per persona) and `session_length`
    (turns). Observations are float32, shape (D + C,), or (N, D + C)
    in the vector form.

    Args:
        env: a Carousel environment with a user table, scalar or vector, wrapped or not.
        show: fields, or single columns of them by name; one name or several. By default every
            field of the user.

    Raises:
        CarouselError: an argument is not allowed.
    """

    def __init__(self, env: Any, show: str | Iterable[str] = USER_CONTEXT) -> None:
        show = show if isinstance(show, str) else _as_tuple(show)
        space = self._open(env, show=show)
        population = users_of(
            self.unwrapped.population,
            f"env is {env}; it has no table of users whose row could be shown",
        )
        known = _known(population, draw_users(population, np.arange(1)))
        self._chosen = read_names("show", show, known)
        chosen = [known[name] for name in self._chosen]
        added = [name for names, _, _ in chosen for name in names]
        below = names_of(env)
        # of a very long table only what is played
        many = population.n_users > MANY
        self._context = None if many else self._context_of(user_table(population))
        self._width = len(below)
        bounds = np.array([b for names, _, b in chosen for _ in names], dtype=np.float32)
        self._show(
            [*below, *added],
            np.concatenate([space.low, bounds[:, 0]]),
            np.concatenate([space.high, bounds[:, 1]]),
        )

    def _push(
        self,
        observation: NDArray[np.float32],
        rows: Rows,
        begins: NDArray[np.int64],
        info: Info,
    ) -> None:
        self._out[rows, : self._width] = observation[rows]
        if len(begins):
            users = np.reshape(info["user"], -1)[begins]
            self._out[begins, self._width :] = (
                self._context_of(draw_users(self.population, users))
                if self._context is None
                else self._context[users]
            )

    def _context_of(self, table: UserTable) -> NDArray[np.float32]:
        """The columns of these users, shape (users, C)."""
        known = _known(self.population, table)
        return np.ascontiguousarray(np.hstack([known[name][1] for name in self._chosen]))


def _as_tuple(show: Any) -> Any:
    """A tuple, which can be read twice; any other value unchanged, to be refused by name."""
    try:
        return tuple(show)
    except TypeError:
        return show


class ScalarVisibleContext(VisibleContext, ScalarObserver):
    """`VisibleContext` of one session at a time."""


class VectorVisibleContext(VisibleContext, VectorObserver):
    """`VisibleContext` of many sessions at once."""
