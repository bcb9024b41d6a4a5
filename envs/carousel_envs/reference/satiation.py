"""Rotation and rest: users who never get bored but tire of whoever speaks (no hidden state).

With fit 1, no hazard and one kind of user, satiation is a known function of the schedule, so the
problem is deterministic and its optimum an open-loop schedule. All personas are then alike.

*Above*: the constraint that exactly one persona speaks per turn is priced by multipliers mu_t. The
Lagrangian splits into identical one-persona problems (Whittle 1988), solved on a grid with
satiation rounded down, which can only help: L(mu) = K V(mu) + sum mu_t bounds the optimum for every
mu. *Below*: the value of a schedule found by beam search, with the relaxed values as the estimate
of what is still to come. Without swap cost, and while engagement stays above 0, the greedy schedule
is optimal for identical personas (Leqi et al., "Rebounding bandits", arXiv 2011.06741).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..users import UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GRID = 1501
_BEAM = 1500


@dataclass(frozen=True, eq=False)
class SatiationSolution:
    """Bounds on the optimum and the schedule that attains the lower one, shape (T,)."""

    lower: float
    upper: float
    schedule: NDArray[np.int64]


@dataclass(frozen=True)
class SatiationProblem:
    """One kind of user, always fresh, and K identical personas."""

    engagement: float
    gain: float
    memory: float
    leave: float
    length: int
    swap_cost: float
    n_actions: int

    def survival(self) -> NDArray[np.float64]:
        """P(the session has not ended before turn t), shape (T,)."""
        return np.asarray((1.0 - self.leave) ** np.arange(self.length))

    def reward(self, satiation: NDArray[np.float64]) -> NDArray[np.float64]:
        """Engagement probability at this satiation, elementwise, in the kernel's resolution."""
        chance = self.engagement * UNIT - self.gain * satiation * UNIT
        return np.asarray(np.rint(np.maximum(chance, 0.0)) / UNIT)

    def value(self, schedule: NDArray[np.integer]) -> float:
        """Expected total reward of a schedule, shape (T,)."""
        alive = self.survival()
        satiation = np.zeros(self.n_actions)
        total = 0.0
        for t, k in enumerate(schedule):
            swap = t > 0 and k != schedule[t - 1]
            total += alive[t] * (float(self.reward(satiation[k])) - self.swap_cost * swap)
            satiation[k] += 1.0
            satiation *= self.memory
        return total

    def greedy(self) -> NDArray[np.int64]:
        """The myopic schedule, shape (T,)."""
        satiation = np.zeros(self.n_actions)
        schedule = np.zeros(self.length, dtype=np.int64)
        current = -1
        for t in range(self.length):
            cost = self.swap_cost * ((np.arange(self.n_actions) != current) & (current >= 0))
            current = int(np.argmax(self.reward(satiation) - cost))
            schedule[t] = current
            satiation[current] += 1.0
            satiation *= self.memory
        return schedule


def _relaxed(
    problem: SatiationProblem, prices: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """One persona against prices: value, picks (T,), tables (T + 1, 2, grid), the grid."""
    top = problem.memory / (1.0 - problem.memory)
    grid = np.linspace(0.0, top, _GRID)
    rest = np.searchsorted(grid, problem.memory * grid + 1e-12, side="right") - 1
    speak = np.searchsorted(grid, problem.memory * (grid + 1.0) + 1e-12, side="right") - 1
    alive = problem.survival()
    tables = np.zeros((problem.length + 1, 2, _GRID))
    choice = np.zeros((problem.length, 2, _GRID), dtype=np.bool_)
    gain = problem.reward(grid)
    for t in range(problem.length - 1, -1, -1):
        resting = tables[t + 1, 0, rest]
        speaking = alive[t] * gain - prices[t] + tables[t + 1, 1, speak]
        for active in (0, 1):
            cost = 0.0 if active or t == 0 else alive[t] * problem.swap_cost
            choice[t, active] = speaking - cost > resting
            tables[t, active] = np.maximum(speaking - cost, resting)
    picks = np.zeros(problem.length)
    at, active = 0, 0
    for t in range(problem.length):
        picked = bool(choice[t, active, at])
        picks[t] = picked
        at = int(speak[at] if picked else rest[at])
        active = int(picked)
    return float(tables[0, 0, 0]), picks, tables, grid


def _upper_bound(
    problem: SatiationProblem, target: float, steps: int = 150
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Least Lagrangian bound found by Polyak's subgradient steps toward `target`, and the relaxed
    values behind it: tables (T + 1, 2, grid) and the grid."""
    k = problem.n_actions
    best, best_prices = np.inf, np.zeros(problem.length)
    alive = problem.survival()
    for level in np.linspace(0.0, problem.engagement, 25):
        bound = k * _relaxed(problem, level * alive)[0] + float((level * alive).sum())
        if bound < best:
            best, best_prices = bound, level * alive
    prices = best_prices.copy()
    for step in range(steps):
        value, picks, _, _ = _relaxed(problem, prices)
        bound = k * value + float(prices.sum())
        if bound < best:
            best, best_prices = bound, prices.copy()
        slope = 1.0 - k * picks
        norm = float(slope @ slope)
        if norm == 0.0 or bound <= target:
            break
        prices = prices - (bound - target) / norm / (1.0 + step / 20) * slope
    _, _, tables, grid = _relaxed(problem, best_prices)
    return best, tables, grid


def solve_satiation(problem: SatiationProblem) -> SatiationSolution:
    """Bounds and a schedule; see the module."""
    greedy = problem.greedy()
    schedule, lower = greedy, problem.value(greedy)
    upper, tables, grid = _upper_bound(problem, lower)
    found = _beam(problem, tables, grid)
    if problem.value(found) > lower:
        schedule, lower = found, problem.value(found)
    assert upper >= lower - 1e-9
    return SatiationSolution(float(lower), float(max(upper, lower)), schedule)


def _beam(
    problem: SatiationProblem, tables: NDArray[np.float64], grid: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Best schedule found by keeping the most promising partial ones."""
    k, alive = problem.n_actions, problem.survival()
    width = grid[1] - grid[0]
    satiation = np.zeros((1, k))
    current = np.full(1, -1)
    value = np.zeros(1)
    history = np.zeros((1, 0), dtype=np.int64)
    for t in range(problem.length):
        n = len(value)
        pick = np.tile(np.arange(k), n)
        parent = np.repeat(np.arange(n), k)
        swap = (current[parent] != pick) & (t > 0)
        gained = problem.reward(satiation[parent, pick]) - problem.swap_cost * swap
        new_value = value[parent] + alive[t] * gained
        new = satiation[parent].copy()
        new[np.arange(n * k), pick] += 1.0
        new *= problem.memory
        index = np.minimum((new / width).astype(np.int64), len(grid) - 1)
        active = (np.arange(k)[None, :] == pick[:, None]).astype(np.int64)
        promise = new_value + tables[t + 1][active, index].sum(axis=1)
        order = np.argsort(-promise, kind="stable")[: 4 * _BEAM]
        # personas are alike: schedules that differ by a renaming lead to the same future
        own = new[order, pick[order]]
        others = np.where(active[order] > 0, -1.0, new[order])
        key = np.column_stack([own, np.sort(others, axis=1)]).round(9)
        _, distinct = np.unique(key, axis=0, return_index=True)
        kept = order[np.sort(distinct)[:_BEAM]]
        satiation, current, value = new[kept], pick[kept], new_value[kept]
        history = np.column_stack([history[parent[kept]], pick[kept]])
    return np.asarray(history[int(np.argmax(value))])
