"""Standard normal draws that are a function of (lane, counter) alone, batched and compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carousel_envs.compiled import rng
from carousel_envs.compiled.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_U = np.uint64


def normals(keys: NDArray[np.uint64], counter: int, k: int) -> NDArray[np.float64]:
    """Standard normal draws by Box and Muller's method (1958).

    Args:
        keys: of the lanes' streams (`rng.lane_keys`), shape (N,).
        counter: how often these streams have been drawn from before.
        k: draws per lane.

    Returns:
        float64, shape (k, N).
    """
    parts = np.empty((2 * k, len(keys)))
    radius, cosine = parts[:k], parts[k:]
    first = 2 * k * counter + 1
    _uniforms(keys, np.uint64(first), radius)
    _cosines(keys, np.uint64(first + k), cosine)
    # NumPy's logarithms are vector instructions
    np.log(radius, out=radius)
    _scale(radius, cosine)
    return radius


@njit
def _uniforms(keys, first, out):  # type: ignore[no-untyped-def]
    """1 less `rng.hash_uniforms` of so many counters, the first given plus one, a row each: exact,
    and never 0."""
    for r in range(_U(out.shape[0])):
        word = (first + r) * rng.GOLDEN
        for i in range(_U(out.shape[1])):
            out[r, i] = 1.0 - np.float64(rng.mix64(keys[i] + word) >> _U(11)) * 2.0**-53


@njit
def _cosines(keys, first, out):  # type: ignore[no-untyped-def]
    """The cosine of each share u of a turn, which is drawn as `_uniforms` does.

    cos(2 pi u) = -sin(2 pi w) with w = 1/4 - |u - 1/2|, which is exact and at most a quarter: there
    eleven terms of the sine's series are all that a float64 can hold.
    """
    for r in range(_U(out.shape[0])):
        word = (first + r) * rng.GOLDEN
        for i in range(_U(out.shape[1])):
            turn = np.float64(rng.mix64(keys[i] + word) >> _U(11)) * 2.0**-53
            x = 2.0 * np.pi * (0.25 - abs(turn - 0.5))
            z = x * x
            tail = 1.0 - z * (1.0 / (20.0 * 21.0))
            tail = 1.0 - z * (1.0 / (18.0 * 19.0)) * tail
            tail = 1.0 - z * (1.0 / (16.0 * 17.0)) * tail
            tail = 1.0 - z * (1.0 / (14.0 * 15.0)) * tail
            tail = 1.0 - z * (1.0 / (12.0 * 13.0)) * tail
            tail = 1.0 - z * (1.0 / (10.0 * 11.0)) * tail
            tail = 1.0 - z * (1.0 / (8.0 * 9.0)) * tail
            tail = 1.0 - z * (1.0 / (6.0 * 7.0)) * tail
            tail = 1.0 - z * (1.0 / (4.0 * 5.0)) * tail
            tail = 1.0 - z * (1.0 / (2.0 * 3.0)) * tail
            out[r, i] = -x * tail


@njit
def _scale(logs, cosine):  # type: ignore[no-untyped-def]
    """The draws, in place of logarithms of radii."""
    for r in range(_U(logs.shape[0])):
        for i in range(_U(logs.shape[1])):
            logs[r, i] = np.sqrt(-2.0 * logs[r, i]) * cosine[r, i]
