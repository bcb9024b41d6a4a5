"""Errors that a user can cause; the message is one sentence: what, which value, what is allowed."""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


class CarouselError(ValueError):
    """Something given to Carousel is outside what is allowed."""


class UsageError(CarouselError):
    """A name that stands for nothing, or text in another form than asked for."""


def named(
    noun: str, name: Any, known: Iterable[str], *, listed: Iterable[str] | None = None
) -> str:
    """The known name that is meant, whatever case it is written in.

    Args:
        noun: what it is a name of.
        name: as it was given.
        known: every name there is.
        listed: what the error message lists; default: `known`.

    Raises:
        UsageError: there is no such name; the message suggests the nearest one.
    """
    names = tuple(known)
    if isinstance(name, str):
        if name in names:
            return name
        alike = [one for one in names if one.casefold() == name.casefold()]
        if len(alike) == 1:
            return alike[0]
    raise UsageError(
        f"{noun} {shown(name)} is unknown{did_you_mean(name, names)}; known are "
        f"{', '.join(names if listed is None else listed)}"
    )


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """A suggestion in brackets, to follow a name that is unknown, or "" if none is near."""
    by_folded = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), by_folded, n=1) if isinstance(name, str) else []
    return f" (did you mean {by_folded[near[0]]}?)" if near else ""


def whole_number(name: str, value: SupportsIndex, low: int, high: int) -> int:
    """Return `value` as an int, or say what is allowed.

    Raises:
        CarouselError: `value` is no integer, or outside [low, high].
    """
    try:
        number = None if isinstance(value, (bool, np.bool_)) else value.__index__()
    except (AttributeError, TypeError):
        number = None
    if number is None or not low <= number <= high:
        raise CarouselError(
            f"{name} is {shown(value)}; it must be a whole number from {low} to {high}"
        )
    return number


def real_number(
    name: str,
    value: Any,
    low: float,
    high: float,
    *,
    below: bool = False,
    text: bool = False,
) -> float:
    """Return `value` as a float, or say what is allowed.

    Args:
        name: how the sentence calls it.
        value: a number.
        low, high: its bounds.
        below: whether it must stay below `high`.
        text: whether it may be written out, as on the command line.

    Raises:
        CarouselError: `value` is no finite number, or outside [low, high].
    """
    given = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    others = (bool, np.bool_, bytes, bytearray, np.ndarray, *(() if text else (str,)))
    try:
        number = math.nan if isinstance(given, others) else float(given)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high or (below and number == high):
        raise CarouselError(
            f"{name} is {shown(value)}; it must be a number from {low:g} to "
            f"{'below ' * below}{high:g}"
        )
    return number


def truth_value(name: str, value: Any) -> bool:
    """Return `value` as a bool, or say that it is none.

    Raises:
        CarouselError: `value` is neither true nor false.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise CarouselError(f"{name} is {shown(value)}; it must be True or False")
    return bool(value)


def one_of(name: str, value: Any, allowed: Sequence[str | None]) -> None:
    """Do nothing if `value` is one of a few names, or None where that is one of them.

    Raises:
        CarouselError: it is not.
    """
    if not (value is None or isinstance(value, str)) or value not in allowed:
        *most, last = map(repr, allowed)
        raise CarouselError(f"{name} is {shown(value)}; it must be {', '.join(most)} or {last}")


def one_row_per_lane(observation: NDArray[Any], lanes: int) -> None:
    """Refuse observations of more or fewer lanes than a router's state has: compiled readings do
    not look how many there are.

    Raises:
        CarouselError: they are.
    """
    if len(observation) != lanes:
        raise CarouselError(
            f"observation has {len(observation)} rows; it must have {lanes}, one for each lane of "
            "the state"
        )


def finite_rows(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array of rows of finite numbers, or say what is wrong with it.

    Raises:
        CarouselError: it is no array of two dimensions, or holds what is no finite number.
    """
    rows = as_array(name, value)
    if rows.ndim != 2 or rows.dtype.kind not in "fiub":
        raise CarouselError(
            f"{name} is of dtype {rows.dtype} and shape {rows.shape}; it must be numbers of shape "
            "(N, D)"
        )
    # a product of numbers that are finite is, unless it overflows; a look at each costs far more
    if rows.dtype.kind == "f" and not np.isfinite(np.vdot(rows, rows)):
        wrong = np.argwhere(~np.isfinite(rows))
        if len(wrong):
            i, j = wrong[0]
            raise CarouselError(
                f"{name} holds {rows[i, j]} in row {i}, column {j}; every entry must be finite"
            )
    return rows


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array, or say that it is none.

    Raises:
        CarouselError: rows of different lengths.
    """
    try:
        return np.asarray(value)
    except ValueError:
        raise CarouselError(
            f"{name} is {shown(value)}; it must be an array, but its rows differ in length"
        ) from None


def shown_path(path: Any) -> str:
    """A path as it stands in a sentence: as it is, unless it is beyond 200 characters or cannot be
    printed; then as `shown` has it."""
    text = str(path)
    return text if len(text) <= 200 and text.isprintable() else shown(text)


def shown(value: Any) -> str:
    """A value as it stands in a sentence: on one line, and not too long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        # an integer of thousands of digits, a list in a list in a list, whatever cannot say itself
        text = f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= 80 else text[:77] + "..."
