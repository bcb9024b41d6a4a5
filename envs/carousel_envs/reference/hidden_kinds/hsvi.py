"""Heuristic search value iteration: bounds on the optimum of a POMDP, from both sides.

Trials walk from the first belief along the move whose upper bound is highest and the observation
that leaves most of the gap open, and improve both bounds on the way back (Smith & Simmons 2004,
2005). The bounds are those of `convex_bounds`: plans below, points above, on top of the value with
a known block. Each bound uses its own view of the observations (`decisions.Problem`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit, part
from ...compiled.copying import copy_matrix
from .backups import Beliefs, Search, back_up, look_ahead, promise_of_options
from .convex_bounds import Above, Below, advance, empty_chains, lower_at, upper_at
from .decisions import layer_after
from .starting_bounds import add_habits, fill_base

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .convex_bounds import Chains
    from .decisions import Decisions, Problem

# A walk goes on where the gap exceeds this share of the gap at the start ...
_TARGET = 0.8
# ... by this share of it, weighted with the probability to get there (falling as walks fail).
_LEAST = 1e-4
# Factor on the target for every walk in a row that changed nothing, and how many end the search.
_SHRINK, _PATIENCE = 0.9, 60
# From this number of trials on, all beliefs met are backed up again whenever it has doubled, while
# half of the work is still to be done.
_REVIEW = 64


@dataclass(frozen=True, eq=False)
class Bounds:
    """Result of a search.

    Attributes:
        lower, upper: enclose the optimal value at the start.
        plans: the plans below.
        root: index of the start's best plan among them.
        trials: walks from the start.
        work: multiplications spent, roughly.
    """

    lower: float
    upper: float
    plans: Chains
    root: int
    trials: int
    work: int


@part
def _widest_gap(search, after, belief, move, allowed, least, out):  # type: ignore[no-untyped-def]
    """By how much a gap that follows a move, in either view, exceeds `allowed` at most; writes its
    belief to `out` where that is more than `least`, which is returned otherwise."""
    decisions, low, high = search.decisions, search.low, search.high
    child, widest = np.empty_like(belief), least
    for z in range(low.shape[1] + high.shape[1]):
        if z < low.shape[1]:
            mass = advance(belief, low[move, z], child)
        else:
            mass = advance(belief, high[move, z - low.shape[1]], child)
        gap = upper_at(search.above, after, decisions.to[move], child)
        gap -= lower_at(search.below, after, decisions.to[move], child)[0]
        gap = decisions.discount * gap - mass * allowed
        if gap > widest:
            widest = gap
            copy_matrix(decisions.discount * child, out)
    return widest


@njit
def _walk(search, start, mode, path, modes, target, least):  # type: ignore[no-untyped-def]
    """Walk down from the start, writing down modes and beliefs that sum to 1; returns how many.

    Observations are looked at in both views. The walk goes to where the gap exceeds `target` (at a
    belief that sums to 1) by most, weighted with the probability to get there, and ends where that
    is no more than `least`. Targets shrink on the way, since each step adds the difference between
    the two views of an observation.
    """
    decisions = search.decisions
    promise = np.empty(decisions.options.shape[1])
    belief = start.copy()
    depth, scale = 0, 1.0
    while True:
        copy_matrix(belief, path[depth])
        modes[depth] = mode
        layer = depth if decisions.layers > 0 else 0
        depth += 1
        if depth == path.shape[0]:
            break
        promise_of_options(search, layer, mode, belief, promise)
        _, j = look_ahead(search, layer, mode, belief, promise)
        after = layer_after(decisions, layer)
        allowed = target * (1.0 - 0.5 * depth / path.shape[0]) / scale
        if _widest_gap(search, after, belief, j, allowed, least, path[depth]) <= least:
            break
        belief, mode = path[depth], decisions.to[j]
        scale *= decisions.discount
    for d in range(depth):
        copy_matrix(path[d] / path[d].sum(), path[d])
    return depth


def _reach(decisions: Decisions) -> int:
    """Depth of a walk: discounted rewards beyond it are below 1e-6 of the largest sum."""
    if decisions.layers > 0:
        return decisions.layers
    return int(np.ceil(np.log(1e-6) / np.log(decisions.discount)))


def _opened(problem: Problem, grid: int, size: int, room: int) -> Search:
    """A search with its first bounds, and room for `size` plans and `room` points."""
    decisions, shape = problem.decisions, problem.start.shape
    layers, n_modes = max(decisions.layers, 1), len(decisions.options)
    endless = decisions.layers == 0
    sweeps = 4 * _reach(decisions) if endless else layers
    points = grid if shape[1] == 2 else shape[1]
    base = np.zeros((layers, n_modes, shape[0], points))
    if endless:
        base[:] = max(float(decisions.reward.max()), 0.0) / (1.0 - decisions.discount)
    fill_base(decisions, problem.high if problem.base is None else problem.base, base, sweeps)
    spent = np.zeros(1, dtype=np.int64)
    below = Below(empty_chains(layers, n_modes, size, shape, problem.low.shape[1]), spent)
    above = Above(base, empty_chains(layers, n_modes, room, shape, 0), np.empty(shape), spent)
    add_habits(decisions, problem.low, below.plans, sweeps)
    return Search(decisions, problem.low, problem.high, below, above)


def _plan_for(search: Search, seeds: NDArray[np.float64]) -> None:
    """Make plans for these beliefs in every layer after the first, and in every mode."""
    layers = max(search.decisions.layers, 1)
    later = np.arange(layers - 1, 0 if layers > 1 else -1, -1)
    modes = np.unique(search.decisions.to)
    where = np.meshgrid(later, modes, np.arange(len(seeds)), indexing="ij")
    rows, columns, which = (part.ravel() for part in where)
    back_up(search, Beliefs(rows, columns, seeds[which]), False)


def _review(search: Search, met: list[Beliefs]) -> None:
    """Back up all beliefs again: early backups rest on bounds that have improved since."""
    rows, columns, beliefs = (np.concatenate(part) for part in zip(*met, strict=True))
    order = np.argsort(-rows, kind="stable")
    back_up(search, Beliefs(rows[order], columns[order], beliefs[order]), True)


def search(
    problem: Problem,
    *,
    seeds: NDArray[np.float64] | None = None,
    grid: int = 2,
    tolerance: float = 0.01,
    work: float = 1e9,
    room: int = 1 << 17,
) -> Bounds:
    """Enclose the optimal value at the start.

    Nothing depends on the clock: the same problem gives the same figures.

    Args:
        problem: the POMDP.
        seeds: beliefs to make plans for before the trials, shape (n, blocks, states).
        grid: points of the base on [0, 1], for blocks of two states.
        tolerance: stop once upper - lower <= tolerance * |upper|.
        work: stop after about so many multiplications.
        room: plans and points that the trials may add.
    """
    start, mode, decisions = problem.start, problem.mode, problem.decisions
    seeds = np.zeros((0, *start.shape)) if seeds is None else seeds
    size = max(decisions.layers, 1) * len(decisions.options) * (1 + len(seeds)) + room
    found, reach = _opened(problem, grid, size, room), _reach(decisions)
    spent, plans, points = found.below.spent, found.below.plans, found.above.points
    _plan_for(found, seeds)
    path, modes = np.empty((reach, *start.shape)), np.zeros(reach, dtype=np.int64)
    trials, failed, share = 0, 0, _LEAST
    met: list[Beliefs] = []
    while True:
        upper = upper_at(found.above, 0, mode, start)
        lower, root = lower_at(found.below, 0, mode, start)
        gap = upper - lower
        done = gap <= tolerance * abs(upper) or failed == _PATIENCE or spent[0] >= work
        review = trials >= _REVIEW and trials & (trials - 1) == 0 and spent[0] < work / 2
        new = reach + (sum(len(part.layers) for part in met) if review else reach)
        if done or plans.used[0] + new > size or points.used[0] + new > room:
            return Bounds(float(lower), float(upper), plans, int(root), trials, int(spent[0]))
        if review:
            _review(found, met)
        target, least = gap * _TARGET * _SHRINK**failed, gap * share
        depth = _walk(found, start, mode, path, modes, target, least)
        back = np.arange(depth - 1, -1, -1)
        rows = np.zeros_like(back) if decisions.layers == 0 else back
        met.append(Beliefs(rows, modes[back], path[back]))
        better = back_up(found, met[-1], True)
        trials += 1
        failed = 0 if better else failed + 1
        share = share if better else share / 4
