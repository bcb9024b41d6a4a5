"""Upper bounds for hidden kinds of user: the kind is revealed after a few turns.

Information never hurts, so the optimum of a router that chooses its first `depth` personas from
what it observes and then learns the kind bounds every router's value from above; the turns that
follow are bounded by each kind's Lagrangian relaxation. With depth 0 it is the value of a router
that knows the user all along.

A turn shows engagement and cues. Cues depend on the mood alone, so they are an experiment on two
hypotheses, described by the distribution of its posteriors from even odds. Moving each posterior to
its two neighbours on a short list, in the proportions that keep the mean, makes the experiment more
informative (Blackwell 1953): few symbols, and still an upper bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part
from .problem import chance_at, interpolate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .lagrangian import Relaxation
    from .problem import SatiationProblem

_LOG_ODDS = np.array([-np.inf, -6.0, -4.0, -2.7, -1.7, -0.8, 0.0, 0.8, 1.7, 2.7, 4.0, 6.0, np.inf])


class _Kinds(NamedTuple):
    """Hidden kinds of user and their relaxations.

    Attributes:
        likes: whether each kind is fresh with each persona, shape (kinds, K).
        engagement, gain: as in `SatiationProblem`, shape (kinds, K).
        memory, stay, top: share of satiation kept, P(the user stays) and largest satiation, shape
            (kinds,).
        cues: P(symbol | mood), shape (2, symbols).
        tables, dues: as in `Relaxation`, with the kinds as first axis.
        swap_cost: in units of engagement.
    """

    likes: NDArray[np.bool_]
    engagement: NDArray[np.float64]
    gain: NDArray[np.float64]
    memory: NDArray[np.float64]
    stay: NDArray[np.float64]
    top: NDArray[np.float64]
    cues: NDArray[np.float64]
    tables: NDArray[np.float64]
    dues: NDArray[np.float64]
    swap_cost: float


def revealed_value(
    shares: NDArray[np.float64],
    likes: NDArray[np.bool_],
    problems: Sequence[SatiationProblem],
    relaxations: Sequence[Relaxation],
    cues: NDArray[np.float64],
    depth: int,
) -> float:
    """Upper bound from revealing the kind before turn `depth`, summed over kinds.

    Args:
        shares: of each kind, shape (kinds,); they need not sum to 1.
        likes: whether each kind is fresh with each persona, shape (kinds, K).
        problems, relaxations: of each kind, over the same K personas.
        cues: P(symbol | mood), shape (2, symbols).
        depth: personas that are chosen before the kind is revealed, from 0; work grows as
            (26 K) ** depth.
    """
    kinds = _Kinds(
        likes=likes,
        engagement=np.stack([problem.engagement for problem in problems]),
        gain=np.stack([problem.gain for problem in problems]),
        memory=np.array([problem.memory for problem in problems]),
        stay=np.array([1.0 - problem.leave for problem in problems]),
        top=np.array([problem.top for problem in problems]),
        cues=sharpened(cues),
        tables=np.stack([found.tables for found in relaxations]),
        dues=np.stack([found.dues for found in relaxations]),
        swap_cost=problems[0].swap_cost,
    )
    return float(_best(kinds, shares, np.zeros(likes.shape), 0, -1, depth))


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


@part
def _relaxed_value(kinds, weights, satiation, t, current):  # type: ignore[no-untyped-def]
    """Relaxed value of turns t and later once the kind is known, summed over kinds."""
    n_kinds, n_k = kinds.engagement.shape
    total = 0.0
    for a in range(n_kinds):
        if weights[a] > 0.0:
            worth = kinds.dues[a, t]
            for j in range(n_k):
                row = kinds.tables[a, t, j, 1 if j == current else 0]
                worth += interpolate(row, satiation[a, j], kinds.top[a])
            total += weights[a] * worth
    return total


@part
def _enact(kinds, weights, satiation, k, cost, after):  # type: ignore[no-untyped-def]
    """Reward of persona k at a cost, summed over kinds; writes the satiation that follows."""
    n_kinds, n_k = kinds.engagement.shape
    value = 0.0
    for a in range(n_kinds):
        chance = chance_at(kinds.engagement[a, k], kinds.gain[a, k], satiation[a, k])
        value += weights[a] * (chance - cost)
        for j in range(n_k):
            after[a, j] = kinds.memory[a] * (satiation[a, j] + (1.0 if j == k else 0.0))
    return value


@njit
def _observe(kinds, weights, satiation, k, symbol, engaged, then):  # type: ignore[no-untyped-def]
    """Write the weights after a turn with persona k to `then`; returns whether any is above 0."""
    possible = False
    for a in range(weights.shape[0]):
        chance = chance_at(kinds.engagement[a, k], kinds.gain[a, k], satiation[a, k])
        like = chance if engaged else 1.0 - chance
        like *= kinds.cues[0 if kinds.likes[a, k] else 1, symbol]
        then[a] = weights[a] * kinds.stay[a] * like
        possible = possible or then[a] > 0.0
    return possible


@njit
def _best(kinds, weights, satiation, t, current, depth):  # type: ignore[no-untyped-def]
    """Value to go, summed over kinds with these weights; satiation has shape (kinds, K)."""
    n_kinds, n_k = kinds.engagement.shape
    if t == kinds.dues.shape[1] - 1:
        return 0.0
    if depth == 0:
        return _relaxed_value(kinds, weights, satiation, t, current)
    best = -1e300
    then, after = np.empty(n_kinds), np.empty((n_kinds, n_k))
    for k in range(n_k):
        cost = kinds.swap_cost if t > 0 and k != current else 0.0
        value = _enact(kinds, weights, satiation, k, cost, after)
        if depth == 1:
            # the kind is revealed next, so the observation is of no use
            for a in range(n_kinds):
                then[a] = weights[a] * kinds.stay[a]
            # not a literal 0: it would be compiled apart, and what two specialisations that call
            # each other leave in the cache cannot be loaded
            value += _best(kinds, then, after, t + 1, k, depth - 1)
        else:
            for z in range(kinds.cues.shape[1]):
                for y in range(2):
                    if _observe(kinds, weights, satiation, k, z, y == 1, then):
                        value += _best(kinds, then, after, t + 1, k, depth - 1)
        best = max(best, value)
    return best
