"""What a linear bandit has learned: a ridge regression per arm (`linear_bandit`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LinearArms:
    """The statistics of every arm.

    Attributes:
        gram: A, shape (K, d, d).
        response: b, shape (K, d).
    """

    gram: NDArray[np.float64]
    response: NDArray[np.float64]

    @classmethod
    def blank(cls, arms: int, width: int) -> LinearArms:
        """Nothing learned yet."""
        return cls(np.tile(np.eye(width), (arms, 1, 1)), np.zeros((arms, width)))

    def learned(
        self,
        context: NDArray[np.float64],
        picks: NDArray[np.int64],
        reward: NDArray[np.float64],
    ) -> LinearArms:
        """The statistics after a batch: contexts (B, d), arms picked (B,) and rewards (B,)."""
        gram, response = self.gram.copy(), self.response.copy()
        for k in np.unique(picks):
            rows = context[picks == k]
            gram[k] += rows.T @ rows
            response[k] += reward[picks == k] @ rows
        return LinearArms(gram, response)

    @cached_property
    def inverse(self) -> NDArray[np.float64]:
        """A^-1, shape (K, d, d)."""
        return np.ascontiguousarray(np.linalg.inv(self.gram))

    @cached_property
    def half_inverse(self) -> NDArray[np.float64]:
        """`inverse` on its diagonal and twice above, 0 below: the same square x' A^-1 x, from half
        as many products. Zeros fill it up to whole tiles of four, shape (K, >= d, >= d)."""
        more = -len(self.inverse[0]) % 4
        half = np.triu(self.inverse) + np.triu(self.inverse, 1)
        return np.pad(half, ((0, 0), (0, more), (0, more)))

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """A^-1 b, with zeros up to whole tiles, shape (K, >= d)."""
        found = np.linalg.solve(self.gram, self.response[:, :, None])[:, :, 0]
        return np.pad(found, ((0, 0), (0, -found.shape[1] % 4)))
