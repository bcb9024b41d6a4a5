"""The last observations, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..foundation.errors import CarouselError, whole_number
from .forms import Info, names_of
from .observers import Observer, ScalarObserver, VectorObserver

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .forms import Rows

MAX_HISTORY = 10_000
MAX_NUMBERS = 2**27
"""Largest number of entries that all lanes together may show."""


class History(Observer):
    """Shows the last n observations: the present one first, then one turn ago, and so on back.

    The present one comes first, so that the columns of the environment keep their places. At the
    start of a session all earlier observations are copies of its first one, which shows no turn;
    nothing of an earlier session remains. A column `x` of the
    present is called `x_2_ago` two turns back. Observations are float32, shape (n * D,), or
    (N, n * D) in the vector form.

    Args:
        env: a Carousel environment, scalar or vector, wrapped or not.
        n: how many observations, 1 to 10 000; N * n * D may be up to 2**27.

    Raises:
        CarouselError: an argument is not allowed.
    """

    def __init__(self, env: Any, n: int) -> None:
        if hasattr(n, "observation_space"):
            raise CarouselError("env and n are in each other's place: History(env, n)")
        n = whole_number("n", n, 1, MAX_HISTORY)
        space = self._open(env, n=n)
        self._n = n
        names = names_of(env)
        if self.lanes * n * len(names) > MAX_NUMBERS:
            raise CarouselError(
                f"n is {n}; {self.lanes} lanes of {n} times {len(names)} columns are more than the "
                f"{MAX_NUMBERS} numbers allowed"
            )
        self._show(
            [*names, *(f"{name}_{ago}_ago" for ago in range(1, n) for name in names)],
            np.tile(space.low, n),
            np.tile(space.high, n),
        )

    def _push(
        self,
        observation: NDArray[np.float32],
        rows: Rows,
        begins: NDArray[np.int64],
        info: Info,
    ) -> None:
        width = observation.shape[1]
        self._out[rows, width:] = self._out[rows, :-width]
        self._out[rows, :width] = observation[rows]
        self._out[begins] = np.tile(observation[begins], self._n)


class ScalarHistory(History, ScalarObserver):
    """`History` of one session at a time."""


class VectorHistory(History, VectorObserver):
    """`History` of many sessions at once."""
