"""Heuristic search: textbook problems, brute force, and the population whose gap it is to close."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import Columns
from carousel_envs.reference.acting.belief_policies import PlanPolicy
from carousel_envs.reference.acting.contexts import ContextIndex
from carousel_envs.reference.acting.filtering import Filter
from carousel_envs.reference.hidden_kinds.decisions import Decisions, Problem
from carousel_envs.reference.hidden_kinds.hsvi import search
from carousel_envs.reference.hidden_kinds.kind_bounds import solve_kinds
from carousel_envs.reference.hidden_kinds.symbols import merge_symbols, spread_symbols
from carousel_envs.reference.model import Model
from carousel_envs.rollout import rollout
from carousel_envs.users.population import as_population
from support.enumeration import Problem as EnumeratedProblem
from support.enumeration import optimum, tiny
from support.kinds import brute_force, random_problem, whole_problem
from support.properties import examples


def one_block(reward, follows, *, layers=0, discount=0.95):
    """A problem with one mode: reward (moves, states), follows (moves, Z, states, states)."""
    reward, follows = np.asarray(reward, dtype=float), np.asarray(follows, dtype=float)
    n = len(reward)
    options, to = np.arange(n)[None], np.zeros(n, dtype=np.int64)
    decisions = Decisions(options, to, reward[:, None].copy(), layers, discount)
    return decisions, np.ascontiguousarray(follows[:, :, None])


# -- textbook problems ----------------------------------------------------------------------------


def tiger(**options):
    """Kaelbling, Littman & Cassandra 1998: listen (85 % right), open left, open right."""
    listen = [np.diag([0.85, 0.15]), np.diag([0.15, 0.85])]
    reset = [np.full((2, 2), 0.25)] * 2
    return one_block([[-1, -1], [-100, 10], [10, -100]], [listen, reset, reset], **options)


def tiger_exactly(discount: float, horizon: int) -> float:
    """Value iteration on what can be believed: the balance n of what was heard on either side."""
    most = 60
    n = np.arange(-most, most + 1)
    p = 0.85**n / (0.85**n + 0.15**n)
    opening = np.maximum(10 - 110 * p, 10 - 110 * (1 - p))
    value = np.zeros(len(n))
    for _ in range(horizon):
        up = p * 0.85 + (1 - p) * 0.15
        ahead = up * np.append(value[1:], value[-1]) + (1 - up) * np.append(value[0], value[:-1])
        value = np.maximum(opening + discount * value[most], -1 + discount * ahead)
    return float(value[most])


@pytest.mark.parametrize("grid", [2, 33])
def test_tiger_has_its_published_value(grid):
    exact = tiger_exactly(0.95, 1000)
    assert exact == pytest.approx(19.37, abs=0.005)
    decisions, follows = tiger()
    start = np.full((1, 2), 0.5)
    problem = Problem(decisions, follows, follows, start, 0)
    found = search(problem, grid=grid, tolerance=1e-4)
    assert found.lower - 1e-9 <= exact <= found.upper + 1e-9
    assert found.upper - found.lower <= 1e-4 * found.upper


@pytest.mark.parametrize("horizon", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("discount", [1.0, 0.75])
def test_tiger_over_few_turns(horizon, discount):
    decisions, follows = tiger(layers=horizon, discount=discount)
    problem = Problem(decisions, follows, follows, np.full((1, 2), 0.5), 0)
    found = search(problem, tolerance=1e-9)
    exact = tiger_exactly(discount, horizon)
    assert found.lower == pytest.approx(exact, abs=1e-6)
    assert found.upper == pytest.approx(exact, abs=1e-6)


WALLS = {0: "NW", 1: "NS", 2: "N", 3: "NS", 4: "NE", 5: "EW", 6: "EW", 7: "EW", 8: "S", 9: "S"}
STEPS = {(0, "E"): 1, (1, "E"): 2, (2, "E"): 3, (3, "E"): 4, (0, "S"): 5, (2, "S"): 6}
STEPS |= {(4, "S"): 7, (5, "S"): 8, (6, "S"): 10, (7, "S"): 9}
BACK = {"N": "S", "S": "N", "E": "W", "W": "E"}


def cheese():
    """McCallum's maze: three legs hang from a corridor, and the cheese (state 10) is at the end of
    the middle one. A mouse that got there is put anywhere else. Seen are the walls around."""
    looks = sorted(set(WALLS.values()))
    moves = dict(STEPS)
    moves |= {(there, BACK[way]): here for (here, way), there in STEPS.items() if there != 10}
    follows = np.zeros((4, len(looks) + 1, 11, 11))
    reward = np.zeros((4, 11))
    for a, way in enumerate("NSEW"):
        for here in range(10):
            there = moves.get((here, way), here)
            seen = len(looks) if there == 10 else looks.index(WALLS[there])
            follows[a, seen, here, there] = 1.0
            reward[a, here] = there == 10
        for there in range(10):
            follows[a, looks.index(WALLS[there]), 10, there] = 0.1
    return reward, follows


def value_of_reachable_beliefs(reward, follows, start, discount, sweeps):
    """Value iteration over the beliefs that can arise, which here are finitely many."""
    key = lambda b: tuple(np.round(b, 9))  # noqa: E731
    beliefs, index, tables = [start], {key(start): 0}, []
    for belief in beliefs:
        table = []
        for a in range(len(reward)):
            row = []
            for matrix in follows[a]:
                after = belief @ matrix
                if after.sum() > 1e-12:
                    new = after / after.sum()
                    if key(new) not in index:
                        index[key(new)] = len(beliefs)
                        beliefs.append(new)
                    row.append((after.sum(), index[key(new)]))
            table.append((float(belief @ reward[a]), row))
        tables.append(table)
        assert len(beliefs) < 500
    value = np.zeros(len(beliefs))
    for _ in range(sweeps):
        value = np.array(
            [max(r + discount * sum(p * value[j] for p, j in row) for r, row in t) for t in tables]
        )
    return value[0]


def test_the_cheese_maze_has_the_value_of_its_reachable_beliefs():
    reward, follows = cheese()
    start = np.append(np.full(10, 0.1), 0.0)
    exact = value_of_reachable_beliefs(reward, follows, start, 0.95, 400)
    decisions, all_follows = one_block(reward, follows)
    problem = Problem(decisions, all_follows, all_follows, start[None], 0)
    found = search(problem, tolerance=1e-3)
    assert found.lower - 1e-6 <= exact <= found.upper + 1e-6
    assert found.upper - found.lower <= 1e-3 * found.upper
    # Cassandra's collection of examples gives 3.486
    assert exact == pytest.approx(3.486, abs=0.001)


# -- personas, by brute force ---------------------------------------------------------------------


@given(
    st.integers(0, 10_000),
    st.sampled_from([((2, 2, 4), False), ((2, 3, 3), False), ((3, 2, 3), False)])
    | st.sampled_from([((1, 2, 4), False), ((2, 2, 3), True), ((1, 3, 3), True)]),
)
@examples(25)
def test_bounds_enclose_the_enumerated_optimum_and_the_plans_are_worth_the_lower_one(seed, case):
    shape, goodbyes = case
    problem = random_problem(seed, *shape, goodbyes=goodbyes)
    best = brute_force(problem)
    found = solve_kinds(problem, bins=64, ends=64, tolerance=1e-4)
    assert found.lower <= best + 1e-9
    assert best <= found.upper + 1e-9
    assert found.upper - found.lower <= 0.01 * best

    def rule(turn, current, belief, goodbye):
        if turn == 0:
            return found.first
        vectors = found.vectors[turn, current][..., 2 * goodbye : 2 * goodbye + 2]
        worth = (vectors * belief).sum(axis=(1, 2))
        return int(found.actions[turn, current, worth.argmax()])

    assert found.lower - 1e-9 <= brute_force(problem, rule) <= best + 1e-9


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", [{"bins": 1, "ends": 2}, {"bins": 2, "ends": 3}, {"work": 1e3}])
def test_coarse_symbols_and_little_work_never_break_the_bounds(seed, options):
    problem = random_problem(seed, 2, 2, 3, symbols=5)
    best = brute_force(problem)
    found = solve_kinds(problem, **options)
    assert found.lower - 1e-9 <= best <= found.upper + 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_populations_are_enclosed_too(seed):
    population = tiny(seed, kinds=2, personas=2, length=5)
    best, model = optimum(EnumeratedProblem.of(population)), Model.of(population)
    found = solve_kinds(whole_problem(model), bins=64, ends=64, tolerance=1e-3)
    assert found.lower - 1e-9 <= best <= found.upper + 1e-9
    assert found.upper - found.lower <= 0.01 * abs(found.upper)


@pytest.mark.parametrize("seed", range(6))
def test_merged_symbols_are_worth_less_and_spread_ones_more(seed):
    problem = random_problem(seed, 2, 2, 3, symbols=6)
    best, cues = brute_force(problem), problem.cues
    fewer = [merge_symbols(cues, n) for n in (1, 2, 64)]
    more = [spread_symbols(cues, n) for n in (64, 3, 2)]
    values = [brute_force(problem._replace(cues=c)) for c in fewer]
    values += [best, *(brute_force(problem._replace(cues=c)) for c in more)]
    assert values[0] <= values[1] + 1e-12
    assert values[1] <= best + 1e-12
    assert values[2] == pytest.approx(best, abs=1e-2)
    assert best <= values[4] + 1e-12
    assert values[4] == pytest.approx(best, abs=1e-2)
    assert max(best, values[4], values[5]) <= values[6] + 1e-12


@given(st.integers(0, 1000), st.integers(1, 8), st.integers(2, 9))
def test_symbols_stay_a_distribution(seed, bins, ends):
    cues = np.random.default_rng(seed).dirichlet((0.3,) * 9, size=2)
    merged, spread = merge_symbols(cues, bins), spread_symbols(cues, ends)
    assert merged.shape[1] <= bins
    assert spread.shape[1] <= ends
    for made in (merged, spread):
        assert (made >= 0).all()
        np.testing.assert_allclose(made.sum(axis=1), 1.0, atol=1e-12)
    # total variation between moods: what one look tells
    apart = [np.abs(c[0] - c[1]).sum() for c in (merged, cues, spread)]
    assert apart[0] <= apart[1] + 1e-12
    assert apart[1] <= apart[2] + 1e-12


def test_cues_that_say_nothing_stay_mute():
    deaf = np.tile([0.2, 0.5, 0.3], (2, 1))
    for made in (merge_symbols(deaf, 4), spread_symbols(deaf, 4)):
        np.testing.assert_allclose(made, np.ones((2, 1)), atol=1e-12)


# -- size, and the same figures every time --------------------------------------------------------


def test_the_same_problem_gives_the_same_figures():
    problem = random_problem(3, 3, 4, 12, symbols=9)
    one, two = (solve_kinds(problem, work=1e7, tolerance=0.0) for _ in range(2))
    assert (one.lower, one.upper, one.trials) == (two.lower, two.upper, two.trials)
    np.testing.assert_array_equal(one.vectors, two.vectors)
    np.testing.assert_array_equal(one.actions, two.actions)


def test_more_work_closes_the_gap_and_work_is_kept_to():
    problem = random_problem(5, 3, 4, 12, symbols=9)
    few, many = (solve_kinds(problem, work=w, tolerance=0.0) for w in (1e6, 1e8))
    assert few.work < 2e6
    assert few.trials < many.trials
    assert few.lower <= many.lower <= many.upper <= few.upper
    assert many.upper - many.lower < 0.5 * (few.upper - few.lower)


@pytest.mark.parametrize(("kinds", "personas", "length"), [(12, 16, 60), (2, 1, 3), (3, 4, 1)])
def test_large_and_small_problems(kinds, personas, length):
    found = solve_kinds(random_problem(1, kinds, personas, length, symbols=20), work=2e7)
    assert 0.0 < found.lower <= found.upper + 1e-9
    assert found.vectors.shape[:2] == found.actions.shape[:2] == (length, personas)
    # short sets are padded with copies: a plan that is worth 0 to all kinds would be a slip
    assert (np.abs(found.vectors).sum(axis=(3, 4)) > 0).all() or length == 1
    assert set(np.unique(found.actions)) <= set(range(personas))


# -- the default population -----------------------------------------------------------------------


@cache
def taste():
    population = as_population("Taste")
    model = Model.of(population)
    found = solve_kinds(whole_problem(model), tolerance=0.03)
    policy = PlanPolicy(
        Filter(population, model),
        ContextIndex(Columns.of(population), model.contexts),
        found.vectors[None],
        found.actions[None],
        np.array([found.first]),
    )
    return population, found, policy


def test_the_gap_of_taste_is_at_most_three_per_cent():
    _, found, _ = taste()
    assert found.upper - found.lower <= 0.03 * found.upper
    assert found.work < 1e9


@pytest.mark.parametrize("sessions", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_the_policy_of_taste_earns_what_the_bounds_say(sessions):
    population, found, policy = taste()
    played = rollout(population, policy, sessions, seed=11)
    assert played.mean >= found.lower - 4 * played.standard_error
    assert played.mean <= found.upper + 4 * played.standard_error


@pytest.mark.slow
def test_default_work_does_better_than_that():
    population = as_population("Taste")
    found = solve_kinds(whole_problem(Model.of(population)))
    assert found.upper - found.lower <= 0.025 * found.upper


def test_a_short_session_is_closed_as_well():
    model = replace(Model.of(as_population("Taste")), length=8)
    found = solve_kinds(whole_problem(model), tolerance=0.03)
    assert found.upper - found.lower <= 0.03 * found.upper
