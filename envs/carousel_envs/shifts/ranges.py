"""Shifts within and beyond the ranges that training users were drawn from.

They tell the regimes of generalisation apart, as in contextual reinforcement learning (Kirk et al.,
"A Survey of Zero-shot Generalisation in Deep Reinforcement Learning", arXiv 2111.09794): users
inside a hole of a range (interpolation), users in whom two things come together that never did
(combinatorial), users beyond a range (extrapolation). A population must have ranges for them to
mean anything; the presets have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foundation.errors import CarouselError
from ..users.spans import SPANS, span_numbers
from .graded import Shift, between, by_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..users.population import Population


def _spans(population: Population, *lengths: int) -> Iterator[tuple[str, tuple[float, ...]]]:
    for name in SPANS:
        numbers = span_numbers(getattr(population, name))
        if len(numbers) in lengths:
            yield name, numbers


def _into_holes(population: Population, severity: float) -> Population:
    changes = {}
    for name, (low, hole_low, hole_high, high) in _spans(population, 4):
        middle = (hole_low + hole_high) / 2
        # what lies beside the hole becomes narrower, and so does the hole, until it is closed
        ends = (
            between(low, hole_low, severity),
            between(hole_low, middle, severity),
            between(hole_high, middle, severity),
            between(high, hole_high, severity),
        )
        changes[name] = (hole_low, hole_high) if severity == 1.0 else ends
    return population.replace(**changes)


def _no_hole(population: Population) -> str:
    return "" if any(_spans(population, 4)) else "no range of this population has a hole"


def _into_corner(population: Population, severity: float) -> Population:
    return population.replace(pair_share=between(population.pair_share, 1.0, severity))


def _no_corner(population: Population) -> str:
    if population.pair is None:
        return "it ties no pair of ranges"
    if population.pair_share != 0.0:
        return "some of its users are in the upper halves of both ranges of its pair already"
    return ""


def _beyond(population: Population, severity: float) -> Population:
    return population.replace(
        **{
            name: tuple(x + severity * (numbers[-1] - numbers[0]) for x in numbers)
            for name, numbers in _spans(population, 2, 4)
        }
    )


def _nothing_beyond(population: Population) -> str:
    if not any(_spans(population, 2, 4)):
        return "it has no ranges"
    try:
        _beyond(population, 1.0)
    except CarouselError as error:
        return f"beyond its ranges {error}"
    return ""


RANGES = by_name(
    Shift(
        "inside-hole",
        "covariate",
        SPANS,
        "users move into the holes of the ranges of training, until all are inside",
        _into_holes,
        _no_hole,
        {"in_hole": "rises"},
        regime="interpolation",
    ),
    Shift(
        "unseen-corner",
        "covariate",
        ("pair_share",),
        "users move into the upper halves of both ranges of a pair, where none of training is",
        _into_corner,
        _no_corner,
        {"in_corner": "rises"},
        regime="combinatorial",
    ),
    Shift(
        "beyond-ranges",
        "covariate",
        SPANS,
        "every range moves up, by its own width at 1",
        _beyond,
        _nothing_beyond,
        {"beyond": "rises"},
    ),
)
"""Shifts within and beyond the ranges of a population, by name."""
