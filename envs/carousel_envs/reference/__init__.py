"""Reference values of populations, exact or between two bounds.

Start with `solve.py`, which picks a solver. Imports go one way: `model.py`; then `long_run`
(averages per turn), `unheard` (schedules) and `acting` (filter and policies); then `known_user`
(one kind of user); then `hidden_kinds` and `satiation`; then `clairvoyant.py` and `solve.py`.
"""

from .acting.filtering import Belief, Filter
from .known_user.frontier import (
    FrontierPoint,
    Outcome,
    engagement_optimal,
    frontier,
    welfare_optimal,
)
from .long_run.recovering import (
    ReboundingPersona,
    fluid_rate,
    rebounding_index,
    rebounding_rate,
    whittle_index,
)
from .long_run.swap_rule import (
    BlindCycle,
    SwapRule,
    blind_cycle,
    blind_rate,
    rotation_rate,
    swap_rule,
)
from .questions import Rates, RecallReference, rates_of, solve_recall
from .reference import Reference
from .solve import solve

__all__ = [
    "Belief",
    "BlindCycle",
    "Filter",
    "FrontierPoint",
    "Outcome",
    "Rates",
    "ReboundingPersona",
    "RecallReference",
    "Reference",
    "SwapRule",
    "blind_cycle",
    "blind_rate",
    "engagement_optimal",
    "fluid_rate",
    "frontier",
    "rates_of",
    "rebounding_index",
    "rebounding_rate",
    "rotation_rate",
    "solve",
    "solve_recall",
    "swap_rule",
    "welfare_optimal",
    "whittle_index",
]
