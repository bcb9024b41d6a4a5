"""References of random populations: ordered, enclosed, and attained in play."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carousel_envs.reference import solve
from carousel_envs.reference.acting.open_loop import UniformPolicy
from carousel_envs.users.observation import Columns
from support.env_helpers import busy, random_population, rich_population, single_kind
from support.matrix import most_later
from support.solved import assert_agrees, assert_ordered, played

if TYPE_CHECKING:
    from carousel_envs import Population


def check(population: Population, sessions: int) -> None:
    r = solve(population)
    assert_ordered(r)
    errors = r.standard_errors
    exact = r.tier == "exact"
    uniform = UniformPolicy(Columns.of(population))
    own = played(population, r.policy, sessions)
    if exact or "value" in errors:
        assert_agrees(own, r.value, errors.get("value", 0.0))
    else:
        assert_agrees(own, r.value, upper=r.value_upper)
    assert own.mean <= r.value_upper + 4 * own.standard_error + 1e-9
    assert_agrees(played(population, r.blind_policy, sessions), r.blind)
    assert_agrees(
        played(population, r.myopic_policy, sessions), r.myopic, errors.get("myopic", 0.0)
    )
    assert_agrees(played(population, uniform, sessions), r.uniform, errors.get("uniform", 0.0))


@pytest.mark.parametrize("seed", range(6))
def test_an_exact_reference_is_what_play_earns(seed):
    population = single_kind(random_population(seed))
    assert solve(population).tier == "exact"
    check(population, 40_000)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(3, 9))
def test_an_exact_reference_with_every_field_on_is_what_play_earns(seed):
    # turns that cost more than they bring have bounds
    population = single_kind(rich_population(seed)).replace(persona_cost=0.0)
    assert solve(population).tier == "exact"
    check(population, 40_000)


@pytest.mark.parametrize("seed", most_later([2, 3, 4, 7], lambda seed: seed < 4))
def test_a_reference_with_every_field_on_is_what_play_earns(seed):
    check(rich_population(seed), 40_000)


@pytest.mark.parametrize("seed", [109, 177])
def test_a_router_that_listens_is_never_reported_below_a_schedule(seed):
    """Populations of many kinds of user in which listening is worth little."""
    assert_ordered(solve(random_population(seed)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    most_later(
        [
            {},
            {"satiation_gain": 0.0},
            {"satiation_gain": 0.0, "unavailability": 0.0},
            {"unavailability": 0.0, "cues": ()},
        ],
        lambda changes: "cues" in changes,
    ),
    ids=str,
)
def test_a_reference_with_everything_on_is_what_play_earns(changes):
    check(busy(session_length=8, n_users=20, **changes), 40_000)


@pytest.mark.slow
@pytest.mark.parametrize("draw", [random_population, rich_population])
@pytest.mark.parametrize("seed", range(20))
def test_the_reference_of_a_random_population_is_what_play_earns(seed, draw):
    check(draw(seed), 200_000)


@pytest.mark.slow
@pytest.mark.parametrize("draw", [random_population, rich_population])
@pytest.mark.parametrize("seed", range(20, 40))
def test_an_exact_reference_of_a_random_population_is_what_play_earns(seed, draw):
    check(single_kind(draw(seed)), 200_000)
