"""The arithmetic of a learned router, compiled, row by row.

BLAS starts threads even for products as small as these, and on a busy machine waits for them ten
times as long as the product takes. Loops over rows also make a row's result independent of the
batch it stands in; they take four rows at a time, so that a weight is read once for all of them.
Hyperbolic tangents are left to NumPy, which computes many at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carousel_envs.compiled.compiler import njit, part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .layers import Lstm

_HALF = np.float32(0.5)
_ZERO = np.float32(0.0)


@njit
def scaled(x, is_count, centre, scale, clip):  # type: ignore[no-untyped-def]
    """Columns as the network reads them: float32, shape (N, D) to (N, D)."""
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            value = x[i, j]
            if is_count[j]:
                value = np.log1p(max(value, _ZERO))
            out[i, j] = min(max((value - centre[j]) / scale[j], -clip), clip)
    return out


@part
def _add_products(out, x, weight, i):  # type: ignore[no-untyped-def]
    """Add x @ weight to row i of out."""
    for j in range(x.shape[1]):
        for k in range(weight.shape[1]):
            out[i, k] += x[i, j] * weight[j, k]


@part
def _add_products_of_four(out, x, weight, i):  # type: ignore[no-untyped-def]
    """Add x @ weight to rows i to i + 3 of out, in the same order as `_add_products`."""
    for j in range(x.shape[1]):
        a, b, c, d = x[i, j], x[i + 1, j], x[i + 2, j], x[i + 3, j]
        for k in range(weight.shape[1]):
            w = weight[j, k]
            out[i, k] += a * w
            out[i + 1, k] += b * w
            out[i + 2, k] += c * w
            out[i + 3, k] += d * w


@njit
def dense(x, weight, bias):  # type: ignore[no-untyped-def]
    """x @ weight + bias; shapes (N, in), (in, out) and (out,) to (N, out)."""
    n = x.shape[0]
    out = np.empty((n, weight.shape[1]), dtype=np.float32)
    for i in range(n):
        out[i] = bias
    fours = n - n % 4
    for i in range(0, fours, 4):
        _add_products_of_four(out, x, weight, i)
    for i in range(fours, n):
        _add_products(out, x, weight, i)
    return out


@njit
def _gates(x, h, keep, from_input, from_hidden, bias):  # type: ignore[no-untyped-def]
    """What enters the four gates; (N, in), (N, H) and (N,) to (N, 4H)."""
    out = dense(x, from_input, bias)
    n = x.shape[0]
    i = 0
    while i < n:
        if i + 4 <= n and keep[i] and keep[i + 1] and keep[i + 2] and keep[i + 3]:
            _add_products_of_four(out, h, from_hidden, i)
            i += 4
            continue
        if keep[i]:
            _add_products(out, h, from_hidden, i)
        i += 1
    return out


@njit
def _cells(gates, c, keep):  # type: ignore[no-untyped-def]
    """The next cells, (N, H), from hyperbolic tangents of the gates."""
    n = c.shape[1]
    out = np.empty_like(c)
    for i in range(c.shape[0]):
        for k in range(n):
            enters = _HALF + _HALF * gates[i, k]
            stays = _HALF + _HALF * gates[i, n + k]
            before = c[i, k] if keep[i] else _ZERO
            out[i, k] = stays * before + enters * gates[i, 2 * n + k]
    return out


@njit
def _opened(gates, squashed):  # type: ignore[no-untyped-def]
    """The next hidden values, (N, H), from the output gate and hyperbolic tangents of the cells."""
    n = squashed.shape[1]
    out = np.empty_like(squashed)
    for i in range(squashed.shape[0]):
        for k in range(n):
            out[i, k] = (_HALF + _HALF * gates[i, 3 * n + k]) * squashed[i, k]
    return out


class LstmStep:
    """One step of one layer of memory.

    A sigmoid is a hyperbolic tangent of half its argument, moved: so the rows of three gates are
    halved once, which rounds nothing, and all four gates pass through one call.
    """

    def __init__(self, layer: Lstm) -> None:
        half = np.full((4, layer.hidden), _HALF, dtype=np.float32)
        half[2] = 1.0
        factor = half.ravel()
        self._from_input = np.ascontiguousarray((layer.weight_ih * factor[:, None]).T)
        self._from_hidden = np.ascontiguousarray((layer.weight_hh * factor[:, None]).T)
        self._bias = (layer.bias_ih + layer.bias_hh) * factor

    def __call__(
        self,
        x: NDArray[np.float32],
        h: NDArray[np.float32],
        c: NDArray[np.float32],
        keep: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The next h and c, new arrays of shape (N, H); rows not to be kept start from zeros."""
        gates = _gates(x, h, keep, self._from_input, self._from_hidden, self._bias)
        np.tanh(gates, out=gates)
        cells = _cells(gates, c, keep)
        return _opened(gates, np.tanh(cells)), cells
