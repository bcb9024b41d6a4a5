"""Long-run answers that are known in advance: the swap rule, the blind cycle, rotation and rest."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, CarouselVectorEnv
from carousel_envs.reference import blind_cycle, blind_rate, rotation_rate, swap_rule
from support.env_helpers import plain
from support.properties import examples

SWAP_RULES = [
    ((0.1, 0.9, 0.5, 0.6), 0.7517, 0.5185),
    ((0.05, 0.8, 0.2, 0.6), 0.6917, 0.4170),
    ((0.02, 0.9, 0.5, 1.2), 0.8313, 0.5495),
    ((0.05, 0.6, 0.55, 1.2), 0.5500, math.inf),
]
"""Hazard, engagement fresh and bored, cost; then rate and threshold (the design, section 3, which
gives the threshold as the first of 2001 grid points in the swap region)."""


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("problem", "rate", "threshold"), SWAP_RULES)
def test_the_swap_rule_has_its_known_answers(problem, rate, threshold):
    rule = swap_rule(*problem)
    assert rule.rate == pytest.approx(rate, abs=6e-5)
    finer = swap_rule(*problem, grid=8001)
    if threshold == math.inf:
        assert rule.threshold == finer.threshold == math.inf
        return
    assert threshold - 1 / 2000 < rule.threshold <= threshold
    assert rule.threshold == pytest.approx(finer.threshold, abs=1e-6)
    assert rule.rate == pytest.approx(finer.rate, abs=1e-6)


problems = st.tuples(
    st.floats(0.02, 1.0), st.floats(0.5, 1.0), st.floats(0.0, 0.5), st.floats(0.0, 5.0)
)


@given(problems)
@examples(25)
def test_swapping_pays_exactly_while_it_costs_less_than_a_whole_cycle_can_bring(problem):
    hazard, fresh, bored, _ = problem
    most = (fresh - bored) / hazard
    assert swap_rule(hazard, fresh, bored, most * 1.001 + 1e-9, grid=201).threshold == math.inf
    if most > 0.01:
        rule = swap_rule(hazard, fresh, bored, most * 0.9, grid=801)
        assert rule.threshold <= 1.0
        assert rule.rate > bored


@given(problems)
@examples(15)
def test_rates_and_thresholds_keep_their_order(problem):
    hazard, fresh, bored, cost = problem
    rule, blind = swap_rule(*problem, grid=801), blind_cycle(*problem)
    assert bored - 1e-9 <= blind.rate <= rule.rate + 1e-3
    assert rule.rate <= fresh + 1e-9
    if rule.threshold <= 1.0:
        # p* is at least the p at which a turn earns exactly the rate
        assert rule.threshold >= (fresh - rule.rate) / (fresh - bored) - 2e-3
    dearer = swap_rule(hazard, fresh, bored, cost + 0.2, grid=801)
    assert dearer.rate <= rule.rate + 1e-9
    assert dearer.threshold >= rule.threshold - 2e-3


def test_free_swaps_keep_every_user_fresh():
    assert swap_rule(0.3, 0.9, 0.2, 0.0).rate == pytest.approx(0.9, abs=1e-6)
    assert blind_cycle(0.3, 0.9, 0.2, 0.0).turns == 1
    assert blind_cycle(0.3, 0.9, 0.2, 0.0).rate == pytest.approx(0.9)


def test_cues_that_tell_the_mood_are_worth_the_rate_of_one_who_sees_it():
    cues = np.eye(2)
    hazard, fresh, bored, cost = 0.1, 0.9, 0.3, 0.5
    # sees the mood of the last turn, swaps after the first bored one: a cycle of 1 / h + 1 turns
    turns = 1 / hazard + 1
    expected = (fresh / hazard + bored - cost) / turns
    assert swap_rule(hazard, fresh, bored, cost, cues).rate == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((0.0, 0.9, 0.5, 0.6), "hazard is 0"),
        ((1.5, 0.9, 0.5, 0.6), "hazard is 1.5"),
        ((0.1, 1.1, 0.5, 0.6), "engagement_fresh is 1.1"),
        ((0.1, 0.5, 0.9, 0.6), "engagement_bored is 0.9"),
        ((0.1, 0.9, 0.5, -0.1), "swap_cost is -0.1"),
        ((0.1, 0.9, 0.5, math.nan), "swap_cost is nan"),
        (("often", 0.9, 0.5, 0.6), "hazard is 'often'"),
    ],
)
def test_bad_arguments_are_named(arguments, name):
    for solver in (swap_rule, blind_cycle):
        with pytest.raises(CarouselError, match=name):
            solver(*arguments)


@pytest.mark.parametrize("cues", [[[0.5, 0.6], [0.5, 0.5]], [[0.5, 0.5]], [0.5, 0.5]])
def test_bad_cues_are_named(cues):
    with pytest.raises(CarouselError, match=r"cues have shape .* sum to 1"):
        swap_rule(0.1, 0.9, 0.5, 0.6, np.array(cues))


def test_the_blind_cycle_has_its_known_answer():
    cycle = blind_cycle(0.05, 0.9, 0.3, 0.5)
    assert cycle.turns == 6
    assert cycle.rate == pytest.approx(0.74648, abs=5e-6)
    assert blind_rate(0.05, 0.9, 0.3, 0.5, 6) == cycle.rate


@given(problems, st.integers(1, 60))
@examples(60)
def test_the_blind_rate_is_the_mean_over_one_cycle(problem, turns):
    hazard, fresh, bored, cost = problem
    earned = [bored + (fresh - bored) * (1 - hazard) ** age for age in range(turns)]
    assert blind_rate(*problem, turns) == pytest.approx((sum(earned) - cost) / turns, abs=1e-9)


@given(problems)
@examples(60)
def test_the_blind_cycle_is_the_best_of_all_lengths(problem):
    cycle = blind_cycle(*problem)
    rates = blind_rate(*problem, np.arange(1, 3000))
    assert cycle.rate == pytest.approx(max(rates.max(), problem[2]), abs=2e-3)
    assert cycle.rate >= rates.max() - 1e-9
    if cycle.turns:
        assert cycle.rate == blind_rate(*problem, cycle.turns)


# -- rotation -------------------------------------------------------------------------------------


def test_the_environment_pays_the_rotation_rate():
    population = plain(
        engagement_fresh=0.95, satiation_gain=0.2, satiation_memory=0.7, session_length=900
    )
    env = CarouselVectorEnv(1, population=population, reward="mean")
    env.reset(seed=0)
    paid = [env.step([t % 3])[1][0] for t in range(900)]
    assert np.mean(paid[300:]) == pytest.approx(rotation_rate(0.95, 0.2, 0.7, 3), abs=2e-5)


@pytest.mark.parametrize("cues", [[[0.5, 0.5], [1.0]], "cues", [["1"], ["1"]], [[2.0, -1.0]] * 2])
def test_cues_that_are_no_probabilities_are_named(cues):
    with pytest.raises(CarouselError, match=r"^cues (have shape|is) .*; (they|it) must be"):
        swap_rule(0.1, 0.9, 0.5, 0.6, cues)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: swap_rule(0.1, 0.9, 0.5, 0.6, grid=1), "grid is 1; .* from 2 to"),
        (lambda: swap_rule(0.1, 0.9, 0.5, 0.6, grid=2.5), "grid is 2.5; .* from 2 to"),
        (lambda: blind_rate(0.1, 0.9, 0.5, 0.6, 0), "turns are 0; .* at least 1"),
        (lambda: blind_rate(0.1, 0.9, 0.5, 0.6, [3, 0]), r"turns are \[3, 0\]; .* at least 1"),
        (lambda: blind_rate(0.1, 0.9, 0.5, 0.6, [[1], [1, 2]]), "turns is .* differ in length"),
        (lambda: blind_rate(0.0, 0.9, 0.5, 0.6, 3), "hazard is 0.0; .* from 0.0001 to 1"),
        (lambda: blind_rate(True, 0.9, 0.5, 0.6, 3), "hazard is True; "),
        (lambda: rotation_rate(0.9, 0.2, 1.0, 3), "memory is 1.0; .* from 0 to below 1"),
        (lambda: rotation_rate(0.9, 0.2, math.nan, 3), "memory is nan; .* from 0 to below 1"),
        (lambda: rotation_rate("0.9", 0.2, 0.5, 3), "engagement is '0.9'; .* from 0 to 1"),
        (lambda: rotation_rate(0.9, -0.2, 0.5, 3), "gain is -0.2; .* from 0 to 100"),
        (lambda: rotation_rate(0.9, 0.2, 0.5, 0), "personas is 0; .* from 1 to"),
    ],
)
def test_what_no_rate_can_be_had_from_is_named(call, sentence):
    with pytest.raises(CarouselError, match=f"^{sentence}") as caught:
        call()
    assert "\n" not in str(caught.value)
