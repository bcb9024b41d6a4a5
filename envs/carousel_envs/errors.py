"""Errors that a user can cause; the message is one sentence: what, which value, what is allowed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CarouselError(ValueError):
    """Something given to Carousel is outside what is allowed."""


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


def real_number(name: str, value: float, low: float, high: float) -> float:
    """Return `value` as a float, or say what is allowed.

    Raises:
        CarouselError: `value` is no finite number, or outside [low, high].
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:
        raise CarouselError(
            f"{name} is {shown(value)}; it must be a number from {low:g} to {high:g}"
        )
    return number


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


def shown(value: Any) -> str:
    """A value as it stands in a sentence: on one line, and not too long."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:
        # an integer of thousands of digits refuses to be written out
        text = f"a {type(value).__name__} too large to print"
    return text if len(text) <= 80 else text[:77] + "..."
