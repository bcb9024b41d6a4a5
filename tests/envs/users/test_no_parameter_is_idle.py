"""Every field of a population changes the trajectory, and moves what it says it moves."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from carousel_envs import CarouselVectorEnv, Persona, Population, user_table
from support.env_helpers import busy, digest_of_play
from support.plays import LANES, Play, play

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ALIKE = (0.9, -0.4, 0.3, -0.7)
OPPOSITE = tuple(-x for x in ALIKE)


def per_turn(name: str) -> Callable[[Play], np.ndarray]:
    return lambda result: getattr(result, name) / result.turns


def total(name: str) -> Callable[[Play], np.ndarray]:
    return lambda result: getattr(result, name)


def alternate(t: int) -> int:
    return t // 3 % 2


def first(t: int) -> int:
    return 0


def last(t: int) -> int:
    return 4 * (t % 3 == 2)


class Case(NamedTuple):
    """Field from `low` to `high` raises (sign 1) or lowers (-1) a quantity of the play."""

    low: object
    high: object
    quantity: Callable[[Play], np.ndarray]
    sign: int
    pick: Callable[[int], int] = alternate
    base: Mapping[str, object] = MappingProxyType({})


ONE_TASTE = {"archetypes": (ALIKE,), "archetype_weights": (1.0,), "unavailability": 0.0}
RANGES = {
    "boredom_hazard": (0.05, 0.5),
    "engagement_fresh": (0.5, 1.0),
    "engagement_bored": (0.05, 0.45),
}
FITTING = {**ONE_TASTE, "personas": ("confidante", "poet", "bob")}

CASES = {
    "personas": Case(
        ("critic", "jester", "bob"),
        ("confidante", "poet", "alice"),
        per_turn("engagement"),
        1,
        base=ONE_TASTE,
    ),
    "session_length": Case(8, 16, total("turns"), 1),
    "fit": Case(0.3, 0.9, per_turn("engagement"), 1),
    "boredom_hazard": Case((0.05, 0.1), (0.2, 0.5), per_turn("bored"), 1),
    "hazard_relief": Case(0.0, 0.9, per_turn("bored"), -1),
    "engagement_fresh": Case(0.5, (0.8, 1.0), per_turn("engagement"), 1),
    "engagement_bored": Case(0.05, (0.3, 0.5), per_turn("engagement"), 1),
    "satiation_gain": Case(0.05, (0.2, 0.6), per_turn("engagement"), -1),
    "satiation_memory": Case(0.3, 0.9, per_turn("engagement"), -1),
    "swap_cost": Case(0.1, 0.6, total("reward"), -1),
    "leave_fresh": Case(0.0, 0.05, total("turns"), -1),
    "leave_bored": Case(0.05, (0.3, 0.5), total("turns"), -1),
    "cues": Case(
        (((0.6, 0.3, 0.1), (0.6, 0.3, 0.1)),),
        (((0.6, 0.3, 0.1), (0.1, 0.3, 0.6)),),
        per_turn("first_cue"),
        1,
    ),
    "archetypes": Case((OPPOSITE,), (ALIKE,), per_turn("engagement"), 1, base=FITTING),
    "archetype_weights": Case(
        (0.2, 0.8),
        (0.8, 0.2),
        per_turn("engagement"),
        1,
        base={**FITTING, "archetypes": (ALIKE, OPPOSITE)},
    ),
    "taste_sharpness": Case(0.5, 6.0, per_turn("engagement"), 1, pick=first, base=FITTING),
    "taste_bias": Case(-2.0, 2.0, per_turn("engagement"), 1),
    "unavailability": Case(0.2, 0.7, per_turn("refused"), 1),
    "appeal": Case(-0.1, (0.05, 0.1, 0.0, 0.0), per_turn("engagement"), 1),
    "satiation_wear": Case(0.5, (3.0, 2.0, 1.0, 1.0), per_turn("engagement"), -1),
    "farewell_fresh": Case(0.0, (0.03, 0.05), total("turns"), -1),
    "farewell_bored": Case(0.05, (0.3, 0.5), total("turns"), -1),
    "hook": Case(0.1, (0.8, 0.9, 0.0, 0.0), total("turns"), 1),
    "welfare": Case(-0.3, (0.5, 0.0, 0.0, 0.0), per_turn("welfare"), 1),
    "farewell_harm": Case(0.5, 2.0, total("welfare"), -1),
    "vulnerable_share": Case(0.1, 0.7, per_turn("engagement"), 1),
    "vulnerable_appeal": Case(0.0, (0.3, 0.0, 0.0, 0.0), per_turn("engagement"), 1),
    "vulnerable_welfare": Case(-0.5, (-0.5, 1.0, 0.0, 0.0), per_turn("welfare"), 1),
    "shows": Case(("farewell",), ("vulnerable", "farewell"), total("turns"), 0),
    "persona_cost": Case(0.1, (0.0, 0.4, 0.4, 0.4), total("reward"), -1),
    "badge": Case(0.2, 0.9, total("turns"), 0),
    "unmask": Case(False, True, total("turns"), 0),
    "unmask_rewarded": Case(
        False, True, total("reward"), 1, pick=last, base={"unmask": True, "unmask_payoff": 0.5}
    ),
    "unmask_payoff": Case(0.5, 2.0, total("payoff"), 1, pick=last, base={"unmask": True}),
    "pair": Case(
        ("boredom_hazard", "engagement_bored"),
        ("engagement_fresh", "engagement_bored"),
        total("turns"),
        0,
        base={**RANGES, "pair_share": 0.9},
    ),
    "pair_share": Case(
        0.0,
        0.9,
        per_turn("engagement"),
        1,
        base={**RANGES, "pair": ("engagement_fresh", "engagement_bored")},
    ),
    "n_users": Case(40, 60, total("turns"), 0),
    "users_seed": Case(7, 8, total("turns"), 0),
    "own_personas": Case(
        (Persona(name="alice", traits=(-0.9, 0.4, -0.3, 0.7)),),
        (Persona(name="alice", traits=(0.9, -0.4, 0.3, -0.7)),),
        per_turn("engagement"),
        1,
    ),
}

DIRECTED = [name for name, case in CASES.items() if case.sign]


def test_every_field_has_its_case():
    assert set(CASES) == set(Population.model_fields)
    others = {name for name, case in CASES.items() if not case.sign}
    assert others == {"shows", "badge", "unmask", "pair", "n_users", "users_seed"}, (
        "these have tests of their own"
    )


def both(name: str) -> tuple[Population, Population]:
    case = CASES[name]
    return busy(**{**case.base, name: case.low}), busy(**{**case.base, name: case.high})


@pytest.mark.parametrize("name", Population.model_fields)
def test_a_field_changes_the_trajectory(name):
    low, high = both(name)
    n = 5 if low.unmask else 2
    assert digest_of_play(low, lanes=300, n_actions=n) != digest_of_play(
        high, lanes=300, n_actions=n
    )


@pytest.mark.parametrize("name", DIRECTED)
def test_a_field_moves_its_quantity_in_its_direction(name):
    case = CASES[name]
    low, high = (case.quantity(play(population, case.pick)) for population in both(name))
    gain = case.sign * (high - low)
    assert gain.mean() > 0
    assert gain.mean() > 6 * gain.std(ddof=1) / np.sqrt(LANES)


def test_taste_sharpness_hurts_where_the_persona_does_not_suit():
    base = {**FITTING, "personas": ("critic", "bob")}
    low, high = (
        per_turn("engagement")(play(busy(**base, taste_sharpness=x), first)) for x in (0.5, 6.0)
    )
    assert (low - high).mean() > 6 * (low - high).std() / np.sqrt(LANES)


def test_swap_cost_is_charged_once_per_swap_and_moves_nothing_else():
    low, high = both("swap_cost")
    cheap, dear = play(low, alternate), play(high, alternate)
    np.testing.assert_allclose(cheap.reward - dear.reward, 0.5 * cheap.swaps, atol=1e-9)
    assert cheap.swaps.sum() > 0
    for name in set(Play._fields) - {"reward"}:
        np.testing.assert_array_equal(getattr(cheap, name), getattr(dear, name))


def test_cues_are_shown_and_move_nothing_else():
    low, high = both("cues")
    one, other = play(low, alternate), play(high, alternate)
    for name in set(Play._fields) - {"first_cue"}:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_n_users_is_the_number_of_users_that_are_met():
    for n in (40, 60):
        env = CarouselVectorEnv(LANES, population=busy(n_users=n))
        assert len(np.unique(env.reset(seed=0)[1]["user"])) == n


def test_users_seed_draws_other_users_of_the_same_population():
    many = [busy(n_users=4000, users_seed=seed) for seed in (7, 8)]
    assert user_table(many[0]).fingerprint != user_table(many[1]).fingerprint
    one, other = (per_turn("engagement")(play(population, alternate)) for population in many)
    error = np.sqrt((one.var() + other.var()) / LANES)
    assert abs(one.mean() - other.mean()) < 5 * error
