"""Points that bound a turn in which a persona takes over, and the cheapest mixtures of them.

As in `mixtures.py`, for bounds over shares of kinds alone. Every place where a swap is looked at
has a mixture of its own for each persona: the one that was cheapest in the turn after is feasible
in this one, and costs nearly the least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIVOTS = 60
_ROUNDING = 1e-11


class Columns(NamedTuple):
    """Points of all personas, those of persona k in columns first[k] to first[k + 1] - 1; C in all.

    Attributes:
        first: shape (K + 1,).
        kinds: shares, each sums to 1, shape (kinds, C); the first ones of a persona are sure of one
            kind each.
        suited, never: shares if the persona suited, and if it did not, shape (kinds, C).
        values: upper bounds, shape (T, C).
        basis: points of persona j that make up the cheapest mixture known where column c's user
            swaps at P(never suited) of the grid, counted from the first of j, shape (C, Q, K,
            kinds).
        inverse: of the shares of kinds of these points, shape (C, Q, K, kinds, kinds).
        shares: of these points, shape (C, Q, K, kinds).
        best: persona that was best to swap to there, shape (C, Q).
    """

    first: NDArray[np.int64]
    kinds: NDArray[np.float64]
    suited: NDArray[np.float64]
    never: NDArray[np.float64]
    values: NDArray[np.float64]
    basis: NDArray[np.int64]
    inverse: NDArray[np.float64]
    shares: NDArray[np.float64]
    best: NDArray[np.int64]


@part
def begin_mixture(kinds, basis, inverse, shares):  # type: ignore[no-untyped-def]
    """The mixture of points that are sure of one kind each."""
    for a in range(kinds.shape[0]):
        basis[a], shares[a] = a, kinds[a]
        for b in range(kinds.shape[0]):
            inverse[a, b] = 1.0 if a == b else 0.0


@part
def _off(points, begin, kinds, basis, shares):  # type: ignore[no-untyped-def]
    """By how much a mixture has other shares of kinds, in the worst of them."""
    worst = 0.0
    for a in range(kinds.shape[0]):
        number = -kinds[a]
        for i in range(kinds.shape[0]):
            number += shares[i] * points[a, begin + basis[i]]
        worst = max(worst, abs(number))
    return worst


@part
def mixture(columns, t, j, kinds, basis, inverse, shares, enough, scratch, spent):  # type: ignore[no-untyped-def]
    """The cheapest mixture of points of persona j in turn t, from a feasible one, which is
    replaced; the search ends where it costs no more than `enough`. As `mixtures.cheapest_mixture`,
    for one belief."""
    begin, end = columns.first[j], columns.first[j + 1]
    points, values, size, n = (
        columns.kinds,
        columns.values[t, begin:end],
        kinds.shape[0],
        end - begin,
    )
    reduced, tangent, column = scratch[0, :n], scratch[1], scratch[2]
    total = 0.0
    for i in range(size):
        total += shares[i] * values[basis[i]]
    for _ in range(_PIVOTS):
        if total <= enough:
            return total
        spent[0] += n * size
        for a in range(size):
            tangent[a] = 0.0
            for i in range(size):
                tangent[a] += values[basis[i]] * inverse[i, a]
        for c in range(n):
            reduced[c] = values[c]
        for a in range(size):
            y, row = tangent[a], points[a, begin:end]
            for c in range(n):
                reduced[c] -= y * row[c]
        lowest = 0.0
        for c in range(n):
            lowest = min(lowest, reduced[c])
        if lowest > -1e-10:
            return total
        enters = 0
        while reduced[enters] != lowest:
            enters += 1
        leaves, step = -1, np.inf
        for i in range(size):
            column[i] = 0.0
            for a in range(size):
                column[i] += inverse[i, a] * points[a, begin + enters]
            if column[i] > 1e-9 and shares[i] < step * column[i]:
                leaves, step = i, shares[i] / column[i]
        if leaves < 0:
            return total
        for a in range(size):
            inverse[leaves, a] /= column[leaves]
        for i in range(size):
            if i != leaves:
                shares[i] = max(shares[i] - step * column[i], 0.0)
                for a in range(size):
                    inverse[i, a] -= column[i] * inverse[leaves, a]
        shares[leaves], basis[leaves] = step, enters
        if _off(points, begin, kinds, basis, shares) > _ROUNDING:
            # divisions by small numbers have made another belief of it: the first one is exact
            begin_mixture(kinds, basis, inverse, shares)
        total = 0.0
        for i in range(size):
            total += shares[i] * values[basis[i]]
    return total


@njit
def mixtures_in(columns, grid, turns, found, spent):  # type: ignore[no-untyped-def]
    """Write the points of the cheapest mixtures; see `StreakBound.mixtures`."""
    size, n_k = columns.kinds.shape[0], columns.first.shape[0] - 1
    kinds, scratch = np.empty(size), np.empty((3, columns.kinds.shape[1] + size))
    basis, inverse = np.empty(size, dtype=np.int64), np.empty((size, size))
    shares = np.empty(size)
    for c in range(columns.kinds.shape[1]):
        for q in range(grid.never.shape[0]):
            x = grid.never[q]
            for a in range(size):
                kinds[a] = (1.0 - x) * columns.suited[a, c] + x * columns.never[a, c]
            for j in range(n_k):
                begin_mixture(kinds, basis, inverse, shares)
                for i in range(turns.shape[0]):
                    t = turns[i]
                    mixture(columns, t, j, kinds, basis, inverse, shares, -np.inf, scratch, spent)
                    for a in range(size):
                        found[c, q, j, i, a] = basis[a]
