"""`clairvoyant`: is told the user, the mood, the true question, and plays the optimum for that.

No router can do this. It is there to show by playing what the reference's bound says: how much of
the loss of a router is that it has to find out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError, Columns, Population
from carousel_envs.recall import QuestionColumns
from carousel_envs.reference.clairvoyant import answered_best, solve_clairvoyant
from carousel_envs.reference.policies import (
    current_persona,
    goodbyes,
    session_begins,
    turns_played,
)
from carousel_envs.wrappers import Clairvoyance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.reference.clairvoyant import Clairvoyant
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

DESCRIPTION = "is told everything that is hidden, which no router is, and plays the optimum for it"
TAKES = ""


@dataclass
class ClairvoyantPolicy:
    """Follow the tables of a clairvoyant; reads `Clairvoyance` (an `Onlooker`).

    Attributes:
        columns: of the environment's own observations.
        told: the tables.
    """

    columns: Columns
    told: Clairvoyant

    def view(self, env: Any) -> Any:
        """The environment with what is hidden.

        Raises:
            CarouselError: its table of users is not as long as the one that was solved for.
        """
        users = env.unwrapped.population.n_users
        if users != len(self.told.kind):
            raise CarouselError(
                f"env has {users} users; the clairvoyant knows each by name, and was solved for "
                f"{len(self.told.kind)}"
            )
        return Clairvoyance(env)

    def initial_state(self, lanes: int, seed: int) -> None:
        return None

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        columns, told = self.columns, self.told
        user, mood = _first_two(observation, columns.width)
        kind = told.kind[user]
        turn = turns_played(observation, columns, told.picks.shape[1])
        goodbye = goodbyes(observation, columns).astype(np.int64)
        picks = told.picks[kind, turn, goodbye, current_persona(observation, columns), mood]
        begins = session_begins(observation, columns)
        return np.where(begins, told.first[kind], picks.astype(np.int64)), None


@dataclass
class TruthPolicy:
    """Send picks[topic, year] to the true question; reads `Clairvoyance` (an `Onlooker`)."""

    columns: QuestionColumns
    picks: NDArray[np.int64]

    def view(self, env: Any) -> Any:
        """The environment with what is hidden."""
        return Clairvoyance(env)

    def initial_state(self, lanes: int, seed: int) -> None:
        return None

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        return self.picks[_first_two(observation, self.columns.width)], None


def _first_two(
    observation: NDArray[np.float32], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first two hidden columns: user and mood, or topic and year.

    Raises:
        CarouselError: they are not shown.
    """
    if observation.shape[1] < width + 2:
        raise CarouselError(
            f"observation has {observation.shape[1]} columns; the clairvoyant reads what its view "
            f"of an environment shows, {width} and what is hidden"
        )
    one, other = observation[:, width : width + 2].astype(np.int64).T
    return one, other


def build(population: AnyPopulation) -> Policy:
    """The clairvoyant.

    Raises:
        CarouselError: there is no exact optimum for it (`solve_clairvoyant`).
    """
    if isinstance(population, Population):
        return ClairvoyantPolicy(Columns.of(population), solve_clairvoyant(population))
    return TruthPolicy(QuestionColumns.of(population), answered_best(population)[1])
