"""References: what can be had from a population, exactly or between two bounds."""

from .filtering import Belief, Filter
from .recall import Rates, RecallReference, rates_of, solve_recall
from .reference import Reference
from .renewal import BlindCycle, SwapRule, blind_cycle, blind_rate, rotation_rate, swap_rule
from .solve import solve

__all__ = [
    "Belief",
    "BlindCycle",
    "Filter",
    "Rates",
    "RecallReference",
    "Reference",
    "SwapRule",
    "blind_cycle",
    "blind_rate",
    "rates_of",
    "rotation_rate",
    "solve",
    "solve_recall",
    "swap_rule",
]
