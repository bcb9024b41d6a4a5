"""Heuristic search value iteration: bounds on a POMDP's optimum that close in on it from both sides.

Below, the value of plans, linear in the belief; above, values at single beliefs, joined by
convexity. Trials walk from the first belief along the action whose upper bound is highest and the
observation that leaves most of the gap open, and improve both bounds on the way back (Smith &
Simmons 2004, 2005).

The hidden state is a pair (block, state in block), and no transition leaves a block: a kind of user
and a mood, say; a textbook problem is a single block. Whoever is told the block can do no worse, so
the sum over blocks of that optimum bounds the value from above. It is the base of the upper bound;
for blocks of two states it is itself a convex function, held on a grid.

Beliefs need not sum to 1: every value is homogeneous in them, so that the mass of those who left
is simply missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._compile import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Decisions(NamedTuple):
    """What may be done and what it pays. A *mode* is the part of the state that is seen (the current
    persona); a *move* is an action together with what it does, which several modes may share.

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


class Chains(NamedTuple):
    """Vectors over the hidden state in one pool, chained up by layer and mode.

    Attributes:
        head: first of each chain, -1 for none, shape (layers, modes).
        link: the one that follows, shape (N,).
        vectors: plans' values, or beliefs that sum to 1, shape (N, blocks, states).
        value: upper bound at the belief, shape (N,); unused below.
        gain: how far that is below the base, shape (N,); unused below.
        move: first move of the plan, shape (N,); unused above.
        used: how many have been taken, shape (1,).
    """

    head: NDArray[np.int64]
    link: NDArray[np.int64]
    vectors: NDArray[np.float64]
    value: NDArray[np.float64]
    gain: NDArray[np.float64]
    move: NDArray[np.int64]
    used: NDArray[np.int64]


@njit
def _dot(x, y):  # type: ignore[no-untyped-def]
    total = 0.0
    for a in range(x.shape[0]):
        for s in range(x.shape[1]):
            total += x[a, s] * y[a, s]
    return total


@njit
def _advance(belief, matrix, out):  # type: ignore[no-untyped-def]
    """Belief after a move and what was seen then; returns its mass."""
    total = 0.0
    for a in range(belief.shape[0]):
        for s in range(belief.shape[1]):
            out[a, s] = 0.0
        for r in range(belief.shape[1]):
            for s in range(belief.shape[1]):
                out[a, s] += belief[a, r] * matrix[a, r, s]
        for s in range(belief.shape[1]):
            total += out[a, s]
    return total


@njit
def _told(belief, base):  # type: ignore[no-untyped-def]
    """Base of the upper bound, from its values on a grid, shape (blocks, points)."""
    if belief.shape[1] != 2:
        return _dot(belief, base)
    cells = base.shape[1] - 1
    total = 0.0
    for a in range(belief.shape[0]):
        mass = belief[a, 0] + belief[a, 1]
        if mass > 0.0:
            x = belief[a, 1] / mass * cells
            i = min(int(x), cells - 1)
            total += mass * (base[a, i] + (x - i) * (base[a, i + 1] - base[a, i]))
    return total


@njit
def _below(belief, chains, layer, mode, work):  # type: ignore[no-untyped-def]
    """Best plan at a belief: its value and place."""
    best, best_value = -1, -np.inf
    i = chains.head[layer, mode]
    while i >= 0:
        work[0] += 1
        value = _dot(belief, chains.vectors[i])
        if value > best_value:
            best, best_value = i, value
        i = chains.link[i]
    return best_value, best


@njit
def _above(belief, base, chains, layer, mode, rest, work):  # type: ignore[no-untyped-def]
    """Upper bound at a belief.

    The optimum V is convex and homogeneous, so V(b) <= f V(b_i) + V(b - f b_i) for every f that
    leaves no component negative: the sawtooth, standing on the base instead of on the corners. What
    is left over is bounded in the same way once more.
    """
    here = base[layer, mode]
    rest[:] = belief
    paid = 0.0
    floor = _told(belief, here)
    for _ in range(2):
        best, best_value, best_share = -1, floor, 0.0
        i = chains.head[layer, mode]
        while i >= 0:
            work[0] += 1
            # the base is convex too: a point saves no more than its share of its gain
            least = (floor - best_value) / chains.gain[i]
            point = chains.vectors[i]
            share = np.inf
            for a in range(rest.shape[0]):
                for s in range(rest.shape[1]):
                    if rest[a, s] < share * point[a, s]:
                        share = rest[a, s] / point[a, s]
                if share <= least:
                    break
            if share > least:
                value = share * chains.value[i]
                if rest.shape[1] != 2:
                    value += floor - share * (chains.value[i] + chains.gain[i])
                else:
                    cells = here.shape[1] - 1
                    for a in range(rest.shape[0]):
                        bored = max(rest[a, 1] - share * point[a, 1], 0.0)
                        mass = max(rest[a, 0] - share * point[a, 0], 0.0) + bored
                        if mass > 0.0:
                            x = bored / mass * cells
                            j = min(int(x), cells - 1)
                            value += mass * (here[a, j] + (x - j) * (here[a, j + 1] - here[a, j]))
                if value < best_value:
                    best, best_value, best_share = i, value, share
            i = chains.link[i]
        if best < 0:
            break
        for a in range(rest.shape[0]):
            for s in range(rest.shape[1]):
                rest[a, s] = max(rest[a, s] - best_share * chains.vectors[best, a, s], 0.0)
        paid += best_share * chains.value[best]
        floor = _told(rest, here)
    return paid + floor


@njit
def _look_up(decisions, seen, base, above, layer, mode, belief, cheap, work):  # type: ignore[no-untyped-def]
    """One step ahead with the upper bound: its value, the best option, and into `cheap` what the
    base alone makes of every option."""
    child, rest = np.empty_like(belief), np.empty_like(belief)
    after = layer + 1 if decisions.layers > 0 else 0
    ends = decisions.layers > 0 and after == decisions.layers
    for i in range(cheap.shape[0]):
        j = decisions.options[mode, i]
        cheap[i] = -np.inf
        if j >= 0:
            cheap[i] = _dot(belief, decisions.reward[j])
            if not ends:
                for z in range(seen.shape[1]):
                    if _advance(belief, seen[j, z], child) > 0.0:
                        told = _told(child, base[after, decisions.to[j]])
                        cheap[i] += decisions.discount * told
    open_ = cheap.copy()
    best, best_value = 0, -np.inf
    while True:
        i = int(open_.argmax())
        if open_[i] <= best_value:
            return best_value, best
        j = decisions.options[mode, i]
        open_[i] = -np.inf
        value = _dot(belief, decisions.reward[j])
        if not ends:
            for z in range(seen.shape[1]):
                if _advance(belief, seen[j, z], child) > 0.0:
                    value += decisions.discount * _above(
                        child, base, above, after, decisions.to[j], rest, work
                    )
        if value > best_value:
            best, best_value = i, value


@njit
def _plan(decisions, seen, below, layer, mode, belief, cheap, plan, work):  # type: ignore[no-untyped-def]
    """Best plan one step ahead: into `plan`; returns its value and move. An option that not even
    the base (`cheap`) brings up to the best is left out."""
    child, trial = np.empty_like(belief), np.empty_like(belief)
    after = layer + 1 if decisions.layers > 0 else 0
    ends = decisions.layers > 0 and after == decisions.layers
    best, best_value = -1, -np.inf
    open_ = cheap.copy()
    while True:
        i = int(open_.argmax())
        if open_[i] <= best_value:
            return best_value, best
        open_[i] = -np.inf
        j = decisions.options[mode, i]
        trial[:] = decisions.reward[j]
        if not ends:
            for z in range(seen.shape[1]):
                _advance(belief, seen[j, z], child)
                _, v = _below(child, below, after, decisions.to[j], work)
                for a in range(trial.shape[0]):
                    for r in range(trial.shape[1]):
                        for s in range(trial.shape[1]):
                            trial[a, r] += (
                                decisions.discount * seen[j, z, a, r, s] * below.vectors[v, a, s]
                            )
        value = _dot(belief, trial)
        if value > best_value:
            best, best_value = j, value
            plan[:] = trial


@njit
def _insert(chains, layer, mode):  # type: ignore[no-untyped-def]
    i = chains.used[0]
    chains.used[0] += 1
    chains.link[i] = chains.head[layer, mode]
    chains.head[layer, mode] = i
    return i


@njit
def _add_plan(below, layer, mode, belief, plan, value, move, work):  # type: ignore[no-untyped-def]
    """Keep a plan that is better at its belief, and drop those that it beats everywhere."""
    if value <= _below(belief, below, layer, mode, work)[0] + 1e-12:
        return
    new = _insert(below, layer, mode)
    below.vectors[new] = plan
    below.move[new] = move
    before, i = new, below.link[new]
    while i >= 0:
        beaten = True
        for a in range(plan.shape[0]):
            for s in range(plan.shape[1]):
                beaten = beaten and below.vectors[i, a, s] <= plan[a, s]
        if beaten:
            below.link[before] = below.link[i]
        else:
            before = i
        i = below.link[i]


@njit
def _add_point(above, base, layer, mode, belief, value, rest, work):  # type: ignore[no-untyped-def]
    """Keep a point that lies lower than what was known, and drop those that no longer tell."""
    if value >= _above(belief, base, above, layer, mode, rest, work) - 1e-12:
        return
    new = _insert(above, layer, mode)
    above.vectors[new] = belief
    above.value[new] = value
    above.gain[new] = _told(belief, base[layer, mode]) - value
    before, i = new, above.link[new]
    while i >= 0:
        point = above.vectors[i]
        share = np.inf
        for a in range(belief.shape[0]):
            for s in range(belief.shape[1]):
                if point[a, s] < share * belief[a, s]:
                    share = point[a, s] / belief[a, s]
        for a in range(belief.shape[0]):
            for s in range(belief.shape[1]):
                rest[a, s] = max(point[a, s] - share * belief[a, s], 0.0)
        if share * value + _told(rest, base[layer, mode]) <= above.value[i]:
            above.link[before] = above.link[i]
        else:
            before = i
        i = above.link[i]


@njit
def _trial(decisions, low, high, base, below, above, start, mode, path, modes, target, least, work):  # type: ignore[no-untyped-def]
    """Walk down from the start and improve both bounds on the way back."""
    child, rest, plan = np.empty_like(start), np.empty_like(start), np.empty_like(start)
    cheap = np.empty(decisions.options.shape[1])
    belief = start.copy()
    depth = 0
    while True:
        path[depth] = belief
        modes[depth] = mode
        layer = depth if decisions.layers > 0 else 0
        depth += 1
        if depth == path.shape[0]:
            break
        _, i = _look_up(decisions, high, base, above, layer, mode, belief, cheap, work)
        j = decisions.options[mode, i]
        after = layer + 1 if decisions.layers > 0 else 0
        widest = least
        allowed = target * (1.0 - 0.5 * depth / path.shape[0])
        for z in range(low.shape[1] + high.shape[1]):
            if z < low.shape[1]:
                mass = _advance(belief, low[j, z], child)
            else:
                mass = _advance(belief, high[j, z - low.shape[1]], child)
            gap = _above(child, base, above, after, decisions.to[j], rest, work)
            gap -= _below(child, below, after, decisions.to[j], work)[0]
            gap = decisions.discount * gap - mass * allowed
            if gap > widest:
                widest = gap
                path[depth] = decisions.discount * child
        if widest <= least:
            break
        belief, mode = path[depth], decisions.to[j]
    used = below.used[0] + above.used[0]
    for d in range(depth - 1, -1, -1):
        path[d] /= path[d].sum()
        layer = d if decisions.layers > 0 else 0
        value, _ = _look_up(decisions, high, base, above, layer, modes[d], path[d], cheap, work)
        _add_point(above, base, layer, modes[d], path[d], value, rest, work)
        value, move = _plan(decisions, low, below, layer, modes[d], path[d], cheap, plan, work)
        _add_plan(below, layer, modes[d], path[d], plan, value, move, work)
    return depth, below.used[0] + above.used[0] > used


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
                i = _insert(below, max(decisions.layers - 1 - back, 0), mode)
                below.vectors[i] = value[mode]
                below.move[i] = decisions.options[mode, 0]


@njit
def _seed(decisions, low, high, base, below, above, seeds, work):  # type: ignore[no-untyped-def]
    """Back plans up at given beliefs in every layer and mode, from the last layer to the first."""
    plan = np.empty(decisions.reward.shape[1:])
    cheap = np.empty(decisions.options.shape[1])
    for back in range(decisions.layers):
        layer = decisions.layers - 1 - back
        for mode in range(decisions.options.shape[0]):
            for n in range(seeds.shape[0]):
                cheap[:] = 1e300
                for i in range(cheap.shape[0]):
                    if decisions.options[mode, i] < 0:
                        cheap[i] = -np.inf
                value, move = _plan(decisions, low, below, layer, mode, seeds[n], cheap, plan, work)
                _add_plan(below, layer, mode, seeds[n], plan, value, move, work)


def _chains(layers: int, modes: int, size: int, blocks: int, states: int) -> Chains:
    return Chains(
        head=np.full((layers, modes), -1),
        link=np.full(size, -1),
        vectors=np.zeros((size, blocks, states)),
        value=np.zeros(size),
        gain=np.zeros(size),
        move=np.zeros(size, dtype=np.int64),
        used=np.zeros(1, dtype=np.int64),
    )
