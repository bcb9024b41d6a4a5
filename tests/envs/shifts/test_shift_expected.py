"""What every shift is expected to do, it does: on every preset, against the re-solved reference."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from carousel_envs import CarouselVectorEnv, Population, Questions, user_table
from carousel_envs.questions.table import question_tables
from carousel_envs.reference import solve, solve_recall
from carousel_envs.shifts import SEVERITIES, SHIFTS, find_shift
from carousel_envs.shifts import questions as question_shifts
from carousel_envs.shifts.covariate import rarest
from carousel_envs.users.table import UNIT
from support.presets import presets

SOLVED = ("value", "blind", "best_fixed", "uniform")
LANES = 4000
MONOTONE = {
    # garblings of one another (Blackwell 1951); what is longer can be left off; rates and costs by
    # which a router without ears can only lose
    "cue-noise": ("value",),
    "cue-dropout": ("value",),
    "session-length": ("value", "blind", "best_fixed"),
    "swap-cost": ("value",),
    "hazard": ("best_fixed",),
    "fit": ("best_fixed",),
    "patience": ("best_fixed",),
    "farewells": ("best_fixed",),
}
"""Quantities that move one way from each severity to the next, whatever the population."""


def preset(name: str, turns: int | None = None) -> Population:
    population = Population.preset(name)
    return population if turns is None else population.replace(session_length=turns)


def cases() -> list[tuple[str, str]]:
    return [
        (env, name)
        for env in presets()
        for name, shift in SHIFTS.items()
        if not shift.obstacle(preset(env))
    ]


def moved(before: float, after: float, direction: str, margin: float) -> bool:
    """Whether a figure has moved as expected, by more than it is uncertain."""
    if direction == "same":
        return abs(after - before) <= margin
    return (after - before if direction == "rises" else before - after) > margin


# -- what is played or read from the tables --------------------------------------------------------


@cache
def played(population: Population) -> dict[str, float]:
    """Figures of one session per lane under picks that keep to fixed turns."""
    env = CarouselVectorEnv(LANES, population=population)
    env.reset(seed=0, options={"user": np.arange(LANES) % population.n_users})
    there = np.ones(LANES, dtype=bool)
    other = population.n_actions - 1 if population.unmask else 1
    level, turns, payoff = np.zeros(2), np.zeros(2), 0.0
    for t in range(population.session_length):
        obs, _, terminated, truncated, info = env.step(np.full(LANES, other * (t // 5 % 2)))
        for mood in range(2):
            who = there & (info["mood"] == mood)
            level[mood] += obs[who, 0].sum()
            turns[mood] += who.sum()
        payoff += (info.get("payoff", np.zeros(LANES)) * there).sum()
        there &= ~(terminated | truncated)
    gap = level / np.maximum(turns, 1)
    return {
        "session_length": turns.sum() / LANES,
        "cue_gap": gap[1] - gap[0],
        "payoff": payoff / LANES,
    }


def measured(quantity: str, training: Population, population: Population) -> float:
    """A quantity that is not a figure of the reference."""
    table = user_table(population)
    if quantity == "familiar_slots":
        seats = zip(population.personas, training.personas, strict=True)
        return float(np.mean([a == b for a, b in seats]))
    if quantity == "personas_available":
        return float(table.available[:, : len(population.personas)].mean())
    if quantity == "rarest_archetype":
        return float((table.archetype == rarest(training)).mean())
    if quantity == "new_archetypes":
        # where all were alike their one archetype becomes that of no taste at all
        known = 1 if isinstance(training.fit, float) else len(training.archetypes)
        return float((table.archetype >= known).mean())
    if quantity == "vulnerable":
        return float(table.vulnerable.mean())
    return played(population)[quantity]


@pytest.mark.parametrize(("env", "name"), cases())
def test_what_is_measured_moves_as_expected_at_every_severity(env, name):
    training, shift = preset(env), SHIFTS[name]
    for quantity in (q for q in shift.expected if q not in SOLVED):
        path = [measured(quantity, training, shift.apply(training, s)) for s in SEVERITIES]
        for before, after in pairwise(path):
            assert moved(before, after, shift.expected[quantity], 0.0), (quantity, path)


# -- what is solved --------------------------------------------------------------------------------


def margin(population: Population, other: Population, quantity: str, direction: str) -> float:
    """How far two figures may be apart though what they stand for is the same."""
    one, two = solve(population), solve(other)
    noise = 4 * sum(r.standard_errors.get(quantity, 0.0) for r in (one, two))
    if quantity == "value" and direction == "same":
        return max(one.value_upper - one.value, two.value_upper - two.value) + noise
    return 1e-6 + noise


def assert_expected(name: str, training: Population, population: Population) -> None:
    shift = find_shift(name)
    for quantity in set(shift.expected) & set(SOLVED):
        direction = shift.expected[quantity]
        before, after = (getattr(solve(p), quantity) for p in (training, population))
        allowed = margin(training, population, quantity, direction)
        assert moved(before, after, direction, allowed), (quantity, before, after)


ALIKE = ("Boredom", "BoredomFaint", "Welfare")
EXACT = [(env, name) for env, name in cases() if env in ALIKE]
SEARCHED = [(env, name) for env, name in cases() if env not in ALIKE]
SHORT = 16
"""Turns where references are searched for: sessions of full length take hours in all."""
QUICK = ("hazard", "swap-cost", "patience", "farewells", "session-length")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", QUICK)
def test_the_reference_of_short_sessions_moves_as_expected(name):
    training = preset("Welfare", 12)
    assert_expected(name, training, SHIFTS[name].apply(training, 1.0))


@pytest.mark.parametrize("name", ["hazard+patience", "permuted-slots+hazard"])
def test_the_reference_of_a_composition_moves_as_both_expect(name):
    training = preset("Welfare", 12)
    assert_expected(name, training, find_shift(name).apply(training, 1.0))


def test_who_sits_where_makes_no_difference_to_what_can_be_had():
    training = preset("Welfare", 12)
    assert_expected("permuted-slots", training, SHIFTS["permuted-slots"].apply(training, 1.0))


@pytest.mark.slow
@pytest.mark.parametrize(("env", "name"), EXACT)
def test_the_exact_reference_moves_as_expected_and_one_way_where_that_is_proven(env, name):
    training, shift = preset(env), SHIFTS[name]
    path = [shift.apply(training, s) for s in SEVERITIES]
    assert_expected(name, training, path[-1])
    for quantity in MONOTONE.get(name, ()):
        figures = [getattr(solve(p), quantity) for p in path]
        for before, after in pairwise(figures):
            assert moved(before, after, shift.expected[quantity], 0.0), (quantity, figures)


@pytest.mark.slow
@pytest.mark.parametrize(("env", "name"), SEARCHED)
def test_the_bounds_move_as_expected(env, name):
    training = preset(env, SHORT)
    assert_expected(name, training, SHIFTS[name].apply(training, 1.0))


# -- questions -------------------------------------------------------------------------------------


def figure(quantity: str, population: Questions) -> float:
    if quantity == "forbidden":
        return solve_recall(population).rates["optimal"].forbidden
    if quantity == "known":
        asked = question_tables(population).asked / UNIT
        return float((population.knowledge().mean(axis=2) * asked).sum())
    return getattr(solve_recall(population), quantity)


@pytest.mark.parametrize("name", question_shifts.SHIFTS)
def test_questions_move_as_expected_at_every_severity(name):
    shift, training = question_shifts.SHIFTS[name], Questions()
    for quantity, direction in shift.expected.items():
        path = [figure(quantity, shift.apply(training, s)) for s in SEVERITIES]
        for before, after in pairwise(path):
            assert moved(before, after, direction, 1e-9 * (direction == "same")), (quantity, path)
