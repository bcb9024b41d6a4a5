"""Rotation and rest with a known user: exact schedules, and the Lagrangian bound above them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from carousel_envs.reference import fluid_rate, rebounding_rate, rotation_rate, solve
from carousel_envs.reference.satiation.lagrangian import bound_at, relax
from carousel_envs.reference.satiation.problem import SatiationProblem
from carousel_envs.reference.satiation.schedules import TOLERANCE, solve_satiation
from carousel_envs.rollout import rollout
from support.env_helpers import plain


def alike(personas: int, **changes: float) -> SatiationProblem:
    fields = {"engagement": 0.95, "gain": 0.2, "memory": 0.7, "length": 8, "swap_cost": 0.0}
    return SatiationProblem.alike(personas, **{**fields, **changes})


def random_problem(seed: int, personas: int, length: int) -> SatiationProblem:
    """Personas that differ; some of them so weary that their chance falls to 0."""
    rng = np.random.default_rng(seed)
    return SatiationProblem(
        engagement=rng.uniform(0.0, 1.0, personas),
        gain=rng.uniform(0.0, 0.8, personas) * rng.integers(0, 2, personas).clip(seed % 2),
        memory=float(rng.choice([0.0, 0.5, 0.9])) if seed % 5 == 0 else rng.uniform(0.2, 0.9),
        leave=float(rng.choice([0.0, 0.15])),
        length=length,
        swap_cost=float(rng.choice([0.0, 0.1, 0.4])),
    )


def schedules(problem: SatiationProblem) -> list[np.ndarray]:
    picks = itertools.product(range(problem.n_actions), repeat=problem.length)
    return [np.array(schedule) for schedule in picks]


# -- against every schedule -----------------------------------------------------------------------


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("personas", "length"), [(1, 5), (2, 9), (3, 6), (4, 5)])
@pytest.mark.parametrize("seed", range(6))
def test_the_optimum_is_the_best_of_all_schedules(personas, length, seed):
    problem = random_problem(10 * seed + personas, personas, length)
    best = max(problem.value(schedule) for schedule in schedules(problem))
    solution = solve_satiation(problem)
    assert solution.exact
    assert solution.lower <= best + 1e-12
    assert solution.lower >= best - TOLERANCE
    assert best - 1e-12 <= solution.upper <= best + TOLERANCE
    assert problem.value(solution.schedule) == pytest.approx(solution.lower, abs=1e-12)
    assert solution.relaxation.bound >= best - 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_little_work_gives_bounds_that_still_enclose(seed):
    problem = random_problem(2 * seed + 1, 3, 7)
    best = max(problem.value(schedule) for schedule in schedules(problem))
    for nodes in (7, 14, 70):
        solution = solve_satiation(problem, nodes=nodes)
        assert solution.lower <= best + 1e-12
        assert solution.upper >= best - 1e-12
        assert problem.value(solution.schedule) == pytest.approx(solution.lower, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_any_prices_bound_the_optimum(seed):
    problem = random_problem(seed, 3, 6)
    best = max(problem.value(schedule) for schedule in schedules(problem))
    rng = np.random.default_rng(seed)
    for _ in range(5):
        assert bound_at(problem, rng.uniform(-0.5, 1.0, 6)) >= best
    found = relax(problem, best)
    assert best <= found.bound <= best + 0.06 * max(best, 1.0)
    # the bound on the finer grid can only be closer
    assert found.bound <= bound_at(problem, found.prices) + 1e-9


def test_with_one_persona_there_is_nothing_to_price():
    problem = alike(1, length=20)
    assert relax(problem, 0.0).bound == pytest.approx(problem.value(np.zeros(20, int)), abs=2e-3)


def test_a_solution_does_not_depend_on_the_order_of_personas():
    problem = random_problem(3, 4, 20)
    turned = SatiationProblem(
        *(problem.engagement[::-1].copy(), problem.gain[::-1].copy(), problem.memory),
        *(problem.leave, problem.length, problem.swap_cost),
    )
    one, other = solve_satiation(problem), solve_satiation(turned)
    assert one.lower == pytest.approx(other.lower, abs=2 * TOLERANCE)
    assert one.upper == pytest.approx(other.upper, abs=2 * TOLERANCE)


# -- known answers --------------------------------------------------------------------------------


@pytest.mark.parametrize("personas", [2, 3, 4, 6])
@pytest.mark.parametrize(("gain", "memory"), [(0.2, 0.7), (0.05, 0.9), (0.5, 0.3)])
def test_greedy_becomes_the_cycle_that_earns_the_rotation_rate(personas, gain, memory):
    problem = alike(personas, gain=gain, memory=memory, length=600)
    schedule = problem.greedy()
    cycle = schedule[-personas:]
    assert sorted(cycle) == list(range(personas))
    np.testing.assert_array_equal(schedule[-5 * personas :], np.tile(cycle, 5))
    rate = (problem.value(schedule) - problem.value(schedule[:300])) / 300
    assert rate == pytest.approx(rotation_rate(0.95, gain, memory, personas), abs=2e-5)


@pytest.mark.parametrize("personas", [2, 3, 4])
def test_with_identical_personas_and_free_swaps_greedy_is_optimal(personas):
    problem = alike(personas, length=30)
    solution = solve_satiation(problem)
    assert solution.exact
    assert problem.value(problem.greedy()) == pytest.approx(solution.lower, abs=1e-9)


GREEDY_LOSES = [
    # engagement, gain, memory, swap cost, turns; optimum, greedy
    ((0.6, 0.9), (0.1, 0.6), 0.8, 0.2, 10, 4.61938, 4.30292),
    ((0.7, 0.95, 0.95), (0.1, 0.4, 0.5), 0.7, 0.2, 7, 4.77216, 4.61677),
    ((0.7, 0.95, 0.95), (0.1, 0.4, 0.5), 0.7, 0.0, 7, 5.65950, 5.49902),
]


@pytest.mark.parametrize("case", GREEDY_LOSES, ids=str)
def test_with_different_personas_greedy_loses(case):
    engagement, gain, memory, cost, length, optimum, greedy = case
    problem = SatiationProblem(np.array(engagement), np.array(gain), memory, 0.0, length, cost)
    best = max(problem.value(schedule) for schedule in schedules(problem))
    assert best == pytest.approx(optimum, abs=1e-5)
    assert problem.value(problem.greedy()) == pytest.approx(greedy, abs=1e-5)
    assert solve_satiation(problem).lower == pytest.approx(optimum, abs=1e-5)


@pytest.mark.parametrize(
    "case",
    [((0.9, 0.9, 0.9), (0.25, 0.25, 0.25)), ((0.6, 0.9, 0.9, 0.95), (0.1, 0.3, 0.3, 0.5))],
    ids=str,
)
def test_long_sessions_earn_nearly_the_fluid_rate(case):
    engagement, gain = case
    problem = SatiationProblem(np.array(engagement), np.array(gain), 0.7, 0.0, 80, 0.0)
    rates = [rebounding_rate(b, g, 0.7) for b, g in zip(engagement, gain, strict=True)]
    per_turn = solve_satiation(problem).lower / 80
    fluid = fluid_rate(rates)
    # all personas begin rested, which is worth at most one recovery of each
    assert 0.98 * fluid <= per_turn <= fluid + sum(gain) * (0.7 / 0.3) / 0.3 / 80


# -- through `solve` ------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", [0.0, 0.15])
def test_solve_passes_rotation_problems_on(cost):
    fields = {"engagement_fresh": 0.95, "satiation_gain": 0.2, "satiation_memory": 0.7}
    reference = solve(plain(**fields, swap_cost=cost, session_length=7))
    solution = solve_satiation(alike(3, swap_cost=cost, length=7))
    assert reference.tier == "exact"
    assert reference.value == pytest.approx(solution.lower, abs=1e-4)
    assert reference.value_upper == pytest.approx(solution.upper, abs=1e-3)
    assert reference.blind == reference.value, "there is nothing to listen to"


def known_user(**changes: object):
    """One kind of user, who likes two personas of three."""
    fields = {
        "engagement_fresh": 0.9,
        "engagement_bored": 0.3,
        "fit": ((1.0, 0.0, 1.0),),
        "appeal": (-0.2, 0.1, 0.0),
        "satiation_gain": 0.3,
        "satiation_wear": (0.3, 1.0, 1.5),
        "satiation_memory": 0.7,
        "swap_cost": 0.2,
        "session_length": 20,
        "leave_fresh": 0.02,
        "leave_bored": 0.02,
        "n_users": 50,
    }
    return plain(**{**fields, **changes})


@pytest.mark.parametrize("changes", [{}, {"unavailability": 0.4}], ids=str)
def test_a_known_user_is_solved_exactly_and_plays_as_solved(changes):
    population = known_user(**changes)
    reference = solve(population)
    assert reference.tier == "exact"
    for policy, value in (
        (reference.policy, reference.value),
        (reference.myopic_policy, reference.myopic),
    ):
        sessions = rollout(population, policy, 20_000, seed=5)
        assert abs(sessions.mean - value) <= 4 * sessions.standard_error + 1e-9
        assert not sessions.refused.any()
    assert reference.myopic < 0.99 * reference.value
