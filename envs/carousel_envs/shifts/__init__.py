"""Typed, graded shifts: a shift maps a population and a severity to a shifted population.

One module for each concern; `SHIFTS` has every shift of users by name, and `questions.SHIFTS` those
of questions.
"""

from __future__ import annotations

from .catalogue import SHIFTS, find_shift, parse_shift, register, shifted
from .composition import compose
from .graded import SEVERITIES, GradedShift, Kind, Regime, Shift
from .quantities import QUANTITIES, Direction
from .repertoire import UNAVAILABLE_MOST

__all__ = [
    "QUANTITIES",
    "SEVERITIES",
    "SHIFTS",
    "UNAVAILABLE_MOST",
    "Direction",
    "GradedShift",
    "Kind",
    "Regime",
    "Shift",
    "compose",
    "find_shift",
    "parse_shift",
    "register",
    "shifted",
]
