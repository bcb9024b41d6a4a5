"""Both bounds where kinds differ in whom they like alone: streaks above, plans below.

The upper bound's router plays sessions. Where it enacts somebody, the upper bound gets points; at
all beliefs on the way, the lower one gets plans, from the last turn to the first (point-based value
iteration: Pineau, Gordon & Thrun 2003).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .kinds_search import KindsFound, opened, root_of
from .streak_bound import StreakBound
from .streaks import Grid
from .walks import plan_round

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .hearing import Search
    from .kinds_search import Watch
    from .streaks import Streaks
    from .turns import Turns

_SEED = 20
_SWEEPS = 5
"""Sweeps of the first round; later ones have `_MORE`."""
_MORE = 1
_SESSIONS, _APART = 30, 0.3
"""Sessions whose swaps become points after the first sweep, and how far apart points are; after
every sweep `_GROWTH` times as many, and `_CLOSER` times as far."""
_GROWTH, _CLOSER = 1.6, 0.7
_WALKS, _MORE_WALKS, _FIRST = 700, 1.5, 0.15
"""Sessions whose beliefs get plans in the first round, by how much more in each, and the share of
the first ones that is swept before."""
_OWN = 0.1
"""Share of these that the lower bound's router plays."""
_LEAST_STEPS = 4
_POINTS = 200
"""Points of a persona that the first round computes, all sweeps together, roughly."""
_NEXT = 2.2
"""How much more work a round takes than the one before it, roughly."""
_GRID, _FINER = np.array([12, 16, 20]), 1.1
"""Steps of the grid towards "never suited" and "tired", and cue symbols, and by how much finer they
become in every round."""


def search_streaks(
    turns: Turns, streaks: Streaks, kinds: NDArray[np.float64], *, watch: Watch, work: float
) -> KindsFound:
    """Close the bounds until `watch` has enough.

    Args:
        turns, streaks: the problem.
        kinds: shares at the start, shape (kinds,).
        watch: told of every round.
        work: multiplications after which no round begins that would exceed them, roughly.
    """
    above, (below, _) = StreakBound(turns, streaks, kinds), opened(turns, above=False)
    draws = np.random.default_rng(_SEED)
    size = _first_size(turns, work)
    steps, sweeps, many = _GRID * np.cbrt(size), int(np.ceil(_SWEEPS * size**0.25)), _WALKS * size
    rounds, done, spent = 0, 0, 0
    # whoever interrupts the first round gets bounds, too, however wide
    above.sweep(Grid.of(turns, *[_LEAST_STEPS] * 3))
    lower, upper = _plan(below, above, kinds, 2, np.random.default_rng(_SEED)), above.upper
    while True:
        try:
            grid = Grid.of(turns, *np.maximum(steps, _LEAST_STEPS).astype(int))
            for _ in range(_MORE if rounds else sweeps):
                if done:
                    n = int(_SESSIONS * _GROWTH**done)
                    walks, personas, begins = above.walk(draws.random((n, turns.length, 3)))
                    shares = walks[..., ::2] + walks[..., 1::2]
                    above.add(shares[begins], personas[begins], _APART * _CLOSER**done)
                above.sweep(grid)
                upper, done = min(upper, above.upper), done + 1
            ended = rounds > 0 and watch.ended(lower, upper)
            for some in () if ended else (many,) if rounds else (_FIRST * many, many):
                lower = _plan(below, above, kinds, max(int(some), 2), draws)
        except KeyboardInterrupt:
            watch.interrupted()
            ended = False
        rounds += 1
        before, spent = spent, int(above.spent[0] + below.room.stay.spent[0])
        ended = ended or watch.ended(lower, upper)
        if ended or spent + _NEXT * (spent - before) > work:
            root = root_of(below, kinds)
            return KindsFound(lower, upper, below, root, rounds, spent, above)
        steps, many = _FINER * steps, _MORE_WALKS * many


def _first_size(turns: Turns, work: float) -> float:
    """Size of the first round, as a share of the constants: half of the work, by a rough count."""
    nodes, heard = np.prod(_GRID[:2] + 1), 2 * _GRID[2]
    first = _POINTS * len(turns.reward) * turns.length * 8.0 * nodes * heard
    return float(np.clip(0.5 * work / first, 1e-6, 1.0))


def _plan(
    below: Search,
    above: StreakBound,
    kinds: NDArray[np.float64],
    n: int,
    draws: np.random.Generator,
) -> float:
    """The lower bound with plans for the beliefs of n new sessions."""
    length, own = below.turns.length, max(int(_OWN * n), 1)
    walks, personas, begins = above.walk(draws.random((n - own, length, 3)))
    room = np.zeros((own, *walks.shape[1:]))
    return float(
        plan_round(
            below,
            kinds,
            np.concatenate([walks, room]),
            np.concatenate([personas, np.zeros((own, length), dtype=np.int64)]),
            np.concatenate([begins, np.zeros((own, length), dtype=np.bool_)]),
            draws.random((own, length, 3)),
        )
    )
