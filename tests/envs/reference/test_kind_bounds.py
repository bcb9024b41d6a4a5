"""Bounds for several kinds of user: brute force, and the populations whose gap they close."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, Columns
from carousel_envs.reference import solve
from carousel_envs.reference.acting.belief_policies import PlanPolicy
from carousel_envs.reference.acting.contexts import ContextIndex
from carousel_envs.reference.acting.filtering import Filter
from carousel_envs.reference.hidden_kinds.kind_bounds import close_kinds
from carousel_envs.reference.hidden_kinds.streaks import Streaks, chosen_symbols, spread_symbols
from carousel_envs.reference.hidden_kinds.turns import Turns
from carousel_envs.reference.model import Model
from carousel_envs.rollout import rollout
from carousel_envs.users.population import as_population
from support.enumeration import Problem as EnumeratedProblem
from support.enumeration import optimum, tiny
from support.kinds import alike, brute_force, random_problem, whole_problem
from support.properties import examples


@dataclass
class within:  # noqa: N801 (reads as a word)
    """Ended once the gap is at most this share of the upper bound."""

    share: float

    def ended(self, lower: float, upper: float) -> bool:
        return upper - lower <= self.share * abs(upper)

    def interrupted(self) -> None:
        raise AssertionError


@given(
    st.integers(0, 10_000),
    st.sampled_from([((2, 2, 4), False), ((2, 3, 3), False), ((3, 2, 3), False)])
    | st.sampled_from([((1, 2, 4), False), ((2, 2, 3), True), ((1, 3, 3), True)]),
    st.booleans(),
)
@examples(25)
def test_bounds_enclose_the_enumerated_optimum_and_the_plans_are_worth_the_lower_one(
    seed, case, kinds_are_alike
):
    shape, goodbyes = case
    problem = random_problem(seed, *shape, goodbyes=goodbyes)
    problem = alike(problem) if kinds_are_alike else problem
    best = brute_force(problem)
    found = close_kinds(problem, watch=within(1e-4), work=3e8)
    assert found.lower <= best + 1e-9
    assert best <= found.upper + 1e-9
    assert found.upper - found.lower <= 0.005 * best

    def rule(turn, current, belief, goodbye):
        if turn == 0:
            return found.first
        some = slice(*found.places[turn, current])
        vectors = found.vectors[some, :, 2 * goodbye : 2 * goodbye + 2]
        return int(found.actions[some][(vectors * belief).sum(axis=(1, 2)).argmax()])

    assert found.lower - 1e-9 <= brute_force(problem, rule) <= best + 1e-9


BOTH = pytest.mark.parametrize("made", [lambda problem: problem, alike], ids=["any", "alike"])
"""Searches for kinds that differ in anything, and in whom they like alone."""


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_many_symbols_are_all_heard(seed, made):
    problem = made(random_problem(seed, 2, 2, 3, symbols=6))
    best = brute_force(problem)
    found = close_kinds(problem, watch=within(1e-5), work=3e8)
    assert found.lower - 1e-9 <= best <= found.upper + 1e-9
    # the plans hear every symbol: fewer would be worth less
    assert found.lower >= best - 1e-3 * abs(best)


@BOTH
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("work", [1.0, 1e5])
def test_little_work_never_breaks_the_bounds(seed, work, made):
    problem = made(random_problem(seed, 2, 2, 3, symbols=5))
    best = brute_force(problem)
    found = close_kinds(problem, watch=within(0.0), work=work)
    assert found.lower - 1e-9 <= best <= found.upper + 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_populations_are_enclosed_too(seed):
    population = tiny(seed, kinds=2, personas=2, length=5)
    best, model = optimum(EnumeratedProblem.of(population)), Model.of(population)
    found = close_kinds(whole_problem(model), watch=within(1e-3), work=1e9)
    assert found.lower - 1e-9 <= best <= found.upper + 1e-9
    assert found.upper - found.lower <= 0.01 * abs(found.upper)


@BOTH
def test_the_same_problem_gives_the_same_figures(made):
    problem = made(random_problem(3, 3, 4, 12, symbols=9))
    one, two = (close_kinds(problem, watch=within(0.0), work=1e7) for _ in range(2))
    assert (one.lower, one.upper, one.rounds) == (two.lower, two.upper, two.rounds)
    np.testing.assert_array_equal(one.vectors, two.vectors)
    np.testing.assert_array_equal(one.actions, two.actions)


@BOTH
def test_more_work_closes_the_gap(made):
    problem = made(random_problem(5, 3, 4, 12, symbols=9))
    few, many = (close_kinds(problem, watch=within(0.0), work=w) for w in (1e6, 3e9))
    assert few.lower <= many.lower <= many.upper <= few.upper
    assert many.upper - many.lower < 0.5 * (few.upper - few.lower)


@BOTH
@pytest.mark.parametrize(("kinds", "personas", "length"), [(12, 16, 60), (2, 1, 3), (3, 4, 1)])
def test_large_and_small_problems(kinds, personas, length, made):
    problem = made(random_problem(1, kinds, personas, length, symbols=20))
    found = close_kinds(problem, watch=within(0.0), work=2e7)
    assert 0.0 < found.lower <= found.upper + 1e-9
    assert found.places.shape == (length, personas, 2)
    assert (found.places[..., 0] < found.places[..., 1]).all()
    assert found.places.max() == len(found.vectors) == len(found.actions)
    assert (np.abs(found.vectors[personas:]).sum(axis=(1, 2)) > 0).all()
    assert set(np.unique(found.actions)) <= set(range(personas))


def test_turns_know_every_symbol_once():
    problem = random_problem(0, 2, 2, 3, symbols=4)
    doubled = problem._replace(cues=np.repeat(problem.cues, 2, axis=1) / 2.0)
    one, two = Turns.of(problem), Turns.of(doubled)
    np.testing.assert_allclose(one.odds, two.odds)
    np.testing.assert_allclose(one.mass, two.mass)
    np.testing.assert_allclose(one.mass[:, -1], 1.0)


def test_streaks_are_for_kinds_that_differ_in_whom_they_like_alone():
    problem = random_problem(0, 3, 2, 4)
    assert Streaks.of(Turns.of(problem)) is None
    assert Streaks.of(Turns.of(alike(problem))) is not None
    goodbyes = alike(random_problem(0, 3, 2, 4, goodbyes=True))
    assert Streaks.of(Turns.of(goodbyes)) is None
    assert Streaks.of(Turns.of(whole_problem(Model.of(as_population("Taste"))))) is not None


def spread(turns, most):
    """What is heard if others are spread to so many symbols."""
    return spread_symbols(turns, chosen_symbols(turns, most))


@pytest.mark.parametrize("seed", range(6))
def test_spread_symbols_are_worth_more_the_fewer_there_are(seed):
    problem = random_problem(seed, 2, 2, 3, symbols=6)
    turns, best = Turns.of(problem), brute_force(problem)
    values = [brute_force(problem._replace(cues=spread(turns, n))) for n in (9, 4, 3, 2)]
    assert values[0] == pytest.approx(best, abs=1e-12)
    assert (np.diff(values) >= -1e-12).all()


@given(st.integers(0, 1000), st.integers(2, 9))
def test_spread_symbols_stay_a_distribution(seed, most):
    cues = np.random.default_rng(seed).dirichlet((0.3,) * 9, size=2)
    turns = Turns.of(random_problem(seed, 2, 2, 3)._replace(cues=cues))
    heard = spread(turns, most)
    assert heard.shape[1] <= most
    assert (heard >= 0).all()
    np.testing.assert_allclose(heard.sum(axis=1), 1.0, atol=1e-12)
    # total variation between moods: what one look tells
    assert np.abs(cues[0] - cues[1]).sum() <= np.abs(heard[0] - heard[1]).sum() + 1e-12


def test_bounds_are_closed_up_to_what_is_asked_for():
    population = tiny(1, kinds=2, personas=2, length=6)
    plain, closer = solve(population), solve(population, gap=0.002)
    assert closer.tier == "bounds"
    assert closer.value_upper - closer.value <= 0.002 * (closer.value - closer.blind)
    assert closer.blind == plain.blind
    # both enclose the same optimum
    assert closer.value <= plain.value_upper + 1e-9
    assert plain.value <= closer.value_upper + 1e-9
    played = rollout(population, closer.policy, 20_000, seed=5)
    assert played.mean >= closer.value - 4 * played.standard_error
    assert played.mean <= closer.value_upper + 4 * played.standard_error


@pytest.mark.parametrize("gap", [0.0, 0.0001, 1.5, float("nan"), -0.1])
def test_a_gap_out_of_range_is_refused(gap):
    with pytest.raises(CarouselError, match=r"gap is .*; a share from 0.001 to 1 is allowed"):
        solve("Taste", gap=gap)


def test_bounds_end_in_time_and_what_was_stopped_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("CAROUSEL_CACHE", str(tmp_path))
    told: list[tuple[float, float]] = []
    hurried = solve("Taste", within=0.01, report=lambda *bounds: told.append(bounds))
    assert len(told) == 1
    assert told[0][1] == pytest.approx(hurried.value_upper)
    assert told[0][0] <= hurried.value + 1e-9
    assert hurried.value_upper - hurried.value > 0.01 * (hurried.value - hurried.blind)
    assert not list(tmp_path.glob("kinds-*"))
    solve(tiny(1, kinds=2, personas=2, length=4), gap=0.01)
    assert len(list(tmp_path.glob("kinds-0.01-*"))) == 1


def test_an_interrupt_keeps_what_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("CAROUSEL_CACHE", str(tmp_path))
    told = []

    def interrupt(lower: float, upper: float) -> None:
        told.append((lower, upper))
        if len(told) == 1:
            # during the next round, as Ctrl-C would
            signal.setitimer(signal.ITIMER_REAL, 0.05)

    def raised(_number, _frame) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, raised)
    try:
        found = solve("Taste", gap=0.001, report=interrupt)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(told) == 2
    assert found.value_upper == pytest.approx(told[1][1])
    assert told[1][1] <= told[0][1]
    assert told[1][0] >= told[0][0]
    assert not list(tmp_path.glob("kinds-*"))


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_a_time_out_of_range_is_refused(seconds):
    with pytest.raises(CarouselError, match=r"within is .*; a number of seconds above 0"):
        solve("Taste", within=seconds)


def test_a_gap_changes_nothing_that_is_exact():
    assert solve("Boredom", gap=0.01).value == solve("Boredom").value
    assert solve("Recall", gap=0.01).value == solve("Recall").value


# -- the default population -----------------------------------------------------------------------


@cache
def taste():
    population = as_population("Taste")
    model = Model.of(population)
    found = close_kinds(whole_problem(model), watch=within(0.02), work=1e10)
    policy = PlanPolicy(
        Filter(population, model),
        ContextIndex(Columns.of(population), model.contexts),
        found.vectors,
        found.actions,
        found.places[None],
        np.array([found.first]),
    )
    return population, found, policy


def test_the_gap_of_taste():
    _, found, _ = taste()
    assert 25.1 < found.lower <= found.upper < 25.5
    assert found.upper - found.lower <= 0.02 * found.upper


@pytest.mark.parametrize("sessions", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_the_policy_of_taste_earns_what_the_bounds_say(sessions):
    population, found, policy = taste()
    played = rollout(population, policy, sessions, seed=11)
    assert played.mean >= found.lower - 4 * played.standard_error
    assert played.mean <= found.upper + 4 * played.standard_error
