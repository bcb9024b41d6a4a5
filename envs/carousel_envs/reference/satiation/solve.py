"""References of populations that tire of whoever speaks: schedules, relaxations, simulation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...users.observation import Columns
from ..acting.filtering import Filter
from ..acting.policies import (
    ContextIndex,
    MyopicPolicy,
    PlanPolicy,
    SchedulePolicy,
    ThresholdPolicy,
    UniformPolicy,
)
from ..clairvoyant import clairvoyant_value
from ..reference import (
    MAX_PLANNING_KINDS,
    Reference,
    best_fixed,
    best_of,
    chosen_among,
    open_loop,
    simulated,
)
from ..store import stored
from ..unheard.best_schedule import best_blind_schedule
from .lagrangian import bound_at, relax
from .policies import RelaxedPlanPolicy, WhittlePolicy, certain_engagement, moods_are_certain
from .schedules import TOLERANCE, SatiationProblem, solve_satiation
from .told_kind import disclosed_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ...rollout import Policy
    from ...users.population import Population
    from ..model import Model
    from ..store import Arrays
    from .lagrangian import Relaxation

# Pairs of kind and context beyond which a relaxation must do for each, without a search, and beyond
# which there is not even that.
_MAX_SEARCHES, _MAX_BOUNDS = 16, 5000
# Turns before a router is told the kind, in upper bounds; work on a schedule that is only a start.
_DEPTH, _NARROW = 3, 20_000


def solve_rotation(population: Population, model: Model) -> Reference:
    """Users who are known by what is visible, and whose moods are certain: nothing is hidden."""
    low = high = myopic = 0.0
    schedules = []
    for j, (mask, weight) in enumerate(zip(model.masks, model.mask_weights, strict=True)):
        present = np.flatnonzero(mask)
        problem = _problem(model, int(model.joint[:, j].argmax()), present)
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
    """Kinds of user who are hidden, and whose moods are certain.

    Below: the best of several policies, simulated. Above: the optimum of a router that is told the
    kind after a few turns; where kinds are too many to plan for, before the first.
    """
    planning = model.merged(MAX_PLANNING_KINDS)
    known = Filter(population, planning)

    def policies(found: Arrays) -> dict[str, Policy]:
        index = WhittlePolicy(known, found["index"])
        planned = {"plan": RelaxedPlanPolicy(index, found["tables"])} if "tables" in found else {}
        return {"index": index, **planned, **_simple(population, model, known, found)}

    def solve() -> Arrays:
        everybody = np.ones(model.n_actions, dtype=np.bool_)
        relaxed, starts = [], {}
        found: Arrays = {"index": WhittlePolicy.of(known).index}
        if moods_are_certain(planning):
            relaxed = [_relaxed(planning, a, everybody) for a in range(planning.n_types)]
            found["tables"] = np.stack([one.tables for one in relaxed])
        for j, mask in enumerate(model.masks):
            present = np.flatnonzero(mask)
            average = _average_user(model, model.joint[:, j], present)
            starts[j] = [present[solve_satiation(average, _NARROW).schedule]]
        told = _told_early(model, relaxed) if planning is model else _told_at_once(model)
        found["upper"] = np.array(told)
        blind, found["schedules"] = open_loop(model, starts)
        return {
            **found,
            **_best_of_several(population, policies(found), blind, float(found["upper"])),
        }

    return _assembled(population, model, stored("rotation", population, solve), policies)


def _problem(model: Model, kind: int, present: NDArray[np.int64]) -> SatiationProblem:
    return SatiationProblem(
        certain_engagement(model)[kind, present],
        model.gain[kind, present],
        float(model.memory[kind]),
        float(model.leave[kind, 0]),
        model.length,
        model.swap_cost,
    )


def _average_user(
    model: Model, weights: NDArray[np.float64], present: NDArray[np.int64]
) -> SatiationProblem:
    """A user who engages as a crowd does on average: their schedule is a good one for the crowd."""
    share = weights / weights.sum()
    return SatiationProblem(
        share @ certain_engagement(model)[:, present],
        share @ model.gain[:, present],
        float(share @ model.memory),
        float(share @ model.leave[:, 0]),
        model.length,
        model.swap_cost,
    )


def _relaxed(model: Model, kind: int, mask: NDArray[np.bool_], steps: int = 250) -> Relaxation:
    """Relaxation for a kind of user, as if only the masked personas existed."""
    problem = _problem(model, kind, np.flatnonzero(mask))
    return relax(problem, problem.value(problem.greedy()), steps)


def _told_early(model: Model, everybody: list[Relaxation]) -> float:
    """Upper bound: the optimum of a router that is told the kind of user after a few turns.

    `everybody` holds each kind's relaxation where all personas are present.
    """
    many = int(np.count_nonzero(model.joint)) > _MAX_SEARCHES
    total = 0.0
    for j, mask in enumerate(model.masks):
        kinds, present = np.flatnonzero(model.joint[:, j]), np.flatnonzero(mask)
        problems = [_problem(model, int(a), present) for a in kinds]
        steps = 60 if many else 250
        found = [
            everybody[a] if mask.all() else _relaxed(model, int(a), mask, steps) for a in kinds
        ]
        bounds = [relaxed.bound for relaxed in found]
        if not many:
            bounds = [solve_satiation(problem).upper for problem in problems]
        shares = model.joint[kinds, j]
        likes = model.fit[np.ix_(kinds, present)] == 1.0
        told = disclosed_value(shares, likes, problems, found, model.cues, _DEPTH)
        total += min(told, float(shares @ bounds))
    return total


def _told_at_once(model: Model) -> float:
    """Upper bound: the optimum of a router that knows the kind of user.

    Of very many kinds, each is bounded at the prices of one like it: any prices give a bound.
    """
    few = model.merged(MAX_PLANNING_KINDS)
    engagement = certain_engagement(few)
    total = 0.0
    for j, mask in enumerate(model.masks):
        present = np.flatnonzero(mask)
        prices: dict[int, NDArray[np.float64]] = {}
        for a in np.flatnonzero(model.joint[:, j]):
            problem = _problem(model, int(a), present)
            if np.count_nonzero(model.joint) <= _MAX_SEARCHES:
                total += float(model.joint[a, j]) * solve_satiation(problem).upper
                continue
            apart = abs(engagement[:, present] - problem.engagement).sum(axis=1)
            apart += abs(few.gain[:, present] - problem.gain).sum(axis=1)
            near = int((apart + abs(few.memory - problem.memory)).argmin())
            if near not in prices:
                prices[near] = relax(problem, problem.value(problem.greedy()), 60).prices
            total += float(model.joint[a, j]) * bound_at(problem, prices[near])
    return total


def solve_by_relaxation(population: Population, model: Model, relaxed: Reference) -> Reference:
    """Anything at all: the best of several policies below; above, the lesser of two relaxations.

    One leaves out satiation (the clairvoyant), the other boredom: were everybody who may be fresh
    with a persona always fresh with it, nobody left sooner and nobody said goodbye, no router would
    do worse. `relaxed` is the reference of the population without satiation and farewells, whose
    policy is one of the candidates.
    """
    planning = model.merged(MAX_PLANNING_KINDS)
    known = Filter(population, planning)

    def policies(found: Arrays) -> dict[str, Policy]:
        index = {"index": WhittlePolicy(known, found["index"])} if "index" in found else {}
        heard = _hearing(relaxed.policy, Filter(population, model))
        simple = _simple(population, model, known, found)
        return {"relaxed": relaxed.policy, **heard, **index, **simple}

    def solve() -> Arrays:
        upper = clairvoyant_value(model)
        found: Arrays = {}
        if model.has_satiation:
            found["index"] = WhittlePolicy.of(known).index
            if np.count_nonzero(model.joint) <= _MAX_BOUNDS:
                never_bored = replace(
                    model,
                    fit=(model.fit > 0.0).astype(np.float64),
                    hazard=np.zeros_like(model.hazard),
                    leave=np.repeat(model.leave[:, :1], 2, axis=1),
                )
                upper = min(upper, _told_at_once(never_bored))
        found["upper"] = np.array(upper)
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
            **_best_of_several(population, policies(found), blind, float(found["upper"])),
        }

    return _assembled(population, model, stored("relaxation", population, solve), policies)


def _hearing(policy: Policy, known: Filter) -> dict[str, Policy]:
    """The policy with a filter that knows of goodbyes and satiation, where kinds are the same."""
    if not isinstance(policy, (PlanPolicy, ThresholdPolicy)):
        return {}
    one, other = policy.filter.model, known.model
    same = one.n_types == other.n_types and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("fit", "hazard", "engagement", "leave")
    )
    return {"heard": replace(policy, filter=known)} if same else {}


def _simple(
    population: Population, model: Model, known: Filter, found: Arrays
) -> dict[str, Policy]:
    """The myopic policy and the schedules."""
    columns = Columns.of(population)
    return {
        "myopic": MyopicPolicy(known),
        "blind": SchedulePolicy(columns, ContextIndex(columns, model.contexts), found["schedules"]),
    }


def _best_of_several(
    population: Population, policies: Mapping[str, Policy], blind: float, upper: float
) -> Arrays:
    """Figures of the best policy, of the myopic one and of uniform choice: mean and standard error
    (none where it is exact)."""
    best = best_of(population, policies)
    played = {name: simulated(population, policies[name]) for name in {best, "myopic"} - {"blind"}}
    chosen, value, error = chosen_among({"blind": blind}, played, upper)
    uniform = UniformPolicy(Columns.of(population))
    return {
        "chosen": np.array(chosen),
        "value": np.array((value, error)),
        "blind": np.array(blind),
        "myopic": np.array(played["myopic"]),
        "uniform": np.array(simulated(population, uniform)),
    }


def _assembled(
    population: Population,
    model: Model,
    found: Arrays,
    policies: Callable[[Arrays], dict[str, Policy]],
) -> Reference:
    acting = policies(found)
    figures = {name: found[name] for name in ("value", "myopic", "uniform")}
    value, myopic, uniform = (float(mean) for mean, _ in figures.values())
    fixed, best_persona = best_fixed(population, model)
    return Reference(
        tier="bounds",
        value=value,
        myopic=myopic,
        uniform=uniform,
        value_upper=float(found["upper"]),
        blind=float(found["blind"]),
        best_fixed=fixed,
        best_persona=best_persona,
        thresholds=None,
        policy=acting[str(found["chosen"])],
        blind_policy=acting["blind"],
        myopic_policy=acting["myopic"],
        standard_errors={
            name: float(error) for name, (_, error) in figures.items() if not np.isnan(error)
        },
    )
