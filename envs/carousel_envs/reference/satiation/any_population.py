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
from .upper_bounds import revealed_at_once
from .whittle import WhittlePolicy

if TYPE_CHECKING:
    from ...rollout import Policy
    from ...users.population import Population
    from ..model import Model
    from ..reference import Reference
    from ..store import Arrays

# Pairs of kind and context up to which each is bounded by a relaxation.
_MAX_BOUNDS = 5000


def solve_by_relaxation(population: Population, model: Model, relaxed: Reference) -> Reference:
    """Reference of any population: the best of several policies below, the lesser of two
    relaxations above.

    One leaves out satiation (the clairvoyant). The other leaves out boredom: every user who may be
    fresh with a persona is always fresh with it, no user leaves sooner, and none says goodbye,
    which lowers no router's value. `relaxed` is the reference of the population without satiation,
    whose policy is one of the candidates.
    """
    planning = model.merged(MAX_PLANNING_KINDS)
    known = Filter(population, planning)

    def policies(found: Arrays) -> dict[str, Policy]:
        index = {"index": WhittlePolicy(known, found["index"])}
        heard = _with_full_filter(relaxed.policy, Filter(population, model))
        simple = simple_policies(population, model, known, found)
        return {"relaxed": relaxed.policy, **heard, **index, **simple}

    def solve() -> Arrays:
        upper = clairvoyant_value(model)
        if np.count_nonzero(model.joint) <= _MAX_BOUNDS:
            never_bored = replace(
                model,
                fit=(model.fit > 0.0).astype(np.float64),
                hazard=np.zeros_like(model.hazard),
                leave=np.repeat(model.leave[:, :1], 2, axis=1),
            )
            upper = min(upper, revealed_at_once(never_bored))
        found: Arrays = {"index": WhittlePolicy.of(known).index, "upper": np.array(upper)}
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
