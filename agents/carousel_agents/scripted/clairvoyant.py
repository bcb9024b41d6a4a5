"""`clairvoyant`: sees the user, the mood or the true question, and plays the optimum given that.

No router can do this. It plays what the upper bound of the reference stands for, and so shows how
much of a router's loss is the price of having to find out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from carousel_envs import CarouselError, Columns
from carousel_envs.compiled import observations
from carousel_envs.compiled.compiler import njit
from carousel_envs.questions.observation import QuestionColumns
from carousel_envs.reference import RecallReference, solve
from carousel_envs.reference.clairvoyant import answered_best, solve_clairvoyant
from carousel_envs.registry import users_of
from carousel_envs.spec import model_of
from carousel_envs.wrappers import Clairvoyance

from ..router import RouterSpec, register

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs import Questions
    from carousel_envs.reference.clairvoyant import Clairvoyant
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

_U = np.uint64


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
        """Nothing is remembered."""
        return

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        """The best action of each of N lanes, shape (N,).

        Raises:
            CarouselError: the hidden columns are missing, or a user is not in the table.
        """
        columns, told, picks = self.columns, self.told, np.empty(len(observation), dtype=np.int64)
        _refuse_unless_told(observation, columns.width)
        farewell = -1 if columns.farewell is None else columns.farewell
        unknown = _follow(
            observation,
            (columns.persona.start, columns.streak, columns.elapsed, farewell, columns.width),
            told.kind,
            told.first,
            told.picks,
            picks,
        )
        if unknown >= 0:
            raise CarouselError(
                f"user of lane {unknown} is {observation[unknown, columns.width]:g}; the "
                f"clairvoyant knows users 0 to {len(told.kind) - 1}"
            )
        return picks, None


@njit
def _follow(observation, seen, kinds, first, table, picks):  # type: ignore[no-untyped-def]
    """Write the picks; return a lane whose user is unknown, or -1."""
    persona, streak, elapsed, farewell, hidden = seen
    unknown = np.int64(-1)
    length, n_k = table.shape[1], table.shape[3]
    for i in range(_U(observation.shape[0])):
        user = observation[i, _U(hidden)]
        # written so that NaN is refused too
        if not 0.0 <= user < len(kinds):
            unknown, picks[i] = np.int64(i), 0
            continue
        kind = _U(kinds[_U(np.int64(user))])
        if observation[i, _U(streak)] < 0.5:
            picks[i] = first[kind]
            continue
        mood = _U(observation[i, _U(hidden) + _U(1)] > 0.5)
        turn = _U(observations.share(observation, i, elapsed, length))
        goodbye = _U(farewell >= 0 and observation[i, _U(farewell)] > 0.5)
        speaks = _U(observations.largest(observation, i, persona, n_k))
        picks[i] = table[kind, turn, goodbye, speaks, mood]
    return unknown


@dataclass
class TruthPolicy:
    """Send picks[topic, year] to the true question; reads `Clairvoyance` (an `Onlooker`)."""

    columns: QuestionColumns
    picks: NDArray[np.int64]

    def view(self, env: Any) -> Any:
        """The environment with what is hidden."""
        return Clairvoyance(env)

    def initial_state(self, lanes: int, seed: int) -> None:
        """Nothing is remembered."""
        return

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        """The best action of each of N lanes, shape (N,).

        Raises:
            CarouselError: the hidden columns are missing.
        """
        first = self.columns.width
        _refuse_unless_told(observation, first)
        topic, year = observation[:, first : first + 2].astype(np.int64).T
        return self.picks[topic, year], None


def _refuse_unless_told(observation: NDArray[np.float32], width: int) -> None:
    """Refuse observations without the first two hidden columns: user and mood, or topic and year.

    Raises:
        CarouselError: they are not shown.
    """
    if observation.shape[1] < width + 2:
        raise CarouselError(
            f"observation has {observation.shape[1]} columns; the clairvoyant reads what its view "
            f"of an environment shows, {width} and what is hidden"
        )


def build(population: AnyPopulation) -> Policy:
    """The clairvoyant.

    Raises:
        CarouselError: there is no exact optimum for it (`solve_clairvoyant`).
    """
    if model_of(population).has_users:
        users = users_of(population, "")
        return ClairvoyantPolicy(Columns.of(users), solve_clairvoyant(users))
    if isinstance(solve(population), RecallReference):
        questions = cast("Questions", population)
        return TruthPolicy(QuestionColumns.of(questions), answered_best(questions)[1])
    raise CarouselError(
        f"what is best once everything is known of {type(population).__name__} is not known: its "
        "environment has no solver"
    )


ROUTER = register(
    RouterSpec(
        "clairvoyant",
        "is told everything that is hidden, which no router is, and plays the optimum for it",
        build,
    )
)
