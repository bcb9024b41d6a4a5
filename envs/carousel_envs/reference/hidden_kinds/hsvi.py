"""Heuristic search value iteration: bounds on the optimum of a POMDP, from both sides.

Trials walk from the first belief along the move whose upper bound is highest and the observation
that leaves most of the gap open, and improve both bounds on the way back (Smith & Simmons 2004,
2005). The bounds are those of `convex`: plans below, points above, and as a base what could be had
by somebody who is told the block of the hidden state.

The two bounds may see what follows a move through different eyes. Merging observations makes
somebody who knows less and keeps the lower bound one; splitting them in a mean-preserving way makes
somebody who knows more (Blackwell 1953) and keeps the upper bound one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit
from .convex_bounds import (
    add_plan,
    add_point,
    advance,
    base_at,
    dot,
    empty_chains,
    insert,
    lower_at,
    upper_at,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .convex_bounds import Chains

# A walk goes on where the gap exceeds this share of the gap at the start ...
_TARGET = 0.8
# ... by this share of it, weighted with the chance to get there (less and less as walks fail).
_LEAST = 1e-4
# Factor on the target for every walk in a row that changed nothing, and how many end the search.
_SHRINK, _PATIENCE = 0.9, 60
# From so many trials on, everything met is backed up again whenever the number has doubled,
# while half of the work is still to be done.
_REVIEW = 64


class Decisions(NamedTuple):
    """What may be done and what it pays.

    A *mode* is the part of the state that is seen (the current persona); a *move* is an action
    together with what it does, which several modes may share. What follows a move is told by
    arrays of shape (moves, observations, blocks, states, states): P(observation, next state |
    state, move); what is missing to 1 is the chance that everything is over.

    Attributes:
        options: moves that are open in each mode, -1 for none, shape (modes, options). Every mode
            has its first.
        to: mode that a move leads to, shape (moves,).
        reward: of a move, shape (moves, blocks, states).
        layers: number of decisions; or 0: without end, and discounted.
        discount: factor per decision.
    """

    options: NDArray[np.int64]
    to: NDArray[np.int64]
    reward: NDArray[np.float64]
    layers: int
    discount: float


@dataclass(frozen=True, eq=False)
class Bounds:
    """What a search found.

    Attributes:
        lower, upper: enclose the optimal value at the start.
        plans: the plans below.
        root: place of the start's best plan among them.
        trials: walks from the start.
        work: multiplications spent, roughly.
    """

    lower: float
    upper: float
    plans: Chains
    root: int
    trials: int
    work: int


@njit
def _after(decisions, layer):  # type: ignore[no-untyped-def]
    """The layer that follows; -1 after the last."""
    if decisions.layers == 0:
        return 0
    return layer + 1 if layer + 1 < decisions.layers else -1


@njit
def _promise(decisions, seen, base, layer, mode, belief, out, work):  # type: ignore[no-untyped-def]
    """What the base makes of every option, one step ahead."""
    child = np.empty_like(belief)
    after = _after(decisions, layer)
    for i in range(out.shape[0]):
        j = decisions.options[mode, i]
        out[i] = dot(belief, decisions.reward[j]) if j >= 0 else -np.inf
        if j >= 0 and after >= 0:
            for z in range(seen.shape[1]):
                work[0] += belief.size
                advance(belief, seen[j, z], child)
                out[i] += decisions.discount * base_at(child, base[after, decisions.to[j]])


@njit
def _look_ahead(  # type: ignore[no-untyped-def]
    decisions, seen, base, above, layer, mode, belief, promise, work
):
    """The upper bound one step ahead, and its move. Options are tried in the order of what they
    promise, until none promises more than the best has shown."""
    child, rest = np.empty_like(belief), np.empty_like(belief)
    after = _after(decisions, layer)
    untried = promise.copy()
    best, best_value = -1, -np.inf
    while True:
        i = int(untried.argmax())
        if untried[i] <= best_value:
            return best_value, best
        untried[i] = -np.inf
        j = decisions.options[mode, i]
        value = dot(belief, decisions.reward[j])
        if after >= 0:
            for z in range(seen.shape[1]):
                advance(belief, seen[j, z], child)
                value += decisions.discount * upper_at(
                    child, base, above, after, decisions.to[j], rest, work
                )
        if value > best_value:
            best, best_value = j, value


@njit
def _plan(  # type: ignore[no-untyped-def]
    decisions, seen, below, layer, mode, belief, promise, plan, follow, work
):
    """Best plan that starts with one move and goes on with known plans: written into `plan` and
    `follow`; returns its value and move. Options are tried as in `_look_ahead`."""
    child, trial = np.empty_like(belief), np.empty_like(belief)
    places = np.full(seen.shape[1], -1)
    after = _after(decisions, layer)
    untried = promise.copy()
    best, best_value = -1, -np.inf
    while True:
        i = int(untried.argmax())
        if untried[i] <= best_value:
            return best_value, best
        untried[i] = -np.inf
        j = decisions.options[mode, i]
        trial[:] = decisions.reward[j]
        if after >= 0:
            for z in range(seen.shape[1]):
                advance(belief, seen[j, z], child)
                _, v = lower_at(child, below, after, decisions.to[j], work)
                places[z] = v
                for a in range(trial.shape[0]):
                    for r in range(trial.shape[1]):
                        for s in range(trial.shape[1]):
                            trial[a, r] += (
                                decisions.discount * seen[j, z, a, r, s] * below.vectors[v, a, s]
                            )
        value = dot(belief, trial)
        if value > best_value:
            best, best_value = j, value
            plan[:] = trial
            follow[:] = places


@njit
def _back_up(  # type: ignore[no-untyped-def]
    decisions, low, high, base, below, above, layers, modes, beliefs, both, work
):
    """Improve the lower bound, or both, at beliefs in their order; returns whether that did."""
    taken = below.used[0] + above.used[0]
    plan, rest = np.empty_like(beliefs[0]), np.empty_like(beliefs[0])
    follow = np.full(low.shape[1], -1)
    promise = np.empty(decisions.options.shape[1])
    for n in range(layers.shape[0]):
        layer, mode, belief = layers[n], modes[n], beliefs[n]
        _promise(decisions, high, base, layer, mode, belief, promise, work)
        if both:
            value, _ = _look_ahead(decisions, high, base, above, layer, mode, belief, promise, work)
            add_point(above, base, layer, mode, belief, value, rest, work)
        # rounding may put a promise below the value of a plan that keeps it
        promise += 1e-9 * np.abs(promise)
        value, move = _plan(decisions, low, below, layer, mode, belief, promise, plan, follow, work)
        add_plan(below, layer, mode, belief, plan, follow, value, move, work)
    return below.used[0] + above.used[0] > taken


@njit
def _walk(  # type: ignore[no-untyped-def]
    decisions, low, high, base, below, above, start, mode, path, modes, target, least, work
):
    """Walk down from the start, writing down beliefs that sum to 1; returns how many.

    What follows is looked at as both bounds see it. The walk goes to where the gap exceeds `target`
    (at a belief that sums to 1) by most, weighted with the chance to get there, and ends where that
    is no more than `least`. Targets shrink on the way, since each step adds what the two bounds'
    views of an observation differ by.
    """
    child, rest = np.empty_like(start), np.empty_like(start)
    promise = np.empty(decisions.options.shape[1])
    belief = start.copy()
    depth, scale = 0, 1.0
    while True:
        path[depth] = belief
        modes[depth] = mode
        layer = depth if decisions.layers > 0 else 0
        depth += 1
        if depth == path.shape[0]:
            break
        _promise(decisions, high, base, layer, mode, belief, promise, work)
        _, j = _look_ahead(decisions, high, base, above, layer, mode, belief, promise, work)
        after = _after(decisions, layer)
        allowed = target * (1.0 - 0.5 * depth / path.shape[0]) / scale
        widest = least
        for z in range(low.shape[1] + high.shape[1]):
            if z < low.shape[1]:
                mass = advance(belief, low[j, z], child)
            else:
                mass = advance(belief, high[j, z - low.shape[1]], child)
            gap = upper_at(child, base, above, after, decisions.to[j], rest, work)
            gap -= lower_at(child, below, after, decisions.to[j], work)[0]
            gap = decisions.discount * gap - mass * allowed
            if gap > widest:
                widest = gap
                path[depth] = decisions.discount * child
        if widest <= least:
            break
        belief, mode = path[depth], decisions.to[j]
        scale *= decisions.discount
    for d in range(depth):
        path[d] /= path[d].sum()
    return depth


@njit
def _informed(decisions, seen, base, sweeps):  # type: ignore[no-untyped-def]
    """Fill the base, shape (layers, modes, blocks, points), where an endless problem has bounds to
    start from and is swept this often."""
    n_blocks, n_states = decisions.reward.shape[1:]
    points = base.shape[3]
    value = np.empty(points)
    best = np.empty((base.shape[1], points))
    for back in range(sweeps):
        layer = max(decisions.layers - 1 - back, 0)
        after = layer + 1 if decisions.layers > 0 else 0
        ends = decisions.layers > 0 and after == decisions.layers
        for a in range(n_blocks):
            best[:] = -np.inf
            for j in range(decisions.to.shape[0]):
                for g in range(points):
                    value[g] = 0.0
                    for r in range(n_states):
                        weight = 1.0 if r == g else 0.0
                        if n_states == 2:
                            weight = g / (points - 1)
                            weight = weight if r == 1 else 1.0 - weight
                        value[g] += weight * decisions.reward[j, a, r]
                    if ends:
                        continue
                    here = base[after, decisions.to[j], a]
                    for z in range(seen.shape[1]):
                        if n_states == 2:
                            bored, fresh = g / (points - 1), 1.0 - g / (points - 1)
                            m = seen[j, z, a]
                            mass = fresh * (m[0, 0] + m[0, 1]) + bored * (m[1, 0] + m[1, 1])
                            if mass > 0.0:
                                x = (fresh * m[0, 1] + bored * m[1, 1]) / mass * (points - 1)
                                i = min(int(x), points - 2)
                                ahead = mass * (here[i] + (x - i) * (here[i + 1] - here[i]))
                                value[g] += decisions.discount * ahead
                        else:
                            for s in range(n_states):
                                value[g] += decisions.discount * seen[j, z, a, g, s] * here[s]
                for mode in range(base.shape[1]):
                    for i in range(decisions.options.shape[1]):
                        if decisions.options[mode, i] == j:
                            for g in range(points):
                                best[mode, g] = max(best[mode, g], value[g])
            base[layer, :, a] = best


@njit
def _habits(decisions, seen, below, sweeps):  # type: ignore[no-untyped-def]
    """First plans: for ever the first option of the mode."""
    n_modes = decisions.options.shape[0]
    value = np.zeros((n_modes, *decisions.reward.shape[1:]))
    if decisions.layers == 0:
        value[:] = min(decisions.reward.min(), 0.0) / (1.0 - decisions.discount)
    for back in range(sweeps):
        new = np.empty_like(value)
        for mode in range(n_modes):
            j = decisions.options[mode, 0]
            new[mode] = decisions.reward[j]
            for z in range(seen.shape[1]):
                for a in range(value.shape[1]):
                    for r in range(value.shape[2]):
                        for s in range(value.shape[2]):
                            new[mode, a, r] += (
                                decisions.discount
                                * seen[j, z, a, r, s]
                                * value[decisions.to[j], a, s]
                            )
        value = new
        if decisions.layers > 0 or back == sweeps - 1:
            for mode in range(n_modes):
                i = insert(below, max(decisions.layers - 1 - back, 0), mode)
                below.vectors[i] = value[mode]
                below.move[i] = decisions.options[mode, 0]
                if back > 0 or decisions.layers == 0:
                    past = 0 if decisions.layers == 0 else (back - 1) * n_modes
                    below.follow[i] = past + decisions.to[decisions.options[mode, 0]]


def search(
    decisions: Decisions,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    start: NDArray[np.float64],
    mode: int,
    *,
    told: NDArray[np.float64] | None = None,
    seeds: NDArray[np.float64] | None = None,
    grid: int = 2,
    tolerance: float = 0.01,
    work: float = 1e9,
    room: int = 1 << 17,
) -> Bounds:
    """Enclose the optimal value at the start.

    Nothing depends on the clock: the same problem gives the same figures.

    Args:
        decisions: what may be done.
        low: what follows each move as seen by somebody who sees no more than there is to see.
        high: the same for somebody who sees no less.
        start, mode: where it begins; a belief of shape (blocks, states).
        told: what follows, for the base (`high` if None); it may be finer.
        seeds: beliefs to make plans for before the trials, shape (n, blocks, states).
        grid: points of the base on [0, 1], for blocks of two states.
        tolerance: stop once upper - lower <= tolerance * |upper|.
        work: stop after about so many multiplications.
        room: plans and points that the trials may add.
    """
    n_modes, shape = len(decisions.options), start.shape
    layers, told = max(decisions.layers, 1), high if told is None else told
    endless = decisions.layers == 0
    # discounted rewards beyond this depth are below 1e-6 of the largest sum
    reach = int(np.ceil(np.log(1e-6) / np.log(decisions.discount))) if endless else layers
    points = grid if shape[1] == 2 else shape[1]
    base = np.zeros((layers, n_modes, shape[0], points))
    if endless:
        base[:] = max(float(decisions.reward.max()), 0.0) / (1.0 - decisions.discount)
    _informed(decisions, told, base, 4 * reach if endless else layers)
    seeds = np.zeros((0, *shape)) if seeds is None else seeds
    size = layers * n_modes * (1 + len(seeds)) + room
    below = empty_chains(layers, n_modes, size, shape, low.shape[1])
    above = empty_chains(layers, n_modes, room, shape, 0)
    spent = np.zeros(1, dtype=np.int64)
    _habits(decisions, low, below, 4 * reach if endless else layers)
    reached = np.unique(decisions.to)
    later = np.arange(layers - 1, 0 if layers > 1 else -1, -1)
    where = np.meshgrid(later, reached, np.arange(len(seeds)), indexing="ij")
    rows, columns, which = (part.ravel() for part in where)
    problem = decisions, low, high, base, below, above
    _back_up(*problem, rows, columns, seeds[which], False, spent)
    path, rest = np.empty((reach, *shape)), np.empty(shape)
    modes = np.zeros(reach, dtype=np.int64)
    trials, failed, share = 0, 0, _LEAST
    met: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    while True:
        upper = upper_at(start, base, above, 0, mode, rest, spent)
        lower, root = lower_at(start, below, 0, mode, spent)
        gap = upper - lower
        done = gap <= tolerance * abs(upper) or failed == _PATIENCE or spent[0] >= work
        review = trials >= _REVIEW and trials & (trials - 1) == 0 and spent[0] < work / 2
        new = sum(len(part[0]) for part in met) if review else reach
        full = below.used[0] + new + reach > size or above.used[0] + new + reach > room
        if done or full:
            return Bounds(float(lower), float(upper), below, int(root), trials, int(spent[0]))
        if review:
            # what was backed up early rests on bounds that have improved since
            rows, columns, beliefs = (np.concatenate(part) for part in zip(*met, strict=True))
            order = np.argsort(-rows, kind="stable")
            _back_up(*problem, rows[order], columns[order], beliefs[order], True, spent)
        target, least = gap * _TARGET * _SHRINK**failed, gap * share
        depth = _walk(*problem, start, mode, path, modes, target, least, spent)
        back = np.arange(depth - 1, -1, -1)
        rows = np.zeros_like(back) if endless else back
        met.append((rows, modes[back], path[back]))
        better = _back_up(*problem, *met[-1], True, spent)
        trials += 1
        failed = 0 if better else failed + 1
        share = share if better else share / 4
