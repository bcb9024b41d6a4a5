"""Copies between arrays of one shape.

Assigned to a slice, an array is compared with it in shape, and what would say the difference in
words takes about a second to compile, for each number of dimensions anew. Loops need none of it.
"""

from __future__ import annotations

from .compiler import part


@part
def copy_vector(source, target):  # type: ignore[no-untyped-def]
    """Copy an array, shape (N,), to another."""
    for i in range(source.shape[0]):
        target[i] = source[i]


@part
def copy_matrix(source, target):  # type: ignore[no-untyped-def]
    """Copy an array, shape (N, M), to another."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]
