"""References of populations with satiation beside boredom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..acting.belief_policies import PlanPolicy, ThresholdPolicy
from ..acting.filtering import Filter
from ..known_user.observed_mood import clairvoyant_value
from ..reference import MAX_PLANNING_KINDS, open_loop
from ..store import stored
from ..unheard.known_user_schedule import best_blind_schedule
from .candidates import assembled, best_of_several, simple_policies
from .moody_plan import MoodyPlanPolicy
from .moody_relaxation import MoodyProblem, relax_moods
from .upper_bounds import moods_revealed
from .whittle import WhittlePolicy

if TYPE_CHECKING:
    from ...rollout import Policy
    from ...users.population import Population
    from ..model import Model
    from ..reference import Reference
    from ..store import Arrays

# Pairs of kind and context up to which each is bounded by a relaxation.
_MAX_BOUNDS = 5000
_SURE = 0.95
"""Probability of a kind from which the Whittle index gives way to the plan."""


def solve_by_relaxation(population: Population, model: Model, relaxed: Reference) -> Reference:
    """Reference of any population: the best of several policies below, the lesser of two
    relaxations above.

    One leaves out satiation (the clairvoyant). The other reveals kind and mood after a few turns,
    prices personas apart, and lets nobody go at a goodbye (`upper_bounds.moods_revealed`).
    `relaxed` is the reference of the population without satiation, whose policy is one of the
    candidates.
    """
    planning = model.merged(MAX_PLANNING_KINDS)
    known = Filter(population, planning)

    def policies(found: Arrays) -> dict[str, Policy]:
        index = WhittlePolicy(known, found["index"])
        planned = (known, index, found["tables"], found["dues"])
        satiated = {
            "index": index,
            "plan": MoodyPlanPolicy(*planned),
            "plan once sure": MoodyPlanPolicy(*planned, sure=_SURE),
        }
        heard = _with_full_filter(relaxed.policy, Filter(population, model))
        simple = simple_policies(population, model, known, found)
        return {"relaxed": relaxed.policy, **heard, **satiated, **simple}

    def solve() -> Arrays:
        upper = clairvoyant_value(model)
        # which prices personas by engagement alone
        if np.count_nonzero(model.joint) <= _MAX_BOUNDS and not model.pays.any():
            upper = min(upper, moods_revealed(model))
        every = np.arange(model.n_actions)
        plans = [relax_moods(MoodyProblem.of(planning, a, every)) for a in range(planning.n_types)]
        found: Arrays = {
            "index": WhittlePolicy.of(known).index,
            "tables": np.stack([plan.tables for plan in plans]),
            "dues": np.stack([plan.dues for plan in plans]),
            "upper": np.array(upper),
        }
        starts = {
            j: [
                best_blind_schedule(planning, int(a), np.flatnonzero(mask))[1]
                for a in np.flatnonzero(planning.joint[:, j])
            ]
            for j, mask in enumerate(model.masks)
        }
        blind, found["schedules"] = open_loop(model, starts)
        return {
            **found,
            **best_of_several(population, policies(found), blind, float(found["upper"])),
        }

    return assembled(population, model, stored("relaxation", population, solve), policies)


def _with_full_filter(policy: Policy, known: Filter) -> dict[str, Policy]:
    """The policy with a filter that models goodbyes and satiation, where the kinds match."""
    if not isinstance(policy, (PlanPolicy, ThresholdPolicy)):
        return {}
    one, other = policy.filter.model, known.model
    same = one.n_types == other.n_types and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("fit", "hazard", "engagement", "leave", "farewell")
    )
    return {"heard": replace(policy, filter=known)} if same else {}
