"""Policies that ignore what the user does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...compiled import observations, rng
from ...compiled.compiler import njit
from ...foundation.errors import one_row_per_lane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...users.observation import Columns
    from .contexts import ContextIndex

_U = np.uint64


@dataclass
class UniformPolicy:
    """An available persona uniformly at random, every turn."""

    columns: Columns

    def initial_state(self, lanes: int, seed: int) -> tuple[NDArray[np.uint64], int]:
        """The random stream of each lane, uint64, shape (N,), and the number of turns drawn: 0."""
        return rng.lane_keys(seed, lanes), 0

    def act(
        self, observation: NDArray[np.float32], state: tuple[NDArray[np.uint64], int]
    ) -> tuple[NDArray[np.int64], tuple[NDArray[np.uint64], int]]:
        """Personas to enact, shape (N,), and the state for the next turn; see `Policy.act`."""
        keys, counter = state
        columns, picks = self.columns, np.empty(len(observation), dtype=np.int64)
        columns.refuse_narrow(observation)
        one_row_per_lane(observation, len(keys))
        draw = rng.hash_uniforms(keys, counter)
        observations.nth_of(observation, columns.available.start, columns.n_actions, draw, picks)
        return picks, (keys, counter + 1)


@njit
def _scheduled(row, observation, elapsed, schedule, picks):  # type: ignore[no-untyped-def]
    for i in range(_U(observation.shape[0])):
        turn = observations.share(observation, i, elapsed, schedule.shape[1])
        picks[i] = schedule[_U(row[i]), _U(turn)]


@dataclass
class SchedulePolicy:
    """Enact schedule[context, t] at turn t, shape (contexts, T)."""

    columns: Columns
    contexts: ContextIndex
    schedule: NDArray[np.int64]

    def initial_state(self, lanes: int, seed: int) -> None:
        """None: each pick depends on the observation alone."""

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        """Personas to enact, shape (N,); see `Policy.act`."""
        row, picks = self.contexts.find(observation), np.empty(len(observation), dtype=np.int64)
        _scheduled(row, observation, self.columns.elapsed, self.schedule, picks)
        return picks, None
