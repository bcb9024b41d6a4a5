"""The hidden state as columns of the observation: for upper bounds and probes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..spec import model_of
from .forms import ALL, Info, names_of
from .observers import Observer, ScalarObserver, VectorObserver

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .forms import Rows


class Clairvoyance(Observer):
    """Appends the hidden state before the next pick.

    Not for fair comparisons: it gives upper bounds on the scores of routers that see observations
    alone. The clairvoyant router reads it.

    Of users: `hidden_user` (row of the user table), `hidden_mood` (0 fresh, 1 bored) and
    `hidden_satiation_<action>` for each action. Of questions: `hidden_topic` and `hidden_year`, the
    true ones of the question that waits, counted from 0. Of other environments:
    `ModelSpec.hidden` of their record. In the last observation of a session, after which there is
    no pick, these columns are 0. Observations are float32, shape (D + C,), or
    (N, D + C) in the vector form.

    Args:
        env: a Carousel environment, scalar or vector, wrapped or not.

    Raises:
        CarouselError: env is not such an environment.
    """

    def __init__(self, env: Any) -> None:
        space = self._open(env)
        self._hidden = tuple(model_of(self.unwrapped.population).hidden(self.unwrapped.population))
        names = [name for hidden in self._hidden for name in hidden.names]
        tops = [hidden.most for hidden in self._hidden for _ in hidden.names]
        below = names_of(env)
        self._width = len(below)
        self._show(
            [*below, *names],
            np.concatenate([space.low, np.zeros(len(names), dtype=np.float32)]),
            np.concatenate([space.high, np.array(tops, dtype=np.float32)]),
        )

    def _push(
        self,
        observation: NDArray[np.float32],
        rows: Rows,
        begins: NDArray[np.int64],
        info: Info,
    ) -> None:
        self._out[rows, : self._width] = observation[rows]
        if rows is not ALL and not len(begins):
            # the last observation of sessions whose lanes have begun another already
            self._out[rows, self._width :] = 0.0
            return
        told = self.hidden()
        column = self._width
        for hidden in self._hidden:
            known = np.reshape(told[hidden.key], (self.lanes, -1)) - hidden.offset
            after = column + known.shape[1]
            self._out[rows, column:after] = known[rows]
            column = after


class ScalarClairvoyance(Clairvoyance, ScalarObserver):
    """`Clairvoyance` of one session at a time."""

    def step(self, action: Any) -> tuple[NDArray[np.float32], Any, bool, bool, Info]:
        """Play one turn; see the environment."""
        observation, reward, terminated, truncated, info = super().step(action)
        if terminated or truncated:
            observation[self._width :] = 0.0
        return observation, reward, terminated, truncated, info


class VectorClairvoyance(Clairvoyance, VectorObserver):
    """`Clairvoyance` of many sessions at once."""

    def step(
        self, actions: Any
    ) -> tuple[NDArray[np.float32], Any, NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Play one turn in every lane; see the environment."""
        observation, reward, terminated, truncated, info = super().step(actions)
        if "final_obs" not in info:
            # readers in place see these rows, and a reset of other lanes returns them
            for rows in (observation, self._out):
                rows[terminated | truncated, self._width :] = 0.0
        return observation, reward, terminated, truncated, info
