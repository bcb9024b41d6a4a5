"""Rotation and rest with a known user: personas that wear off with use and recover unused.

Where the user is known and every persona's mood is certain (fit 0 or 1, no hazard), satiation is a
known function of the schedule, so the problem is deterministic and its optimum an open-loop
schedule: a "rebounding bandit" (Leqi et al. 2021, arXiv 2011.06741; see also the recovering bandits
of Pike-Burke & Grunewalder 2019). For identical personas without swap cost greedy is optimal while
engagement stays above 0; with different ones, or with a swap cost, it is not.

`solve_satiation` is dynamic programming forward over the satiation vectors that can be reached.
A partial schedule is dropped where another one, at the same turn, can do whatever it does at no
loss (dominance), or where its Lagrangian bound (`lagrangian.py`) cannot beat the best schedule
known. If no layer outgrows its width the result is certified; else the bounds of what was dropped
make it two-sided.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit
from ...users.table import UNIT
from .lagrangian import Relaxation, relax

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-3
"""Gap below which bounds count as exact, in engagement per session."""

NODES = 800_000
"""Partial schedules kept in all: the limit on work."""

# Bounds that beat the best schedule known by no more than this are not followed up; and no more
# than this is lost, in all, where near schedules are merged.
_PRUNE, _SLACK = 1e-4, 5e-4
_CELLS = 1 << 16


@dataclass(frozen=True, eq=False)
class SatiationSolution:
    """Bounds on the optimum, the schedule that attains the lower one, shape (T,), and the
    relaxation behind the upper one."""

    lower: float
    upper: float
    schedule: NDArray[np.int64]
    relaxation: Relaxation

    @property
    def exact(self) -> bool:
        """Whether the bounds meet."""
        return self.upper - self.lower < TOLERANCE


@dataclass(frozen=True, eq=False)
class SatiationProblem:
    """One known user and K personas.

    Attributes:
        engagement: chance of engagement with a rested persona, shape (K,).
        gain: chance lost per unit of satiation, shape (K,).
        memory: share of satiation kept from turn to turn.
        leave: P(leaving) per turn.
        length: T.
        swap_cost: engagement units.
    """

    engagement: NDArray[np.float64]
    gain: NDArray[np.float64]
    memory: float
    leave: float
    length: int
    swap_cost: float

    @classmethod
    def alike(
        cls, personas: int, engagement: float, gain: float, **rest: float
    ) -> SatiationProblem:
        """K personas of the same engagement and gain."""
        numbers = np.full(personas, engagement), np.full(personas, gain)
        return cls(*numbers, **{"leave": 0.0, "swap_cost": 0.0, **rest})  # type: ignore[arg-type]

    @property
    def n_actions(self) -> int:
        """K."""
        return len(self.engagement)

    @cached_property
    def top(self) -> float:
        """Satiation with a persona that has always spoken: no more is possible."""
        return max(self.memory / (1.0 - self.memory), 1e-6)

    def survival(self) -> NDArray[np.float64]:
        """P(the session has not ended before turn t), shape (T,)."""
        return np.asarray((1.0 - self.leave) ** np.arange(self.length))

    def reward(self, satiation: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chance of engagement at satiation (..., K), in the kernel's resolution."""
        chance = self.engagement * UNIT - self.gain * satiation * UNIT
        return np.asarray(np.rint(np.maximum(chance, 0.0)) / UNIT)

    def value(self, schedule: NDArray[np.integer]) -> float:
        """Expected total reward of a schedule, shape (T,)."""
        alive = self.survival()
        satiation = np.zeros(self.n_actions)
        total = 0.0
        for t, k in enumerate(schedule):
            swap = t > 0 and k != schedule[t - 1]
            total += alive[t] * (float(self.reward(satiation)[k]) - self.swap_cost * swap)
            satiation[k] += 1.0
            satiation *= self.memory
        return total

    def greedy(self) -> NDArray[np.int64]:
        """The myopic schedule, shape (T,); at a tie whoever speaks stays."""
        satiation = np.zeros(self.n_actions)
        schedule = np.zeros(self.length, dtype=np.int64)
        current = -1
        for t in range(self.length):
            worth = np.maximum(self.engagement - self.gain * satiation, 0.0)
            if current >= 0:
                worth[np.arange(self.n_actions) != current] -= self.swap_cost
            best = int(np.argmax(worth))
            stays = current >= 0 and worth[current] > worth[best] - 1e-12
            current = current if stays else best
            schedule[t] = current
            satiation[current] += 1.0
            satiation *= self.memory
        return schedule


@njit
def _promise(tables, t, satiation, current, top):  # type: ignore[no-untyped-def]
    """Relaxed value of what is still to come, without the dues of the prices."""
    n = tables.shape[3]
    total = 0.0
    for k in range(tables.shape[1]):
        x = min(satiation[k], top) / top * (n - 1)
        g = min(int(x), n - 2)
        row = tables[t, k, 1 if k == current else 0]
        total += row[g] + (x - g) * (row[g + 1] - row[g])
    return total


@njit
def _search(  # type: ignore[no-untyped-def]
    engagement, gain, memory, stay, cost, tables, dues, top, cell, best, width, prune, slack
):
    """Forward dynamic programming: best value and schedule found, and an upper bound.

    Every node carries what it has earned, and the most that it and the nodes that were merged into
    it could have earned had they its future (at most `slack` more).
    """
    length, n_k = dues.shape[0] - 1, engagement.shape[0]
    room = width * n_k
    satiation = np.zeros((1, n_k))
    current = np.full(1, -1)
    earned, most = np.zeros(1), np.zeros(1)
    parents = np.zeros((length, width), dtype=np.int32)
    picks = np.zeros((length, width), dtype=np.int8)
    upper, alive = best, 1.0
    head = np.empty(_CELLS, dtype=np.int64)
    for t in range(length):
        n = earned.shape[0]
        child = np.empty((min(n * n_k, room), n_k))
        child_pick = np.empty(n * n_k, dtype=np.int64)
        child_parent = np.empty(n * n_k, dtype=np.int64)
        child_earned, child_most = np.empty(n * n_k), np.empty(n * n_k)
        bound = np.empty(n * n_k)
        m = 0
        after = alive * stay
        for i in range(n):
            for k in range(n_k):
                paid = max(engagement[k] - gain[k] * satiation[i, k], 0.0)
                paid = np.rint(paid * UNIT) / UNIT
                if t > 0 and k != current[i]:
                    paid -= cost
                for j in range(n_k):
                    child[m, j] = memory * (satiation[i, j] + (1.0 if j == k else 0.0))
                ahead = 0.0
                if t + 1 < length:
                    ahead = after * (_promise(tables, t + 1, child[m], k, top) + dues[t + 1])
                bound[m] = most[i] + alive * paid + ahead
                if bound[m] <= best + prune:
                    upper = max(upper, bound[m])
                    continue
                child_pick[m], child_parent[m] = k, i
                child_earned[m], child_most[m] = earned[i] + alive * paid, most[i] + alive * paid
                m += 1
        if m == 0:
            return best, np.full(length, -1), upper
        order = np.argsort(-bound[:m])
        # what a unit of satiation can cost at most: the persona speaks at every turn to come
        left = length - t - 1
        fade = stay * memory
        reach = after * (1.0 - fade**left) / (1.0 - fade)
        allowed = slack * (t + 1) / length
        head[:] = -1
        kept = np.empty(min(m, width), dtype=np.int64)
        following = np.empty(min(m, width), dtype=np.int64)
        size = 0
        for position in range(m):
            # compared only with those kept in the same coarse cell of satiation: they are near
            b = order[position]
            key = np.int64(0)
            for j in range(n_k):
                key = key * np.int64(1000003) + np.int64(child[b, j] / cell)
            key = (key ^ (key >> 16)) & np.int64(_CELLS - 1)
            a = head[key]
            merged = False
            while a >= 0 and not merged:
                other = kept[a]
                loss, worse = 0.0, False
                for j in range(n_k):
                    gap = child[other, j] - child[b, j]
                    if gap > 1e-12 and gain[j] > 0.0:
                        loss += gain[j] * gap * reach
                        worse = True
                if worse:
                    # rounding may favour the other by one unit a turn
                    loss += after * left / UNIT
                if child_pick[other] != child_pick[b]:
                    loss += after * cost
                could = child_most[b] + loss
                if could <= child_earned[other] + allowed:
                    child_most[other] = max(child_most[other], could)
                    merged = True
                a = following[a]
            if merged:
                continue
            if size == width:
                # sorted by bound: nothing that follows can be worth more than this
                upper = max(upper, bound[b])
                break
            kept[size] = b
            following[size] = head[key]
            head[key] = size
            size += 1
        kept = kept[:size]
        satiation, current = child[kept], child_pick[kept]
        earned, most = child_earned[kept], child_most[kept]
        for i in range(size):
            parents[t, i] = child_parent[kept[i]]
            picks[t, i] = child_pick[kept[i]]
        alive = after
    node = int(np.argmax(earned))
    value = earned[node]
    upper = max(upper, most.max())
    schedule = np.full(length, -1)
    for t in range(length - 1, -1, -1):
        schedule[t] = picks[t, node]
        node = parents[t, node]
    return value, schedule, upper


def solve_satiation(problem: SatiationProblem, nodes: int = NODES) -> SatiationSolution:
    """Bounds on the optimum and a schedule; see the module."""
    schedule = problem.greedy()
    lower = problem.value(schedule)
    width = max(nodes // problem.length, 1)
    found = relax(problem, lower)
    # a first, narrow pass gives the pruning of the second something to compare with
    for layer in (min(width, 200), width):
        value, trial, upper = _search(
            problem.engagement,
            problem.gain,
            problem.memory,
            1.0 - problem.leave,
            problem.swap_cost,
            found.tables,
            found.dues,
            found.top,
            problem.top / 16.0,
            lower,
            layer,
            _PRUNE,
            _SLACK,
        )
        if value > lower:
            lower, schedule = problem.value(trial), trial
        if upper - lower < TOLERANCE:
            break
    upper = max(min(float(upper), found.bound), lower)
    return SatiationSolution(lower, upper, schedule, found)
