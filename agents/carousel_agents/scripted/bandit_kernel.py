"""The pick of a linear bandit, compiled: the largest mean plus a multiple of its deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from carousel_envs.compiled.blocks import FLOATS
from carousel_envs.compiled.compiler import njit, part

if TYPE_CHECKING:
    from numpy.typing import NDArray

_U = np.uint64


class BanditTables(NamedTuple):
    """What `choose` reads of a bandit.

    Attributes:
        low, scale: of the D columns, so that (x - low) * scale lies in [0, 1], shape (D,).
        available: first of K columns that show which personas are available; -1: all always are.
        weights: `LinearArms.weights`.
        half: `LinearArms.half_inverse`.
        width: multiple of the standard deviation that is added to the mean.
    """

    low: NDArray[np.float64]
    scale: NDArray[np.float64]
    available: int
    weights: NDArray[np.float64]
    half: NDArray[np.float64]
    width: float


@part
def _add_tile(m, x, p, q, tile, total):  # type: ignore[no-untyped-def]
    """Add, for m lanes, four columns from place p on times a tile, times four columns from q on.

    Written out, so that its sixteen numbers and a lane's eight stay in registers.
    """
    one, two, three = _U(FLOATS), _U(2 * FLOATS), _U(3 * FLOATS)
    a0, a1, a2, a3 = tile[0, 0], tile[0, 1], tile[0, 2], tile[0, 3]
    b0, b1, b2, b3 = tile[1, 0], tile[1, 1], tile[1, 2], tile[1, 3]
    c0, c1, c2, c3 = tile[2, 0], tile[2, 1], tile[2, 2], tile[2, 3]
    d0, d1, d2, d3 = tile[3, 0], tile[3, 1], tile[3, 2], tile[3, 3]
    for j in range(m):
        y0, y1, y2, y3 = x[q + j], x[q + one + j], x[q + two + j], x[q + three + j]
        value = x[total + j]
        value += x[p + j] * (a0 * y0 + a1 * y1 + a2 * y2 + a3 * y3)
        value += x[p + one + j] * (b0 * y0 + b1 * y1 + b2 * y2 + b3 * y3)
        value += x[p + two + j] * (c0 * y0 + c1 * y1 + c2 * y2 + c3 * y3)
        value += x[p + three + j] * (d0 * y0 + d1 * y1 + d2 * y2 + d3 * y3)
        x[total + j] = value


@part
def _add_corner(m, x, p, tile, total):  # type: ignore[no-untyped-def]
    """`_add_tile` of the same four columns twice: below the tile's diagonal there is nothing."""
    one, two, three = _U(FLOATS), _U(2 * FLOATS), _U(3 * FLOATS)
    a0, a1, a2, a3 = tile[0, 0], tile[0, 1], tile[0, 2], tile[0, 3]
    b1, b2, b3 = tile[1, 1], tile[1, 2], tile[1, 3]
    c2, c3, d3 = tile[2, 2], tile[2, 3], tile[3, 3]
    for j in range(m):
        y0, y1, y2, y3 = x[p + j], x[p + one + j], x[p + two + j], x[p + three + j]
        value = x[total + j]
        value += y0 * (a0 * y0 + a1 * y1 + a2 * y2 + a3 * y3)
        value += y1 * (b1 * y1 + b2 * y2 + b3 * y3)
        value += y2 * (c2 * y2 + c3 * y3)
        value += y3 * (d3 * y3)
        x[total + j] = value


@part
def _add_columns(m, x, p, weights, total):  # type: ignore[no-untyped-def]
    """Add, for m lanes, four columns from place p on times a weight each, one after the other."""
    one, two, three = _U(FLOATS), _U(2 * FLOATS), _U(3 * FLOATS)
    a, b, c, d = weights[0], weights[1], weights[2], weights[3]
    for j in range(m):
        value = x[total + j] + x[p + j] * a
        value += x[p + one + j] * b
        value += x[p + two + j] * c
        value += x[p + three + j] * d
        x[total + j] = value


@njit
def choose(observation, bandit, normal, picks):  # type: ignore[no-untyped-def]
    """The arm with the largest mean plus width s, or width s times a normal draw.

    Lanes go block by block through loops that become vector instructions, and each is summed in one
    order of its own: it must not depend on its neighbours to the last bit, as it would in a product
    of matrices.

    Args:
        bandit: a `BanditTables`.
        normal: draws, shape (K, N); None: none.
        picks: is written, shape (N,).
    """
    low, scale, available, weights, half, width = bandit
    n, n_k, d = _U(observation.shape[0]), _U(weights.shape[0]), _U(low.shape[0])
    size, padded, four = _U(FLOATS), _U(half.shape[1]), _U(4)
    # the context, column by column, with zeros up to whole tiles, and what is worked out from it
    x = np.zeros((padded + four) * size)
    mean, square = padded * size, (padded + _U(1)) * size
    best, found = (padded + _U(2)) * size, (padded + _U(3)) * size
    for first in range(_U(0), n, size):
        m = min(size, n - first)
        for p in range(d):
            at, least, factor = p * size, low[p], scale[p]
            for j in range(m):
                x[at + j] = (observation[first + j, p] - least) * factor
        for j in range(m):
            x[d * size + j] = 1.0
            x[best + j] = -np.inf
            x[found + j] = 0.0
        for k in range(n_k):
            for j in range(m):
                x[mean + j] = 0.0
                x[square + j] = 0.0
            for p in range(_U(0), padded, four):
                _add_columns(m, x, p * size, weights[k, p : p + four], mean)
                _add_corner(m, x, p * size, half[k, p : p + four, p : p + four], square)
                for q in range(p + four, padded, four):
                    tile = half[k, p : p + four, q : q + four]
                    _add_tile(m, x, p * size, q * size, tile, square)
            for j in range(m):
                x[square + j] = np.sqrt(max(x[square + j], 0.0))
            if normal is not None:
                for j in range(m):
                    x[square + j] *= normal[k, first + j]
            if available >= 0:
                there = (_U(available) + k) * size
                for j in range(m):
                    total = x[mean + j]
                    x[mean + j] = total if x[there + j] >= 0.5 else -np.inf
            for j in range(m):
                value, most, who = x[mean + j] + width * x[square + j], x[best + j], x[found + j]
                x[best + j] = value if value > most else most
                x[found + j] = np.float64(k) if value > most else who
        for j in range(m):
            picks[first + j] = np.int64(x[found + j])
