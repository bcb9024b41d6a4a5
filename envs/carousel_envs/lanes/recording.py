"""`Recorder`: keeps the running session of each lane, for rendering."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ..compiled.codes import PLAYED, TERMINATED, TRUNCATED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .sheet import Sheet


class Recorder(ABC):
    """Keeps the turns of the running session of every lane, for rendering.

    Args:
        lanes: number of lanes.
        sheet: that pictures are drawn on.
    """

    def __init__(self, lanes: int, sheet: Sheet) -> None:
        self.lanes, self.sheet = lanes, sheet
        self.turns: list[list[Any]] = [[] for _ in range(lanes)]
        self._over = [False] * lanes

    def start(self, which: NDArray[np.bool_]) -> None:
        """Forget the session of the marked lanes."""
        for i in which.nonzero()[0]:
            self.turns[i] = []

    def add(
        self,
        obs: NDArray[np.float32],
        reward: NDArray[np.float64],
        detail: NDArray[Any],
        events: NDArray[np.int8],
    ) -> None:
        """Record one turn of every lane that played one, and clear the lanes that reset."""
        for i in range(self.lanes):
            row = events[:, i].tolist()
            if not row[PLAYED] or (self.turns[i] and self._over[i]):
                self.turns[i] = []
            if row[PLAYED]:
                turn = self._turn_of(obs[i], float(reward[i]), detail[..., i], row)
                self.turns[i].append(turn)
                self._over[i] = bool(row[TERMINATED] or row[TRUNCATED])

    @abstractmethod
    def _turn_of(
        self, obs: NDArray[np.float32], reward: float, detail: NDArray[Any], events: list[int]
    ) -> Any:
        """The record of one lane's turn, from its part of the outputs."""

    @abstractmethod
    def line(self, lane: int) -> str:
        """The last turn of a lane in words."""

    @abstractmethod
    def picture(self, lane: int) -> NDArray[np.uint8]:
        """The session so far, uint8 of shape (height, width, 3); the size never changes."""
