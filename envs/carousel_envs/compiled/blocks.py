"""What compiled kernels share: lanes are played block by block, in passes.

A pass either goes lane by lane to where the data lies, or is plain arithmetic on neighbouring
numbers without a branch, which compilers turn into vector instructions. They do so where they see
that nothing overlaps: a loop reads first and then writes, and what it touches stands in one record,
or two, at constant distances. Records are arrays of a structured type whose fields are arrays over
the lanes of a block. Places are unsigned, because a signed one may count from the end, and asking
costs more than the access.
"""

from __future__ import annotations

import numpy as np

from .compiler import inlined, part

BLOCK = 512
"""Lanes of a block: its records fit the second-level cache, and the fixed part of what a pass costs
is small beside its lanes."""

FEW = 64
"""Below so many lanes, a loop over those that are there takes less than vectors over a block."""

FLOATS = 128
"""Lanes of a block where many floats are kept of each, so that they fit the first-level cache."""

LANE = np.dtype([("lane_key", np.uint64), ("episode", np.int64), ("user", np.int32)], align=True)
"""What a lane keeps beside the state of its session: its key, index of its episode, user row."""


def places(n: int) -> list[np.uint64]:
    """Where each of n quantities of `FLOATS` lanes begins in the array that holds them."""
    return [np.uint64(i * FLOATS) for i in range(n)]


@inlined
def where(condition, yes, no):  # type: ignore[no-untyped-def]
    """`yes` where the condition is 1, `no` where it is 0 (all int32), no branch."""
    return np.int32(no ^ ((no ^ yes) & -condition))


@part
def gather(m, index, table, found):  # type: ignore[no-untyped-def]
    """Read one entry of a table for each of m lanes."""
    for j in range(m):
        found[j] = table[np.uint64(index[j])]


@part
def list_marked(m, marks, listed):  # type: ignore[no-untyped-def]
    """List those of m lanes whose mark is 1 (the others' is 0); returns how many they are."""
    n_listed, whole = np.uint64(0), np.uint64(m) & ~np.uint64(7)
    # marks are rare: eight at a time are none, as a rule
    for first in range(np.uint64(0), whole, np.uint64(8)):
        any_marked = np.int32(marks[first])
        for c in range(np.uint64(1), np.uint64(8)):
            any_marked = np.int32(any_marked | np.int32(marks[first + c]))
        if any_marked:
            for c in range(np.uint64(8)):
                # no branch: marks cannot be predicted
                listed[n_listed] = first + c
                n_listed += np.uint64(marks[first + c])
    for j in range(whole, np.uint64(m)):
        listed[n_listed] = j
        n_listed += np.uint64(marks[j])
    return n_listed


@part
def copy(at, m, source, rows, row):  # type: ignore[no-untyped-def]
    """Copy a quantity of a block of m lanes to its lanes' entries in a row, from `at` on."""
    for j in range(m):
        rows[row, at + j] = source[j]


@part
def fill(at, m, value, rows, row):  # type: ignore[no-untyped-def]
    """Write one value into the entries of m lanes in a row, from `at` on."""
    for j in range(m):
        rows[row, at + j] = value


@part
def first_beyond(actions, n_actions):  # type: ignore[no-untyped-def]
    """Index of the first action that is none, or -1."""
    # seen as unsigned, a negative one is too large; no branch, so that it becomes vectors
    any_beyond = False
    for i in range(actions.shape[0]):
        any_beyond |= bool(np.uint64(actions[i]) >= np.uint64(n_actions))
    if any_beyond:
        for i in range(actions.shape[0]):
            if np.uint64(actions[i]) >= np.uint64(n_actions):
                return i
    return -1


def column_shift(columns: int) -> int:
    """Bits below the column in a 16-bit draw from an alias table of this many columns."""
    return 16 - (columns - 1).bit_length()


@inlined
def drawn(entry, column, inside):  # type: ignore[no-untyped-def]
    """What a draw picks: the column's own symbol below its cut, else the entry's other."""
    # no branch: draws cannot be predicted
    other = np.int32(entry & np.int32(4095))
    return where(np.int32(inside < np.int32(entry >> np.int32(12))), column, other)
