"""Errors that a user can cause; the message is one sentence: what, which value, what is allowed."""

from __future__ import annotations

import math
from typing import SupportsIndex


class CarouselError(ValueError):
    """Something given to Carousel is outside what is allowed."""


def whole_number(name: str, value: SupportsIndex, low: int, high: int) -> int:
    """Return `value` as an int, or say what is allowed.

    Raises:
        CarouselError: `value` is no integer, or outside [low, high].
    """
    try:
        number = value.__index__()
    except (AttributeError, TypeError):
        raise CarouselError(
            f"{name} is {value!r}; it must be a whole number from {low} to {high}"
        ) from None
    if isinstance(value, bool) or not low <= number <= high:
        raise CarouselError(f"{name} is {value!r}; it must be a whole number from {low} to {high}")
    return number


def real_number(name: str, value: float, low: float, high: float) -> float:
    """Return `value` as a float, or say what is allowed.

    Raises:
        CarouselError: `value` is no finite number, or outside [low, high].
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high:
        raise CarouselError(f"{name} is {value!r}; it must be a number from {low:g} to {high:g}")
    return number
