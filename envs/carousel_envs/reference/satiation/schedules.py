"""The optimal schedule for a known user who satiates.

Where the user is known and every persona's mood is certain (fit 0 or 1, no hazard), satiation is a
known function of the schedule, so the problem is deterministic and its optimum an open-loop
schedule: a "rebounding bandit" (Leqi et al. 2021, arXiv 2011.06741; see also the recovering bandits
of Pike-Burke & Grunewalder 2019). For identical personas without swap cost greedy is optimal while
engagement stays above 0; with different ones, or with a swap cost, it is not.

`solve_satiation` is dynamic programming forward over the satiation vectors that can be reached.
A partial schedule is dropped where another one at the same turn can follow any continuation of it
at no loss (dominance), or where its Lagrangian bound (`lagrangian`) cannot beat the best schedule
known. If no layer outgrows its width the result is certified; else the bounds of the dropped
schedules make it two-sided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part
from ...users.table import UNIT
from .lagrangian import Relaxation, relax
from .problem import chance_at, interpolate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .problem import SatiationProblem

TOLERANCE = 1e-3
"""Gap below which bounds count as exact, in engagement per session."""

NODES = 800_000
"""Partial schedules kept in all: the limit on work."""

# Bounds that beat the best schedule known by no more than the first number are not followed up;
# merging near schedules loses no more than the second, in all.
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


class _Layer(NamedTuple):
    """Partial schedules of one length.

    Attributes:
        satiation: shape (n, K).
        pick: last persona, shape (n,).
        earned: value so far, shape (n,).
        most: the largest value that the schedule, and those merged into it, could have earned given
            its future, shape (n,); at most `_SLACK` more.
    """

    satiation: NDArray[np.float64]
    pick: NDArray[np.int64]
    earned: NDArray[np.float64]
    most: NDArray[np.float64]


class _Children(NamedTuple):
    """Partial schedules that are one turn longer: fields as in `_Layer`, and the schedule that each
    continues, and its upper bound."""

    satiation: NDArray[np.float64]
    pick: NDArray[np.int64]
    earned: NDArray[np.float64]
    most: NDArray[np.float64]
    parent: NDArray[np.int64]
    bound: NDArray[np.float64]


class _Future(NamedTuple):
    """The turns after a layer.

    Attributes:
        turns: how many.
        alive: P(the user is still present at their beginning).
        reach: how often a unit of satiation counts at most, when its persona is always active.
        allowed: loss that merging may have caused so far.
    """

    turns: int
    alive: float
    reach: float
    allowed: float


@part
def _relaxed_value(tables, t, satiation, current, top):  # type: ignore[no-untyped-def]
    """Relaxed value of turns t and later, without the dues of the prices."""
    total = 0.0
    for k in range(tables.shape[1]):
        row = tables[t, k, 1 if k == current else 0]
        total += interpolate(row, satiation[k], top)
    return total


@part
def _expand(problem, relaxed, layer, t, alive, best, children):  # type: ignore[no-untyped-def]
    """Continue every schedule of a layer with every persona; returns how many children may beat
    `best`, and the largest bound of the others."""
    n_k = problem.engagement.shape[0]
    m, dropped = 0, -np.inf
    after = alive * (1.0 - problem.leave)
    for i in range(layer.earned.shape[0]):
        for k in range(n_k):
            paid = chance_at(problem.engagement[k], problem.gain[k], layer.satiation[i, k])
            if t > 0 and k != layer.pick[i]:
                paid -= problem.swap_cost
            child = children.satiation[m]
            for j in range(n_k):
                enacted = 1.0 if j == k else 0.0
                child[j] = problem.memory * (layer.satiation[i, j] + enacted)
            ahead = 0.0
            if t + 1 < problem.length:
                promise = _relaxed_value(relaxed.tables, t + 1, child, k, relaxed.top)
                ahead = after * (promise + relaxed.dues[t + 1])
            children.bound[m] = layer.most[i] + alive * paid + ahead
            if children.bound[m] <= best + _PRUNE:
                dropped = max(dropped, children.bound[m])
                continue
            children.pick[m], children.parent[m] = k, i
            children.earned[m] = layer.earned[i] + alive * paid
            children.most[m] = layer.most[i] + alive * paid
            m += 1
    return m, dropped


@part
def _cell_of(satiation, width):  # type: ignore[no-untyped-def]
    """Hash of the coarse cell of a satiation vector."""
    key = np.int64(0)
    for j in range(satiation.shape[0]):
        key = key * np.int64(1000003) + np.int64(satiation[j] / width)
    return (key ^ (key >> 16)) & np.int64(_CELLS - 1)


@part
def _loss(problem, children, b, other, future):  # type: ignore[no-untyped-def]
    """The most that child `other` can earn less than child b over the same future."""
    loss, worse = 0.0, False
    for j in range(problem.gain.shape[0]):
        gap = children.satiation[other, j] - children.satiation[b, j]
        if gap > 1e-12 and problem.gain[j] > 0.0:
            loss += problem.gain[j] * gap * future.reach
            worse = True
    if worse:
        # rounding may favour the other by one unit a turn
        loss += future.alive * future.turns / UNIT
    if children.pick[other] != children.pick[b]:
        loss += future.alive * problem.swap_cost
    return loss


@part
def _select(problem, children, order, cell, future, width, head):  # type: ignore[no-untyped-def]
    """Merge near children and keep at most `width`, in the order given, by falling bound; returns
    the children that are kept, and the largest bound of those beyond the width (or -inf).

    `head` is scratch space, the first child kept in each cell.
    """
    head[:] = -1
    room = min(order.shape[0], width)
    kept = np.empty(room, dtype=np.int64)
    following = np.empty(room, dtype=np.int64)
    size = 0
    for b in order:
        # compared only with those kept in the same coarse cell of satiation, which are near
        key = _cell_of(children.satiation[b], cell)
        a = head[key]
        merged = False
        while a >= 0 and not merged:
            other = kept[a]
            could = children.most[b] + _loss(problem, children, b, other, future)
            if could <= children.earned[other] + future.allowed:
                children.most[other] = max(children.most[other], could)
                merged = True
            a = following[a]
        if merged:
            continue
        if size == width:
            return kept, children.bound[b]
        kept[size] = b
        following[size] = head[key]
        head[key] = size
        size += 1
    return kept[:size], -np.inf


@njit
def _search(problem, relaxed, best, width):  # type: ignore[no-untyped-def]
    """Forward dynamic programming in layers of at most `width` schedules: best value and schedule
    found, and an upper bound; `best` is a value that is attained."""
    length, n_k = problem.length, problem.engagement.shape[0]
    layer = _Layer(np.zeros((1, n_k)), np.full(1, -1), np.zeros(1), np.zeros(1))
    parents = np.zeros((length, width), dtype=np.int32)
    picks = np.zeros((length, width), dtype=np.int8)
    upper, alive = best, 1.0
    head = np.empty(_CELLS, dtype=np.int64)
    fade = (1.0 - problem.leave) * problem.memory
    for t in range(length):
        n = layer.earned.shape[0] * n_k
        children = _Children(
            np.empty((n, n_k)),
            np.empty(n, dtype=np.int64),
            np.empty(n),
            np.empty(n),
            np.empty(n, dtype=np.int64),
            np.empty(n),
        )
        m, dropped = _expand(problem, relaxed, layer, t, alive, best, children)
        upper = max(upper, dropped)
        if m == 0:
            return best, np.full(length, -1), upper
        order = np.argsort(-children.bound[:m])
        alive, left = alive * (1.0 - problem.leave), length - t - 1
        reach = alive * (1.0 - fade**left) / (1.0 - fade)
        future = _Future(left, alive, reach, _SLACK * (t + 1) / length)
        kept, dropped = _select(problem, children, order, relaxed.top / 16.0, future, width, head)
        upper = max(upper, dropped)
        layer = _Layer(
            children.satiation[kept],
            children.pick[kept],
            children.earned[kept],
            children.most[kept],
        )
        for i in range(kept.shape[0]):
            parents[t, i] = children.parent[kept[i]]
            picks[t, i] = children.pick[kept[i]]
    node = int(np.argmax(layer.earned))
    value = layer.earned[node]
    upper = max(upper, layer.most.max())
    schedule = np.full(length, -1)
    for t in range(length - 1, -1, -1):
        schedule[t] = picks[t, node]
        node = parents[t, node]
    return value, schedule, upper


def solve_satiation(problem: SatiationProblem, nodes: int = NODES) -> SatiationSolution:
    """Bounds on the optimum, and a schedule; see the module."""
    schedule = problem.greedy()
    lower = problem.value(schedule)
    width = max(nodes // problem.length, 1)
    relaxed = relax(problem, lower)
    # a first, narrow pass improves the schedule that the second pass prunes against
    for layer in (min(width, 200), width):
        value, trial, upper = _search(problem, relaxed, lower, layer)
        if value > lower:
            lower, schedule = problem.value(trial), trial
        if upper - lower < TOLERANCE:
            break
    upper = max(min(float(upper), relaxed.bound), lower)
    return SatiationSolution(lower, upper, schedule, relaxed)
