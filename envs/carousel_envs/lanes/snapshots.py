"""Snapshots: arrays by name, checked and then written back all or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..foundation.errors import CarouselError, shown

if TYPE_CHECKING:
    from gymnasium import spaces
    from numpy.typing import NDArray


def take_back(state: Mapping[str, NDArray[Any]], snapshot: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays of a snapshot over those of the same name, all or none.

    Raises:
        CarouselError: one is missing, is no array, or has another type or shape.
    """
    refuse_unfit(state, snapshot)
    for name, array in state.items():
        array[...] = snapshot[name]


def refuse_unfit(state: Mapping[str, NDArray[Any]], snapshot: Mapping[str, NDArray[Any]]) -> None:
    """Raise if a snapshot lacks an array of the state, or has one of another type or shape.

    Raises:
        CarouselError: it does.
    """
    if not isinstance(snapshot, Mapping):
        raise CarouselError(f"the snapshot is {shown(snapshot)}; it must be a dict of arrays")
    for name, array in state.items():
        if name not in snapshot:
            raise CarouselError(f"the snapshot has no {name!r}")
        given = snapshot[name]
        if not isinstance(given, np.ndarray):
            raise CarouselError(
                f"the snapshot's {name!r} is {shown(given)}; it must be an array of type "
                f"{array.dtype} and shape {array.shape}"
            )
        if given.dtype != array.dtype or given.shape != array.shape:
            raise CarouselError(
                f"the snapshot's {name!r} has type {given.dtype} and shape {given.shape}; here it "
                f"is {array.dtype} and {array.shape}"
            )


def refuse_outside(name: str, array: NDArray[Any], low: Any, high: Any) -> None:
    """Raise if an array of a snapshot has an entry that is NaN or outside [low, high].

    Raises:
        CarouselError: it has one.
    """
    if not ((array >= low) & (array <= high)).all():
        raise CarouselError(f"the snapshot's {name} holds what is never shown")


def refuse_impossible(
    snapshot: Mapping[str, NDArray[Any]],
    ranges: Mapping[str, tuple[int, int]],
    space: spaces.Box,
) -> None:
    """Raise if a snapshot holds numbers that no session can reach: compiled code uses them as
    indices without checking bounds.

    Args:
        snapshot: of lanes.
        ranges: smallest and largest value of each bounded entry, by name.
        space: of one observation.

    Raises:
        CarouselError: an entry lies outside its range, or an observation outside the space.
    """
    for name, (low, high) in ranges.items():
        found = snapshot[name]
        if (found < low).any() or (found > high).any():
            raise CarouselError(
                f"the snapshot's lanes have {name} from {found.min()} to {found.max()}; it must "
                f"lie in {low} to {high}"
            )
    refuse_outside("observation", snapshot["observation"], space.low, space.high)


def refuse_contradictions(
    snapshot: Mapping[str, NDArray[Any]], length: int, personas: NDArray[np.float32]
) -> None:
    """Raise if the parts of a snapshot belong to different moments of a session.

    Args:
        snapshot: of lanes, every entry of which is possible by itself.
        length: turns of a session.
        personas: the columns of its observations that say who spoke last, shape (N, K).

    Raises:
        CarouselError: a session goes on after its last turn, or turn, persona and observation
            contradict each other.
    """
    turn, persona = snapshot["turn"], snapshot["persona"]
    going_on = snapshot["over"] == 0
    if (turn[going_on] >= length).any():
        raise CarouselError(
            f"the snapshot's lanes have turn up to {turn[going_on].max()} in sessions that go on; "
            f"it must lie in 0 to {length - 1}"
        )
    if (turn[~going_on] == 0).any():
        raise CarouselError("the snapshot's lanes have sessions that are over before a turn")
    if ((persona < 0) != (turn == 0)).any():
        raise CarouselError("the snapshot's persona is not what its turn says")
    if not np.array_equal(personas, np.arange(personas.shape[1]) == persona[:, None]):
        raise CarouselError("the snapshot's persona is not what its observation says")
    streak = snapshot.get("streak")
    if streak is not None and ((streak > turn) | ((streak == 0) != (turn == 0))).any():
        raise CarouselError("the snapshot's streak is not what its turn says")
