"""The belief program for a known kind of user against the enumeration of every history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carousel_envs.reference import solve, swap_rule
from carousel_envs.reference.known_user.belief_problem import BeliefProblem
from carousel_envs.reference.known_user.belief_program import solve_belief
from carousel_envs.reference.known_user.observed_mood import clairvoyant_value
from carousel_envs.reference.known_user.threshold_rules import ThresholdRule, evaluate_rule
from carousel_envs.reference.model import Model
from support.enumeration import (
    FLAVOURS,
    Problem,
    belief,
    clairvoyant,
    optimum,
    schedule_values,
    tiny,
    value_of,
)

if TYPE_CHECKING:
    from carousel_envs import Population

SEEDS = range(8)


def known_user(population: Population) -> BeliefProblem:
    model = Model.of(population)
    assert model.n_types == 1
    return BeliefProblem.of(model, 0, np.arange(model.n_actions))


def tiny_of(flavour: str, seed: int, personas: int, length: int) -> Population:
    return tiny(seed, personas=personas, length=length, **FLAVOURS[flavour](seed, personas))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("flavour", "personas", "length"),
    [("alike", 2, 5), ("alike", 3, 4), ("appeal", 3, 4), ("farewells", 2, 4), ("farewells", 3, 3)],
)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_enclosure_holds_the_optimum_of_the_enumeration(seed, flavour, personas, length):
    population = tiny_of(flavour, seed, personas, length)
    expected = optimum(Problem.of(population))
    solution = solve_belief(known_user(population))
    assert solution.lower - 1e-9 <= expected <= solution.upper + 1e-9
    assert solution.upper - solution.lower < 1e-4
    reference = solve(population)
    assert reference.tier == "exact"
    assert (reference.value, reference.value_upper) == (solution.lower, solution.upper)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_enumerated_problems_reward_listening_and_swapping(flavour):
    worth = []
    for seed in SEEDS:
        problem = Problem.of(tiny_of(flavour, seed, 3, 4))
        worth.append(optimum(problem) - max(schedule_values(problem)))
    assert min(worth) >= -1e-12
    assert sum(x > 0.01 for x in worth) >= 3


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("seed", SEEDS)
def test_chords_and_tangents_close_in_as_the_grid_grows(seed, flavour):
    population = tiny_of(flavour, seed, 3, 8)
    coarse, fine, finer = (solve_belief(known_user(population), grid=grid) for grid in (9, 65, 513))
    assert coarse.lower <= fine.lower + 1e-12
    assert fine.lower <= finer.lower + 1e-12
    assert finer.upper <= fine.upper + 1e-12
    assert fine.upper <= coarse.upper + 1e-12
    assert finer.upper - finer.lower <= 0.1 * (coarse.upper - coarse.lower) + 1e-9


@pytest.mark.sampled(3)
@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(("personas", "length"), [(2, 7), (3, 5)])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_blind_value_is_that_of_the_best_of_all_schedules(seed, personas, length, flavour):
    population = tiny_of(flavour, seed, personas, length)
    reference = solve(population)
    values = schedule_values(Problem.of(population))
    assert reference.blind == pytest.approx(max(values), abs=1e-6)
    assert reference.uniform == pytest.approx(np.mean(values), abs=1e-9)
    constant = [values[sum(k * personas**t for t in range(length))] for k in range(personas)]
    assert reference.best_fixed == pytest.approx(max(constant), abs=1e-9)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_clairvoyant_value_is_that_of_the_enumeration(seed, flavour):
    population = tiny_of(flavour, seed, 3, 4)
    sees = clairvoyant(Problem.of(population))
    assert clairvoyant_value(Model.of(population)) == pytest.approx(sees, abs=1e-9)
    assert solve(population).value_upper <= sees + 1e-9


@pytest.mark.parametrize(("flavour", "length"), [("alike", 4), ("appeal", 4), ("farewells", 3)])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_myopic_value_is_that_of_the_enumerated_myopic_router(seed, flavour, length):
    population = tiny_of(flavour, seed, 3, length)
    problem = Problem.of(population)
    kind = problem.kinds[0]

    def myopic(turn: int, current: int, mass: tuple) -> int:
        bored, goodbye = belief(mass)

        def earns(k: int) -> float:
            p = bored if k == current else 1.0 - kind.fit[k]
            reward = (1 - p) * kind.engagement[k][0] + p * kind.engagement[k][1]
            reward *= problem.hook[k] if goodbye else 1.0
            return reward - (problem.cost if current not in (-1, k) else 0.0)

        return max(range(problem.n_actions), key=lambda k: (round(earns(k), 12), k == current))

    assert solve(population).myopic == pytest.approx(value_of(problem, myopic), abs=2e-4)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("flavour", "length"), [("alike", 4), ("appeal", 4), ("farewells", 3)])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_published_thresholds_attain_the_optimum(seed, flavour, length):
    population = tiny_of(flavour, seed, 3, length)
    problem = Problem.of(population)
    solution = solve_belief(known_user(population))

    def rule(turn: int, current: int, mass: tuple) -> int:
        if current < 0:
            return solution.first
        bored, goodbye = belief(mass)
        swap = bored >= solution.threshold[turn, current, goodbye]
        return int(solution.target[turn, current, goodbye]) if swap else current

    attained = value_of(problem, rule)
    assert attained == pytest.approx(optimum(problem), abs=1e-4)
    followed = ThresholdRule(solution.threshold, solution.target, solution.first)
    evaluated = evaluate_rule(known_user(population), followed)
    assert evaluated == pytest.approx(attained, abs=1e-3)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("seed", SEEDS)
def test_thresholds_by_name_are_probabilities_or_none(seed, flavour):
    population = tiny_of(flavour, seed, 3, 6)
    solution = solve_belief(known_user(population))
    named = solve(population).thresholds
    assert set(named) == set(population.personas)
    for k, name in enumerate(population.personas):
        for t, value in enumerate(named[name]):
            exact = solution.threshold[t, k, 0]
            assert (value is None) == (exact > 1.0)
            assert value is None or (value == exact and 0.0 <= value <= 1.0)


def test_the_optimum_never_swaps_where_a_swap_costs_more_than_it_can_earn():
    population = tiny(0, personas=3, length=6, swap_cost=50.0)
    reference = solve(population)
    assert all(t is None for row in reference.thresholds.values() for t in row)
    assert reference.value == pytest.approx(reference.best_fixed, abs=1e-9)
    assert reference.blind == pytest.approx(reference.best_fixed, abs=1e-9)
    assert reference.myopic == pytest.approx(reference.best_fixed, abs=1e-3)


def test_one_turn_is_worth_its_best_first_impression():
    population = tiny(3, personas=3, length=1)
    kind = Problem.of(population).kinds[0]
    fresh, bored = kind.engagement[0]
    reference = solve(population)
    assert reference.value == pytest.approx(bored + (fresh - bored) * max(kind.fit), abs=1e-12)
    assert reference.best_persona == population.personas[int(np.argmax(kind.fit))]


def test_interchangeable_personas_take_turns_and_a_third_adds_nothing():
    base = {"fit": 0.8, "length": 6, "hazard_relief": 0.0}
    two, four = (solve(tiny(1, personas=n, **base)) for n in (2, 4))
    assert two.value == pytest.approx(four.value, abs=1e-12)
    target = solve_belief(known_user(tiny(1, personas=4, **base))).target
    assert (target[1:, :, 0] == [1, 2, 3, 0]).all()


def endless(
    hazard: float, engagement: np.ndarray, like: np.ndarray, length: int, cost: float
) -> BeliefProblem:
    """Two equal personas that fit every user, and a user who never leaves."""
    return BeliefProblem(
        fit=np.ones(2),
        hazard=np.full(2, hazard),
        reward=np.stack([engagement] * 2),
        leave=np.zeros(2),
        likelihood=np.stack([like] * 2),
        goodbye=np.zeros(like.shape[1], dtype=np.int64),
        hook=np.zeros(2),
        length=length,
        swap_cost=cost,
    )


@pytest.mark.parametrize(
    ("hazard", "fresh", "bored", "cost"), [(0.1, 0.9, 0.5, 0.6), (0.05, 0.8, 0.2, 0.6)]
)
def test_long_sessions_earn_the_rate_of_the_swap_rule(hazard, fresh, bored, cost):
    q = np.array([fresh, bored])
    like = np.stack([1 - q, q], axis=1)
    short, long = (solve_belief(endless(hazard, q, like, length, cost)) for length in (300, 900))
    rule = swap_rule(hazard, fresh, bored, cost)
    assert (long.lower - short.lower) / 600 == pytest.approx(rule.rate, abs=2e-5)
    assert (long.upper - short.upper) / 600 == pytest.approx(rule.rate, abs=2e-5)
    assert long.threshold[450, 0, 0] == pytest.approx(rule.threshold, abs=2e-3)


def test_listening_to_cues_raises_the_rate_of_the_swap_rule():
    cues = np.array([[0.8, 0.2], [0.3, 0.7]])
    deaf = swap_rule(0.05, 0.8, 0.2, 0.6)
    hearing = swap_rule(0.05, 0.8, 0.2, 0.6, cues)
    assert hearing.rate > deaf.rate + 1e-3
    q = np.array([0.8, 0.2])
    like = np.concatenate([(1 - q)[:, None] * cues, q[:, None] * cues], axis=1)
    short, long = (solve_belief(endless(0.05, q, like, length, 0.6)).lower for length in (300, 900))
    assert (long - short) / 600 == pytest.approx(hearing.rate, abs=5e-5)
