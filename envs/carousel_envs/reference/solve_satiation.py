"""References of populations that tire of whoever speaks: schedules, relaxations, simulation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..observation import Columns
from ..rollout import Policy, rollout
from . import chains
from .disclosure import disclosed_value
from .filtering import Filter
from .lagrangian import bound_at, relax
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
from .rotation_policies import (
    RelaxedPlanPolicy,
    WhittlePolicy,
    certain_engagement,
    moods_are_certain,
)
from .satiation import TOLERANCE, SatiationProblem, solve_satiation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..population import Population
    from .lagrangian import Relaxation
    from .model import Model

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
    everybody = np.ones(model.n_actions, dtype=np.bool_)
    index = WhittlePolicy.of(known)
    candidates: list[Policy] = [index]
    found = []
    if moods_are_certain(planning):
        found = [_relaxed(planning, a, everybody) for a in range(planning.n_types)]
        candidates.append(RelaxedPlanPolicy(index, np.stack([f.tables for f in found])))
    starts = {}
    for j, mask in enumerate(model.masks):
        present = np.flatnonzero(mask)
        average = _average_user(model, model.joint[:, j], present)
        starts[j] = present[solve_satiation(average, _NARROW).schedule]
    told = _told_early(model, found) if planning is model else _told_at_once(model)
    return _best_of_several(
        population,
        model,
        candidates,
        open_loop(population, model, starts),
        MyopicPolicy(known),
        told,
    )


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
    known = Filter(population, model.merged(MAX_PLANNING_KINDS))
    candidates = [relaxed.policy]
    upper = chains.clairvoyant_value(model)
    if model.has_satiation:
        candidates.append(WhittlePolicy.of(known))
        if np.count_nonzero(model.joint) <= _MAX_BOUNDS:
            never_bored = replace(
                model,
                fit=(model.fit > 0.0).astype(np.float64),
                hazard=np.zeros_like(model.hazard),
                leave=np.repeat(model.leave[:, :1], 2, axis=1),
            )
            upper = min(upper, _told_at_once(never_bored))
    return _best_of_several(
        population,
        model,
        candidates,
        open_loop(population, model),
        MyopicPolicy(known),
        upper,
    )


def _best_of_several(
    population: Population,
    model: Model,
    candidates: list[Policy],
    open_loop_found: tuple[float, SchedulePolicy],
    myopic_policy: MyopicPolicy,
    upper: float,
) -> Reference:
    """The best of the candidates, the schedule and the myopic policy, chosen on other sessions than
    those that give its value."""
    blind, blind_policy = open_loop_found
    myopic, myopic_error = simulated(population, myopic_policy)
    uniform, uniform_error = simulated(population, UniformPolicy(Columns.of(population)))
    fixed, best_persona = best_fixed(population, model)
    chosen = max(
        [*candidates, myopic_policy, blind_policy],
        key=lambda p: rollout(population, p, SESSIONS // 4, SELECTION_SEED).mean,
    )
    if chosen is blind_policy:
        value, errors = blind, {}
    else:
        value, error = simulated(population, chosen)
        errors = {"value": error}
    return Reference(
        tier="bounds",
        value=value,
        value_upper=upper,
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
