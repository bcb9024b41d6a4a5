"""References of users who satiate and whose moods are certain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...users.observation import Columns
from ..acting.contexts import ContextIndex
from ..acting.filtering import Filter
from ..acting.myopic import MyopicPolicy
from ..acting.open_loop import SchedulePolicy, UniformPolicy
from ..reference import MAX_PLANNING_KINDS, Reference, best_fixed, open_loop, simulated
from ..store import stored
from .candidates import assembled, best_of_several, simple_policies
from .certain_moods import average_user, known_kind, moods_are_certain
from .relaxed_plan import RelaxedPlanPolicy
from .schedules import TOLERANCE, solve_satiation
from .upper_bounds import relaxed_kind, revealed_at_once, revealed_early
from .whittle import WhittlePolicy

if TYPE_CHECKING:
    from ...rollout import Policy
    from ...users.population import Population
    from ..model import Model
    from ..store import Arrays

# Partial schedules kept in the search for a schedule that is only a start.
_NARROW = 20_000


def solve_rotation(population: Population, model: Model) -> Reference:
    """Reference of users whose kind is visible and whose moods are certain: nothing is hidden."""
    low = high = myopic = 0.0
    schedules = []
    for j, (mask, weight) in enumerate(zip(model.masks, model.mask_weights, strict=True)):
        present = np.flatnonzero(mask)
        problem = known_kind(model, int(model.joint[:, j].argmax()), present)
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
        tier="exact" if high - low < TOLERANCE else "bounds",
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


def solve_hidden_rotation(population: Population, model: Model) -> Reference:
    """Reference of hidden kinds of user whose moods are certain.

    Below: the best of several policies, simulated. Above: the optimum of a router to which the kind
    is revealed after a few turns or, where kinds are too many to plan for, before the first.
    """
    planning = model.merged(MAX_PLANNING_KINDS)
    known = Filter(population, planning)

    def policies(found: Arrays) -> dict[str, Policy]:
        index = WhittlePolicy(known, found["index"])
        planned: dict[str, Policy] = {}
        if "tables" in found:
            planned["plan"] = RelaxedPlanPolicy(known, index, found["tables"])
        return {"index": index, **planned, **simple_policies(population, model, known, found)}

    def solve() -> Arrays:
        unmasked = np.ones(model.n_actions, dtype=np.bool_)
        relaxed, starts = [], {}
        found: Arrays = {"index": WhittlePolicy.of(known).index}
        if moods_are_certain(planning):
            relaxed = [relaxed_kind(planning, a, unmasked) for a in range(planning.n_types)]
            found["tables"] = np.stack([one.tables for one in relaxed])
        for j, mask in enumerate(model.masks):
            present = np.flatnonzero(mask)
            average = average_user(model, model.joint[:, j], present)
            starts[j] = [present[solve_satiation(average, _NARROW).schedule]]
        upper = revealed_early(model, relaxed) if planning is model else revealed_at_once(model)
        found["upper"] = np.array(upper)
        blind, found["schedules"] = open_loop(model, starts)
        return {
            **found,
            **best_of_several(population, policies(found), blind, upper),
        }

    return assembled(population, model, stored("rotation", population, solve), policies)
