"""Readings of observations, in NumPy and as column numbers for compiled kernels."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled import observations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...users.observation import Columns


# An argument of njit kernels: naming them here makes this file one of their sources, so that a
# change of fields has them compiled again.
class ColumnNumbers(NamedTuple):
    """Where observations show what, as compiled kernels take it; see `Columns`.

    Attributes:
        n_actions: K.
        persona, available: first of K columns.
        engagement, streak, elapsed: columns.
        farewell: column, or -1 where goodbyes are not observed.
        context: `Columns.of_context`.
    """

    n_actions: int
    persona: int
    available: int
    engagement: int
    streak: int
    elapsed: int
    farewell: int
    context: tuple[int, int, int, int, int]


@lru_cache(maxsize=128)
def column_numbers(columns: Columns) -> ColumnNumbers:
    """The numbers of these columns."""
    return ColumnNumbers(
        n_actions=columns.n_actions,
        persona=columns.persona.start,
        available=columns.available.start,
        engagement=columns.engagement,
        streak=columns.streak,
        elapsed=columns.elapsed,
        farewell=-1 if columns.farewell is None else columns.farewell,
        context=columns.of_context,
    )


def current_persona(observation: NDArray[np.float32], columns: Columns) -> NDArray[np.int64]:
    """Index of the current persona (0 before the first turn), shape (N,)."""
    columns.refuse_narrow(observation)
    found = np.empty(len(observation), dtype=np.int64)
    observations.marked(observation, columns.persona.start, columns.n_actions, found)
    return found


def session_begins(observation: NDArray[np.float32], columns: Columns) -> NDArray[np.bool_]:
    """Whether no turn has been played yet, shape (N,)."""
    return np.asarray(observation[:, columns.streak] < 0.5)


def goodbyes(observation: NDArray[np.float32], columns: Columns | None) -> NDArray[np.int64]:
    """Whether the user said goodbye in the last turn, 0 or 1, shape (N,); 0 where no column says
    it, or no columns are given."""
    if columns is None or columns.farewell is None:
        return np.zeros(len(observation), dtype=np.int64)
    columns.refuse_narrow(observation)
    return (observation[:, columns.farewell] > 0.5).astype(np.int64)


def turns_played(
    observation: NDArray[np.float32], columns: Columns, length: int
) -> NDArray[np.int64]:
    """Turns played, were sessions of this length: at least 0 and at most length - 1, shape (N,).

    Observations show the share of the session gone, so a rule made for one length is stretched, not
    cut off, in sessions of another.
    """
    columns.refuse_narrow(observation)
    found = np.empty(len(observation), dtype=np.int64)
    observations.shares(observation, columns.elapsed, length, found)
    return found
