"""Threshold rules for a known kind of user, and what they are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit
from .belief_problem import posterior
from .belief_program import GRID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .belief_problem import BeliefProblem


class ThresholdRule(NamedTuple):
    """Swap to `target` once P(bored) reaches `threshold`.

    Attributes:
        threshold: shape (T, K, 2): turn, current persona, without or with a goodbye; above 1:
            never.
        target: action to swap to, shape (T, K, 2).
        first: action to begin with.
    """

    threshold: NDArray[np.float64]
    target: NDArray[np.int64]
    first: int


class _ToGo(NamedTuple):
    """Value to go under a rule.

    Attributes:
        stay: with persona k at each grid point of P(bored), shape (K, grid).
        start: when persona k takes over, shape (K,).
    """

    stay: NDArray[np.float64]
    start: NDArray[np.float64]


@njit
def _follow(problem, rule, t, k, p, later):  # type: ignore[no-untyped-def]
    """Value of a turn with persona k at P(bored) = p and of following the rule from then on."""
    value = (1.0 - p) * problem.reward[k, 0] + p * problem.reward[k, 1]
    if t + 1 == problem.length:
        return value
    grid = later.stay.shape[1]
    width = 1.0 / (grid - 1)
    for z in range(problem.likelihood.shape[2]):
        total, nxt = posterior(problem, k, p, z)
        if total <= 0.0:
            continue
        g = problem.goodbye[z]
        loss = problem.kept_loss if g else 0.0
        if nxt >= rule.threshold[t + 1, k, g]:
            a = rule.target[t + 1, k, g]
            keep = problem.hook[a] if g else 1.0
            value += total * (keep * (later.start[a] - loss) - problem.swap_cost)
        else:
            keep = problem.hook[k] if g else 1.0
            x = nxt / width
            i = min(int(x), grid - 2)
            w = x - i
            ahead = (1.0 - w) * later.stay[k, i] + w * later.stay[k, i + 1]
            value += total * keep * (ahead - loss)
    return value


@njit
def _evaluate(problem, rule, grid):  # type: ignore[no-untyped-def]
    n_k = problem.fit.shape[0]
    width = 1.0 / (grid - 1)
    later = _ToGo(np.zeros((n_k, grid)), np.zeros(n_k))
    for t in range(problem.length - 1, -1, -1):
        now = _ToGo(np.zeros((n_k, grid)), np.zeros(n_k))
        for k in range(n_k):
            for j in range(grid):
                now.stay[k, j] = _follow(problem, rule, t, k, j * width, later)
            now.start[k] = _follow(problem, rule, t, k, 1.0 - problem.fit[k], later)
        later = now
    return later.start[rule.first]


def evaluate_rule(problem: BeliefProblem, rule: ThresholdRule, grid: int = GRID) -> float:
    """Value of a threshold rule.

    The rule itself is applied at exact beliefs; only the value of staying is interpolated, and it
    is smooth except where a later threshold is crossed.
    """
    return float(_evaluate(problem, rule, grid))


def myopic_rule(problem: BeliefProblem) -> ThresholdRule:
    """The rule that maximises the expected reward of the coming turn."""
    k = len(problem.fit)
    arrival = problem.fit * problem.reward[:, 0] + (1.0 - problem.fit) * problem.reward[:, 1]
    threshold, target = np.full((k, 2), 2.0), np.tile(np.arange(k)[:, None], (1, 2))
    for i in range(k):
        for goodbye, keep in enumerate((np.ones(k), problem.hook)):
            others = [j for j in range(k) if j != i]
            if not others:
                continue
            target[i, goodbye] = best = max(others, key=lambda j: keep[j] * arrival[j])
            swap = keep[best] * arrival[best] - problem.swap_cost
            fresh, bored = keep[i] * problem.reward[i]
            if swap > fresh:
                threshold[i, goodbye] = 0.0
            elif swap > bored:
                # P(bored) must exceed the threshold: at a tie the current persona stays
                threshold[i, goodbye] = np.nextafter((fresh - swap) / (fresh - bored), np.inf)
    shape = (problem.length, 1, 1)
    return ThresholdRule(np.tile(threshold, shape), np.tile(target, shape), int(arrival.argmax()))
