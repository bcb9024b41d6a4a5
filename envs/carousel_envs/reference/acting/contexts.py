"""Which of the known visible contexts a user is in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...compiled import observations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...users.observation import Columns


@dataclass
class ContextIndex:
    """Looks up, for each observation, the known visible context that is nearest.

    Attributes:
        columns: of the observations.
        contexts: `Columns.context` of each row, shape (contexts,).
    """

    columns: Columns
    contexts: NDArray[np.int64]
    _row: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._row = np.full(self.columns.n_contexts, -1, dtype=np.int64)

    def find(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """Row of the context that differs in the fewest bits (a badge counts as one bit), shape
        (N, D) to (N,)."""
        rows = np.zeros(len(observation), dtype=np.int64)
        if len(self.contexts) == 1:
            self.columns.refuse_narrow(observation)
            return rows
        bits = self.columns.context(observation)
        if not observations.rows_of(bits, self._row, rows):
            n = self.columns.n_actions + 1
            powers = 1 << np.arange(n)
            for new in np.unique(bits[rows < 0]):
                differs = ((self.contexts[:, None] & powers) != (new & powers)).sum(axis=1)
                differs += self.contexts >> n != new >> n
                self._row[new] = int(differs.argmin())
            observations.rows_of(bits, self._row, rows)
        return rows
