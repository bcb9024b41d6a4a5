"""The best memoryless router: attained, between blind and optimal, and found on tiny problems."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from carousel_envs import CarouselError, Population
from carousel_envs.reference import solve
from carousel_envs.reference.known_user.memoryless import best_memoryless
from carousel_envs.rollout import rollout
from support.enumeration import Kind, Problem, tiny
from support.env_helpers import plain
from support.matrix import most_later

ALIKE = {"fit": 0.9, "hazard_relief": 0.0}


def best_by_enumeration(problem: Problem) -> float:
    """Best value over all tables swap[turn, streak, symbol], by trying each of them."""
    kind, length = problem.kinds[0], problem.length
    likes = [
        ((qf if y else 1 - qf) * fresh, (qb if y else 1 - qb) * bored)
        for y in (0, 1)
        for fresh, bored in problem.cues
        for qf, qb in kind.engagement[:1]
    ]
    places = [
        (t, s, z) for t in range(1, length) for s in range(1, t + 1) for z in range(len(likes))
    ]
    tables = itertools.product((False, True), repeat=len(places))
    return max(
        table_value(problem, kind, likes, dict(zip(places, swaps, strict=True))) for swaps in tables
    )


def table_value(problem: Problem, kind: Kind, likes: list, swaps: dict) -> float:
    """Value of one table: how much mass is where, turn by turn."""
    fit, hazard = kind.fit[0], kind.hazard[0]
    mass = {1: (fit, 1.0 - fit)}
    total = 0.0
    engages = kind.engagement[0]
    for t in range(1, problem.length + 1):
        total += sum(f * engages[0] + b * engages[1] for f, b in mass.values())
        following: dict[int, tuple[float, float]] = {}
        for streak, (f, b) in mass.items():
            for z, (lf, lb) in enumerate(likes):
                fresh, bored = f * lf * (1 - kind.leave[0]), b * lb * (1 - kind.leave[1])
                fresh, bored = fresh * (1 - hazard), bored + fresh * hazard
                to = streak + 1
                if t < problem.length and swaps[t, streak, z]:
                    here = fresh + bored
                    total -= problem.cost * here
                    to, fresh, bored = 1, here * fit, here * (1 - fit)
                old = following.get(to, (0.0, 0.0))
                following[to] = (old[0] + fresh, old[1] + bored)
        mass = following
    return total


@pytest.mark.sampled(3)
@pytest.mark.parametrize("cost", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("seed", most_later(range(6), lambda seed: seed < 2))
def test_the_search_finds_the_best_of_all_tables(seed, cost):
    for length, cues in ((4, ()), (3, None)):
        changes = {**ALIKE, "length": length, "swap_cost": cost}
        if cues is not None:
            changes["cues"] = cues
        population = tiny(seed, **changes)
        value, _ = best_memoryless(population)
        assert value == pytest.approx(best_by_enumeration(Problem.of(population)), abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_it_lies_between_the_blind_and_the_optimal_router(seed):
    population = tiny(seed, personas=3, length=12, **ALIKE)
    value, _ = best_memoryless(population)
    reference = solve(population)
    assert reference.blind - 1e-9 <= value <= reference.value_upper + 1e-9


def test_more_starts_never_find_less():
    population = Population.preset("Boredom").replace(session_length=15)
    values = [best_memoryless(population, starts=n)[0] for n in (1, 6)]
    assert values[0] <= values[1] + 1e-12


def test_its_value_on_boredom_is_attained_in_play():
    population = Population.preset("Boredom")
    value, policy = best_memoryless(population)
    reference = solve(population)
    assert reference.blind < 0.97 * value
    assert value < reference.value
    sessions = rollout(population, policy, 200_000)
    assert abs(sessions.mean - value) < 4 * sessions.standard_error


def test_it_depends_on_the_last_observation_alone():
    population = Population.preset("Boredom").replace(session_length=10)
    _, policy = best_memoryless(population)
    assert policy.initial_state(3, seed=0) is None
    obs = np.zeros((2, 15), dtype=np.float32)
    obs[:, policy.columns.persona.start + 1] = 1
    obs[:, policy.columns.streak] = 3
    obs[:, policy.columns.elapsed] = 0.3
    obs[1, :4] = (2, 0, 0, 2)
    obs[0, :5] = (0, 2, 2, 0, 1)
    picks, state = policy.act(obs, None)
    assert state is None
    assert picks.tolist() == [1, 2], "stays where all is well, swaps where all cues are bad"


@pytest.mark.parametrize(
    "changes",
    [
        {"n_users": 2, "boredom_hazard": (0.1, 0.5)},
        {"fit": "traits"},
        {"satiation_gain": 0.2, "satiation_memory": 0.5},
        {"unavailability": 0.6, "n_users": 50},
        {"appeal": (0.0, 0.0, -0.1)},
        {"fit": ((0.5, 0.5, 0.6),)},
        {"unmask": True},
        {"farewell_bored": 0.1, "boredom_hazard": 0.1, "shows": ("farewell",)},
    ],
    ids=str,
)
def test_other_populations_are_refused(changes):
    with pytest.raises(CarouselError, match="best_memoryless needs one kind of user") as caught:
        best_memoryless(plain(**{"session_length": 4, **changes}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"boredom_hazard": 0.0, "fit": 1.0},
        {"boredom_hazard": 1.0},
        {"fit": 0.0},
        {"cues": (((1.0, 0.0), (0.0, 1.0)),), "boredom_hazard": 0.2},
        {"session_length": 1},
    ],
    ids=str,
)
def test_users_at_the_extremes_are_no_trouble(changes):
    population = plain(**{"swap_cost": 0.2, "session_length": 5, **changes})
    value, _ = best_memoryless(population)
    reference = solve(population)
    assert reference.blind - 1e-9 <= value <= reference.value_upper + 1e-9
