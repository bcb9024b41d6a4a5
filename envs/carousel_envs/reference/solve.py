"""`solve`: the reference of a population, exact where that is possible and two-sided elsewhere."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

import numpy as np

from ..registry import any_population
from ..spec import entry, model_of
from ..users.observation import Columns
from .acting.filtering import Filter
from .acting.policies import ContextIndex, MyopicPolicy, SchedulePolicy, ThresholdPolicy
from .hidden_kinds.solve import solve_hidden_kinds
from .known_user.belief import BeliefProblem, evaluate_thresholds, solve_belief
from .model import Model
from .reference import Reference, spread
from .reference import best_fixed as _best_fixed
from .satiation.policies import moods_are_certain
from .satiation.solve import solve_by_relaxation, solve_hidden_rotation, solve_rotation
from .store import stored
from .unheard import values
from .unheard.best_schedule import best_blind_schedule
from .unsolved import play_reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..registry import AnyPopulation
    from ..users.population import Population
    from .store import Arrays


def solve(population: AnyPopulation | str) -> Reference:
    """Solve a population, or the preset of this name (an equal population gives the same object).

    The population's model says how (`ModelSpec.solve`); where it has no solver, the tier is "none"
    or "best known" and figures are simulated (`unsolved.play_reference`).

    What takes long is kept on disk and found again by the population's fingerprint (`store`).

    Raises:
        CarouselError: no population, and no preset of this name.
    """
    known = any_population(population)
    model = model_of(known)
    if model.solve is None:
        return play_reference(known, model)
    return cast("Reference", entry(model.solve)(known))


@lru_cache(maxsize=128)
def solve_users(population: Population) -> Reference:
    """Solve users.

    One kind of user without satiation: exact dynamic programming on P(bored). Several kinds:
    heuristic search from both sides. Satiation alone, of one kind of user: dynamic programming over
    what satiation can be reached. Of several kinds: index policies below (simulated), a router that
    is soon told the kind above. Everything at once: the best of several policies below (simulated),
    the clairvoyant above.
    """
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
    return solve_hidden_kinds(population, model)


def _by_relaxation(population: Population, model: Model) -> Reference:
    return solve_by_relaxation(population, model, solve_users(relaxed(population)))


def relaxed(population: Population) -> Population:
    """The same users, who never tire of a persona and never say goodbye."""
    names = ("satiation_gain", "farewell_fresh", "farewell_bored")
    tied = population.pair or ()
    # a range that is tied to another stays one, because whom the other meets depends on it
    return population.replace(**{name: (0.0, 0.0) if name in tied else 0.0 for name in names})


# -- one kind of user, no satiation ---------------------------------------------------------------


def _solve_known_user(population: Population, model: Model) -> Reference:
    # as many solutions as there are contexts, which may take seconds each
    found = stored("belief", population, lambda: _known_user(model))
    best_fixed, best_persona = _best_fixed(population, model)
    commonest = int(model.mask_weights.argmax())
    thresholds = {
        name: tuple(float(x) if x <= 1.0 else None for x in found["threshold"][commonest][:, i, 0])
        for i, name in enumerate(population.actions)
    }
    known = Filter(population, model)
    contexts = ContextIndex(Columns.of(population), model.contexts)
    return Reference(
        tier="exact",
        value=float(found["lower"]),
        value_upper=float(found["upper"]),
        blind=float(found["blind"]),
        best_fixed=best_fixed,
        uniform=values.uniform_value(model),
        myopic=float(found["myopic"]),
        best_persona=best_persona,
        thresholds=thresholds,
        policy=ThresholdPolicy(
            known, contexts, found["threshold"], found["target"], found["first"]
        ),
        blind_policy=SchedulePolicy(Columns.of(population), contexts, found["schedules"]),
        myopic_policy=MyopicPolicy(known),
    )


def _known_user(model: Model) -> Arrays:
    """Values over all contexts, rules of the optimum, and blind schedules, by context."""
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
        value, schedule = best_blind_schedule(model, kind, present)
        blind_schedules.append(schedule)
        blind += float(weight) * value
        myopic += float(weight) * evaluate_thresholds(problem, *_myopic_rule(problem))
        row = np.full((length, k, 2), 2.0)
        row[:, present] = solution.threshold
        threshold.append(row)
        target.append(spread(present[solution.target], present, k, axis=1))
        first.append(present[solution.first])
    return {
        "lower": np.array(low),
        "upper": np.array(high),
        "blind": np.array(blind),
        "myopic": np.array(myopic),
        "threshold": np.stack(threshold),
        "target": np.stack(target),
        "first": np.array(first),
        "schedules": np.stack(blind_schedules),
    }


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
