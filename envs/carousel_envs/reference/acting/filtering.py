"""The exact Bayes filter over (kind of user, mood), batched over lanes.

It reads observations only, so it runs wherever a router does. Given the kind of user, satiation is
a known function of the personas enacted so far; it is carried along and enters the likelihood of
engagement (as a real number; the environment rounds the probability to 1/65536).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit
from ...foundation.errors import one_row_per_lane
from ...users.cues import cue_table
from ...users.observation import Columns
from ..model import Model
from .filter_kernel import FilteredLanes, FilteredSatiation, FilterTables, kind_bounds, weigh
from .readings import column_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...users.population import Population

_U = np.uint64


@dataclass(frozen=True, eq=False)
class Belief:
    """What the filter knows about every lane, before the next pick.

    Attributes:
        joint: P(kind, mood | history), float64, shape (N, kinds, 2); moods fresh, bored.
        satiation: of each persona, were the user of that kind, shape (N, kinds, K); shape (N,
            kinds, 0) where no user satiates.
    """

    joint: NDArray[np.float64]
    satiation: NDArray[np.float64]

    @property
    def bored(self) -> NDArray[np.float64]:
        """P(the user is bored), shape (N,)."""
        return np.asarray(self.joint[:, :, 1].sum(axis=1))


@njit
def bored(joint, i):  # type: ignore[no-untyped-def]
    """`Belief.bored` of lane i. It is summed in order, so that from eight kinds of user on its last
    bits may differ from NumPy's."""
    total = 0.0
    for a in range(_U(joint.shape[1])):
        total += joint[i, a, 1]
    return total


class Filters:
    """Beliefs of several models about the same users, updated together.

    In a `Belief` the kinds of user of one model follow those of another; the probabilities of each
    model add up to 1.

    Args:
        population: whose users show the observations.
        models: at least one, all with the same number of actions and of cue symbols.
    """

    def __init__(self, population: Population, models: Sequence[Model]) -> None:
        self.models = tuple(models)
        self.columns = Columns.of(population)
        bounds = kind_bounds(self.models)
        self._bounds = None if bounds[-1] == len(bounds) - 1 else bounds
        self._tables = FilterTables.of(population, self.models, self.columns.n_contexts)
        self._memory = np.concatenate([model.memory for model in models])
        self._gain = None
        if any(model.has_satiation for model in models):
            self._gain = np.concatenate([model.gain for model in models])

    def start(self, lanes: int) -> Belief:
        """The beliefs before any session, for N lanes."""
        weights = np.concatenate([model.weights for model in self.models])
        joint = np.zeros((lanes, len(weights), 2))
        joint[:, :, 0] = weights
        k = 0 if self._gain is None else self._gain.shape[1]
        return Belief(joint, np.zeros((lanes, len(weights), k)))

    def weigh(
        self, belief: Belief, observation: NDArray[np.float32]
    ) -> tuple[Belief, NDArray[np.float64]]:
        """The beliefs after one observation per lane, shape (N, D), and its likelihood.

        Returns:
            The beliefs, and the second value of `Filter.weigh` for each model, float64, shape
            (N, models).

        Raises:
            CarouselError: there are more or fewer observations than beliefs, or they have too few
                columns, or cues that these users cannot show.
        """
        self.columns.refuse_narrow(observation)
        one_row_per_lane(observation, len(belief.joint))
        evidence = np.empty((len(observation), len(self.models)))
        after = Belief(np.empty(belief.joint.shape), np.empty(belief.satiation.shape))
        satiation = None
        if self._gain is not None:
            satiation = FilteredSatiation(
                self._gain, self._memory, belief.satiation, after.satiation
            )
        unknown = weigh(
            FilteredLanes(belief.joint, observation, after.joint, evidence),
            self._tables,
            column_numbers(self.columns),
            self._bounds,
            satiation,
        )
        self.columns.refuse_cues(observation, unknown)
        return after, evidence


class Filter:
    """Belief of a router that knows the population but not the user.

    Args:
        population: the users that the router believes in.
        model: the model to filter with, if not the population's own (with fewer kinds, say).
    """

    def __init__(self, population: Population, model: Model | None = None) -> None:
        self.model = model or Model.of(population)
        self._own = Filters(population, [self.model])
        self.columns = self._own.columns
        self._strides = cue_table(population).strides

    def symbols(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """The joint symbol of the cues after a turn, shape (N, D) to (N,)."""
        return np.asarray(observation[:, self.columns.cues].astype(np.int64) @ self._strides)

    def start(self, lanes: int) -> Belief:
        """The belief before any session, for N lanes."""
        return self._own.start(lanes)

    def update(self, belief: Belief, observation: NDArray[np.float32]) -> Belief:
        """Belief after one observation per lane, shape (N, D); the first observation of a session
        resets it."""
        return self.weigh(belief, observation)[0]

    def weigh(
        self, belief: Belief, observation: NDArray[np.float32]
    ) -> tuple[Belief, NDArray[np.float64]]:
        """`update`, and the likelihood of the observation.

        Returns:
            The belief, and P(observation, and that the user stayed | history, persona), float64,
            shape (N,): of cues, engagement and goodbyes; 0 where they are impossible under the
            model, 1 for the first observation of a session. The product over a session is the
            model's likelihood of it.
        """
        after, evidence = self._own.weigh(belief, observation)
        return after, evidence[:, 0]
