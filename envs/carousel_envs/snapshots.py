"""Snapshots: arrays by name, written back all or none, and never where no session comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import CarouselError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gymnasium import spaces
    from numpy.typing import NDArray


def take_back(state: Mapping[str, NDArray[Any]], snapshot: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays of a snapshot over those of the same name, all or none.

    Raises:
        CarouselError: one is missing, or has another type or shape.
    """
    refuse_unfit(state, snapshot)
    for name, array in state.items():
        array[...] = snapshot[name]


def refuse_unfit(state: Mapping[str, NDArray[Any]], snapshot: Mapping[str, NDArray[Any]]) -> None:
    """Refuse a snapshot that lacks an array of the state, or has one of another type or shape.

    Raises:
        CarouselError: it does.
    """
    for name, array in state.items():
        if name not in snapshot:
            raise CarouselError(f"the snapshot has no {name!r}")
        given = snapshot[name]
        if given.dtype != array.dtype or given.shape != array.shape:
            raise CarouselError(
                f"the snapshot's {name!r} has type {given.dtype} and shape {given.shape}; here it "
                f"is {array.dtype} and {array.shape}"
            )


def refuse_impossible(
    snapshot: Mapping[str, NDArray[Any]],
    ranges: Mapping[str, tuple[int, int]],
    space: spaces.Box,
) -> None:
    """Refuse a snapshot with numbers that no session comes to, because compiled code finds rows and
    columns by them, and does not look if they exist.

    Args:
        snapshot: of lanes.
        ranges: the first and the last value of every entry that has such, by name.
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
    seen = snapshot["observation"]
    if not ((seen >= space.low) & (seen <= space.high)).all():
        raise CarouselError("the snapshot's observation holds what is never shown")
