"""The cheapest mixture: the upper bound at a belief, from bounds at other beliefs.

A value V is convex and homogeneous in the belief, so V(b) <= sum of x_j u_j wherever b is the sum
of x_j p_j, x_j >= 0, and V(p_j) <= u_j. The cheapest such mixture is a small linear programme: as
many rows as the belief has numbers, and a column for each point. It is solved by the revised
simplex method (Dantzig & Orchard-Hays 1954), from the last mixture of these points if that serves,
else from that of a router that knows the kind. Its dual solution is a vector y with y @ p_j <= u_j
for every point, a tangent of the bound: y @ b' is at most the bound at any b'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import part

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIVOTS = 100
"""Any mixture is a bound, so a search for the cheapest one may stop."""
_FRESH = 60
"""Pivots after which a basis is begun anew, since rounding adds up."""
_ROUNDING = 1e-11
"""By how much a mixture may be another belief."""


class Points(NamedTuple):
    """Beliefs with upper bounds on their values, for every turn and persona.

    Attributes:
        beliefs: each sums to 1, shape (T, K, D, room). The first ones belong to single kinds, all
            points of the grid for each: of beliefs over (kind, mood), P(bored) of that kind; over
            kinds alone, the one belief that is sure of it.
        values: shape (T, K, room).
        used: number of points, shape (T, K).
        basis: points of the last mixture, shape (T, K, D); the first is -1: none.
        inverse: of their beliefs, shape (T, K, D, D).
        tangent: the dual solution, shape (T, K, D).
        priced: number of points, none changed since, that the tangent is known to be below, and
            pivots since the inverse was made, shape (T, K, 2).
        grid: P(bored), ascending from 0 to 1; of one point for beliefs over kinds alone.
    """

    beliefs: NDArray[np.float64]
    values: NDArray[np.float64]
    used: NDArray[np.int64]
    basis: NDArray[np.int64]
    inverse: NDArray[np.float64]
    tangent: NDArray[np.float64]
    priced: NDArray[np.int64]
    grid: NDArray[np.float64]

    @classmethod
    def of(
        cls, length: int, personas: int, size: int, room: int, grid: NDArray[np.float64]
    ) -> Points:
        """Room for so many points of this size."""
        shape = (length, personas)
        return cls(
            np.zeros((*shape, size, room)),
            np.zeros((*shape, room)),
            np.zeros(shape, dtype=np.int64),
            np.full((*shape, size), -1),
            np.zeros((*shape, size, size)),
            np.zeros((*shape, size)),
            np.zeros((*shape, 2), dtype=np.int64),
            grid,
        )


class Scratch(NamedTuple):
    """Room for one linear programme: shares and a column, shape (D,), a row, shape (points,)."""

    shares: NDArray[np.float64]
    column: NDArray[np.float64]
    reduced: NDArray[np.float64]
    spent: NDArray[np.int64]

    @classmethod
    def of(cls, size: int, points: int) -> Scratch:
        """Room for beliefs of so many numbers, and so many points."""
        shares, column, reduced = np.empty(size), np.empty(size), np.empty(points)
        return cls(shares, column, reduced, np.zeros(1, dtype=np.int64))


@part
def _begin(points, t, k, belief):  # type: ignore[no-untyped-def]
    """The basis of a router that knows the kind: for each kind the points on either side."""
    grid, basis, tangent = points.grid, points.basis[t, k], points.tangent[t, k]
    inverse, size, many = points.inverse[t, k], points.tangent.shape[2], points.grid.shape[0]
    for i in range(size):
        for j in range(size):
            inverse[i, j] = 0.0
    points.priced[t, k, 0], points.priced[t, k, 1] = 0, 0
    if many == 1:
        for i in range(size):
            basis[i], inverse[i, i], tangent[i] = i, 1.0, points.values[t, k, i]
        return
    for a in range(size // 2):
        first, second = 2 * a, 2 * a + 1
        mass = belief[first] + belief[second]
        x = belief[second] / mass if mass > 0.0 else 0.0
        i = 0
        while i < many - 2 and grid[i + 1] < x:
            i += 1
        low, high, at = grid[i], grid[i + 1], a * many + i
        width = high - low
        basis[first], basis[second] = at, at + 1
        inverse[first, first], inverse[first, second] = high / width, (high - 1.0) / width
        inverse[second, first], inverse[second, second] = -low / width, (1.0 - low) / width
        for m in range(2):
            tangent[first + m] = (
                points.values[t, k, at] * inverse[first, first + m]
                + points.values[t, k, at + 1] * inverse[second, first + m]
            )


@part
def _lowest(beliefs, values, used, tangent, reduced):  # type: ignore[no-untyped-def]
    """The point that lies farthest below the tangent, and by how much; -1 where none does."""
    for j in range(used):
        reduced[j] = values[j]
    for i in range(tangent.shape[0]):
        y = tangent[i]
        for j in range(used):
            reduced[j] -= y * beliefs[i, j]
    lowest = 0.0
    for j in range(used):
        lowest = min(lowest, reduced[j])
    if lowest > -1e-10:
        return -1, 0.0
    for j in range(used):
        if reduced[j] == lowest:
            return j, lowest
    return -1, 0.0


@part
def _total(values, basis, shares):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(shares.shape[0]):
        total += max(shares[i], 0.0) * values[basis[i]]
    return total


@part
def _share(inverse, belief, shares):  # type: ignore[no-untyped-def]
    """Write how much of each point of the basis a belief is mixed of; returns the least."""
    size, least = shares.shape[0], 0.0
    for i in range(size):
        share = 0.0
        for j in range(size):
            share += inverse[i, j] * belief[j]
        shares[i] = share
        least = min(least, share)
    return least


@part
def cheapest_mixture(points, t, k, belief, enough, scratch):  # type: ignore[no-untyped-def]
    """Upper bound at a belief that sums to 1, shape (D,); `points.tangent[t, k]` is its tangent
    then, unless it is no more than `enough`, at which the search for a cheaper mixture ends."""
    beliefs, values, used = points.beliefs[t, k], points.values[t, k], points.used[t, k]
    basis, inverse, tangent = points.basis[t, k], points.inverse[t, k], points.tangent[t, k]
    shares, column, reduced = scratch.shares, scratch.column, scratch.reduced
    size, priced = shares.shape[0], points.priced[t, k]
    if basis[0] < 0 or priced[1] > _FRESH or _share(inverse, belief, shares) < -1e-12:
        _begin(points, t, k, belief)
        _share(inverse, belief, shares)
    for _ in range(0 if priced[0] == used else _PIVOTS):
        if _total(values, basis, shares) <= enough:
            break
        scratch.spent[0] += used * size
        enters, below = _lowest(beliefs, values, used, tangent, reduced)
        if enters < 0:
            priced[0] = used
            break
        leaves, step = -1, np.inf
        for i in range(size):
            share = 0.0
            for j in range(size):
                share += inverse[i, j] * beliefs[j, enters]
            column[i] = share
            if share > 1e-9 and max(shares[i], 0.0) < step * share:
                leaves, step = i, max(shares[i], 0.0) / share
        if leaves < 0:
            break
        for j in range(size):
            inverse[leaves, j] /= column[leaves]
            tangent[j] += below * inverse[leaves, j]
        for i in range(size):
            if i != leaves:
                shares[i] = max(shares[i] - step * column[i], 0.0)
                for j in range(size):
                    inverse[i, j] -= column[i] * inverse[leaves, j]
        shares[leaves] = step
        basis[leaves] = enters
        priced[1] += 1
    if _off(beliefs, basis, shares, belief) > _ROUNDING:
        # divisions by small numbers have made another belief of it: what it was begun with is exact
        _begin(points, t, k, belief)
        _share(inverse, belief, shares)
    return _total(values, basis, shares)


@part
def _off(beliefs, basis, shares, belief):  # type: ignore[no-untyped-def]
    """By how much a mixture is another belief, in the worst of its numbers."""
    worst = 0.0
    for j in range(shares.shape[0]):
        number = -belief[j]
        for i in range(shares.shape[0]):
            number += max(shares[i], 0.0) * beliefs[j, basis[i]]
        worst = max(worst, abs(number))
    return worst


@part
def changed(points, t, k):  # type: ignore[no-untyped-def]
    """To be called after a change of points, but for new ones: the last mixture is forgotten."""
    points.basis[t, k, 0] = -1


@part
def add_point(points, t, k, belief, value):  # type: ignore[no-untyped-def]
    """Add a point, if there is room."""
    n = points.used[t, k]
    if n < points.values.shape[2]:
        for d in range(belief.shape[0]):
            points.beliefs[t, k, d, n] = belief[d]
        points.values[t, k, n] = value
        points.used[t, k] = n + 1
