"""What compiled kernels share: lanes are played block by block, in passes.

A block fits the nearest cache. A pass either goes lane by lane to where the data lies, or is plain
arithmetic on neighbouring integers without a branch, which compilers turn into vector instructions:
such a loop reads first and then writes, and all it touches stands in one array at constant
distances, which shows that nothing overlaps. Places are unsigned, because a signed one may count
from the end, and asking costs more than the access.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._compile import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 128
"""Lanes of a block."""

Scratch = tuple["NDArray[Any]", ...]


def places(n: int) -> list[np.uint64]:
    """Where each of n quantities of a block begins in the array that holds them."""
    return [np.uint64(i * BLOCK) for i in range(n)]


def memory(*rows: tuple[int, Any]) -> Scratch:
    """Arrays for so many quantities of such a type each, shape (quantities * BLOCK,)."""
    return tuple(np.zeros(n * BLOCK, dtype=kind) for n, kind in rows)


@njit
def where(condition, yes, no):  # type: ignore[no-untyped-def]
    """`yes` where the condition is 1, `no` where it is 0 (integers of one type), no branch."""
    return no ^ ((no ^ yes) & -condition)


@njit
def copy(at, m, source, row):  # type: ignore[no-untyped-def]
    """Copy a quantity of a block of m lanes to its lanes' entries in a row, from `at` on."""
    for j in range(m):
        row[at + j] = source[j]


@njit
def fill(at, m, value, row):  # type: ignore[no-untyped-def]
    """Write one value into the entries of m lanes, from `at` on."""
    for j in range(m):
        row[at + j] = value


@njit
def column_shift(columns):  # type: ignore[no-untyped-def]
    """Bits below the column in a 16-bit draw from an alias table of this many columns (int32)."""
    shift = np.int32(16)
    while (1 << (16 - shift)) < columns:
        shift -= np.int32(1)
    return shift


@njit
def symbol(entry, column, inside):  # type: ignore[no-untyped-def]
    """What a draw picks: the column's own symbol below its cut, else the entry's other."""
    # no branch: nobody can guess a draw
    return where(np.int32(inside < (entry >> np.int32(12))), column, entry & np.int32(4095))
