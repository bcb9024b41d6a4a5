"""Shifts of how long sessions last: their length, patience, and goodbyes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..users.spans import map_span, span_numbers
from .graded import Shift, between, by_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..users.population import Population

LEAVE_BORED_MOST = 0.3
LENGTH_FACTOR = 2.0
FAREWELL_ADDED = 0.2


def never_bored(population: Population) -> str:
    """Why a change for bored users has no effect here, as a clause, or ""."""
    safe = span_numbers(population.boredom_hazard)[-1] == 0.0
    safe = safe and bool((population.fit_matrix() == 1.0).all())
    return "no user in this population is ever bored" if safe else ""


def _patience(population: Population, severity: float) -> Population:
    return population.replace(
        leave_bored=map_span(
            population.leave_bored,
            lambda x: np.maximum(x, x + (LEAVE_BORED_MOST - x) * severity),
        )
    )


def _patience_obstacle(population: Population) -> str:
    if span_numbers(population.leave_bored)[0] >= LEAVE_BORED_MOST:
        return f"its leave_bored is at least {LEAVE_BORED_MOST:g} already"
    return never_bored(population)


def _session_length(population: Population, severity: float) -> Population:
    factor = between(1.0, LENGTH_FACTOR, severity)
    return population.replace(
        session_length=max(population.session_length + 1, round(population.session_length * factor))
    )


def _length_obstacle(population: Population) -> str:
    if population.session_length * LENGTH_FACTOR > 10_000:
        return "its session_length is so large that its double leaves the allowed range"
    return ""


def _farewells(population: Population, severity: float) -> Population:
    def more(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.minimum(x + FAREWELL_ADDED * severity, 1.0)

    return population.replace(
        farewell_fresh=map_span(population.farewell_fresh, more),
        farewell_bored=map_span(population.farewell_bored, more),
    )


def _farewell_obstacle(population: Population) -> str:
    return "" if "farewell" in population.shows else "no user shows a goodbye in this population"


HORIZON = by_name(
    Shift(
        "patience",
        "horizon",
        ("leave_bored",),
        f"a bored user leaves with up to {LEAVE_BORED_MOST:g} per turn",
        _patience,
        _patience_obstacle,
        {"value": "falls", "best_fixed": "falls", "session_length": "falls"},
    ),
    Shift(
        "session-length",
        "horizon",
        ("session_length",),
        f"sessions last up to {LENGTH_FACTOR:g} times as long",
        _session_length,
        _length_obstacle,
        {"value": "rises", "blind": "rises", "best_fixed": "rises", "session_length": "rises"},
    ),
    Shift(
        "farewells",
        "horizon",
        ("farewell_fresh", "farewell_bored"),
        f"users say goodbye with up to {FAREWELL_ADDED:g} more per turn",
        _farewells,
        _farewell_obstacle,
        {"value": "falls", "best_fixed": "falls", "session_length": "falls"},
    ),
)
"""Shifts of how long sessions last, by name."""
