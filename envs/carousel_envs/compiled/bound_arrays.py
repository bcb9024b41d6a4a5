"""Arrays that a kernel is given at every call and that never move: bound once, passed by address.

numba asks every argument of every call for its type and takes it apart, some fifty nanoseconds an
array. Twenty arrays that are the same at every step cost as much as a hundred lanes; their
addresses and shapes, in one small array, cost as much as one argument.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.core.extending import intrinsic, overload

from .compiler import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike, NDArray


class Slot(NamedTuple):
    """What a kernel takes an array for; it is not asked again once it is bound.

    Attributes:
        name: of the array.
        dtype: its type.
        ndim: 1 or 2.
        written: whether the kernel writes it.
        optional: whether the kernel goes without where sessions lack what it would hold.
    """

    name: str
    dtype: DTypeLike
    ndim: int
    written: bool = False
    optional: bool = False


class Bound:
    """Arrays bound to the slots of a kernel; they live as long as this does.

    Args:
        slots: of the kernel.
        arrays: one per slot, C-contiguous, at a multiple of eight bytes; None in a slot that is
            optional.

    Attributes:
        places: address, rows and columns (0: it has one dimension) of each, int64, shape
            (slots, 3).

    Raises:
        TypeError: an array is not what its slot holds.
        ValueError: there are more arrays or fewer than slots.
    """

    def __init__(self, slots: Sequence[Slot], arrays: Sequence[NDArray[Any] | None]) -> None:
        for slot, array in zip(slots, arrays, strict=True):
            if array is not None or not slot.optional:
                _refuse_unfit(slot, array)
        self._slots, self._arrays = tuple(slots), tuple(arrays)
        self.places = np.array([_place(array) for array in arrays], dtype=np.int64)

    def __reduce__(self) -> tuple[type[Bound], tuple[Any, ...]]:
        # a copy's arrays stand elsewhere
        return Bound, (self._slots, self._arrays)


def _refuse_unfit(slot: Slot, array: NDArray[Any] | None) -> None:
    if array is None:
        raise TypeError(f"{slot.name} is None; it must be an array")
    # NumPy holds packed records for aligned wherever they stand
    sound = array.flags.c_contiguous and array.ctypes.data % 8 == 0
    writable = array.flags.writeable or not slot.written
    if array.dtype != slot.dtype or array.ndim != slot.ndim or not (sound and writable):
        raise TypeError(
            f"{slot.name} has type {array.dtype} and {array.ndim} dimensions, contiguous and "
            f"aligned: {sound}, writable: {array.flags.writeable}; it must be {slot.dtype} with "
            f"{slot.ndim}, contiguous and aligned{', writable' if slot.written else ''}"
        )


def _place(array: NDArray[Any] | None) -> tuple[int, int, int]:
    if array is None:
        return 0, 0, 0
    return array.ctypes.data, array.shape[0], array.shape[1] if array.ndim == 2 else 0


def _to_pointer(_context: Any, address: Any) -> Any:
    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.PointerType(ir.IntType(8)))

    return types.voidptr(address), generate


def _python_pointer(address: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(int(address))


_INTERPRETED = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
_pointer: Any = _python_pointer if _INTERPRETED else intrinsic(_to_pointer)
_array: Any = numba.carray  # type: ignore[attr-defined]


@njit
def line(places, slot, dtype):  # type: ignore[no-untyped-def]
    """The array of one dimension that is bound to a slot."""
    return _array(_pointer(places[slot, 0]), (places[slot, 1],), dtype)


@njit
def table(places, slot, dtype):  # type: ignore[no-untyped-def]
    """The array of two dimensions that is bound to a slot."""
    return _array(_pointer(places[slot, 0]), (places[slot, 1], places[slot, 2]), dtype)


def bare(array: Any) -> Any:
    """The same array without an owner, for as long as the caller holds it: numba counts references
    to owned ones, in atomic instructions at every call that they are handed on to.

    For compiled callers.

    Raises:
        numba.TypingError: the array is not contiguous.
    """
    if _INTERPRETED:
        return array
    raise NotImplementedError("only compiled functions can call this")


@overload(bare)
def _bare(array: Any) -> Any:
    # a pointer knows no strides
    if array.layout != "C":
        raise TypingError(f"{array} is not contiguous")

    def taken(array: Any) -> Any:
        return _array(_pointer(array.ctypes.data), array.shape, array.dtype)

    return taken
