"""The turn and the observation columns of an environment in plain NumPy."""

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
    """The state in which a turn begins; every array has shape (N,).

    Lanes whose session is over are included; their results are discarded.

    Attributes:
        number: turns played before this one.
        persona: the router's pick, which speaks in this turn.
        swapped: whether another persona spoke before.
        streak: turns with this persona, this one included.
        keys: of the random streams of the episodes.
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
    """Positions in an observation: own columns, current persona (one-hot), turns with it, and the
    share of the session gone.

    Attributes:
        n_own: number of columns that the environment itself defines.
        n_actions: K.
    """

    n_own: int
    n_actions: int

    @property
    def persona(self) -> slice:
        """The current persona, one-hot."""
        return slice(self.n_own, self.n_own + self.n_actions)

    @property
    def streak(self) -> int:
        """Turns with the current persona."""
        return self.n_own + self.n_actions

    @property
    def width(self) -> int:
        """Number of columns, D."""
        return self.streak + 2
