"""Errors that a user can cause; the message is one sentence: what, which value, what is allowed."""

from __future__ import annotations

import inspect
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
    """An unknown name, or text in the wrong form."""


def named(
    noun: str,
    name: Any,
    known: Iterable[str],
    *,
    listed: Iterable[str] | None = None,
    plugins: bool = False,
) -> str:
    """The known name that `name` matches, ignoring case.

    Args:
        noun: kind of thing named, for the message.
        name: as the caller gave it.
        known: every valid name.
        listed: what the error message lists; default: `known`.
        plugins: whether a plugin may bring such names.

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
    meant = did_you_mean(name, names)
    elsewhere = FROM_PLUGIN if plugins and not meant else ""
    raise UsageError(
        f"{noun} {shown(name)} is unknown{meant}; known are "
        f"{', '.join(names if listed is None else listed)}{elsewhere}"
    )


FROM_PLUGIN = "; one of a plugin is known once --plugin or CAROUSEL_PLUGINS names the plugin"
"""Ends the message on a name that resembles no known one."""


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """A suggestion in brackets, to follow a name that is unknown, or "" if none is near."""
    by_folded = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), by_folded, n=1) if isinstance(name, str) else []
    return f" (did you mean {by_folded[near[0]]}?)" if near else ""


def takes(where: str, function: Any, *names: str) -> None:
    """Raise unless something can be called with as many arguments as these names.

    Args:
        where: what it is, for the message, such as "shift 'mine': change".
        function: what is to be called.
        names: of the arguments, for the message.

    Raises:
        CarouselError: it is no function, or takes other arguments.
    """
    if not callable(function):
        raise CarouselError(
            f"{where} is {shown(function)}; it must be a function of ({', '.join(names)})"
        )
    try:
        taken = inspect.signature(function)
    except (TypeError, ValueError):
        # some callables of extension modules do not tell theirs
        return
    try:
        taken.bind(*names)
    except TypeError:
        raise CarouselError(f"{where} takes {taken}; it must take ({', '.join(names)})") from None


def whole_number(name: str, value: SupportsIndex, low: int, high: int) -> int:
    """Return `value` as an int.

    Raises:
        CarouselError: `value` is not an integer, or outside [low, high].
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
    """Return `value` as a float.

    Args:
        name: of the value in the message.
        value: a number.
        low, high: its bounds.
        below: whether it must stay below `high`.
        text: whether it may be a string, as on the command line.

    Raises:
        CarouselError: `value` is not a finite number, or outside [low, high].
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
    """Return `value` as a bool.

    Raises:
        CarouselError: `value` is neither true nor false.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise CarouselError(f"{name} is {shown(value)}; it must be True or False")
    return bool(value)


def one_of(name: str, value: Any, allowed: Sequence[str | None]) -> None:
    """Raise unless `value` is one of the names allowed, or None where None is allowed.

    Raises:
        CarouselError: it is not.
    """
    if not (value is None or isinstance(value, str)) or value not in allowed:
        *most, last = map(repr, allowed)
        raise CarouselError(f"{name} is {shown(value)}; it must be {', '.join(most)} or {last}")


def one_row_per_lane(observation: NDArray[Any], lanes: int) -> None:
    """Raise unless there are as many observations as lanes in a router's state, since compiled code
    does not check.

    Raises:
        CarouselError: the numbers differ.
    """
    if len(observation) != lanes:
        raise CarouselError(
            f"observation has {len(observation)} rows; it must have {lanes}, one for each lane of "
            "the state"
        )


def finite_rows(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as a two-dimensional array of finite numbers.

    Raises:
        CarouselError: it does not have two dimensions, or an entry is not a finite number.
    """
    rows = as_array(name, value)
    if rows.ndim != 2 or rows.dtype.kind not in "fiub":
        raise CarouselError(
            f"{name} is of dtype {rows.dtype} and shape {rows.shape}; it must be numbers of shape "
            "(N, D)"
        )
    # a finite sum of squares proves every entry finite, and costs far less than a look at each
    if rows.dtype.kind == "f" and not np.isfinite(np.vdot(rows, rows)):
        wrong = np.argwhere(~np.isfinite(rows))
        if len(wrong):
            i, j = wrong[0]
            raise CarouselError(
                f"{name} holds {rows[i, j]} in row {i}, column {j}; every entry must be finite"
            )
    return rows


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array.

    Raises:
        CarouselError: its rows differ in length.
    """
    try:
        return np.asarray(value)
    except ValueError:
        raise CarouselError(
            f"{name} is {shown(value)}; it must be an array, but its rows differ in length"
        ) from None


def shown_path(path: Any) -> str:
    """A path for a message: unchanged if printable and at most 200 characters long, else as
    `shown` writes it."""
    text = str(path)
    return text if len(text) <= 200 and text.isprintable() else shown(text)


def shown(value: Any) -> str:
    """A value for a message: its repr on one line, cut to 80 characters."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        # an integer of thousands of digits, a deeply nested list, a broken __repr__
        text = f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= 80 else text[:77] + "..."
