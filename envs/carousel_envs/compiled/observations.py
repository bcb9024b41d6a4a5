"""Compiled readings of batches of observations, for routers that act on thousands at once."""

from __future__ import annotations

import numpy as np

from .compiler import njit

_U = np.uint64


@njit
def largest(observation, i, first, n):  # type: ignore[no-untyped-def]
    """Which of n columns of row i, from `first` on, is the largest; the first of equals."""
    found, most = _U(0), observation[i, _U(first)]
    for k in range(_U(1), _U(n)):
        value = observation[i, _U(first) + k]
        if value > most:
            found, most = _U(k), value
    return np.int64(found)


@njit
def marked(observation, first, n, out):  # type: ignore[no-untyped-def]
    """`largest` of every row; int64, shape (N,)."""
    for i in range(_U(observation.shape[0])):
        out[i] = largest(observation, i, first, n)
    return out


@njit
def symbol(observation, i, strides, n):  # type: ignore[no-untyped-def]
    """The joint symbol of the cues in row i, whose columns come first: each level times its stride,
    added up. Only of a turn that was played: before the first, cues show no level.

    There are n symbols; a sum that is none of them becomes n, which the caller must not look up.
    Only the sum is looked at: a wrong level, or one that is no number, may add up to some symbol.
    """
    found = np.int64(0)
    for j in range(_U(strides.shape[0])):
        found += np.int64(observation[i, j]) * strides[j]
    # seen as unsigned, a negative one is beyond, too
    return np.int64(min(_U(found), _U(n)))


@njit
def context(observation, i, numbers):  # type: ignore[no-untyped-def]
    """`Columns.context` of row i.

    Args:
        observation: shape (N, D).
        i: the row.
        numbers: five integers (a tuple: of an array, every row would be asked for them anew): first
            column of the availability of personas; how many there are; column of the vulnerable;
            first column of the badge (-1: not shown); how many personas a badge may name.
    """
    available, n, vulnerable, badge, n_badges = numbers
    found = np.int64(0)
    for k in range(_U(n)):
        found |= np.int64(observation[i, _U(available) + k] > 0.5) << np.int64(k)
    if vulnerable >= 0:
        found |= np.int64(observation[i, _U(vulnerable)] > 0.5) << n
    if badge >= 0:
        found += (1 + largest(observation, i, badge, n_badges)) << (n + 1)
    return found


@njit
def contexts(observation, numbers, out):  # type: ignore[no-untyped-def]
    """`context` of every row; int64, shape (N,)."""
    for i in range(_U(observation.shape[0])):
        out[i] = context(observation, i, numbers)
    return out


@njit
def share(observation, i, column, parts):  # type: ignore[no-untyped-def]
    """A share of 1, in row i, as a number of so many parts, rounded, from none to all but one.

    The product is of the observation's own precision, as NumPy has it.
    """
    whole = observation.dtype.type(parts)
    return max(min(np.int64(np.rint(observation[i, _U(column)] * whole)), parts - 1), 0)


@njit
def shares(observation, column, parts, out):  # type: ignore[no-untyped-def]
    """`share` of every row; int64, shape (N,)."""
    for i in range(_U(observation.shape[0])):
        out[i] = share(observation, i, column, parts)
    return out


@njit
def rows_of(numbers, row, out):  # type: ignore[no-untyped-def]
    """Look up row[number] for each number, int64, shape (N,), and whether none is below 0."""
    known = True
    for i in range(_U(numbers.shape[0])):
        out[i] = row[_U(numbers[i])]
        known &= out[i] >= 0
    return known


@njit
def nth_of(observation, first, n, draw, out):  # type: ignore[no-untyped-def]
    """One of the columns above a half among n from `first` on, each as likely, picked by a uniform
    draw from [0, 1); int64, shape (N,)."""
    for i in range(_U(observation.shape[0])):
        there = 0
        for k in range(_U(n)):
            there += observation[i, _U(first) + k] > 0.5
        out[i], rank = 0, int(draw[i] * there)
        for k in range(_U(n)):
            if observation[i, _U(first) + k] > 0.5:
                if rank == 0:
                    out[i] = k
                rank -= 1
    return out
