"""Upper bounds where users satiate and get bored: kind and mood are revealed after a few turns.

As in `revealed_kind`, but the mood matters: a turn shows cues of the mood in that turn, the user
leaves by mood, and a fresh user may become bored. Once kind and mood are revealed, the turns that
follow are bounded by the relaxation of `moody_relaxation`. Goodbyes are not observed here: where
users say them, the bound holds for depths 0 and 1 alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part
from .moody_relaxation import BORED, FRESH, RESTS
from .problem import chance_at, interpolate
from .revealed_kind import sharpened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .moody_relaxation import MoodyProblem, MoodyRelaxation


class _Kinds(NamedTuple):
    """Hidden kinds of user and their relaxations, with the kinds as first axis.

    Attributes:
        fit, hazard, gain, engagement, leave, memory, swap_cost: as in `MoodyProblem`.
        cues: P(symbol | mood), shape (2, symbols).
        tables, dues: as in `MoodyRelaxation`.
    """

    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    gain: NDArray[np.float64]
    engagement: NDArray[np.float64]
    leave: NDArray[np.float64]
    memory: NDArray[np.float64]
    swap_cost: float
    cues: NDArray[np.float64]
    tables: NDArray[np.float64]
    dues: NDArray[np.float64]


def revealed_after(
    shares: NDArray[np.float64],
    problems: Sequence[MoodyProblem],
    relaxations: Sequence[MoodyRelaxation],
    cues: NDArray[np.float64],
    depth: int,
) -> float:
    """Upper bound from revealing kind and mood before turn `depth`, summed over kinds.

    Args:
        shares: of each kind, shape (kinds,); they need not sum to 1.
        problems, relaxations: of each kind, over the same K personas.
        cues: P(symbol | mood), shape (2, symbols).
        depth: personas that are chosen before, from 0; work grows as (26 K) ** depth.
    """

    def stacked(name: str) -> NDArray[np.float64]:
        return np.stack([np.asarray(getattr(problem, name)) for problem in problems])

    names = ("fit", "hazard", "gain", "engagement", "leave", "memory")
    kinds = _Kinds(
        **{name: stacked(name) for name in names},
        swap_cost=problems[0].swap_cost,
        cues=sharpened(cues),
        tables=np.stack([found.tables for found in relaxations]),
        dues=np.stack([found.dues for found in relaxations]),
    )
    moods = np.stack([shares, np.zeros(len(shares))], axis=1)
    return float(_best(kinds, moods, np.zeros(kinds.fit.shape), 0, -1, depth))


@part
def _relaxed_value(kinds, moods, satiation, t, current):  # type: ignore[no-untyped-def]
    """Relaxed value of turns t and later once kind and mood are known, summed over kinds."""
    n_kinds, n_k = kinds.fit.shape
    total = 0.0
    for a in range(n_kinds):
        fresh, bored = moods[a, 0], moods[a, 1]
        if fresh + bored > 0.0:
            top = max(kinds.memory[a] / (1.0 - kinds.memory[a]), 1e-6)
            total += (fresh + bored) * kinds.dues[a, t]
            for j in range(n_k):
                table, s = kinds.tables[a, t, j], satiation[a, j]
                if j == current:
                    total += fresh * interpolate(table[FRESH], s, top)
                    total += bored * interpolate(table[BORED], s, top)
                else:
                    total += (fresh + bored) * interpolate(table[RESTS], s, top)
    return total


@part
def _enact(kinds, moods, satiation, k, turn, playing, after):  # type: ignore[no-untyped-def]
    """Reward of persona k, which takes over (at a cost) unless `turn` says that it stays, summed
    over kinds; writes the moods in the turn to `playing`, and the satiation that follows."""
    n_kinds, n_k = kinds.fit.shape
    stays, cost = turn
    value = 0.0
    for a in range(n_kinds):
        mass = moods[a, 0] + moods[a, 1]
        playing[a, 0] = moods[a, 0] if stays else mass * kinds.fit[a, k]
        playing[a, 1] = moods[a, 1] if stays else mass * (1.0 - kinds.fit[a, k])
        for m in range(2):
            chance = chance_at(kinds.engagement[a, k, m], kinds.gain[a, k], satiation[a, k])
            value += playing[a, m] * (chance - cost)
        for j in range(n_k):
            after[a, j] = kinds.memory[a] * (satiation[a, j] + (1.0 if j == k else 0.0))
    return value


@part
def _goes_on(kinds, a, k, fresh, bored, then):  # type: ignore[no-untyped-def]
    """Write the moods of kind a at the next pick, of those who are still present."""
    fresh *= 1.0 - kinds.leave[a, 0]
    turned = fresh * kinds.hazard[a, k]
    then[a, 0] = fresh - turned
    then[a, 1] = bored * (1.0 - kinds.leave[a, 1]) + turned


@njit
def _observe(kinds, playing, satiation, k, shown, then):  # type: ignore[no-untyped-def]
    """Write the moods after a turn with persona k that showed a symbol and whether the user
    engaged; returns whether any is above 0."""
    symbol, engaged = shown
    possible = False
    for a in range(playing.shape[0]):
        likes = np.empty(2)
        for m in range(2):
            chance = chance_at(kinds.engagement[a, k, m], kinds.gain[a, k], satiation[a, k])
            likes[m] = (chance if engaged else 1.0 - chance) * kinds.cues[m, symbol]
        _goes_on(kinds, a, k, playing[a, 0] * likes[0], playing[a, 1] * likes[1], then)
        possible = possible or then[a, 0] + then[a, 1] > 0.0
    return possible


@njit
def _best(kinds, moods, satiation, t, current, depth):  # type: ignore[no-untyped-def]
    """Value to go, summed over kinds; moods have shape (kinds, 2), satiation (kinds, K)."""
    n_kinds, n_k = kinds.fit.shape
    if t == kinds.dues.shape[1] - 1:
        return 0.0
    if depth == 0:
        return _relaxed_value(kinds, moods, satiation, t, current)
    best = -1e300
    playing, then, after = np.empty((n_kinds, 2)), np.empty((n_kinds, 2)), np.empty((n_kinds, n_k))
    for k in range(n_k):
        cost = kinds.swap_cost if t > 0 and k != current else 0.0
        value = _enact(kinds, moods, satiation, k, (k == current, cost), playing, after)
        if depth == 1:
            # all is revealed next, so the observation is of no use
            for a in range(n_kinds):
                _goes_on(kinds, a, k, playing[a, 0], playing[a, 1], then)
            # not a literal 0: see `revealed_kind`
            value += _best(kinds, then, after, t + 1, k, depth - 1)
        else:
            for z in range(kinds.cues.shape[1]):
                for y in range(2):
                    if _observe(kinds, playing, satiation, k, (z, y == 1), then):
                        value += _best(kinds, then, after, t + 1, k, depth - 1)
        best = max(best, value)
    return best
