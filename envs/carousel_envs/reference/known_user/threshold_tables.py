"""Values, thresholds and schedules for a kind of user in every visible context."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..reference import spread
from ..unheard.known_user_schedule import best_blind_schedule
from .belief_problem import BeliefProblem
from .belief_program import solve_belief
from .threshold_rules import evaluate_rule, myopic_rule

if TYPE_CHECKING:
    from ..model import Model
    from ..store import Arrays


def threshold_tables(model: Model) -> Arrays:
    """Values over all contexts, and the optimal rules and blind schedules of each context."""
    length, k = model.length, model.n_actions
    low = high = blind = myopic = 0.0
    threshold, target, first, blind_schedules = [], [], [], []
    for j, (mask, weight) in enumerate(zip(model.masks, model.mask_weights, strict=True)):
        present = np.flatnonzero(mask)
        kind = int(model.joint[:, j].argmax())
        problem = BeliefProblem.of(model, kind, present)
        solution = solve_belief(problem)
        low += float(weight) * solution.lower
        high += float(weight) * solution.upper
        value, schedule = best_blind_schedule(model, kind, present)
        blind_schedules.append(schedule)
        blind += float(weight) * value
        myopic += float(weight) * evaluate_rule(problem, myopic_rule(problem))
        row = np.full((length, k, 2), 2.0)
        row[:, present] = solution.threshold
        threshold.append(row)
        target.append(spread(present[solution.target], present, k, axis=1))
        first.append(present[solution.first])
    return {
        "lower": np.array(low),
        "upper": np.array(high),
        "blind": np.array(blind),
        "myopic": np.array(myopic),
        "threshold": np.stack(threshold),
        "target": np.stack(target),
        "first": np.array(first),
        "schedules": np.stack(blind_schedules),
    }
