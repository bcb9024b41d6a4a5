"""References: what can be had from a population, exactly or between two bounds."""

from .filtering import Belief, Filter
from .recovery import fluid_rate, rebounding_index, rebounding_rate, whittle_index
from .reference import Reference
from .renewal import BlindCycle, SwapRule, blind_cycle, blind_rate, rotation_rate, swap_rule
from .solve import solve

__all__ = [
    "Belief",
    "BlindCycle",
    "Filter",
    "Reference",
    "SwapRule",
    "blind_cycle",
    "blind_rate",
    "fluid_rate",
    "rebounding_index",
    "rebounding_rate",
    "rotation_rate",
    "solve",
    "swap_rule",
    "whittle_index",
]
