"""`loop`: keep a repertoire, estimate the probability of boredom, swap when it grows large.

The light mechanism that a router trained on engagement is said to learn. It knows one typical user
(the mean of the population), filters the probability of boredom from cues and engagement, and at a
fixed threshold goes on to the next persona of its repertoire, which is ordered by typical fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.compiled.compiler import njit
from carousel_envs.foundation.errors import real_number
from carousel_envs.reference import Belief, Filter
from carousel_envs.reference.acting.filtering import bored
from carousel_envs.reference.acting.readings import column_numbers, current_persona
from carousel_envs.reference.known_user.belief_problem import BeliefProblem
from carousel_envs.reference.known_user.belief_program import solve_belief
from carousel_envs.reference.model import Model

from ..router import RouterSpec, register
from .repertoire import by_typical_fit, next_one, places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs import Population


@dataclass
class LoopPolicy:
    """The loop.

    Attributes:
        filter: of the typical user.
        threshold: P(bored) from which to swap; above 1: never.
        repertoire: personas in the order in which they are tried, shape (personas,).
    """

    filter: Filter
    threshold: float
    repertoire: NDArray[np.int64]

    def initial_state(self, lanes: int, seed: int) -> Belief:
        """The belief of N lanes before their first turn."""
        return self.filter.start(lanes)

    def act(
        self, observation: NDArray[np.float32], state: Belief
    ) -> tuple[NDArray[np.int64], Belief]:
        """The picks of N lanes, shape (N,), and the updated belief.

        Raises:
            CarouselError: see `Filter.update`.
        """
        columns = self.filter.columns
        belief = self.filter.update(state, observation)
        picks = current_persona(observation, columns)
        numbers, place = column_numbers(columns), places(self.repertoire, columns.n_actions)
        _swap_above(
            *(belief.joint, self.threshold, observation, numbers),
            *(self.repertoire, place, picks),
        )
        return picks, belief


@njit
def _swap_above(  # type: ignore[no-untyped-def]
    joint, threshold, observation, columns, repertoire, place_of, picks
):
    streak, available = columns.streak, columns.available
    for i in range(len(picks)):
        if observation[i, streak] < 0.5:
            picks[i] = next_one(repertoire, -1, observation, i, available)
        elif bored(joint, i) >= threshold:
            picks[i] = next_one(repertoire, place_of[picks[i]], observation, i, available)


def build(population: Population, threshold: str | float | None = None) -> LoopPolicy:
    """The loop for a population.

    Args:
        population: whose typical user the loop knows.
        threshold: P(bored) from which to swap; default: the optimal one for the typical user at the
            start of a session, held for all of it.

    Raises:
        CarouselError: threshold outside [0, 1].
    """
    typical = Model.of(population).merged(1)
    repertoire = by_typical_fit(typical)
    if threshold is None:
        level = _solved_threshold(typical, int(repertoire[0]))
    else:
        try:
            level = real_number("threshold of loop", float(threshold), 0.0, 1.0)
        except ValueError as error:
            if isinstance(error, CarouselError):
                raise
            raise CarouselError(
                f"threshold of loop is {threshold!r}; it must be a number from 0 to 1"
            ) from None
    return LoopPolicy(Filter(population, typical), level, repertoire)


def _solved_threshold(typical: Model, first: int) -> float:
    if typical.length < 2:
        return 2.0
    actions = np.arange(typical.n_actions)
    solution = solve_belief(BeliefProblem.of(typical, 0, actions))
    return float(solution.threshold[1, first, 0])


ROUTER = register(
    RouterSpec(
        "loop",
        "keeps a repertoire, filters the probability of boredom, swaps above a threshold",
        build,
        takes="a threshold in [0, 1]",
        needs_users=True,
    )
)
