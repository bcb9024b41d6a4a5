"""Two bounds on a convex value: plans below, points above.

Below is a set of plans with their values in every hidden state: the bound at a belief is the value
of the best of them. Above is a set of beliefs with an upper bound on the value of each, joined by
convexity. Beliefs need not sum to 1; every value is homogeneous in them.

The hidden state is a pair (block, state in block), and no transition leaves a block: for example a
kind of user and a mood; a textbook problem is a single block. Knowing the block cannot hurt, so the
sum over blocks of the optimum with a known block bounds the value from above. It is the *base* of
the upper bound; for blocks of two states it is itself a convex function, kept on a grid of
P(second state).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part
from ...compiled.copying import copy_matrix, copy_vector

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Chains(NamedTuple):
    """Vectors over the hidden state in one pool, in linked lists by layer and mode.

    Attributes:
        head: first of each chain, -1 for none, shape (layers, modes).
        link: next in the chain, -1 for none, shape (N,).
        vectors: values of plans, or beliefs that sum to 1, shape (N, blocks, states).
        value: upper bound at the belief, shape (N,); unused below.
        gain: base at the belief less that bound, shape (N,); unused below.
        move: first move of the plan, shape (N,); unused above.
        follow: plan that continues it after each observation, shape (N, Z); unused above.
        used: number of vectors in use, shape (1,).
    """

    head: NDArray[np.int64]
    link: NDArray[np.int64]
    vectors: NDArray[np.float64]
    value: NDArray[np.float64]
    gain: NDArray[np.float64]
    move: NDArray[np.int64]
    follow: NDArray[np.int64]
    used: NDArray[np.int64]


class Below(NamedTuple):
    """The lower bound: plans, and the multiplications spent so far, shape (1,)."""

    plans: Chains
    spent: NDArray[np.int64]


class Above(NamedTuple):
    """The upper bound.

    Attributes:
        base: value with a known block, shape (layers, modes, blocks, grid points).
        points: beliefs with an upper bound on their values.
        rest: scratch space, shape (blocks, states).
        spent: multiplications so far, shape (1,).
    """

    base: NDArray[np.float64]
    points: Chains
    rest: NDArray[np.float64]
    spent: NDArray[np.int64]


class Plan(NamedTuple):
    """A plan for one mode and layer: its value at the belief it was made for, its values in every
    hidden state, its first move, and the plan that continues it after each observation."""

    value: float
    vector: NDArray[np.float64]
    move: int
    follow: NDArray[np.int64]


@njit
def dot(x, y):  # type: ignore[no-untyped-def]
    """Sum of x * y over (blocks, states)."""
    total = 0.0
    for a in range(x.shape[0]):
        for s in range(x.shape[1]):
            total += x[a, s] * y[a, s]
    return total


@part
def advance(belief, matrix, out):  # type: ignore[no-untyped-def]
    """Write the belief after a move and an observation to `out`; returns its mass."""
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


@part
def base_at(belief, base):  # type: ignore[no-untyped-def]
    """The base at a belief, from its values on a grid, shape (blocks, points)."""
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
def lower_at(below, layer, mode, belief):  # type: ignore[no-untyped-def]
    """Value of the best plan at a belief, and its index."""
    chains, best, best_value = below.plans, -1, -np.inf
    i = chains.head[layer, mode]
    while i >= 0:
        below.spent[0] += belief.size
        value = dot(belief, chains.vectors[i])
        if value > best_value:
            best, best_value = i, value
        i = chains.link[i]
    return best_value, best


@part
def _largest_share(belief, point, least):  # type: ignore[no-untyped-def]
    """Largest f for which belief - f point is nowhere negative; anything up to `least` where it is
    no more than that."""
    share = np.inf
    for a in range(belief.shape[0]):
        for s in range(belief.shape[1]):
            if belief[a, s] < share * point[a, s]:
                share = belief[a, s] / point[a, s]
        if share <= least:
            break
    return share


@njit
def upper_at(above, layer, mode, belief):  # type: ignore[no-untyped-def]
    """Upper bound at a belief.

    The optimum V is convex and homogeneous, so V(b) <= f V(b_i) + V(b - f b_i) for every f that
    leaves no component negative: the sawtooth bound, on top of the base instead of the corners. The
    remainder b - f b_i is bounded in the same way once more.
    """
    chains, here, rest = above.points, above.base[layer, mode], above.rest
    copy_matrix(belief, rest)
    paid = 0.0
    floor = base_at(belief, here)
    for _ in range(2):
        best, best_value, best_share = -1, floor, 0.0
        i = chains.head[layer, mode]
        while i >= 0:
            above.spent[0] += belief.size
            # the base is convex too: a point saves no more than its share of its gain
            least = (floor - best_value) / chains.gain[i]
            point = chains.vectors[i]
            share = _largest_share(rest, point, least)
            if share > least:
                value = share * chains.value[i]
                if rest.shape[1] != 2:
                    value += floor - share * (chains.value[i] + chains.gain[i])
                else:
                    cells = here.shape[1] - 1
                    for a in range(rest.shape[0]):
                        second = max(rest[a, 1] - share * point[a, 1], 0.0)
                        mass = max(rest[a, 0] - share * point[a, 0], 0.0) + second
                        if mass > 0.0:
                            x = second / mass * cells
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
    """Take the next free vector and put it first in its chain; returns its index."""
    i = chains.used[0]
    chains.used[0] += 1
    chains.link[i] = chains.head[layer, mode]
    chains.head[layer, mode] = i
    return i


@part
def add_plan(below, layer, mode, belief, plan):  # type: ignore[no-untyped-def]
    """Keep a plan that improves the bound at its belief, and drop the plans that it dominates (from
    the chain; plans that they continue keep them)."""
    if plan.value <= lower_at(below, layer, mode, belief)[0] + 1e-12:
        return
    chains, vector = below.plans, plan.vector
    new = insert(chains, layer, mode)
    copy_matrix(vector, chains.vectors[new])
    chains.move[new] = plan.move
    copy_vector(plan.follow, chains.follow[new])
    before, i = new, chains.link[new]
    while i >= 0:
        beaten = True
        for a in range(vector.shape[0]):
            for s in range(vector.shape[1]):
                beaten = beaten and chains.vectors[i, a, s] <= vector[a, s]
        if beaten:
            chains.link[before] = chains.link[i]
        else:
            before = i
        i = chains.link[i]


@part
def add_point(above, layer, mode, belief, value):  # type: ignore[no-untyped-def]
    """Keep a point that improves the bound at its belief, and drop the points that it makes
    redundant."""
    if value >= upper_at(above, layer, mode, belief) - 1e-12:
        return
    chains, here, rest = above.points, above.base[layer, mode], above.rest
    new = insert(chains, layer, mode)
    copy_matrix(belief, chains.vectors[new])
    chains.value[new] = value
    chains.gain[new] = base_at(belief, here) - value
    before, i = new, chains.link[new]
    while i >= 0:
        point = chains.vectors[i]
        share = _largest_share(point, belief, -np.inf)
        for a in range(belief.shape[0]):
            for s in range(belief.shape[1]):
                rest[a, s] = max(point[a, s] - share * belief[a, s], 0.0)
        if share * value + base_at(rest, here) <= chains.value[i]:
            chains.link[before] = chains.link[i]
        else:
            before = i
        i = chains.link[i]


def empty_chains(layers: int, modes: int, size: int, shape: tuple[int, int], follow: int) -> Chains:
    """Room for `size` vectors of this shape (blocks, states), none in use."""
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
