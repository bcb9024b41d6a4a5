"""Arrays that are bound to a kernel by address: what is refused, and what a copy is bound to."""

from __future__ import annotations

import ast
import copy
import gc
import inspect
import pickle
import weakref

import numpy as np
import pytest
from numba.core.errors import TypingError

from carousel_envs.compiled.bound_arrays import Bound, Slot, bare, line, table
from carousel_envs.compiled.compiler import njit
from carousel_envs.questions import session as recall_session
from carousel_envs.users import session

SLOTS = (Slot("numbers", np.float64, 1, optional=True), Slot("cells", np.int32, 2, written=True))


@njit
def add(places, extra):  # type: ignore[no-untyped-def]
    """Add the numbers to the rows of cells, and an extra number to all."""
    numbers, cells, more = line(places, 0, np.float64), table(places, 1, np.int32), bare(extra)
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            cells[i, j] += np.int32(numbers[i] + more[0])
    return numbers.shape[0]


def arrays():
    return np.array([10.0, 20.0, 30.0]), np.arange(6, dtype=np.int32).reshape(3, 2)


def test_a_kernel_reads_and_writes_what_is_bound():
    numbers, cells = arrays()
    bound = Bound(SLOTS, (numbers, cells))
    numbers.setflags(write=False)
    assert add(bound.places, np.array([100.0])) == 3
    np.testing.assert_array_equal(cells, [[110, 111], [122, 123], [134, 135]])


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))]
)
def test_a_copy_is_bound_to_the_arrays_that_were_copied_with_it(duplicate):
    numbers, cells = arrays()
    bound, copied = duplicate((Bound(SLOTS, (numbers, cells)), cells))
    add(bound.places, np.zeros(1))
    np.testing.assert_array_equal(copied, [[10, 11], [22, 23], [34, 35]])
    np.testing.assert_array_equal(cells, arrays()[1], "the first is as it was")


def test_bound_arrays_live_as_long_as_they_are_bound():
    numbers, cells = arrays()
    bound, alive = Bound(SLOTS, (numbers, cells)), weakref.ref(cells)
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
        Bound(SLOTS, (numbers, cells))


def test_there_is_an_array_or_nothing_for_every_slot():
    assert Bound(SLOTS, (None, arrays()[1])).places[0].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="zip"):
        Bound(SLOTS, arrays()[:1])


@pytest.mark.parametrize("module", [session, recall_session])
def test_slots_are_the_arguments_of_the_step_in_their_order(module):
    names = [name for name in module.step.py_func.__code__.co_varnames if name != "mode"]
    assert names[: len(module.SLOTS)] == [slot.name for slot in module.SLOTS]


@pytest.mark.parametrize("module", [session, recall_session])
def test_a_step_is_played_with_what_the_slots_hold(module):
    calls = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(module.play.py_func)))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("line", "table")
    ]
    read = {}
    for call in calls:
        assert isinstance(call.func, ast.Name)
        _, slot, dtype = call.args
        ndim = 1 if call.func.id == "line" else 2
        read[ast.literal_eval(slot)] = (np.dtype(eval(ast.unparse(dtype), vars(module))), ndim)
    assert len(calls) == len(read)
    assert read == {i: (np.dtype(s.dtype), s.ndim) for i, s in enumerate(module.SLOTS)}


def test_only_contiguous_arrays_are_taken_without_an_owner():
    @njit
    def total(array):  # type: ignore[no-untyped-def]
        return bare(array).sum()

    assert total(np.arange(8)) == 28
    with pytest.raises(TypingError, match="not contiguous"):
        total(np.arange(8)[::2])
