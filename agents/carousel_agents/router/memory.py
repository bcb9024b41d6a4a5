"""What a router remembers, as arrays with a row for each lane: to be read, and dealt out anew.

A policy carries its memory as a state that only it understands: beliefs of a filter, cells of a
network, counts of a bandit. Here any state that is built of NamedTuples, tuples, lists, dicts,
dataclasses and arrays is read without knowing which router it belongs to. An array belongs to lanes
by its first axis that is as long as there are lanes: with a number of lanes that nothing else has,
such as 1009, that is never a coincidence.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def memory_of(state: Any, lanes: int) -> dict[str, NDArray[Any]]:
    """The arrays of a state that differ from lane to lane.

    Args:
        state: as `Policy.initial_state` or `Policy.act` returned it.
        lanes: N.

    Returns:
        By its place in the state, such as "joint" or "0.h": each array with its axis of lanes in
        front, shape (N, ...); views, not copies. Nothing where the router keeps no memory.
    """
    return {
        ".".join(map(str, path)): np.moveaxis(array, axis, 0)
        for path, array, axis in _lane_arrays(state, lanes, ())
    }


def unreadable(state: Any) -> list[str]:
    """Types of the parts of a state that `memory_of` cannot read, each once: whatever is no array
    of numbers, no number and no None, and is not built of what can be taken apart."""
    found: dict[str, None] = {}

    def look(part: Any) -> None:
        if isinstance(part, np.ndarray):
            if part.dtype.kind not in "biuf":
                found[f"an array of {part.dtype}"] = None
        elif isinstance(part, dict):
            for one in part.values():
                look(one)
        elif is_dataclass(part) and not isinstance(part, type):
            for one in fields(part):
                look(getattr(part, one.name))
        elif isinstance(part, (tuple, list)):
            for one in part:
                look(one)
        elif part is not None and not isinstance(part, (bool, int, float, np.generic)):
            found[f"a {type(part).__name__}"] = None

    look(state)
    return list(found)


def dealt(state: Any, lanes: int, order: NDArray[np.integer]) -> Any:
    """A state in which lane i has the memory of lane `order[i]`.

    Args:
        state: as `Policy.initial_state` or `Policy.act` returned it; it is not changed.
        lanes: N.
        order: of lanes, integers, shape (N,); some may be there several times, or not at all.
    """
    if isinstance(state, np.ndarray):
        axis = _axis(state, lanes)
        return state if axis is None else np.take(state, order, axis=axis)
    if isinstance(state, dict):
        return {name: dealt(part, lanes, order) for name, part in state.items()}
    if is_dataclass(state) and not isinstance(state, type):
        parts = {one.name: dealt(getattr(state, one.name), lanes, order) for one in fields(state)}
        return replace(state, **parts)
    if isinstance(state, tuple) and hasattr(state, "_fields"):
        return type(state)(*(dealt(part, lanes, order) for part in state))
    if isinstance(state, (tuple, list)):
        return type(state)(dealt(part, lanes, order) for part in state)
    return state


def _lane_arrays(
    state: Any, lanes: int, path: tuple[Any, ...]
) -> Iterator[tuple[tuple[Any, ...], NDArray[Any], int]]:
    """Place, array and axis of lanes of every array that has one."""
    if isinstance(state, np.ndarray):
        axis = _axis(state, lanes)
        if axis is not None:
            yield path or (0,), state, axis
        return
    parts: list[tuple[Any, Any]] = []
    if isinstance(state, dict):
        parts = list(state.items())
    elif is_dataclass(state) and not isinstance(state, type):
        parts = [(one.name, getattr(state, one.name)) for one in fields(state)]
    elif isinstance(state, tuple) and hasattr(state, "_fields"):
        parts = list(zip(state._fields, state, strict=True))
    elif isinstance(state, (tuple, list)):
        parts = list(enumerate(state))
    for name, part in parts:
        yield from _lane_arrays(part, lanes, (*path, name))


def _axis(array: NDArray[Any], lanes: int) -> int | None:
    if array.dtype.kind not in "biuf" or lanes not in array.shape:
        return None
    return array.shape.index(lanes)
