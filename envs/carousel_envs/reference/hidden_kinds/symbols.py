"""Fewer cue symbols: less informative for a lower bound, more informative for an upper one.

There are as many joint cue symbols as the cues have combinations, but of a symbol only P(bored |
symbol) matters, at even odds: p. A less informative router sees which bin p falls in. A more
informative one sees one end of p's bin, drawn so that its mean is p. Bins are equally wide in
arcsin(sqrt(p)), where equal steps are equally informative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _informative(cues: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Symbols that occur, shape (2, n), and arcsin(sqrt(P(bored | symbol))), shape (n,)."""
    cues = cues[:, cues.sum(axis=0) > 0]
    return cues, np.arcsin(np.sqrt(cues[1] / cues.sum(axis=0)))


def merge_symbols(cues: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Less informative symbols: P(symbol | mood), shape (2, n) to (2, at most bins)."""
    cues, x = _informative(cues)
    width = max(float(np.ptp(x)), 1e-12) / bins
    merged = np.zeros((2, bins))
    np.add.at(merged.T, np.minimum((x - x.min()) / width, bins - 1).astype(np.int64), cues.T)
    return np.ascontiguousarray(merged[:, merged.sum(axis=0) > 0])


def spread_symbols(cues: NDArray[np.float64], ends: int) -> NDArray[np.float64]:
    """More informative symbols: P(symbol | mood), shape (2, n) to (2, at most ends)."""
    cues, x = _informative(cues)
    p = np.sin(x) ** 2
    grid = np.sin(np.linspace(x.min(), x.max(), ends)) ** 2
    if grid[-1] - grid[0] < 1e-12:
        return np.ascontiguousarray(cues.sum(axis=1, keepdims=True))
    # the ends must enclose every p, rounding included
    grid[0], grid[-1] = min(grid[0], p.min()), max(grid[-1], p.max())
    left = np.clip(np.searchsorted(grid, p, side="right") - 1, 0, ends - 2)
    right = (p - grid[left]) / (grid[left + 1] - grid[left])
    mass = np.zeros(ends)
    np.add.at(mass, left, cues.sum(axis=0) * (1.0 - right))
    np.add.at(mass, left + 1, cues.sum(axis=0) * right)
    spread = np.stack([mass * (1.0 - grid), mass * grid])
    return np.ascontiguousarray(spread[:, mass > 0])
