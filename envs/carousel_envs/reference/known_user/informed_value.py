"""The value of knowing the kind of user: an upper bound for populations of hidden kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .belief_problem import BeliefProblem
from .belief_program import GRID, solve_belief
from .observed_mood import clairvoyant_value

if TYPE_CHECKING:
    from ..model import Model

_MAX_INFORMED_SOLVES, _FEWEST_POINTS = 2048, 33
_INFORMED_POINTS = 64 * GRID
"""Grid points of the solutions for all known kinds together. Each takes at least 33 points, whose
chords lie 0.05 % above the value, where those of 513 lie within a millionth."""


def informed_value(model: Model) -> float:
    """Upper bound: the optimum of a router that knows the user, but not the mood (satiation left
    out).

    The more kinds of user, the coarser the grid: chords lie above the value on any grid. With very
    many kinds the clairvoyant, which observes the mood as well, takes its place.
    """
    solves = np.count_nonzero(model.joint)
    if solves > _MAX_INFORMED_SOLVES:
        return clairvoyant_value(model)
    points = int(np.clip(_INFORMED_POINTS // solves, _FEWEST_POINTS, GRID))
    total = 0.0
    for i, j in zip(*np.nonzero(model.joint), strict=True):
        present = np.flatnonzero(model.masks[j])
        solution = solve_belief(BeliefProblem.of(model, int(i), present), points)
        total += float(model.joint[i, j]) * solution.upper
    return total
