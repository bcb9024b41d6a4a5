"""Types of the fields of a `Population`: spans, numbers per persona, and plain numbers."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field

MAX_SATIATION_GAIN, MAX_SATIATION_WEAR = 10.0, 10.0
"""Largest satiation_gain, and the largest number that it may be multiplied by."""

Span = float | tuple[float, float] | tuple[float, float, float, float]
"""A number (every user has it), a pair (low, high) from which users are drawn uniformly, or four
numbers (low, hole_low, hole_high, high): uniform on [low, high] without the hole between."""

PerPersona = float | tuple[float, ...]
"""One number for every persona, or one per persona, in the order of `personas`."""


def span_numbers(span: Span) -> tuple[float, ...]:
    """The numbers of a span, in order: one, two or four."""
    return span if isinstance(span, tuple) else (float(span),)


def map_span(span: Span, change: Any) -> Span:
    """Apply a non-decreasing function to every number of a span (shape (n,) to shape (n,))."""
    numbers = tuple(float(x) for x in change(np.array(span_numbers(span))))
    if len(numbers) == 4 and numbers[0] == numbers[1] and numbers[2] == numbers[3]:
        # both sides of the hole have shrunk to a point; the span stays a range, because `pair` may
        # tie it to another range
        return numbers[2], numbers[3]
    return numbers[0] if not isinstance(span, tuple) else numbers  # type: ignore[return-value]


def span_within(low: float, high: float, *, open_high: bool = False) -> AfterValidator:
    """A validator of spans: ordered numbers in [low, high], or in [low, high) with `open_high`."""
    end = ")" if open_high else "]"

    def check(span: Span) -> Span:
        numbers = span_numbers(span)
        for x in numbers:
            if not low <= x <= high or (open_high and x == high):
                raise ValueError(f"every number must lie in [{low:g}, {high:g}{end}")
        if list(numbers) != sorted(numbers):
            raise ValueError("the numbers of a range must not decrease")
        if len(numbers) == 4 and numbers[0] == numbers[1] and numbers[2] == numbers[3]:
            raise ValueError("a range with a hole must keep something beside the hole")
        return span

    return AfterValidator(check)


def each_within(low: float, high: float) -> AfterValidator:
    """A validator of numbers per persona: every one in [low, high]."""

    def check(numbers: PerPersona) -> PerPersona:
        for x in numbers if isinstance(numbers, tuple) else (numbers,):
            if not low <= x <= high:
                raise ValueError(f"every number must lie in [{low:g}, {high:g}]")
        return numbers

    return AfterValidator(check)


Probability = Annotated[Span, span_within(0.0, 1.0)]
Gain = Annotated[Span, span_within(0.0, MAX_SATIATION_GAIN)]
Memory = Annotated[Span, span_within(0.0, 1.0, open_high=True)]
Wear = Annotated[PerPersona, each_within(0.0, MAX_SATIATION_WEAR)]
Hook = Annotated[PerPersona, each_within(0.0, 1.0)]
Lift = Annotated[PerPersona, each_within(-1.0, 1.0)]
Price = Annotated[PerPersona, each_within(0.0, 100.0)]
Welfare = Annotated[PerPersona, each_within(-100.0, 100.0)]
Chance = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]
Charge = Annotated[float, Field(ge=0.0, le=100.0, allow_inf_nan=False)]
Payoff = Annotated[float, Field(ge=-100.0, le=100.0, allow_inf_nan=False)]
Sharpness = Annotated[float, Field(ge=0.0, le=1000.0, allow_inf_nan=False)]
Turns = Annotated[int, Field(ge=1, le=10_000)]
Bias = Annotated[float, Field(ge=-1000.0, le=1000.0, allow_inf_nan=False)]

SPANS = (
    *("boredom_hazard", "engagement_fresh", "engagement_bored", "satiation_gain"),
    *("satiation_memory", "leave_fresh", "leave_bored", "farewell_fresh", "farewell_bored"),
)
"""Fields that hold a span."""
PER_PERSONA = (
    *("appeal", "satiation_wear", "persona_cost", "hook", "welfare"),
    *("vulnerable_appeal", "vulnerable_welfare"),
)
"""Fields that hold one number for all personas or one for each."""

FORMS = {
    **dict.fromkeys(
        SPANS, "it must be a number, a pair (low, high), or (low, hole_low, hole_high, high)"
    ),
    **dict.fromkeys(PER_PERSONA, "it must be a number or one number per persona"),
}
"""What a field that takes several forms must be, said where it has none of them."""
