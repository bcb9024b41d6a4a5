"""Users who satiate and get bored: prices and early revelation bound what enumeration finds."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from carousel_envs.reference import solve
from carousel_envs.reference.model import Model
from carousel_envs.reference.satiation.lagrangian import bound_at
from carousel_envs.reference.satiation.moody_relaxation import MoodyProblem, priced_at, relax_moods
from carousel_envs.reference.satiation.problem import SatiationProblem
from carousel_envs.reference.satiation.revealed_moody import revealed_after
from carousel_envs.reference.satiation.upper_bounds import moods_revealed
from carousel_envs.shifts import find_shift
from support.enumeration import Problem, draws, informed, optimum, tiny
from support.matrix import most_later

if TYPE_CHECKING:
    from carousel_envs import Population

SEEDS = most_later(range(8), lambda seed: seed < 3)


def moody(seed: int, kinds: int = 2, **changes: object) -> Population:
    """A few turns with users who satiate, get bored, leave by mood and differ."""
    satiation = {
        "satiation_gain": 0.5,
        "satiation_memory": 0.7,
        "satiation_wear": (0.5, 1.5),
        "leave_bored": 0.3,
    }
    return tiny(seed, kinds=kinds, personas=2, length=4, **{**satiation, **changes})


@pytest.mark.parametrize("seed", SEEDS)
def test_revealing_more_is_worth_more_and_nothing_less_than_the_optimum(seed):
    population = moody(seed)
    problem, model = Problem.of(population), Model.of(population)
    best, told = optimum(problem), informed(problem)
    present = np.arange(2)
    parts = [MoodyProblem.of(model, a, present) for a in range(model.n_types)]
    found = [relax_moods(part) for part in parts]
    values = [revealed_after(model.weights, parts, found, model.cues, d) for d in range(5)]
    # after the last turn there is nothing left to reveal
    assert values[4] >= best - 1e-9
    assert all(more >= less - 1e-9 for more, less in pairwise(values))
    assert values[0] == pytest.approx(model.weights @ [one.bound for one in found], abs=1e-9)
    assert values[0] >= told - 1e-9
    assert moods_revealed(model) == pytest.approx(values[3], abs=1e-9)


@pytest.mark.parametrize("seed", most_later(range(20), lambda seed: seed in (3, 4)))
def test_goodbyes_tell_something_so_nothing_is_kept_from_the_router_after_the_first(seed):
    """Everybody is kept, and only the bored say goodbye: what is lost in goodbyes is their news."""
    goodbyes = {**draws(seed, 2, farewells=True), "hook": (1.0, 1.0), "farewell_fresh": 0.0}
    mild = {"satiation_gain": 0.1, "satiation_memory": 0.5, "leave_bored": 0.3}
    population = tiny(seed, kinds=2, personas=2, length=3, **{**goodbyes, **mild})
    model, best = Model.of(population), optimum(Problem.of(population))
    assert moods_revealed(model) >= best - 1e-9
    reference = solve(population)
    assert reference.value_upper >= best - 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_any_prices_that_are_not_negative_bound_the_optimum(seed):
    population = moody(seed, kinds=1)
    best, model = optimum(Problem.of(population)), Model.of(population)
    problem, rng = MoodyProblem.of(model, 0, np.arange(2)), np.random.default_rng(seed)
    for _ in range(20):
        assert priced_at(problem, rng.uniform(0.0, 1.0, 4)).bound >= best - 1e-9
    found = relax_moods(problem)
    assert best - 1e-9 <= found.bound
    assert (found.prices >= 0.0).all()
    # far better than no prices at all
    assert found.bound - best < 0.5 * (priced_at(problem, np.zeros(4)).bound - best)


def test_where_moods_are_certain_it_is_the_plain_relaxation():
    rng, k = np.random.default_rng(1), 4
    engagement, gain = rng.uniform(0.4, 0.9, k), rng.uniform(0.1, 0.5, k)
    plain = SatiationProblem(engagement, gain, 0.7, 0.05, 12, 0.15)
    ones = np.ones(k)
    both = np.repeat(engagement[:, None], 2, axis=1)
    moods = MoodyProblem(ones, 0 * ones, gain, both, np.full(2, 0.05), 0.7, 12, 0.15)
    for _ in range(5):
        prices = rng.uniform(0.0, 0.8, 12)
        # on grids of 129 and of 97 points
        assert priced_at(moods, prices).bound == pytest.approx(bound_at(plain, prices), rel=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_references_enclose_the_optimum(seed):
    goodbyes = draws(seed, 2, farewells=True) if seed % 2 else {}
    population = moody(seed, **{**goodbyes, "satiation_gain": 0.5, "leave_bored": 0.3})
    reference, best = solve(population), optimum(Problem.of(population))
    error = 4 * reference.standard_errors.get("value", 0.0)
    assert reference.value - error <= best + 1e-9
    assert best <= reference.value_upper + 1e-9
    assert reference.value + error >= 0.95 * best


@pytest.mark.slow
@pytest.mark.parametrize("axis", ["fit", "patience"])
@pytest.mark.parametrize("severity", [0.25, 0.5, 1.0])
def test_bounds_of_satiation_under_shift_are_narrower_than_the_scale(axis, severity):
    reference = solve(find_shift(axis).apply("Satiation", severity))
    assert reference.value_upper - reference.value < reference.value - reference.blind


@pytest.mark.slow
@pytest.mark.parametrize("severity", [0.25, 0.5, 0.75])
def test_several_kinds_who_say_goodbye_are_worth_listening_to(severity):
    reference = solve(find_shift("unseen-archetype").apply("Welfare", severity))
    assert reference.value > reference.blind + 5.0
    assert reference.value_upper - reference.value < 0.15 * (reference.value - reference.blind)
