"""`solve`: the reference of a population, exact where that is possible and two-sided elsewhere."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..observation import Columns
from ..population import as_population
from . import chains
from .belief import BeliefProblem, BeliefSolution, evaluate_thresholds, solve_belief
from .filtering import Filter
from .model import Model
from .points import solve_points
from .policies import ContextIndex, MyopicPolicy, PlanPolicy, SchedulePolicy, ThresholdPolicy
from .reference import MAX_PLANNING_KINDS, Reference
from .reference import best_fixed as _best_fixed
from .reference import open_loop as _schedules
from .reference import simulated as _simulated
from .rotation_policies import moods_are_certain
from .solve_satiation import solve_by_relaxation, solve_hidden_rotation, solve_rotation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..population import Population
    from ..rollout import Policy
    from .points import PointSolution

_MAX_INFORMED_SOLVES = 64


def solve(population: Population | str) -> Reference:
    """Solve a population, or the preset of this name (an equal population gives the same object).

    One kind of user without satiation: exact dynamic programming on P(bored). Several kinds:
    point-based value iteration below, the optimum of a router that knows the user above. Satiation
    alone, of one kind of user: dynamic programming over what satiation can be reached. Of several
    kinds: index policies below (simulated), a router that is soon told the kind above. Everything
    at once: the best of several policies below (simulated), the clairvoyant above.

    Raises:
        CarouselError: no population, and no preset of this name.
    """
    return _solve(as_population(population))


@lru_cache(maxsize=128)
def _solve(population: Population) -> Reference:
    model = Model.of(population)
    if model.has_satiation:
        if moods_are_certain(model) and not model.has_farewells:
            known = (np.count_nonzero(model.joint, axis=0) == 1).all()
            return (solve_rotation if known else solve_hidden_rotation)(population, model)
        return _by_relaxation(population, model)
    if (np.count_nonzero(model.joint, axis=0) == 1).all():
        return _solve_known_user(population, model)
    if model.has_farewells:
        return _by_relaxation(population, model)
    return _solve_kinds(population, model)


def _by_relaxation(population: Population, model: Model) -> Reference:
    relaxed = population.replace(satiation_gain=0.0, farewell_fresh=0.0, farewell_bored=0.0)
    return solve_by_relaxation(population, model, solve(relaxed))


def _spread(values: NDArray[Any], present: NDArray[np.int64], k: int, axis: int) -> NDArray[Any]:
    """Put rows of the present personas where they stand among all K; the rest is 0."""
    shape = list(values.shape)
    shape[axis] = k
    whole = np.zeros(shape, dtype=values.dtype)
    whole[(slice(None),) * axis + (present,)] = values
    return whole


# -- one kind of user, no satiation ---------------------------------------------------------------


def _solve_known_user(population: Population, model: Model) -> Reference:
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
        alone = np.arange(model.n_types) == kind
        if model.has_farewells:
            value, schedule = chains.best_schedule(model, mask, alone.astype(np.float64))
            blind_schedules.append(schedule)
        else:
            deaf = BeliefProblem.of(model, kind, present, blind=True)
            schedule = present[_follow_blindly(deaf, solve_belief(deaf))]
            value = chains.schedule_value(model, schedule, alone.astype(np.float64))
            blind_schedules.append(schedule)
        blind += float(weight) * value
        myopic += float(weight) * evaluate_thresholds(problem, *_myopic_rule(problem))
        row = np.full((length, k, 2), 2.0)
        row[:, present] = solution.threshold
        threshold.append(row)
        target.append(_spread(present[solution.target], present, k, axis=1))
        first.append(present[solution.first])
    best_fixed, best_persona = _best_fixed(population, model)
    commonest = int(model.mask_weights.argmax())
    thresholds = {
        name: tuple(float(x) if x <= 1.0 else None for x in threshold[commonest][:, i, 0])
        for i, name in enumerate(population.actions)
    }
    known = Filter(population, model)
    contexts = ContextIndex(Columns.of(population), model.contexts)
    return Reference(
        tier="exact",
        value=low,
        value_upper=high,
        blind=blind,
        best_fixed=best_fixed,
        uniform=chains.uniform_value(model),
        myopic=myopic,
        best_persona=best_persona,
        thresholds=thresholds,
        policy=ThresholdPolicy(
            known, contexts, np.stack(threshold), np.stack(target), np.array(first)
        ),
        blind_policy=SchedulePolicy(Columns.of(population), contexts, np.stack(blind_schedules)),
        myopic_policy=MyopicPolicy(known),
    )


def _follow_blindly(problem: BeliefProblem, solution: BeliefSolution) -> NDArray[np.int64]:
    """The schedule that a threshold rule amounts to when nothing is heard, shape (T,)."""
    schedule = np.zeros(problem.length, dtype=np.int64)
    k = solution.first
    bored = 1.0 - problem.fit[k]
    for t in range(problem.length):
        if t > 0 and bored >= solution.threshold[t, k, 0]:
            k = int(solution.target[t, k, 0])
            bored = 1.0 - problem.fit[k]
        schedule[t] = k
        stays = np.array([1.0 - bored, bored]) * (1.0 - problem.leave)
        if stays.sum() > 0.0:
            bored = (stays[1] + stays[0] * problem.hazard[k]) / stays.sum()
    return schedule


def _myopic_rule(
    problem: BeliefProblem,
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Thresholds and targets of the myopic router, shapes (T, K, 2), and its first action."""
    k = len(problem.fit)
    arrival = problem.fit * problem.reward[:, 0] + (1.0 - problem.fit) * problem.reward[:, 1]
    threshold, target = np.full((k, 2), 2.0), np.tile(np.arange(k)[:, None], (1, 2))
    for i in range(k):
        for goodbye, keep in enumerate((np.ones(k), problem.hook)):
            others = [j for j in range(k) if j != i]
            if not others:
                continue
            target[i, goodbye] = best = max(others, key=lambda j: keep[j] * arrival[j])
            swap = keep[best] * arrival[best] - problem.swap_cost
            fresh, bored = keep[i] * problem.reward[i]
            if swap > fresh:
                threshold[i, goodbye] = 0.0
            elif swap > bored:
                # P(bored) must exceed the threshold: at a tie the current persona stays
                threshold[i, goodbye] = np.nextafter((fresh - swap) / (fresh - bored), np.inf)
    shape = (problem.length, 1, 1)
    return np.tile(threshold, shape), np.tile(target, shape), int(arrival.argmax())


# -- several kinds of user, no satiation ----------------------------------------------------------


def _solve_kinds(population: Population, model: Model) -> Reference:
    planning = model.merged(MAX_PLANNING_KINDS)
    k, many = model.n_actions, len(model.masks) > 1
    lower = 0.0
    vectors, actions, first, deaf = [], [], [], {}
    for j, mask in enumerate(model.masks):
        present = np.flatnonzero(mask)
        fit, hazard = planning.fit[:, present], planning.hazard[:, present]
        points, rounds = (24, 2) if many else (64, 4)
        plan = partial(
            solve_points,
            fit,
            hazard,
            planning.engagement,
            planning.leave,
            planning.joint[:, j] / planning.joint[:, j].sum(),
            planning.cues,
            planning.length,
            planning.swap_cost,
            points=points,
            rounds=rounds,
        )
        solution, blind = plan(), plan(blind=True)
        lower += float(model.mask_weights[j]) * solution.lower
        vectors.append(_spread(solution.vectors, present, k, axis=1))
        actions.append(_spread(present[solution.actions], present, k, axis=1))
        first.append(present[solution.first])
        deaf[j] = present[_plans_blindly(fit, hazard, planning, j, blind)]
    blind_value, blind_policy = _schedules(population, model, deaf)
    known = Filter(population, planning)
    policy: Policy = PlanPolicy(
        known,
        ContextIndex(Columns.of(population), model.contexts),
        np.stack(vectors),
        np.stack(actions),
        np.array(first),
    )
    errors = {}
    if many or planning is not model:
        # the plans were made for an approximation of this table, so their bound is not one of it
        lower, errors["value"] = _simulated(population, policy)
    if lower < blind_value:
        # plans at few beliefs may fall short of a schedule that nothing can be learned to improve
        lower, policy = blind_value, blind_policy
        errors.pop("value", None)
    myopic_policy = MyopicPolicy(known)
    myopic, errors["myopic"] = _simulated(population, myopic_policy)
    best_fixed, best_persona = _best_fixed(population, model)
    return Reference(
        tier="bounds",
        value=lower,
        value_upper=informed_value(model),
        blind=blind_value,
        best_fixed=best_fixed,
        uniform=chains.uniform_value(model),
        myopic=myopic,
        best_persona=best_persona,
        thresholds=None,
        policy=policy,
        blind_policy=blind_policy,
        myopic_policy=myopic_policy,
        standard_errors=errors,
    )


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


def _plans_blindly(
    fit: NDArray[np.float64],
    hazard: NDArray[np.float64],
    model: Model,
    mask: int,
    solution: PointSolution,
) -> NDArray[np.int64]:
    """The schedule that blind plans amount to, shape (T,); fit and hazard of those present."""
    length = solution.vectors.shape[0]
    joint = np.zeros((model.n_types, 2))
    joint[:, 0] = model.joint[:, mask] / model.joint[:, mask].sum()
    schedule = np.zeros(length, dtype=np.int64)
    k = solution.first
    for t in range(length):
        pick = k
        if t > 0:
            plan = int((solution.vectors[t, k] * joint).sum(axis=(1, 2)).argmax())
            pick = int(solution.actions[t, k, plan])
        if t == 0 or pick != k:
            kind = joint.sum(axis=1)
            joint = np.stack([kind * fit[:, pick], kind * (1.0 - fit[:, pick])], axis=1)
        k = pick
        schedule[t] = k
        joint *= 1.0 - model.leave
        moved = joint[:, 0] * hazard[:, k]
        joint += np.stack([-moved, moved], axis=1)
        joint /= max(joint.sum(), 1e-300)
    return schedule
