"""Cues: their joint distribution given the mood, as exact integer tables.

All cues of a turn are drawn at once, as one joint symbol, by Walker's alias method (Walker 1977;
Vose 1991) in integers: 65536 units of probability fill a power of two of equal columns, so a 16-bit
draw picks a symbol with exactly the probability that the reference solvers use.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .table import UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Population

NAMES = ("reply_latency", "reply_length", "sentiment", "asks_question")
"""Names of the first four cues; all others are numbered."""


@dataclass(frozen=True, eq=False)
class CueTable:
    """Joint cue symbols of a population.

    Attributes:
        levels: float32, shape (symbols, cues); the level each cue shows under a symbol.
        counts: int64, shape (2, symbols); P(symbol | mood) in 1/65536, rows sum to 65536.
        alias: int32, shape (2, columns); cut << 12 | other symbol, for the kernel.
        strides: int64, shape (cues,); symbol = levels @ strides.
    """

    levels: NDArray[np.float32]
    counts: NDArray[np.int64]
    alias: NDArray[np.int32]
    strides: NDArray[np.int64]

    def shown(self, width: int) -> NDArray[np.float32]:
        """The columns shown after a turn with cue symbol s and engagement e, in row 2s + e: the
        level of each cue, then e, then zeros, shape (2 symbols, width)."""
        rows = np.zeros((len(self.levels), 2, width), dtype=np.float32)
        n_cues = self.levels.shape[1]
        rows[:, :, :n_cues] = self.levels[:, None, :]
        rows[:, 1, n_cues] = 1.0
        return rows.reshape(-1, width)

    @property
    def probability(self) -> NDArray[np.float64]:
        """P(symbol | mood), shape (2, symbols): fresh, bored."""
        return self.counts / UNIT


@lru_cache(maxsize=64)
def cue_table(population: Population) -> CueTable:
    """Build the tables of a population's cues."""
    sizes = population.cue_levels
    symbols = int(np.prod(sizes, dtype=np.int64))
    joint = np.ones((2, 1))
    for cue in population.cues:
        rows = np.array(cue)
        joint = (joint[:, :, None] * rows[:, None, :]).reshape(2, -1)
    counts = np.stack([round_to_units(row / row.sum()) for row in joint])
    grid = np.indices(sizes).reshape(len(sizes), symbols).T if sizes else np.zeros((1, 0))
    strides = np.cumprod([1, *sizes[:0:-1]], dtype=np.int64)[::-1][: len(sizes)]
    return CueTable(
        levels=np.ascontiguousarray(grid, dtype=np.float32),
        counts=counts,
        alias=np.stack([alias_columns(row) for row in counts]),
        strides=np.ascontiguousarray(strides),
    )


def round_to_units(probability: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round to multiples of 1/65536 that sum to 65536 (largest remainders)."""
    exact = probability * UNIT
    counts = np.floor(exact).astype(np.int64)
    missing = UNIT - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    return counts


def alias_columns(counts: NDArray[np.int64]) -> NDArray[np.int32]:
    """Alias table of integer counts: column c keeps symbol c below its cut, else the other."""
    columns = 1 << max(len(counts) - 1, 0).bit_length()
    size = UNIT // columns
    left = np.zeros(columns, dtype=np.int64)
    left[: len(counts)] = counts
    cut = np.full(columns, size, dtype=np.int64)
    other = np.arange(columns, dtype=np.int64)
    small = [c for c in range(columns) if left[c] < size]
    large = [c for c in range(columns) if left[c] > size]
    while small:
        c, donor = small.pop(), large[-1]
        cut[c], other[c] = left[c], donor
        left[donor] -= size - left[c]
        if left[donor] <= size:
            large.pop()
            if left[donor] < size:
                small.append(donor)
    return (cut << 12 | other).astype(np.int32)
