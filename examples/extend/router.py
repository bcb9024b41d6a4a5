"""A router of one's own: swap after so many turns in a row without engagement.

    carousel evaluate examples/extend/router.py:Patience Boredom
    carousel --plugin examples/extend/router.py evaluate patience:3 Boredom

or from Python:

    from carousel_agents import evaluate

    evaluate(Patience(population, 3), population)

A router is anything with `initial_state` and `act`: batched, with its memory in the state, so that
lanes never mix. Registered, it has a name: it takes part in studies, and `frozen-patience` is the
same router made for the training users and used elsewhere as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_agents import RouterSpec, register_router
from carousel_envs.registry import columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation


class Patience:
    """Stay until `turns` turns in a row brought no engagement; then the next persona.

    Args:
        population: whose columns are read.
        turns: how many, at least 1.
    """

    def __init__(self, population: AnyPopulation, turns: int | str = 2) -> None:
        names = columns_of(population)
        self.engagement = names.index("engagement")
        self.streak = names.index("turns_with_persona")
        self.n_actions, self.turns = population.n_actions, int(turns)
        if self.turns < 1:
            raise ValueError(f"turns is {turns}; it must be a whole number from 1 up")

    def initial_state(self, lanes: int, seed: int) -> Any:
        """Who speaks, and for how many turns nobody engaged; int64, shape (N,) each."""
        return np.zeros(lanes, dtype=np.int64), np.zeros(lanes, dtype=np.int64)

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        """Personas to enact, shape (N,), and the next state."""
        persona, quiet = state
        begins = observation[:, self.streak] == 0.0
        quiet = np.where(observation[:, self.engagement] > 0.0, 0, quiet + 1) * ~begins
        swaps = quiet >= self.turns
        persona = np.where(begins, 0, (persona + swaps) % self.n_actions)
        return persona, (persona, quiet * ~swaps)


PATIENCE = register_router(
    RouterSpec(
        name="patience",
        description="swaps after so many turns in a row without engagement",
        build=Patience,
        takes="how many turns, by default 2",
        needs_users=True,
    )
)
