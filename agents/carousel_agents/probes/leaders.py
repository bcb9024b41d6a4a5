"""Somebody who leads sessions while a router is asked what it would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.users.observation import Columns

STAYS = 0.8


class Sticky:
    """Stays in four turns of five, and else picks anybody who is there."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def initial_state(self, lanes: int, seed: int) -> np.random.Generator:
        """A stream for all lanes."""
        return np.random.default_rng(seed)

    def act(
        self, observation: NDArray[np.float32], state: np.random.Generator
    ) -> tuple[NDArray[np.int64], np.random.Generator]:
        """Personas, shape (N,); the stream is used up as it goes."""
        columns = self._columns
        chance = state.random((len(observation), columns.n_actions))
        chance[observation[:, columns.available] < 0.5] = -1.0
        stays = (state.random(len(observation)) < STAYS) & (observation[:, columns.streak] > 0.5)
        current = observation[:, columns.persona].argmax(axis=1)
        return np.where(stays, current, chance.argmax(axis=1)), state
