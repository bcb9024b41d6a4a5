"""Two bounds on a convex value: plans below, points above.

Below, a set of plans, each worth so much in every hidden state: the best of them, at a belief.
Above, a set of beliefs whose value is known to be at most so much, joined by convexity. Beliefs
need not sum to 1; every value is homogeneous in them.

The hidden state is a pair (block, state in block), and no transition leaves a block: a kind of user
and a mood, say; a textbook problem is a single block. Whoever is told the block can do no worse, so
the sum over blocks of that optimum bounds the value from above. It is the *base* of the upper
bound; for blocks of two states it is itself a convex function, held on a grid of P(second state).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Chains(NamedTuple):
    """Vectors over the hidden state in one pool, chained up by layer and mode.

    Attributes:
        head: first of each chain, -1 for none, shape (layers, modes).
        link: the one that follows, shape (N,).
        vectors: plans' values, or beliefs that sum to 1, shape (N, blocks, states).
        value: upper bound at the belief, shape (N,); unused below.
        gain: how far that is below the base, shape (N,); unused below.
        move: first move of the plan, shape (N,); unused above.
        follow: plan that it goes on with after each observation, shape (N, Z); unused above.
        used: how many have been taken, shape (1,).
    """

    head: NDArray[np.int64]
    link: NDArray[np.int64]
    vectors: NDArray[np.float64]
    value: NDArray[np.float64]
    gain: NDArray[np.float64]
    move: NDArray[np.int64]
    follow: NDArray[np.int64]
    used: NDArray[np.int64]


@njit
def dot(x, y):  # type: ignore[no-untyped-def]
    """Sum of x * y over (blocks, states)."""
    total = 0.0
    for a in range(x.shape[0]):
        for s in range(x.shape[1]):
            total += x[a, s] * y[a, s]
    return total


@njit
def advance(belief, matrix, out):  # type: ignore[no-untyped-def]
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
def base_at(belief, base):  # type: ignore[no-untyped-def]
    """Base of the upper bound, from its values on a grid, shape (blocks, points)."""
    if belief.shape[1] != 2:
        return dot(belief, base)
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
def lower_at(belief, chains, layer, mode, work):  # type: ignore[no-untyped-def]
    """Best plan at a belief: its value and place."""
    best, best_value = -1, -np.inf
    i = chains.head[layer, mode]
    while i >= 0:
        work[0] += belief.size
        value = dot(belief, chains.vectors[i])
        if value > best_value:
            best, best_value = i, value
        i = chains.link[i]
    return best_value, best


@njit
def upper_at(belief, base, chains, layer, mode, rest, work):  # type: ignore[no-untyped-def]
    """Upper bound at a belief.

    The optimum V is convex and homogeneous, so V(b) <= f V(b_i) + V(b - f b_i) for every f that
    leaves no component negative: the sawtooth, standing on the base instead of on the corners. What
    is left over is bounded in the same way once more.
    """
    here = base[layer, mode]
    rest[:] = belief
    paid = 0.0
    floor = base_at(belief, here)
    for _ in range(2):
        best, best_value, best_share = -1, floor, 0.0
        i = chains.head[layer, mode]
        while i >= 0:
            work[0] += belief.size
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
        floor = base_at(rest, here)
    return paid + floor


@njit
def insert(chains, layer, mode):  # type: ignore[no-untyped-def]
    """Take the next free place and put it first in its chain."""
    i = chains.used[0]
    chains.used[0] += 1
    chains.link[i] = chains.head[layer, mode]
    chains.head[layer, mode] = i
    return i


@njit
def add_plan(  # type: ignore[no-untyped-def]
    below, layer, mode, belief, plan, follow, value, move, work
):
    """Keep a plan that is better at its belief, and drop those that it beats everywhere (from the
    chain; plans that go on with them still do)."""
    if value <= lower_at(belief, below, layer, mode, work)[0] + 1e-12:
        return
    new = insert(below, layer, mode)
    below.vectors[new] = plan
    below.move[new] = move
    below.follow[new] = follow
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
def add_point(above, base, layer, mode, belief, value, rest, work):  # type: ignore[no-untyped-def]
    """Keep a point that lies lower than what was known, and drop those that no longer tell."""
    if value >= upper_at(belief, base, above, layer, mode, rest, work) - 1e-12:
        return
    new = insert(above, layer, mode)
    above.vectors[new] = belief
    above.value[new] = value
    above.gain[new] = base_at(belief, base[layer, mode]) - value
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
        if share * value + base_at(rest, base[layer, mode]) <= above.value[i]:
            above.link[before] = above.link[i]
        else:
            before = i
        i = above.link[i]


def empty_chains(layers: int, modes: int, size: int, shape: tuple[int, int], follow: int) -> Chains:
    """Room for `size` vectors of this shape (blocks, states), none taken."""
    return Chains(
        head=np.full((layers, modes), -1),
        link=np.full(size, -1),
        vectors=np.zeros((size, *shape)),
        value=np.zeros(size),
        gain=np.zeros(size),
        move=np.zeros(size, dtype=np.int64),
        follow=np.full((size, follow), -1),
        used=np.zeros(1, dtype=np.int64),
    )
