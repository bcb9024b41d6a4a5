"""What an environment in plain NumPy is given: a turn, and the columns of its observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..compiled import rng
from ..foundation.errors import CarouselError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DRAWS = 64
"""Draws that a turn may make of each lane."""


@dataclass(frozen=True)
class NumpyTurn:
    """What a turn begins with; every array has shape (N,).

    A lane whose session is over is there as well: what the turn makes of it is discarded.

    Attributes:
        number: turns that the session has had.
        persona: who speaks in this turn, the router's pick.
        swapped: whether another persona spoke before.
        streak: turns with this persona, this one included.
        keys: of the episodes' random streams.
    """

    number: NDArray[np.int64]
    persona: NDArray[np.int64]
    swapped: NDArray[np.bool_]
    streak: NDArray[np.int64]
    keys: NDArray[np.uint64]

    def uniform(self, draw: int) -> NDArray[np.float64]:
        """Draw number `draw` (0 to 63) of this turn, uniform on [0, 1), shape (N,): a function of
        seed, lane, episode and turn alone.

        Raises:
            CarouselError: there is no such draw.
        """
        if not 0 <= draw < _DRAWS:
            raise CarouselError(f"draw is {draw}; a turn has draws 0 to {_DRAWS - 1}")
        return rng.hash_uniforms(self.keys, self.number * _DRAWS + draw)


@dataclass(frozen=True)
class NumpyColumns:
    """Where quantities stand in an observation: own columns, who speaks, for how long, and the
    share of the session gone.

    Attributes:
        n_own: columns of the environment's own.
        n_actions: K.
    """

    n_own: int
    n_actions: int

    @property
    def persona(self) -> slice:
        """Who speaks, one-hot."""
        return slice(self.n_own, self.n_own + self.n_actions)

    @property
    def streak(self) -> int:
        """Turns with the current persona."""
        return self.n_own + self.n_actions

    @property
    def width(self) -> int:
        """Number of columns, D."""
        return self.streak + 2
