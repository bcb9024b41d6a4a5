"""The best schedule for a known kind of user, exactly.

Without feedback, the state of the problem is a pair: the probabilities that the user is still
present and fresh, and present and bored. It also gives the probability of a goodbye in the last
turn. A pick maps the pair linearly to the next one, with a reward that is linear in it, so the
value to go is, for each current persona, a maximum of linear functions of two numbers. Only their
upper envelope is kept (Sondik 1971, for a problem without observations).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model


def best_blind_schedule(
    model: Model, kind: int, present: NDArray[np.integer]
) -> tuple[float, NDArray[np.int64]]:
    """Value of the best schedule for one kind of user (satiation left out), and the schedule.

    Args:
        model: where the kind comes from.
        kind: index of the kind.
        present: actions that may be picked.

    Returns:
        Engagement per session less swap costs, and actions, shape (T,).
    """
    moves, gains = _moves(model, kind, present)
    n, length = len(present), model.length
    # value to go before turn t, with persona k current: vectors over (fresh, bored)
    ahead: list[list[NDArray[np.float64]]] = [[np.zeros((1, 2))] * n]
    for _ in range(length - 1):
        later = ahead[-1]
        now = []
        for k in range(n):
            every = [gains[k, a] + later[a] @ moves[k, a] for a in range(n)]
            now.append(_envelope(np.concatenate(every)))
        ahead.append(now)
    ahead.reverse()
    schedule = np.zeros(length, dtype=np.int64)
    # before the first pick: the user is present, and no swap is paid
    last, there, value = -1, np.array([1.0, 0.0]), 0.0
    for t in range(length):
        worth = [
            gains[last, a] @ there + (ahead[t][a] @ (moves[last, a] @ there)).max()
            for a in range(n)
        ]
        pick = int(np.argmax(worth))
        value += float(gains[last, pick] @ there)
        there = moves[last, pick] @ there
        schedule[t], last = present[pick], pick
    return value, schedule


def _moves(
    model: Model, kind: int, present: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How pick a maps (fresh, bored) after a turn with k, shape (n + 1, n, 2, 2), and its reward,
    shape (n + 1, n, 2); the last row is for the first pick."""
    n = len(present)
    moves, gains = np.zeros((n + 1, n, 2, 2)), np.zeros((n + 1, n, 2))
    says = model.farewell[kind]
    for a in range(n):
        fit, hook = model.fit[kind, present[a]], model.hook[present[a]]
        drawn = np.array([[fit, fit], [1.0 - fit, 1.0 - fit]])
        worth = model.worth[kind, present[a]]
        for k in range(n + 1):
            kept = np.diag(1.0 - says * (1.0 - hook)) if k < n else np.eye(2)
            bores = model.hazard[kind, present[k]] if k < n else 0.0
            ages = np.array([[1.0 - bores, 0.0], [bores, 1.0]])
            start = (ages if a == k else drawn) @ kept
            moves[k, a] = (1.0 - model.leave[kind])[:, None] * start
            gains[k, a] = worth @ start - (model.swap_cost if k < n and a != k else 0.0)
    return moves, gains


@njit
def _hull(vectors, order):  # type: ignore[no-untyped-def]
    """Rows of `vectors` that are largest somewhere on [0, 1]; `order` sorts them by slope."""
    kept = np.empty(len(order), dtype=np.int64)
    n = 0
    for i in order:
        at_0, slope = vectors[i, 0], vectors[i, 1] - vectors[i, 0]
        while n > 0:
            top = kept[n - 1]
            rise = slope - (vectors[top, 1] - vectors[top, 0])
            if rise <= 1e-15:
                # parallel: the higher one
                if at_0 <= vectors[top, 0]:
                    break
                n -= 1
                continue
            # where row i overtakes the last one kept
            meets = (vectors[top, 0] - at_0) / rise
            if meets >= 1.0:
                break
            if n == 1:
                if meets <= 0.0:
                    n = 0
                    continue
                kept[n] = i
                n += 1
                break
            below = kept[n - 2]
            rise_before = (vectors[top, 1] - vectors[top, 0]) - (
                vectors[below, 1] - vectors[below, 0]
            )
            before = (vectors[below, 0] - vectors[top, 0]) / rise_before
            if meets <= before:
                n -= 1
                continue
            kept[n] = i
            n += 1
            break
        if n == 0:
            kept[0] = i
            n = 1
    return kept[:n]


def _envelope(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vectors that are best for some (fresh, bored) >= 0, shape (n, 2) to (at most n, 2)."""
    order = np.lexsort((vectors[:, 0], vectors[:, 1] - vectors[:, 0]))
    return np.ascontiguousarray(vectors[_hull(vectors, order)])
