"""References of populations with several hidden kinds of user, who do not tire of personas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..observation import Columns
from . import chains
from .belief import BeliefProblem, solve_belief
from .filtering import Filter
from .kinds import KindBounds, blind_schedule, solve_kinds
from .policies import ContextIndex, MyopicPolicy, PlanPolicy
from .reference import MAX_PLANNING_KINDS, Reference, best_fixed, open_loop, simulated, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..population import Population
    from ..rollout import Policy
    from .model import Model

WORK = 3e9
"""Multiplications that the search may take, over all visible contexts."""
_MAX_INFORMED_SOLVES = 64


def solve_hidden_kinds(population: Population, model: Model) -> Reference:
    """Below, plans; above, the search's bound. Where kinds are too many to plan for, plans are made
    for a few merged ones and simulated, and the bound is a router that knows the user."""
    planning = model.merged(MAX_PLANNING_KINDS)
    columns, n = Columns.of(population), len(model.masks)
    found, blind = [], {}
    for j, mask in enumerate(model.masks):
        present = np.flatnonzero(mask)
        parts = _parts(planning, j, present)
        found.append(solve_kinds(**parts, work=WORK / n))
        blind[j] = present[blind_schedule(**parts)]
    known = Filter(population, planning)
    policy: Policy = _plan_policy(known, ContextIndex(columns, model.contexts), model, found)
    shares = model.mask_weights
    value = float(shares @ [bounds.lower for bounds in found])
    upper = float(shares @ [bounds.upper for bounds in found])
    errors: dict[str, float] = {}
    if planning is not model:
        value, errors["value"] = simulated(population, policy)
        upper = informed_value(model)
    blind_value, blind_policy = open_loop(population, model, blind)
    if value < blind_value:
        # plans may fall short of a schedule that nothing can be learned to improve
        value, policy = blind_value, blind_policy
        errors.pop("value", None)
    myopic_policy = MyopicPolicy(known)
    myopic, errors["myopic"] = simulated(population, myopic_policy)
    fixed, best_persona = best_fixed(population, model)
    return Reference(
        tier="bounds",
        value=value,
        value_upper=upper,
        blind=blind_value,
        best_fixed=fixed,
        uniform=chains.uniform_value(model),
        myopic=myopic,
        best_persona=best_persona,
        thresholds=None,
        policy=policy,
        blind_policy=blind_policy,
        myopic_policy=myopic_policy,
        standard_errors=errors,
    )


def _parts(model: Model, context: int, present: NDArray[np.int64]) -> dict[str, Any]:
    """Arguments of the search for one context: the kinds that are met in it."""
    kinds = np.flatnonzero(model.joint[:, context])
    weights = model.joint[kinds, context]
    return {
        "fit": model.fit[np.ix_(kinds, present)],
        "hazard": model.hazard[np.ix_(kinds, present)],
        "engagement": model.engagement[np.ix_(kinds, present)],
        "leave": model.leave[kinds],
        "weights": weights / weights.sum(),
        "cues": model.cues,
        "length": model.length,
        "swap_cost": model.swap_cost,
    }


def _plan_policy(
    known: Filter, contexts: ContextIndex, model: Model, found: list[KindBounds]
) -> PlanPolicy:
    """The plans of every context, where all kinds and actions stand; short sets are repeated."""
    k, most = model.n_actions, max(bounds.actions.shape[2] for bounds in found)
    n_kinds = known.model.n_types
    vectors = np.zeros((len(found), model.length, k, most, n_kinds, 2))
    actions = np.zeros(vectors.shape[:4], dtype=np.int64)
    first = np.zeros(len(found), dtype=np.int64)
    for j, bounds in enumerate(found):
        present = np.flatnonzero(model.masks[j])
        kinds = np.flatnonzero(known.model.joint[:, j])
        which = np.resize(np.arange(bounds.actions.shape[2]), most)
        some = spread(bounds.vectors[:, :, which], kinds, n_kinds, axis=3)
        vectors[j] = spread(some, present, k, axis=1)
        actions[j] = spread(present[bounds.actions[:, :, which]], present, k, axis=1)
        first[j] = present[bounds.first]
    return PlanPolicy(known, contexts, vectors, actions, first)


def informed_value(model: Model) -> float:
    """Upper bound: the optimum of a router that knows the user, but not the mood (no satiation).

    With very many kinds of user the clairvoyant, who sees the mood as well, takes its place.
    """
    if np.count_nonzero(model.joint) > _MAX_INFORMED_SOLVES:
        return chains.clairvoyant_value(model)
    total = 0.0
    for i, j in zip(*np.nonzero(model.joint), strict=True):
        present = np.flatnonzero(model.masks[j])
        solution = solve_belief(BeliefProblem.of(model, int(i), present))
        total += float(model.joint[i, j]) * solution.upper
    return total
