"""Upper bounds for hidden kinds of user: the router is told the kind after a few turns.

Whoever is told more can do no worse, so the optimum of a router that must choose its first `depth`
personas by what users show, and is then told the kind, bounds every router's from above; what
follows is bounded by each kind's Lagrangian relaxation. With depth 0 it is the value of a router
that knows the user all along.

What is shown in a turn is engagement and cues. Cues depend on the mood alone, so they are an
experiment on two hypotheses, described by the spread of its posteriors from even odds. Moving each
posterior to its two neighbours on a short list, in the proportions that keep the mean, makes the
experiment more informative (Blackwell 1953): few symbols, and still an upper bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit
from ...users.table import UNIT
from .policies import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .lagrangian import Relaxation
    from .schedules import SatiationProblem

_LOG_ODDS = np.array([-np.inf, -6.0, -4.0, -2.7, -1.7, -0.8, 0.0, 0.8, 1.7, 2.7, 4.0, 6.0, np.inf])


def disclosed_value(
    shares: NDArray[np.float64],
    likes: NDArray[np.bool_],
    problems: Sequence[SatiationProblem],
    relaxations: Sequence[Relaxation],
    cues: NDArray[np.float64],
    depth: int,
) -> float:
    """Bound for a router that is told the kind before turn `depth`, summed over kinds.

    Args:
        shares: of each kind, shape (kinds,); they need not sum to 1.
        likes: whether each kind is fresh with each persona, shape (kinds, K).
        problems, relaxations: of each kind, over the same K personas.
        cues: P(symbol | mood), shape (2, symbols).
        depth: personas that are chosen without being told, from 0; work grows as (26 K) ** depth.
    """
    kinds, k = likes.shape
    return float(
        _best(
            shares,
            np.zeros((kinds, k)),
            0,
            -1,
            depth,
            likes,
            np.stack([problem.engagement for problem in problems]),
            np.stack([problem.gain for problem in problems]),
            np.array([problem.memory for problem in problems]),
            np.array([1.0 - problem.leave for problem in problems]),
            np.array([problem.top for problem in problems]),
            sharpened(cues),
            np.stack([found.tables for found in relaxations]),
            np.stack([found.dues for found in relaxations]),
            problems[0].swap_cost,
        )
    )


def sharpened(cues: NDArray[np.float64]) -> NDArray[np.float64]:
    """A more informative experiment with few symbols, shape (2, symbols) to (2, at most 13)."""
    points = 1.0 / (1.0 + np.exp(-_LOG_ODDS))
    mass = cues.sum(axis=0) / 2.0
    posterior = np.divide(cues[1] / 2.0, mass, out=np.zeros_like(mass), where=mass > 0)
    above = np.clip(np.searchsorted(points, posterior, side="right"), 1, len(points) - 1)
    share = (posterior - points[above - 1]) / (points[above] - points[above - 1])
    spread = np.zeros(len(points))
    np.add.at(spread, above - 1, mass * (1.0 - share))
    np.add.at(spread, above, mass * share)
    few = 2.0 * np.stack([spread * (1.0 - points), spread * points])
    return np.ascontiguousarray(few[:, spread > 0])


@njit
def _chance(engagement, gain, satiation):  # type: ignore[no-untyped-def]
    """Chance of engagement in the kernel's resolution."""
    return np.rint(max(engagement - gain * satiation, 0.0) * UNIT) / UNIT


@njit
def _best(  # type: ignore[no-untyped-def]
    weights,
    satiation,
    t,
    current,
    depth,
    likes,
    engagement,
    gain,
    memory,
    stay,
    top,
    cues,
    tables,
    dues,
    cost,
):
    """Value to go, summed over kinds with these weights; satiation has shape (kinds, K)."""
    n_kinds, n_k = engagement.shape
    length = dues.shape[1] - 1
    if t == length:
        return 0.0
    if depth == 0:
        total = 0.0
        for a in range(n_kinds):
            if weights[a] > 0.0:
                worth = dues[a, t]
                for j in range(n_k):
                    row = tables[a, t, j, 1 if j == current else 0]
                    worth += read(row, satiation[a, j], top[a])
                total += weights[a] * worth
        return total
    best = -1e300
    then, after = np.empty(n_kinds), np.empty((n_kinds, n_k))
    for k in range(n_k):
        value = 0.0
        for a in range(n_kinds):
            chance = _chance(engagement[a, k], gain[a, k], satiation[a, k])
            value += weights[a] * (chance - (cost if t > 0 and k != current else 0.0))
            for j in range(n_k):
                after[a, j] = memory[a] * (satiation[a, j] + (1.0 if j == k else 0.0))
        if depth == 1:
            # what this turn shows is of no use: the kind is told
            for a in range(n_kinds):
                then[a] = weights[a] * stay[a]
            value += _best(
                *(then, after, t + 1, k, 0, likes, engagement, gain, memory, stay, top),
                *(cues, tables, dues, cost),
            )
        else:
            for z in range(cues.shape[1]):
                for y in range(2):
                    some = False
                    for a in range(n_kinds):
                        chance = _chance(engagement[a, k], gain[a, k], satiation[a, k])
                        like = chance if y == 1 else 1.0 - chance
                        like *= cues[0 if likes[a, k] else 1, z]
                        then[a] = weights[a] * stay[a] * like
                        some = some or then[a] > 0.0
                    if some:
                        value += _best(
                            then,
                            after,
                            t + 1,
                            k,
                            depth - 1,
                            likes,
                            engagement,
                            gain,
                            memory,
                            stay,
                            top,
                            cues,
                            tables,
                            dues,
                            cost,
                        )
        best = max(best, value)
    return best
