"""References: what can be had from a population, exactly or between two bounds."""

from .filtering import Belief, Filter
from .renewal import BlindCycle, SwapRule, blind_cycle, blind_rate, rotation_rate, swap_rule
from .solve import Reference, solve
from .welfare import FrontierPoint, Outcome, engagement_optimal, frontier, welfare_optimal

__all__ = [
    "Belief",
    "BlindCycle",
    "Filter",
    "FrontierPoint",
    "Outcome",
    "Reference",
    "SwapRule",
    "blind_cycle",
    "blind_rate",
    "engagement_optimal",
    "frontier",
    "rotation_rate",
    "solve",
    "swap_rule",
    "welfare_optimal",
]
