"""Sessions played by the upper bound's router, which say where points and plans matter.

Whether it swaps is looked up in the tables of a point near by; to whom, by the cheapest mixtures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part
from .swap_mixtures import begin_mixture, mixture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .streaks import Grid, Streaks
    from .swap_mixtures import Columns
    from .turns import Turns

_TURN = 200
"""Multiplications that a turn of a session counts for."""


class Walker(NamedTuple):
    """What a router needs that plays by the upper bound; see `sweep_streaks` and `Turns`."""

    turns: Turns
    streaks: Streaks
    columns: Columns
    grid: Grid
    stay: NDArray[np.float32]
    swap: NDArray[np.float32]


@part
def _choose(columns, t, k, kinds, basis, inverse, shares, scratch, spent):  # type: ignore[no-untyped-def]
    """Upper bound on turn t where somebody else than k takes over, and who."""
    best, pick, first = -np.inf, k, columns.first
    for j in range(first.shape[0] - 1):
        if j == k:
            continue
        begin_mixture(kinds, basis, inverse, shares)
        value = mixture(columns, t, j, kinds, basis, inverse, shares, best, scratch, spent)
        if value > best:
            best, pick = value, j
    return best, pick


@part
def _place(grid, x):  # type: ignore[no-untyped-def]
    """The step of a grid in which a number lies, and how far along."""
    i = min(max(np.searchsorted(grid, x, side="right") - 1, 0), grid.shape[0] - 2)
    return i, (x - grid[i]) / (grid[i + 1] - grid[i])


@part
def _nearest(columns, k, kinds):  # type: ignore[no-untyped-def]
    """The column of persona k whose shares of kinds are nearest."""
    best, pick = np.inf, columns.first[k]
    for c in range(columns.first[k], columns.first[k + 1]):
        far = 0.0
        for a in range(kinds.shape[0]):
            far += abs(columns.kinds[a, c] - kinds[a])
        if far < best:
            best, pick = far, c
    return pick


@part
def _leaves(walker, t, c, q, tired):  # type: ignore[no-untyped-def]
    """Whether the upper bound's router swaps before turn t, by the tables of a column near by."""
    grid = walker.grid
    i, up = _place(grid.never, q)
    j, right = _place(grid.tired, tired)
    across = grid.tired.shape[0]
    at = across * i + j
    stay, swap = walker.stay[t, :, c], walker.swap[t, :, c]
    stays = (1.0 - up) * ((1.0 - right) * stay[at] + right * stay[at + 1])
    stays += up * ((1.0 - right) * stay[at + across] + right * stay[at + across + 1])
    return (1.0 - up) * swap[i] + up * swap[i + 1] > stays


@njit
def walk_streaks(walker, kinds, draws, walks, personas, begins, spent):  # type: ignore[no-untyped-def]
    """Write the beliefs of sessions in which nobody leaves, by the upper bound's router.

    Args:
        walker: what it knows.
        kinds: shares at the start, shape (kinds,).
        draws: uniform in [0, 1), shape (N, T, 3).
        walks: over (kind, mood in the turn), shape (N, T, D).
        personas, begins: of each turn, and whether they take over in it, shape (N, T).
        spent: multiplications are added, shape (1,).
    """
    turns, streaks, columns = walker.turns, walker.streaks, walker.columns
    size, n_symbols = kinds.shape[0], turns.odds.shape[0]
    basis, shares = np.empty(size, dtype=np.int64), np.empty(size)
    inverse, scratch = np.empty((size, size)), np.empty((3, columns.kinds.shape[1] + size))
    now, suited, never = np.empty(size), np.empty(size), np.empty(size)
    _, start = _choose(columns, 0, -1, kinds, basis, inverse, shares, scratch, spent)
    spent[0] += draws.shape[0] * turns.length * _TURN
    for n in range(draws.shape[0]):
        k, takes_over, column = start, True, 0
        fresh = tired = wrong = 0.0
        for a in range(size):
            now[a] = kinds[a]
        for t in range(turns.length):
            if takes_over:
                fresh, tired = 0.0, 0.0
                for a in range(size):
                    fresh += now[a] * turns.fresh[k, a]
                wrong = 1.0 - fresh
                for a in range(size):
                    fit = turns.fresh[k, a]
                    suited[a] = now[a] * fit / fresh if fresh > 0.0 else now[a]
                    never[a] = now[a] * (1.0 - fit) / wrong if wrong > 0.0 else now[a]
                column = _nearest(columns, k, now)
            for a in range(size):
                walks[n, t, 2 * a] = suited[a] * fresh
                walks[n, t, 2 * a + 1] = suited[a] * tired + never[a] * wrong
            personas[n, t], begins[n, t] = k, takes_over
            if t + 1 == turns.length:
                break
            stays, tires, leaves = streaks.ahead[k]
            alive = fresh * (stays + tires)
            mood = 1 if draws[n, t, 0] * (alive + (tired + wrong) * leaves) >= alive else 0
            heard = 0 if draws[n, t, 1] < streaks.heard[k, 0, mood] else 1
            z = 0
            while z < n_symbols - 1 and draws[n, t, 2] > turns.mass[mood, z + 1]:
                z += 1
            like = streaks.heard[k, heard, 0] * (1.0 - turns.odds[z])
            unlike = streaks.heard[k, heard, 1] * turns.odds[z] * leaves
            tired = fresh * like * tires + tired * unlike
            fresh, wrong = fresh * like * stays, wrong * unlike
            mass = fresh + tired + wrong
            takes_over = False
            if mass <= 0.0:
                # nobody stays, whatever is played
                fresh, tired, wrong = 0.0, 0.0, 1.0
                continue
            fresh, tired, wrong = fresh / mass, tired / mass, wrong / mass
            share = tired / (fresh + tired) if fresh + tired > 0.0 else 0.0
            if columns.first.shape[0] > 2 and _leaves(walker, t + 1, column, wrong, share):
                for a in range(size):
                    now[a] = (1.0 - wrong) * suited[a] + wrong * never[a]
                _, k = _choose(columns, t + 1, k, now, basis, inverse, shares, scratch, spent)
                takes_over = True
