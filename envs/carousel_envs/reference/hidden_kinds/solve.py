"""References of populations with several hidden kinds of user, who do not tire of personas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...users.observation import Columns
from ..acting.filtering import Filter
from ..acting.policies import ContextIndex, MyopicPolicy, PlanPolicy, SchedulePolicy
from ..clairvoyant import clairvoyant_value
from ..known_user.belief import GRID, BeliefProblem, solve_belief
from ..reference import (
    MAX_PLANNING_KINDS,
    Reference,
    best_fixed,
    best_of,
    chosen_among,
    open_loop,
    simulated,
    spread,
)
from ..store import stored
from ..unheard import values
from .search import KindBounds, blind_schedule, solve_kinds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...rollout import Policy
    from ...users.population import Population
    from ..model import Model
    from ..store import Arrays

WORK = 5e9
"""Multiplications that the search may take, over all visible contexts."""
CLOSED = 0.03
"""Gap, as a share of the upper bound, at which the search counts as closed."""
_CELLS = 20_000_000
"""Numbers that all plans may take: memory, and what it costs to follow them."""
_MAX_CONTEXTS = 64
_MAX_INFORMED_SOLVES, _FEWEST_POINTS = 2048, 33
_INFORMED_POINTS = 64 * GRID
"""Grid points that all solves for known users may take together; each takes 33 at least, whose
chords lie 0.05 % above the value, where 513 lie within a millionth."""


def solve_hidden_kinds(population: Population, model: Model) -> Reference:
    """Two-sided bounds: plans below, the search's bound above.

    Where these stay apart, the best of several policies is simulated as well. Where kinds are too
    many to plan for, plans are made for a few merged ones, and the bound is a router that knows the
    user.
    """
    planning = model.merged(MAX_PLANNING_KINDS)
    columns = Columns.of(population)
    known = Filter(population, planning)

    def policies(found: Arrays) -> dict[str, Policy]:
        return {
            "plans": PlanPolicy(
                known,
                ContextIndex(columns, found["contexts"]),
                *(found[name] for name in ("vectors", "actions", "first")),
            ),
            "myopic": MyopicPolicy(known),
            "blind": SchedulePolicy(
                columns, ContextIndex(columns, model.contexts), found["schedules"]
            ),
        }

    def solve() -> Arrays:
        found = _search(model, planning)
        acting = policies(found)
        lower, upper = float(found.pop("lower")), float(found.pop("upper"))
        certain = {"blind": float(found["blind"])}
        whole = bool(found.pop("whole"))
        if whole:
            # else plans were made for something simpler than this table
            certain["plans"] = lower
        else:
            upper = informed_value(model)
        played = {"myopic": simulated(population, acting["myopic"])}
        if upper - max(certain.values()) > CLOSED * upper:
            upper = min(upper, informed_value(model)) if whole else upper
            best = best_of(population, acting)
            if best != "blind":
                played[best] = simulated(population, acting[best])
        chosen, value, error = chosen_among(certain, played, upper)
        return {
            **found,
            "value": np.array([value, error]),
            "upper": np.array(upper),
            "myopic": np.array(played["myopic"]),
            "chosen": np.array(chosen),
        }

    found = stored("kinds", population, solve)
    acting = policies(found)
    (value, error), (myopic, myopic_error) = found["value"], found["myopic"]
    fixed, best_persona = best_fixed(population, model)
    return Reference(
        tier="bounds",
        value=float(value),
        value_upper=float(found["upper"]),
        blind=float(found["blind"]),
        best_fixed=fixed,
        uniform=values.uniform_value(model),
        myopic=float(myopic),
        best_persona=best_persona,
        thresholds=None,
        policy=acting[str(found["chosen"])],
        blind_policy=acting["blind"],
        myopic_policy=acting["myopic"],
        standard_errors={"myopic": float(myopic_error)}
        | ({} if np.isnan(error) else {"value": float(error)}),
    )


def _search(model: Model, planning: Model) -> Arrays:
    """Bounds over all contexts, plans of the commonest ones, and schedules of each.

    Where `whole` is true the plans are made for the table itself, and nothing was left out.
    """
    k, n, n_kinds = model.n_actions, len(model.masks), planning.n_types
    common = np.sort(np.argsort(-model.mask_weights, kind="stable")[:_MAX_CONTEXTS])
    found: list[KindBounds] = []
    blind: dict[int, list[NDArray[np.int64]]] = {j: [] for j in range(n)}
    for j in common:
        present = np.flatnonzero(model.masks[j])
        parts = _parts(planning, j, present)
        blind[j] = [present[blind_schedule(**parts, work=WORK / 25 / len(common))]]
        found.append(solve_kinds(**parts, work=WORK / len(common)))
    sizes = [bounds.actions.shape[2] for bounds in found]
    room = _CELLS // (len(common) * model.length * k * n_kinds * 2)
    most = max(min(max(sizes), room), 4)
    vectors = np.zeros((len(common), model.length, k, most, n_kinds, 2))
    actions = np.zeros(vectors.shape[:4], dtype=np.int64)
    first = np.zeros(len(common), dtype=np.int64)
    for i, (j, bounds) in enumerate(zip(common, found, strict=True)):
        present, kinds = np.flatnonzero(model.masks[j]), np.flatnonzero(planning.joint[:, j])
        # short sets are filled up with copies
        which = np.resize(np.arange(sizes[i]), most)
        some = spread(bounds.vectors[:, :, which], kinds, n_kinds, axis=3)
        vectors[i] = spread(some, present, k, axis=1)
        actions[i] = spread(present[bounds.actions[:, :, which]], present, k, axis=1)
        first[i] = present[bounds.first]
    blind_value, schedules = open_loop(model, blind)
    shares = model.mask_weights[common]
    return {
        "whole": np.array(planning is model and len(common) == n and most >= max(sizes)),
        "lower": np.array(shares @ [bounds.lower for bounds in found]),
        "upper": np.array(shares @ [bounds.upper for bounds in found]),
        "contexts": model.contexts[common],
        "vectors": vectors,
        "actions": actions,
        "first": first,
        "blind": np.array(blind_value),
        "schedules": schedules,
    }


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


def informed_value(model: Model) -> float:
    """Upper bound: the optimum of a router that knows the user, but not the mood (no satiation).

    The more kinds of user, the coarser the grid: chords lie above the value on any. With very many
    kinds the clairvoyant, who sees the mood as well, takes its place.
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
