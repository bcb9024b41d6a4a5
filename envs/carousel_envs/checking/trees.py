"""Observations, actions and infos as trees: compare them, take lanes out, look into them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array, iterate

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-5  # what Gymnasium's own checker allows


def same(one: Any, other: Any, *, rounding: bool = False) -> bool:
    """Whether two trees hold the same values; NaN equals NaN.

    Args:
        one: dicts, tuples, lists, arrays and scalars, nested in any way.
        other: the same.
        rounding: allow numbers to differ by a relative or absolute 1e-5.
    """
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        return (
            isinstance(one, Mapping)
            and isinstance(other, Mapping)
            and one.keys() == other.keys()
            and all(same(one[key], other[key], rounding=rounding) for key in one)
        )
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(
            same(a, b, rounding=rounding) for a, b in zip(one, other, strict=True)
        )
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape:
        return False
    if a.dtype == b.dtype != object and a.tobytes() == b.tobytes():
        # the common case, and much the fastest
        return True
    if a.dtype == object or b.dtype == object:
        if a.shape == ():
            return bool(one == other)
        return all(same(x, y, rounding=rounding) for x, y in zip(a.flat, b.flat, strict=True))
    if a.dtype.kind not in "fc" and b.dtype.kind not in "fc":
        return np.array_equal(a, b)
    if rounding:
        return np.allclose(a, b, rtol=_ROUNDING, atol=_ROUNDING, equal_nan=True)
    return np.array_equal(a, b, equal_nan=True)


def snapshot(tree: Any) -> Any:
    """A copy of a tree, as `copy.deepcopy` makes it; faster where it holds plain arrays."""
    if type(tree) is np.ndarray and tree.dtype != object:
        return tree.copy()
    if type(tree) is dict:
        return {key: snapshot(value) for key, value in tree.items()}
    return tuple(map(snapshot, tree)) if type(tree) is tuple else copy.deepcopy(tree)


def arrays_of(tree: Any) -> Iterator[NDArray[Any]]:
    """Every array in a tree, however deep."""
    if isinstance(tree, np.ndarray):
        yield tree
        if tree.dtype == object:
            for item in tree.flat:
                yield from arrays_of(item)
    elif isinstance(tree, Mapping):
        for item in tree.values():
            yield from arrays_of(item)
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from arrays_of(item)


def lanes_of(space: spaces.Space[Any], batch: Any) -> tuple[Any, ...]:
    """The entries of a batch of observations or actions, one per lane."""
    return tuple(iterate(space, batch))


def batch_of(single: spaces.Space[Any], entries: Sequence[Any]) -> Any:
    """The batch of observations or actions that holds these entries."""
    empty: Any = create_empty_array(single, len(entries))
    return concatenate(single, entries, empty)


def final_obs_of(space: spaces.Space[Any], final_obs: Any, lane: int) -> Any:
    """The entry of one lane in `info["final_obs"]`, an array of objects or a batch."""
    if isinstance(final_obs, np.ndarray) and final_obs.dtype == object:
        return final_obs[lane]
    return lanes_of(space, final_obs)[lane]


def present_in(info: Mapping[str, Any], within: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """An info without the entries that its masks `_key` rule out, which may hold anything."""
    found: dict[str, Any] = {}
    for key, value in info.items():
        if _is_mask(key, info):
            continue
        mask = info.get(f"_{key}", within)
        found[f"_{key}"] = mask
        found[key] = _present(value, mask)
    return found


def _present(value: Any, mask: Any) -> Any:
    if isinstance(value, Mapping):
        return present_in(value, mask)
    if isinstance(value, tuple):
        return tuple(_present(item, mask) for item in value)
    return value[mask] if isinstance(value, np.ndarray) and mask is not None else value


def lane_info(info: Mapping[str, Any] | None, lane: int) -> dict[str, Any]:
    """What an info says of one lane, in the form in which a scalar environment says it."""
    found: dict[str, Any] = {}
    for key, value in (info or {}).items():
        if _is_mask(key, info or {}) or key in ("final_obs", "final_info"):
            continue
        mask = (info or {}).get(f"_{key}")
        if mask is None or mask[lane]:
            found[key] = lane_info(value, lane) if isinstance(value, Mapping) else value[lane]
    return found


def _is_mask(key: str, info: Mapping[str, Any]) -> bool:
    return key.startswith("_") and key[1:] in info


def problem_in(space: spaces.Space[Any], value: Any, name: str) -> str | None:
    """What keeps a value out of a space, None if nothing does.

    Stricter than `space.contains` about dtypes, which have to be the space's own.
    """
    if isinstance(space, spaces.Dict):
        if not isinstance(value, Mapping) or set(value) != set(space.spaces):
            return f"{name} is no dict with the keys {', '.join(map(repr, space.spaces))}"
        parts = [(part, value[key], f"{name}[{key!r}]") for key, part in space.spaces.items()]
        return _first_problem(parts)
    if isinstance(space, spaces.Tuple):
        if not isinstance(value, tuple) or len(value) != len(space.spaces):
            return f"{name} is no tuple of {len(space.spaces)}"
        parts = [(part, value[i], f"{name}[{i}]") for i, part in enumerate(space.spaces)]
        return _first_problem(parts)
    if space.shape is None or space.dtype is None:
        return None if space.contains(value) else f"{name} is not in {space}"
    if not isinstance(value, (np.ndarray, np.generic)) and space.shape != ():
        return f"{name} is a {type(value).__name__}, not an array"
    array = np.asarray(value)
    if array.shape != space.shape:
        return f"{name} has shape {array.shape}, not {space.shape}"
    if isinstance(value, (np.ndarray, np.generic)) and array.dtype != space.dtype:
        return f"{name} has dtype {array.dtype}, not {space.dtype}"
    if array.dtype.kind == "f" and np.isnan(array).any():
        return f"{name} holds NaN at {_place(np.isnan(array))}"
    if isinstance(space, spaces.Box):
        outside = (array < space.low) | (array > space.high)
        if outside.any():
            place = tuple(int(i) for i in np.argwhere(outside)[0])
            return (
                f"{name} is {array[place]:g} at {_place(outside)}; its space reaches from "
                f"{space.low[place]:g} to {space.high[place]:g}"
            )
    return None if space.contains(value) else f"{name} is not in {space}"


def _place(marked: NDArray[np.bool_]) -> str:
    return str(np.argwhere(marked)[0].tolist())


def _first_problem(parts: list[tuple[spaces.Space[Any], Any, str]]) -> str | None:
    problems = (problem_in(space, value, name) for space, value, name in parts)
    return next((problem for problem in problems if problem), None)
