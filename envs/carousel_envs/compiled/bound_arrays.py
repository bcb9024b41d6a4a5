"""The arrays of a kernel: declared once by name, bound once, passed by address.

A kernel that is called at every step takes some twenty arrays that never move. numba asks every
argument of every call for its type and takes it apart, some fifty nanoseconds an array, as much
altogether as a hundred lanes. So a kernel takes one argument instead, a record that holds address
and shape of each array under its name, and opens it:

    class Arrays(NamedTuple):
        numbers: Annotated[Array, Slot(np.float64)]
        cells: Annotated[Array, Slot(np.int32, 2, written=True)]
        extra: Annotated[Array | None, Slot(np.float64, optional=True)]

    @njit
    def kernel(places):
        arrays = opened(places, Arrays)
        return add(arrays.numbers, arrays.cells)

    bound = Bound(Arrays(numbers, cells, None))
    kernel(bound.places)

What `opened` returns is a pointer, so that it costs nothing to hand it on; an array is put together
where its name is read. An array that is None is None in compiled code as well. numba compiles
nothing of `if array is not None:` where `array` is an argument that is None.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, NamedTuple, TypeAlias, get_type_hints

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.errors import TypingError
from numba.core.extending import intrinsic, register_model
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype
from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = NDArray[Any]


class Slot(NamedTuple):
    """What a kernel takes an array for; it is not asked again once it is bound.

    Attributes:
        dtype: its type.
        ndim: 1 or 2.
        written: whether the kernel writes it.
        optional: whether it may be None, where sessions lack what it would hold.
    """

    dtype: DTypeLike
    ndim: int = 1
    written: bool = False
    optional: bool = False


@cache
def slots_of(declared: Any) -> dict[str, Slot]:
    """The slots that a NamedTuple of arrays declares in its annotations, by name."""
    hints = get_type_hints(declared, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items()}


class Bound:
    """Arrays bound to the slots of a kernel; they live as long as this does.

    Args:
        arrays: a NamedTuple whose class declares a slot for each; C-contiguous, at a multiple of
            eight bytes.

    Attributes:
        places: a record for `opened`, shape (1,): address, rows and columns (0: it has one
            dimension), int64, of each array that is not None, under its name.

    Raises:
        TypeError: an array is not what its slot holds.
    """

    def __init__(self, arrays: Any) -> None:
        self.arrays = arrays
        given: dict[str, Array | None] = arrays._asdict()
        declared: Any = type(arrays)
        for name, slot in slots_of(declared).items():
            if given[name] is not None or not slot.optional:
                _refuse_unfit(name, slot, given[name])
        present = {name: array for name, array in given.items() if array is not None}
        self.places = np.zeros(1, dtype=_places_of(tuple(present)))
        for name, array in present.items():
            columns = array.shape[1] if array.ndim == 2 else 0
            self.places[name] = array.ctypes.data, array.shape[0], columns

    def __reduce__(self) -> tuple[type[Bound], tuple[Any, ...]]:
        # a copy's arrays stand elsewhere
        return Bound, (self.arrays,)


@cache
def _places_of(names: tuple[str, ...]) -> np.dtype[np.void]:
    # always the same object: numba knows a type of records that it has seen by its address
    return np.dtype([(name, np.int64, 3) for name in names])


def _refuse_unfit(name: str, slot: Slot, array: Array | None) -> None:
    if array is None:
        raise TypeError(f"{name} is None; it must be an array")
    # NumPy holds packed records for aligned wherever they stand
    sound = array.flags.c_contiguous and array.ctypes.data % 8 == 0
    writable = array.flags.writeable or not slot.written
    if array.dtype != slot.dtype or array.ndim != slot.ndim or not (sound and writable):
        raise TypeError(
            f"{name} has type {array.dtype} and {array.ndim} dimensions, contiguous and "
            f"aligned: {sound}, writable: {array.flags.writeable}; it must be {slot.dtype} with "
            f"{slot.ndim}, contiguous and aligned{', writable' if slot.written else ''}"
        )


def _reopened(places: Any, declared: Any) -> Any:
    found: dict[str, Any] = dict.fromkeys(declared._fields)
    for name in places.dtype.names:
        slot, (address, rows, columns) = slots_of(declared)[name], places[name][0].tolist()
        shape = (rows, columns)[: slot.ndim]
        dtype = np.dtype(slot.dtype)
        raw: Any = (ctypes.c_char * (int(np.prod(shape)) * dtype.itemsize)).from_address(address)
        array = np.frombuffer(raw, dtype=dtype).reshape(shape)
        found[name] = array.view(np.recarray) if dtype.names else array
    return declared(**found)


class _Opened(types.Type):
    """Opened arrays: a pointer to their places, and the type of each array by its name."""

    def __init__(self, declared: Any, places: types.Record) -> None:
        self.places = places
        self.fields: dict[str, Any] = {
            name: types.Array(from_dtype(np.dtype(slot.dtype)), slot.ndim, "C")
            if name in places.fields
            else types.none
            for name, slot in slots_of(declared).items()
        }
        super().__init__(f"Opened({declared.__module__}.{declared.__qualname__}, {places})")


@register_model(_Opened)
class _OpenedModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: _Opened) -> None:
        super().__init__(manager, kind, ir.PointerType(ir.IntType(8)))


def _open(_typing: Any, places: Any, declared: Any) -> Any:
    kind = _Opened(declared.instance_class, places.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        records = make_array(signature.args[0])(context, builder, arguments[0])
        return builder.bitcast(records.data, context.get_value_type(kind))

    return kind(places, declared), generate


@infer_getattr
class _OpenedFields(AttributeTemplate):
    key = _Opened

    def generic_resolve(self, opened_arrays: _Opened, name: str) -> Any:  # type: ignore[override]
        return opened_arrays.fields.get(name)


@lower_getattr_generic(_Opened)
def _lower_field(context: Any, builder: Any, kind: _Opened, pointer: Any, name: str) -> Any:
    field = kind.fields[name]
    if field is types.none:
        return context.get_dummy_value()
    integer = ir.IntType(64)
    at = cgutils.pointer_add(builder, pointer, kind.places.offset(name), integer.as_pointer())
    address, rows, columns = (_constant_entry(builder, at, i) for i in range(3))
    array = make_array(field)(context, builder)
    size = context.get_abi_sizeof(context.get_data_type(field.dtype))
    strides = [integer(size)]
    if field.ndim == 2:
        strides = [builder.mul(columns, integer(size)), *strides]
    populate_array(
        array,
        data=builder.inttoptr(address, array.data.type),
        shape=[rows, columns][: field.ndim],
        strides=strides,
        itemsize=size,
        meminfo=None,
    )
    return array._getvalue()


def _constant_entry(builder: Any, at: Any, i: int) -> Any:
    loaded = builder.load(cgutils.gep_inbounds(builder, at, i))
    # what is bound does not move: no store of the kernel makes it load this again
    loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
    return loaded


def _unowned(_typing: Any, array: Any) -> Any:
    if array.layout != "C":
        raise TypingError(f"{array} is not contiguous")

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        owned = make_array(array)(context, builder, arguments[0])
        free = make_array(array)(context, builder)
        populate_array(
            free,
            data=owned.data,
            shape=owned.shape,
            strides=owned.strides,
            itemsize=owned.itemsize,
            meminfo=None,
        )
        return free._getvalue()

    return array(array), generate


_INTERPRETED = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]

opened: Any = _reopened if _INTERPRETED else intrinsic(_open)
"""opened(places, declared): the arrays behind the `places` of a `Bound`, by name; for compiled
callers. `declared` is the NamedTuple that declares them. A `Bound` must keep the arrays alive."""

bare: Any = (lambda array: array) if _INTERPRETED else intrinsic(_unowned)
"""bare(array): the same array without an owner, for as long as the caller holds it; for compiled
callers. numba counts references to owned ones, in atomic instructions at every call that they are
handed on to. An array that is not contiguous is refused (numba.TypingError)."""
