"""References of populations with several hidden kinds of user, without satiation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...users.observation import Columns
from ..acting.belief_policies import PlanPolicy, ThresholdPolicy
from ..acting.contexts import ContextIndex
from ..acting.filtering import Filter
from ..acting.myopic import MyopicPolicy
from ..acting.open_loop import SchedulePolicy
from ..known_user.informed_value import informed_value
from ..known_user.threshold_tables import threshold_tables
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
from ..unheard.schedule_values import enact
from ..unheard.uniform_choice import uniform_value
from .blind_schedule import blind_schedule
from .kind_bounds import close_kinds
from .kinds_problem import KindsProblem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...rollout import Policy
    from ...users.population import Population
    from ..closing import Closing
    from ..model import Model
    from ..store import Arrays

WORK = 1.5e10
"""Multiplications that the search may take: some seconds."""
_MORE = 5
"""How many times as much it may take with so many visible contexts, or more."""
CLOSING_WORK = 5e11
"""Where a gap or a time was asked for: some minutes."""
_BLIND_WORK = 1.5e8
"""Those that the search for the best schedule may take."""
CLOSED = 0.03
"""Gap, as a share of the upper bound, at which the search counts as closed."""
_MAX_CONTEXTS = 64
_FEW_CONTEXTS = 8
"""Visible contexts up to which the rule for the typical user is solved, seconds for each."""


def solve_hidden_kinds(population: Population, model: Model, closing: Closing) -> Reference:
    """Two-sided bounds, brought as close as `closing` says: plans below, mixtures of points above.

    Where these stay apart, the best of several policies is simulated as well. Where kinds are too
    many to plan for, plans are made for a few merged ones, the rule for the typical user is another
    candidate, and the bound is a router that knows the user.
    """
    planning = model.merged(MAX_PLANNING_KINDS)
    known = Filter(population, planning)
    name = "kinds" if closing.usual else f"kinds-{closing.gap:g}"
    found = stored(
        name,
        population,
        lambda: _solve(population, model, known, closing),
        # what was stopped is no answer to what was asked
        lambda: not closing.stopped,
    )
    acting = _policies(population, model, known, found)
    (value, error), (myopic, myopic_error) = found["value"], found["myopic"]
    fixed, best_persona = best_fixed(population, model)
    return Reference(
        tier="bounds",
        value=float(value),
        value_upper=float(found["upper"]),
        blind=float(found["blind"]),
        best_fixed=fixed,
        uniform=uniform_value(model),
        myopic=float(myopic),
        best_persona=best_persona,
        thresholds=None,
        policy=acting[str(found["chosen"])],
        blind_policy=acting["blind"],
        myopic_policy=acting["myopic"],
        standard_errors={"myopic": float(myopic_error)}
        | ({} if np.isnan(error) else {"value": float(error)}),
    )


def _policies(
    population: Population, model: Model, known: Filter, found: Arrays
) -> dict[str, Policy]:
    """The candidate policies by name; `known` is the filter of the kinds that have plans."""
    columns = Columns.of(population)
    contexts = ContextIndex(columns, found["contexts"])
    typical = {} if "threshold" not in found else _typical(population, model, found)
    return {
        **typical,
        "plans": PlanPolicy(
            known, contexts, *(found[name] for name in ("vectors", "actions", "places", "first"))
        ),
        "myopic": MyopicPolicy(known),
        "blind": SchedulePolicy(columns, ContextIndex(columns, model.contexts), found["schedules"]),
    }


def _typical(population: Population, model: Model, found: Arrays) -> dict[str, Policy]:
    """The best rule for the one typical user: few kinds cannot stand for very many, but where they
    hardly differ in whom they like their mean can."""
    columns = Columns.of(population)
    tables = (found["threshold"], found["target"], found["typical first"])
    contexts = ContextIndex(columns, model.contexts)
    return {"typical": ThresholdPolicy(Filter(population, model.merged(1)), contexts, *tables)}


def _solve(population: Population, model: Model, known: Filter, closing: Closing) -> Arrays:
    """The tables of the policies, the name of the best one, and figures (with standard errors)."""
    found = _search(model, known.model, closing)
    acting = _policies(population, model, known, found)
    lower, upper = float(found.pop("lower")), float(found.pop("upper"))
    certain = {"blind": float(found["blind"])}
    whole = bool(found.pop("whole"))
    if whole:
        # else the plans are for a simpler table than this one
        certain["plans"] = lower
    else:
        upper = informed_value(model)
    played = {"myopic": simulated(population, acting["myopic"])}
    if upper - max(certain.values()) > CLOSED * upper:
        upper = min(upper, informed_value(model)) if whole else upper
        if not whole and len(model.masks) <= _FEW_CONTEXTS:
            tables = threshold_tables(model.merged(1))
            found |= {name: tables[name] for name in ("threshold", "target")}
            found["typical first"] = tables["first"]
            acting |= _typical(population, model, found)
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


def _search(model: Model, planning: Model, closing: Closing) -> Arrays:
    """Bounds over all contexts, plans for the commonest ones, and schedules for each.

    Where `whole` is true the plans are for the table itself, and nothing is left out.
    """
    k, n_kinds = model.n_actions, planning.n_types
    common = np.sort(np.argsort(-model.mask_weights, kind="stable")[:_MAX_CONTEXTS])
    blind: dict[int, list[NDArray[np.int64]]] = {j: [] for j in range(len(model.masks))}
    problems = []
    for j in common:
        present = np.flatnonzero(model.masks[j])
        problems.append(KindsProblem.of(planning, j, present))
        blind[j] = [present[blind_schedule(problems[-1], work=_BLIND_WORK / len(common))]]
    blind_value, schedules = open_loop(model, blind)
    shares = model.mask_weights[common] / model.mask_weights[common].sum()
    # the gap of a context counts by its share
    parts = 0.5 * shares + 0.5 / len(common)
    parts *= min(len(common), _MORE) * (WORK if closing.usual else CLOSING_WORK)
    found = []
    for i, (j, problem, work) in enumerate(zip(common, problems, parts, strict=True)):
        users = model.weighed(model.joint[:, j] / model.mask_weights[j])
        watch = closing.share(float(enact(schedules[j], users)), len(common) - i)
        found.append(close_kinds(problem, watch=watch, work=work))
    vectors, actions, n = [], [], 0
    places = np.zeros((len(common), model.length, k, 2), dtype=np.int64)
    first = np.zeros(len(common), dtype=np.int64)
    for i, (j, bounds) in enumerate(zip(common, found, strict=True)):
        present, kinds = np.flatnonzero(model.masks[j]), np.flatnonzero(planning.joint[:, j])
        vectors.append(spread(bounds.vectors, kinds, n_kinds, axis=1))
        actions.append(present[bounds.actions])
        places[i] = spread(bounds.places + n, present, k, axis=1)
        first[i] = present[bounds.first]
        n += len(bounds.actions)
    shares = model.mask_weights[common]
    return {
        "whole": np.array(planning is model and len(common) == len(model.masks)),
        "lower": np.array(shares @ [bounds.lower for bounds in found]),
        "upper": np.array(shares @ [bounds.upper for bounds in found]),
        "contexts": model.contexts[common],
        "vectors": np.concatenate(vectors),
        "actions": np.concatenate(actions),
        "places": places,
        "first": first,
        "blind": np.array(blind_value),
        "schedules": schedules,
    }
