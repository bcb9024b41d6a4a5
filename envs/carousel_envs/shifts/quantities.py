"""What shifts are expected to move: quantities by name, and in which direction."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

from ..foundation.errors import CarouselError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

Direction = Literal["rises", "falls", "same"]

QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "value": "the optimum (`Reference.value`), re-solved for the shifted population",
        "blind": "the best schedule that ignores what the user does (`Reference.blind`)",
        "best_fixed": "the best single persona (`Reference.best_fixed`)",
        "uniform": "a random persona every turn (`Reference.uniform`)",
        "session_length": "mean turns per session under a router that keeps to fixed turns",
        "cue_gap": "mean level of the first cue of bored users less that of fresh users",
        "personas_available": "mean share of the personas that may be picked",
        "rarest_archetype": "share of users with the archetype that is rarest in training",
        "new_archetypes": "share of users with an archetype that training does not have",
        "vulnerable": "share of users who are vulnerable",
        "payoff": "mean payoff per session of a router that enacts no persona in some turns",
        "familiar_slots": "share of slots in which the persona of training sits",
        "badge_accuracy": "share of users whose badge names the persona that fits them best",
        "in_hole": "share of users inside a hole of a range of training",
        "in_corner": "share of users in the upper halves of both ranges of a pair",
        "beyond": "share of users beyond a range of training",
        "forbidden": "probability that a question is forbidden; questions only",
        "known": "probability that a random persona knows what is asked; questions only",
    }
)
"""What `GradedShift.expected` may speak of, by name."""


def checked(shift: str, expected: Mapping[str, Direction]) -> Mapping[str, Direction]:
    """What is expected of a shift, read-only.

    Raises:
        CarouselError: a quantity or a direction is unknown.
    """
    for quantity, direction in expected.items():
        if quantity not in QUANTITIES:
            raise CarouselError(
                f"shift {shift!r} expects something of {shown(quantity)}; known are "
                f"{', '.join(QUANTITIES)}"
            )
        if direction not in get_args(Direction):
            raise CarouselError(
                f"shift {shift!r}: expected of {quantity} is {shown(direction)}; it must be "
                f"{', '.join(get_args(Direction)[:-1])} or {get_args(Direction)[-1]}"
            )
    return MappingProxyType(dict(expected))
