"""Two shifts at once: corners of the space of populations that no single axis reaches."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, get_args

from ..foundation.errors import CarouselError, shown
from .graded import GradedShift, Regime

if TYPE_CHECKING:
    from .graded import P
    from .quantities import Direction

JOIN = "+"
"""What stands between the names of two shifts in that of their composition."""


def compose(one: GradedShift[P], other: GradedShift[P]) -> GradedShift[P]:
    """Both shifts at once, at the same severity, named "one+other" and of kind "composition".

    Each change is that of the population given. Where the two move different fields their order
    therefore makes no difference; where they share one, the second acts on what the first has made.
    What is expected is what both expect, where "same" gives way to a direction. The regime is that
    of the one that leads farther from training.

    Raises:
        CarouselError: no shifts, shifts of different kinds of population, twice the same, or one
            that is a composition itself.
    """
    for shift in (one, other):
        if not isinstance(shift, GradedShift):
            raise CarouselError(
                f"compose was given {shown(shift)}; it takes two shifts, such as SHIFTS has by name"
            )
        if JOIN in shift.name:
            raise CarouselError(
                f"shift {shift.name!r} is a composition already; only two axes can be composed"
            )
    if type(one) is not type(other):
        raise CarouselError(
            f"shifts {one.name!r} and {other.name!r} are of different kinds of population; both "
            "must be of users or both of questions"
        )
    if one.name == other.name:
        raise CarouselError(f"shift {one.name!r} cannot be composed with itself; two must differ")
    return _composed(one, other)


@cache
def _composed(one: GradedShift[Any], other: GradedShift[Any]) -> GradedShift[Any]:
    return type(one)(
        name=f"{one.name}{JOIN}{other.name}",
        kind="composition",
        moves=tuple(dict.fromkeys((*one.moves, *other.moves))),
        description=f"{one.description}; and {other.description}",
        change=partial(_both, one, other),
        reason=partial(_either, one, other),
        expected=_agreed(one, other),
        # as far from training as the farther of the two
        regime=max(one.regime, other.regime, key=get_args(Regime).index),
    )


def _both(one: GradedShift[Any], other: GradedShift[Any], population: Any, severity: float) -> Any:
    first = one.change(population, severity)
    if set(one.moves) & set(other.moves):
        return other.change(first, severity)
    second = other.change(population, severity)
    return first.replace(**{name: getattr(second, name) for name in other.moves})


def _either(one: GradedShift[Any], other: GradedShift[Any], population: Any) -> str:
    return one.obstacle(population) or other.obstacle(population)


def _agreed(one: GradedShift[Any], other: GradedShift[Any]) -> dict[str, Direction]:
    agreed: dict[str, Direction] = {}
    for quantity in one.expected.keys() & other.expected.keys():
        directions = {one.expected[quantity], other.expected[quantity]}
        if len(directions) == 1 or "same" in directions:
            agreed[quantity] = min(directions, key=lambda direction: direction == "same")
    return dict(sorted(agreed.items()))
