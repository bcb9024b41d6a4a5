"""Arrays that are bound to a kernel by address: what is refused, and what a copy is bound to."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
import weakref
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from numba.core.errors import TypingError

from carousel_envs.compiled.bound_arrays import Array, Bound, Slot, bare, opened, slots_of
from carousel_envs.compiled.compiler import njit, part
from carousel_envs.questions.arrays import QuestionArrays
from carousel_envs.users.arrays import SessionArrays

PAIR = np.dtype([("left", np.int64), ("right", np.float32)], align=True)


class Arrays(NamedTuple):
    """What `add` reads and writes."""

    numbers: Annotated[Array | None, Slot(np.float64, optional=True)]
    cells: Annotated[Array, Slot(np.int32, 2, written=True)]
    pairs: Annotated[Array | None, Slot(PAIR, optional=True, written=True)] = None


@part
def add_numbers(arrays, numbers, extra):  # type: ignore[no-untyped-def]
    """Add the numbers, where there are any, to the rows of cells, and an extra number to all."""
    cells = arrays.cells
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            cells[i, j] += np.int32(extra[0])
            if numbers is not None:
                cells[i, j] += np.int32(numbers[i])
    return cells.shape[0]


@njit
def add(places, extra):  # type: ignore[no-untyped-def]
    """`add_numbers` to bound arrays."""
    arrays = opened(places, Arrays)
    return add_numbers(arrays, arrays.numbers, bare(extra))


@njit
def swap(places):  # type: ignore[no-untyped-def]
    """Swap what stands in records, and count the cells."""
    arrays = opened(places, Arrays)
    for i in range(arrays.pairs.shape[0]):
        left = arrays.pairs[i].left
        arrays.pairs[i].left = arrays.pairs[i].right
        arrays.pairs[i].right = left
    return arrays.cells.shape[1] * 100 + arrays.cells[1, 1]


def arrays():
    return np.array([10.0, 20.0, 30.0]), np.arange(6, dtype=np.int32).reshape(3, 2)


def test_a_kernel_reads_and_writes_what_is_bound():
    numbers, cells = arrays()
    bound = Bound(Arrays(numbers, cells))
    numbers.setflags(write=False)
    assert add(bound.places, np.array([100.0])) == 3
    np.testing.assert_array_equal(cells, [[110, 111], [122, 123], [134, 135]])


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))]
)
def test_a_copy_is_bound_to_the_arrays_that_were_copied_with_it(duplicate):
    numbers, cells = arrays()
    bound, copied = duplicate((Bound(Arrays(numbers, cells)), cells))
    add(bound.places, np.zeros(1))
    np.testing.assert_array_equal(copied, [[10, 11], [22, 23], [34, 35]])
    np.testing.assert_array_equal(cells, arrays()[1], "the first is as it was")


def test_bound_arrays_live_as_long_as_they_are_bound():
    numbers, cells = arrays()
    bound, alive = Bound(Arrays(numbers, cells)), weakref.ref(cells)
    del numbers, cells
    gc.collect()
    assert alive() is not None
    assert add(bound.places, np.zeros(1)) == 3
    del bound
    gc.collect()
    assert alive() is None


def read_only(array):
    array.setflags(write=False)
    return array


@pytest.mark.parametrize(
    ("numbers", "cells", "said"),
    [
        (np.zeros(3, dtype=np.float32), arrays()[1], "numbers has type float32"),
        (np.zeros((3, 1)), arrays()[1], "numbers has type float64 and 2 dimensions"),
        (np.zeros(6)[::2], arrays()[1], "contiguous and aligned: False"),
        (arrays()[0], np.zeros((3, 2), dtype=np.int64), "cells has type int64"),
        (arrays()[0], np.zeros((2, 3), dtype=np.int32).T, "contiguous and aligned: False"),
        (arrays()[0], read_only(arrays()[1]), "writable: False"),
        (arrays()[0], None, "cells is None"),
        (np.zeros(25, dtype=np.uint8)[1:].view(np.float64), arrays()[1], "aligned: False"),
    ],
)
def test_what_a_kernel_could_not_take_is_refused(numbers, cells, said):
    with pytest.raises(TypeError, match=said):
        Bound(Arrays(numbers, cells))


def test_what_is_not_there_is_none_to_the_kernel():
    bound = Bound(Arrays(None, arrays()[1]))
    assert bound.places.dtype.names == ("cells",)
    assert add(bound.places, np.array([100.0])) == 3
    np.testing.assert_array_equal(bound.arrays.cells, arrays()[1] + 100)


def test_arrays_are_found_by_name_whatever_stands_before_them():
    pairs = np.array([(1, 2.0), (3, 4.0)], dtype=PAIR)
    for numbers in (None, arrays()[0]):
        assert swap(Bound(Arrays(numbers, arrays()[1], pairs)).places) == 203
    assert pairs.tolist() == [(1, 2.0), (3, 4.0)]
    swap(Bound(Arrays(None, arrays()[1], pairs)).places)
    assert pairs.tolist() == [(2, 1.0), (4, 3.0)]


@pytest.mark.parametrize("declared", [SessionArrays, QuestionArrays])
def test_every_array_of_a_kernel_is_declared_and_explained(declared):
    slots = slots_of(declared)
    assert tuple(slots) == declared._fields
    for name, slot in slots.items():
        assert isinstance(slot, Slot)
        assert name in declared.__doc__
        hint = declared.__annotations__[name].__forward_arg__
        assert ("Array | None" in hint) == slot.optional


_INTERPRETED = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from test_bound import Arrays, Bound, PAIR, add, swap
cells = np.arange(6, dtype=np.int32).reshape(3, 2)
pairs = np.array([(1, 2.0), (3, 4.0)], dtype=PAIR)
bound = Bound(Arrays(None, cells, pairs))
print(add(bound.places, np.array([100.0])), swap(bound.places), cells.tolist(), pairs.tolist())
"""


def test_without_the_compiler_the_same_arrays_are_read_and_written():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "NUMBA_DISABLE_JIT": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", _INTERPRETED, os.path.dirname(__file__)],  # noqa: PTH120
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == ("3 303 [[100, 101], [102, 103], [104, 105]] [(2, 1.0), (4, 3.0)]\n")


def test_only_contiguous_arrays_are_taken_without_an_owner():
    @njit
    def total(array):  # type: ignore[no-untyped-def]
        return bare(array).sum()

    assert total(np.arange(8)) == 28
    with pytest.raises(TypingError, match="not contiguous"):
        total(np.arange(8)[::2])


def test_a_part_is_no_function_of_python():
    with pytest.raises(TypeError, match="add_numbers is part of kernels"):
        add_numbers(1, None, np.zeros(1))
    add(Bound(Arrays(*arrays())).places, np.zeros(1))
    with pytest.raises(TypeError, match="only compiled functions can call it"):
        add_numbers(1, None, np.zeros(1))
