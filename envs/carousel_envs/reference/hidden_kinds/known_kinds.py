"""Where the upper bound begins: the router that is told the kind of user and infers the mood.

Its value is convex in P(bored), so straight lines between grid points lie above it.
"""

from __future__ import annotations

import numpy as np

from ...compiled.compiler import njit, part


def mood_grid(points: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """P(bored), finer towards 0 and 1: equal steps in arcsin(sqrt(P)), shape (points,)."""
    grid = np.sin(np.linspace(0.0, np.pi / 2.0, points)) ** 2
    grid[-1] = 1.0
    return grid


@part
def _between(values, grid, x):  # type: ignore[no-untyped-def]
    """The value at P(bored) x, on the straight line between its neighbours on the grid."""
    last = grid.shape[0] - 2
    x = min(max(x, 0.0), 1.0)
    i = min(int(np.arcsin(np.sqrt(x)) / (0.5 * np.pi) * (last + 1)), last)
    # the grid is equally spaced but for rounding
    if i > 0 and x < grid[i]:
        i -= 1
    elif i < last and x > grid[i + 1]:
        i += 1
    return values[i] + (x - grid[i]) / (grid[i + 1] - grid[i]) * (values[i + 1] - values[i])


@njit
def known_kind_values(turns, grid, stays, begins):  # type: ignore[no-untyped-def]
    """Write the values of a turn with a persona for a known kind of user: `stays` at P(bored) of
    the grid, shape (T, K, kinds, points), and `begins` where the persona takes over in that turn,
    shape (T, K, kinds)."""
    length, n_k, n_kinds, points = stays.shape
    odds, mass, n_said = turns.odds, turns.mass, turns.keeps.shape[0]
    ahead = np.empty((n_k, n_said, n_kinds, points))
    ends = np.empty((2, 2))
    for t in range(length - 1, -1, -1):
        for k in range(n_k):
            for a in range(n_kinds):
                for i in range(points):
                    bored = grid[i]
                    value = (1.0 - bored) * turns.reward[k, 2 * a]
                    value += bored * turns.reward[k, 2 * a + 1]
                    for h in range(turns.heard.shape[1] if t + 1 < length else 0):
                        for m in range(2):
                            share = bored if m == 1 else 1.0 - bored
                            share *= turns.heard[k, h, 2 * a + m]
                            for n in range(2):
                                ends[m, n] = share * turns.moves[k, 2 * a + m, n]
                        row = ahead[k, h // 2, a]
                        for z in range(odds.shape[0]):
                            fresh, tired = mass[0, z + 1] - mass[0, z], mass[1, z + 1] - mass[1, z]
                            first = fresh * ends[0, 0] + tired * ends[1, 0]
                            second = fresh * ends[0, 1] + tired * ends[1, 1]
                            if first + second > 0.0:
                                at = second / (first + second)
                                value += (first + second) * _between(row, grid, at)
                    stays[t, k, a, i] = value
                begins[t, k, a] = _between(stays[t, k, a], grid, 1.0 - turns.fresh[k, a])
        # before the pick of this turn
        for k in range(n_k):
            for g in range(n_said):
                for a in range(n_kinds):
                    swap = -np.inf
                    for j in range(n_k):
                        if j != k:
                            swap = max(swap, turns.keeps[g, j] * begins[t, j, a] - turns.swap_cost)
                    for i in range(points):
                        stay = turns.keeps[g, k] * stays[t, k, a, i]
                        ahead[k, g, a, i] = max(swap, stay)
