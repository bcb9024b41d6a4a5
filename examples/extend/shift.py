"""A shift of one's own: users leave as readily when they are fresh as when they are bored.

    carousel --plugin examples/extend/shift.py generalise loop optimal Boredom --axis restless

or from Python:

    from carousel_envs.shifts import find_shift

    target = find_shift("restless").apply("Boredom", 0.5)

A shift is a frozen record. Its distance from training and the reference of every shifted
population are worked out for it, as for any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs.shifts import Shift, register

if TYPE_CHECKING:
    from carousel_envs import Population


def restless(population: Population, severity: float) -> Population:
    """The share `severity` of the way from leave_fresh to leave_bored."""
    fresh, bored = population.leave_fresh, population.leave_bored
    return population.replace(leave_fresh=fresh + severity * (bored - fresh))


def obstacle(population: Population) -> str:
    """Why this means nothing for a population, as a clause; empty where it does."""
    for name in ("leave_fresh", "leave_bored"):
        if isinstance(getattr(population, name), tuple):
            return f"its {name} is a range"
    return ""


RESTLESS = register(
    Shift(
        name="restless",
        kind="mechanism",
        moves=("leave_fresh",),
        description="fresh users leave, too, at severity 1 as readily as bored ones",
        change=restless,
        reason=obstacle,
        # what severity 1 does on every preset to which the axis applies
        expected={"value": "falls", "blind": "falls", "uniform": "falls"},
    )
)
