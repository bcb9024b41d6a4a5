"""References of populations that tire of whoever speaks: schedules, relaxations, simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..observation import Columns
from ..rollout import Policy, rollout
from . import chains
from .filtering import Filter
from .policies import ContextIndex, MyopicPolicy, SchedulePolicy, UniformPolicy
from .reference import (
    MAX_PLANNING_KINDS,
    SELECTION_SEED,
    SESSIONS,
    Reference,
    best_fixed,
    open_loop,
    simulated,
)
from .satiation import SatiationProblem, solve_satiation

if TYPE_CHECKING:
    from ..population import Population
    from .model import Model


def solve_rotation(population: Population, model: Model) -> Reference:
    """One kind of user who is always fresh, and personas that are alike."""
    low = high = myopic = 0.0
    schedules = []
    for mask, weight in zip(model.masks, model.mask_weights, strict=True):
        present = np.flatnonzero(mask)
        problem = SatiationProblem(
            float(model.engagement[0, 0, 0]),
            float(model.gain[0, 0]),
            float(model.memory[0]),
            float(model.leave[0, 0]),
            model.length,
            model.swap_cost,
            len(present),
        )
        solution = solve_satiation(problem)
        low += float(weight) * solution.lower
        high += float(weight) * solution.upper
        myopic += float(weight) * problem.value(problem.greedy())
        schedules.append(present[solution.schedule])
    policy = SchedulePolicy(
        Columns.of(population),
        ContextIndex(Columns.of(population), model.contexts),
        np.stack(schedules),
    )
    fixed, best_persona = best_fixed(population, model)
    uniform, error = simulated(population, UniformPolicy(Columns.of(population)))
    return Reference(
        tier="bounds",
        value=low,
        value_upper=high,
        blind=low,
        best_fixed=fixed,
        uniform=uniform,
        myopic=myopic,
        best_persona=best_persona,
        thresholds=None,
        policy=policy,
        blind_policy=policy,
        myopic_policy=MyopicPolicy(Filter(population, model)),
        standard_errors={"uniform": error},
    )


def solve_by_relaxation(population: Population, model: Model, relaxed: Reference) -> Reference:
    """Anything at all: the best of several policies below, the clairvoyant above.

    `relaxed` is the reference of the population without satiation and farewells, whose policy is
    one of the candidates.
    """
    planning = model.merged(MAX_PLANNING_KINDS)
    columns = Columns.of(population)
    blind, blind_policy = open_loop(population, model)
    myopic_policy = MyopicPolicy(Filter(population, planning))
    myopic, myopic_error = simulated(population, myopic_policy)
    uniform, uniform_error = simulated(population, UniformPolicy(columns))
    fixed, best_persona = best_fixed(population, model)
    # The best of several policies, chosen on other sessions than those that give its value.
    candidates: list[Policy] = [relaxed.policy, myopic_policy, blind_policy]
    chosen = max(
        candidates, key=lambda p: rollout(population, p, SESSIONS // 4, SELECTION_SEED).mean
    )
    if chosen is blind_policy:
        value, errors = blind, {}
    else:
        value, error = simulated(population, chosen)
        errors = {"value": error}
    return Reference(
        tier="bounds",
        value=value,
        value_upper=chains.clairvoyant_value(model),
        blind=blind,
        best_fixed=fixed,
        uniform=uniform,
        myopic=myopic,
        best_persona=best_persona,
        thresholds=None,
        policy=chosen,
        blind_policy=blind_policy,
        myopic_policy=myopic_policy,
        standard_errors={**errors, "myopic": myopic_error, "uniform": uniform_error},
    )
