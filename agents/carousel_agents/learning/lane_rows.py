"""Batches of Gymnasium's vector environments, taken apart into what belongs to each lane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def lane_infos(
    info: Mapping[str, Any], lanes: NDArray[np.intp], num_envs: int
) -> list[dict[str, Any]]:
    """One dict of its own for each of these lanes.

    An entry is in the dict of the lanes that its mask (`_name`) marks; without a mask it is in
    all. Arrays of one number per lane become Python numbers. What holds no entry per lane is given
    to every lane.

    Args:
        info: as `VectorEnv.reset` and `step` return it.
        lanes: indices of the lanes.
        num_envs: N.
    """
    columns, partial = {}, []
    for name, value in info.items():
        if name[:1] == "_" and name[1:] in info:
            continue
        mask = info.get(f"_{name}")
        marked = None if mask is None else np.asarray(mask)[lanes]
        column = _column(value, lanes, num_envs)
        if marked is None or marked.all():
            columns[name] = column
        elif marked.any():
            partial.append((name, column, np.flatnonzero(marked).tolist()))
    names = tuple(columns)
    made: list[dict[str, Any]] = (
        [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        if columns
        else [{} for _ in range(len(lanes))]
    )
    for name, column, marked_rows in partial:
        for row in marked_rows:
            made[row][name] = column[row]
    return made


def _column(value: Any, lanes: NDArray[np.intp], num_envs: int) -> list[Any]:
    """What each lane has of an entry."""
    if isinstance(value, Mapping):
        return lane_infos(value, lanes, num_envs)
    if isinstance(value, np.ndarray) and value.shape[:1] == (num_envs,):
        taken = value[lanes]  # a copy
        return taken.tolist() if taken.ndim == 1 else list(taken)
    if isinstance(value, (list, tuple)) and len(value) == num_envs:
        return [value[i] for i in lanes]
    return [value] * len(lanes)


def lane_rows(batch: Any, lanes: NDArray[np.intp]) -> list[Any]:
    """The observations of these lanes, copied, as their single space has them."""
    if isinstance(batch, Mapping):
        columns = {name: lane_rows(value, lanes) for name, value in batch.items()}
        return [{name: column[i] for name, column in columns.items()} for i in range(len(lanes))]
    if isinstance(batch, tuple):
        return list(zip(*(lane_rows(value, lanes) for value in batch), strict=True))
    return list(np.asarray(batch)[lanes])


def merged(old: Any, new: Any, lanes: NDArray[np.intp]) -> Any:
    """A batch of observations: the rows of `new` in these lanes, of `old` in all others."""
    if isinstance(old, Mapping):
        return {name: merged(value, new[name], lanes) for name, value in old.items()}
    if isinstance(old, tuple):
        return tuple(merged(a, b, lanes) for a, b in zip(old, new, strict=True))
    out = np.array(old)
    out[lanes] = np.asarray(new)[lanes]
    return out


def copied(batch: Any) -> Any:
    """A deep copy of a batch."""
    if isinstance(batch, Mapping):
        return {name: copied(value) for name, value in batch.items()}
    if isinstance(batch, tuple):
        return tuple(copied(value) for value in batch)
    return np.array(batch)


def split(what: str, value: Any, lanes: Iterable[int], num_envs: int) -> list[Any]:
    """What a method of a whole vector environment returned, lane by lane.

    Raises:
        ValueError: it holds no entry per lane.
    """
    lanes = list(lanes)
    if value is None:
        return [None for _ in lanes]
    if isinstance(value, Mapping):
        parts = {name: split(what, part, lanes, num_envs) for name, part in value.items()}
        return [{name: part[i] for name, part in parts.items()} for i in range(len(lanes))]
    if isinstance(value, (np.ndarray, list, tuple)) and len(value) == num_envs:
        return [value[i] for i in lanes]
    raise ValueError(f"{what} returned {type(value).__name__}, which holds no entry per lane")
