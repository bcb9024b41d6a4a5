"""Rotation and rest with a known user: the problem, and what its kernels share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import part
from ...users.table import UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SatiationProblem(NamedTuple):
    """One known user and K personas.

    Attributes:
        engagement: chance of engagement with a rested persona, shape (K,).
        gain: chance lost per unit of satiation, shape (K,).
        memory: share of satiation kept from turn to turn.
        leave: P(leaving) per turn.
        length: T.
        swap_cost: in units of engagement.
    """

    engagement: NDArray[np.float64]
    gain: NDArray[np.float64]
    memory: float
    leave: float
    length: int
    swap_cost: float

    @classmethod
    def alike(
        cls, personas: int, engagement: float, gain: float, **rest: float
    ) -> SatiationProblem:
        """K personas of the same engagement and gain."""
        numbers = np.full(personas, engagement), np.full(personas, gain)
        return cls(*numbers, **{"leave": 0.0, "swap_cost": 0.0, **rest})  # type: ignore[arg-type]

    @property
    def n_actions(self) -> int:
        """K."""
        return len(self.engagement)

    @property
    def top(self) -> float:
        """Satiation with a persona that is always enacted, the most that is possible."""
        return max(self.memory / (1.0 - self.memory), 1e-6)

    def survival(self) -> NDArray[np.float64]:
        """P(the session has not ended before turn t), shape (T,)."""
        return np.asarray((1.0 - self.leave) ** np.arange(self.length))

    def reward(self, satiation: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chance of engagement at satiation (..., K), in the kernel's resolution."""
        chance = self.engagement * UNIT - self.gain * satiation * UNIT
        return np.asarray(np.rint(np.maximum(chance, 0.0)) / UNIT)

    def value(self, schedule: NDArray[np.integer]) -> float:
        """Expected total reward of a schedule, shape (T,)."""
        alive = self.survival()
        satiation = np.zeros(self.n_actions)
        total = 0.0
        for t, k in enumerate(schedule):
            swap = t > 0 and k != schedule[t - 1]
            total += alive[t] * (float(self.reward(satiation)[k]) - self.swap_cost * swap)
            satiation[k] += 1.0
            satiation *= self.memory
        return total

    def greedy(self) -> NDArray[np.int64]:
        """The myopic schedule, shape (T,); at a tie the current persona stays."""
        satiation = np.zeros(self.n_actions)
        schedule = np.zeros(self.length, dtype=np.int64)
        current = -1
        for t in range(self.length):
            worth = np.maximum(self.engagement - self.gain * satiation, 0.0)
            if current >= 0:
                worth[np.arange(self.n_actions) != current] -= self.swap_cost
            best = int(np.argmax(worth))
            stays = current >= 0 and worth[current] > worth[best] - 1e-12
            current = current if stays else best
            schedule[t] = current
            satiation[current] += 1.0
            satiation *= self.memory
        return schedule


@part
def interpolate(row, satiation, top):  # type: ignore[no-untyped-def]
    """Linear interpolation on an even grid from 0 to top."""
    if satiation == 0.0:
        return row[0]
    n = row.shape[0]
    x = min(satiation, top) / top * (n - 1)
    g = min(int(x), n - 2)
    return row[g] + (x - g) * (row[g + 1] - row[g])


@part
def chance_at(engagement, gain, satiation):  # type: ignore[no-untyped-def]
    """Probability of engagement in the environment's resolution."""
    return np.rint(max(engagement - gain * satiation, 0.0) * UNIT) / UNIT
