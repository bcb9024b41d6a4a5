"""Policies that look at nothing, or only at who may be picked; for environments of any kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...compiled import rng
from ...foundation.errors import one_row_per_lane

if TYPE_CHECKING:
    from numpy.typing import NDArray

State = tuple["NDArray[np.uint64]", int]
"""Keys of the lanes' random streams, and the number of turns drawn."""


@dataclass
class ConstantPolicy:
    """The same action in every turn, whether it is available or not."""

    action: int

    def initial_state(self, lanes: int, seed: int) -> None:
        """No state."""
        return

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        """The action for each row of `observation`, shape (N, D)."""
        return np.full(len(observation), self.action, dtype=np.int64), None


@dataclass
class AnyActionPolicy:
    """One of the available actions in every turn, each with the same probability.

    Attributes:
        n_actions: K.
        available: the columns that say which actions may be picked; None: all.
    """

    n_actions: int
    available: slice | None = None

    def initial_state(self, lanes: int, seed: int) -> State:
        """The random stream of each lane, uint64, shape (N,), and the number of turns drawn: 0."""
        return rng.lane_keys(seed, lanes), 0

    def act(
        self, observation: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.int64], State]:
        """Personas to enact, shape (N,), and the state for the next turn; see `Policy.act`."""
        keys, turns = state
        one_row_per_lane(observation, len(keys))
        draws = rng.hash_uniforms(keys, turns)
        if self.available is None:
            return (draws * self.n_actions).astype(np.int64), (keys, turns + 1)
        there = observation[:, self.available] > 0.5
        rank = (draws * there.sum(axis=1)).astype(np.int64)
        picks = (there.cumsum(axis=1) > rank[:, None]).argmax(axis=1)
        return picks, (keys, turns + 1)
