"""Whittle indices and the fluid bound: known answers, definitions, and what they promise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from carousel_envs import CarouselError
from carousel_envs.reference import (
    Filter,
    ReboundingPersona,
    fluid_rate,
    rebounding_index,
    rebounding_rate,
    rotation_rate,
    solve,
    whittle_index,
)
from carousel_envs.reference.long_run.recovering import advantage
from carousel_envs.reference.satiation.whittle import WhittlePolicy
from carousel_envs.rollout import rollout
from support.env_helpers import plain

# -- the index of a recovering persona ------------------------------------------------------------


@pytest.mark.parametrize(("rest", "index"), [(1, 0.3286), (2, 0.8666), (5, 2.9869), (10, 6.1934)])
def test_the_index_of_a_recovering_persona_has_its_known_answers(rest, index):
    assert whittle_index(lambda n: 10 * (1 - np.exp(-0.2 * n)), rest) == pytest.approx(
        index, abs=5e-5
    )


def test_at_its_index_two_cycles_earn_alike_and_no_cycle_earns_more():
    def reward(n: int) -> float:
        return 10 * (1 - np.exp(-0.2 * n))

    indices = [whittle_index(reward, n) for n in range(1, 30)]
    assert (np.diff(indices) > 0).all(), "longer rest, higher index: the persona is indexable"
    for rest in (1, 4, 9):
        cycles = [(reward(n) - indices[rest - 1]) / n for n in range(1, 60)]
        assert cycles[rest - 1] == pytest.approx(cycles[rest], abs=1e-12)
        assert max(cycles) == pytest.approx(cycles[rest], abs=1e-12)


# -- the index of a rebounding persona ------------------------------------------------------------


def alone(schedule, satiation, active, charge, gain, memory, stay, cost):
    """Value of one persona's schedule of picks against a charge."""
    total, alive = 0.0, 1.0
    for pick in schedule:
        if pick:
            paid = max(0.8 - gain * satiation, 0.0) - charge - (0.0 if active else cost)
            total += alive * paid
        satiation, active = memory * (satiation + pick), pick
        alive *= stay
    return total


@pytest.mark.parametrize("cost", [0.0, 0.1])
@pytest.mark.parametrize(("gain", "memory"), [(0.3, 0.6), (0.15, 0.8)])
def test_at_its_index_speaking_and_resting_are_worth_the_same(gain, memory, cost):
    length, points = 8, 513
    index = rebounding_index(
        ReboundingPersona(0.8, gain, memory, length, cost, 0.05), grid=points, levels=513
    )
    top = memory / (1 - memory)
    for turn, active, point in itertools.product((0, 3, 7), (0, 1), (0, 150, 400)):
        charge = index[turn, active, point]
        rest, speak = (
            max(
                alone((now, *then), top * point / (points - 1), active, charge, *rest_of)
                for then in itertools.product((0, 1), repeat=length - turn - 1)
            )
            for now in (0, 1)
            for rest_of in [(gain, memory, 0.95, cost)]
        )
        assert speak == pytest.approx(rest, abs=2e-3)


@pytest.mark.parametrize("leave", [0.0, 0.1])
@pytest.mark.parametrize(
    ("engagement", "gain", "memory"), [(0.9, 0.3, 0.7), (0.6, 0.1, 0.8), (0.9, 0.05, 0.9)]
)
def test_without_swap_cost_a_persona_whose_reward_stays_positive_is_indexable(
    engagement, gain, memory, leave
):
    assert gain * memory / (1 - memory) < engagement
    charges = np.linspace(-gain * memory / (1 - memory) - 0.001, engagement + 0.001, 65)
    persona = ReboundingPersona(engagement, gain, memory, 30, leave=leave)
    found = np.stack([advantage(persona, charge, 129) for charge in charges])
    assert (np.diff(found, axis=0) <= 1e-9).all(), (
        "the higher the charge, the smaller the advantage"
    )
    assert (found[0] > 0).all()
    assert (found[-1] <= 0).all()


def test_an_index_falls_with_satiation_and_ends_as_the_reward():
    index = rebounding_index(ReboundingPersona(0.9, 0.3, 0.7, 25, swap_cost=0.2))
    assert (np.diff(index, axis=2) <= 1e-9).all()
    satiation = np.linspace(0, 0.7 / 0.3, index.shape[2])
    np.testing.assert_allclose(index[-1, 1], 0.9 - 0.3 * satiation, atol=1e-6)
    np.testing.assert_allclose(index[-1, 0], 0.7 - 0.3 * satiation, atol=1e-6)
    assert (index[:-1, 1] >= index[:-1, 0]).all(), "the current persona pays no swap"


def test_a_short_memory_makes_a_rebounding_persona_a_recovering_one():
    memory = 0.2
    index = rebounding_index(ReboundingPersona(0.9, 0.4, memory, 200))
    satiation = np.linspace(0, memory / (1 - memory), index.shape[2])
    rate = rebounding_rate(0.9, 0.4, memory)
    for rest in (1, 2, 3, 4):
        at = memory**rest / (1 - memory**rest)
        found = np.interp(at, satiation, index[50, 0])
        expected = whittle_index(lambda n: float(rate(np.array(n))), rest)
        assert found == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("personas", [2, 3, 4])
def test_with_identical_personas_the_whittle_policy_rotates(personas):
    population = plain(
        personas=("alice", "bob", "coach", "scholar")[:personas],
        engagement_fresh=0.95,
        satiation_gain=0.2,
        satiation_memory=0.7,
        session_length=30,
    )
    reference = solve(population)
    sessions = rollout(population, WhittlePolicy.of(Filter(population)), 10, seed=1)
    np.testing.assert_allclose(sessions.engagement, reference.value, atol=1e-9)


def test_the_whittle_policy_beats_greedy_where_personas_differ():
    population = plain(
        engagement_fresh=0.95,
        appeal=(-0.25, 0.0, 0.0),
        satiation_gain=0.4,
        satiation_wear=(0.25, 1.0, 1.25),
        satiation_memory=0.7,
        swap_cost=0.2,
        session_length=40,
    )
    reference = solve(population)
    sessions = rollout(population, WhittlePolicy.of(Filter(population)), 10, seed=1)
    assert reference.myopic < 0.98 * reference.value
    assert 0.98 * reference.value < sessions.mean <= reference.value + 1e-9
    assert sessions.mean > reference.myopic


# -- the fluid bound ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "rate"),
    [
        # x (a - x) each: shares 1/2 and 2/5 use less than all turns
        ((1.0, 0.8), 0.41),
        # slopes 2 - 2x = 1.6 - 2y with x + y = 1: shares 3/5 and 2/5
        ((2.0, 1.6), 1.32),
        ((1.0,), 0.25),
    ],
)
def test_the_fluid_bound_has_its_hand_computed_values(most, rate):
    rates = [lambda turns, a=a: a - 1.0 / turns for a in most]
    assert fluid_rate(rates) == pytest.approx(rate, abs=1e-8)


def test_without_satiation_the_fluid_bound_is_the_best_persona():
    rates = [rebounding_rate(b, 0.0, 0.5) for b in (0.3, 0.7, 0.5)]
    assert fluid_rate(rates) == pytest.approx(0.7, abs=1e-8)


@pytest.mark.parametrize("personas", [2, 3, 4, 6])
def test_the_fluid_bound_is_tight_for_identical_personas(personas):
    rates = [rebounding_rate(0.95, 0.2, 0.7)] * personas
    assert fluid_rate(rates) == pytest.approx(rotation_rate(0.95, 0.2, 0.7, personas), abs=1e-8)


def long_run(schedule, engagement, gain, memory):
    """Reward per turn of a schedule that is repeated for ever."""
    turns = np.tile(schedule, 40 + 400 // len(schedule))
    satiation, paid = np.zeros(len(engagement)), []
    for k in turns:
        paid.append(max(engagement[k] - gain[k] * satiation[k], 0.0))
        satiation[k] += 1.0
        satiation *= memory
    return np.mean(paid[-len(schedule) :])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(4))
def test_no_periodic_schedule_earns_more_than_the_fluid_bound(seed):
    rng = np.random.default_rng(seed)
    engagement, gain = rng.uniform(0.4, 1.0, 3), rng.uniform(0.05, 0.6, 3)
    memory = rng.uniform(0.3, 0.85)
    bound = fluid_rate(
        [rebounding_rate(b, g, memory) for b, g in zip(engagement, gain, strict=True)]
    )
    rates = [
        long_run(schedule, engagement, gain, memory)
        for period in (1, 2, 3, 4, 5)
        for schedule in itertools.product(range(3), repeat=period)
    ]
    assert max(rates) <= bound + 1e-9
    assert max(rates) >= 0.9 * bound


_PERSONA = ReboundingPersona(0.9, 0.4, 0.5, 5)


def rebounding(**changed):
    return lambda: rebounding_index(_PERSONA._replace(**changed))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: whittle_index(lambda n: 1.0, 0), "rest is 0; .* from 1 to"),
        (lambda: whittle_index(5, 1), "reward is 5; it must be a function"),
        (lambda: rebounding_rate(0.9, 0.4, 1.0), "memory is 1.0; .* from 0 to below 1"),
        (lambda: rebounding_rate(0.9, "a", 0.5), "gain is 'a'; .* from 0 to 100"),
        (rebounding(memory=1.0), "memory is 1.0; .* from 0 to below 1"),
        (rebounding(length=0), "length is 0; .* from 1 to"),
        (rebounding(leave=1.5), "leave is 1.5; .* from 0 to 1"),
        (rebounding(swap_cost=-1), "swap_cost is -1; .* from 0"),
        (lambda: rebounding_index(_PERSONA, grid=1), "grid is 1; .* from 2 to"),
        (lambda: rebounding_index(_PERSONA, levels=1), "levels is 1; .* from 2 to"),
        (lambda: rebounding_index((0.9, 0.4)), "persona is .*; it must be a ReboundingPersona"),
        (lambda: fluid_rate([]), r"rates are \[\]; they must be a list of functions"),
        (lambda: fluid_rate(np.nan), "rates are nan; they must be a list of functions"),
        (lambda: fluid_rate([np.nan]), r"rates\[0\] is nan; it must be a function"),
        (
            lambda: fluid_rate([lambda n: n * np.nan]),
            r"what rates\[0\] pays .* is .*nan.*; it must",
        ),
        (lambda: fluid_rate([lambda n: n], np.nan), "tolerance is nan; .* from 1e-12 to 1"),
    ],
)
def test_what_has_no_index_and_no_rate_is_named(call, sentence):
    with pytest.raises(CarouselError, match=f"^{sentence}") as caught:
        call()
    assert "\n" not in str(caught.value)
