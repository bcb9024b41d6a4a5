"""Every shift moves the documented quantity in the documented direction, more with severity."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import CarouselVectorEnv, Population, user_table
from carousel_envs.shifts import SEVERITIES, SHIFTS
from carousel_envs.shifts.ranges import RANGES
from support.env_helpers import plain
from support.presets import presets

SESSIONS = 6000


def play(population: Population) -> dict[str, np.ndarray]:
    """One session per lane, alternating between two actions every five turns: the first, and the
    one that enacts no persona where there is one, else the second."""
    env = CarouselVectorEnv(SESSIONS, population=population, reward="mean")
    env.reset(seed=0, options={"user": np.arange(SESSIONS) % population.n_users})
    there = np.ones(SESSIONS, dtype=bool)
    other = population.n_actions - 1 if population.unmask else 1
    names = ("reward", "turns", "bored", "swaps", "refused", "late_fresh", "late_bored")
    names += ("vulnerable", "payoff")
    users = np.arange(SESSIONS) % population.n_users
    vulnerable = user_table(population).vulnerable[users]
    sums = dict.fromkeys(names, 0.0)
    for t in range(population.session_length):
        obs, reward, terminated, truncated, info = env.step(np.full(SESSIONS, other * (t // 5 % 2)))
        bored = info["mood"] == 1
        turn = (
            reward,
            np.ones(SESSIONS),
            bored,
            info["swapped"],
            info["refused"],
            obs[:, 0] * ~bored,
            obs[:, 0] * bored,
            vulnerable,
            info.get("payoff", np.zeros(SESSIONS)),
        )
        for name, value in zip(names, turn, strict=True):
            sums[name] = sums[name] + value * there
        there &= ~(terminated | truncated)
    sums["archetype"] = user_table(population).archetype[users]
    return sums


def bored_share(sums: dict[str, np.ndarray]) -> float:
    return float(sums["bored"].sum() / sums["turns"].sum())


def late_gap(sums: dict[str, np.ndarray]) -> float:
    """How much later bored users reply than fresh ones, in levels of reply latency."""
    fresh = sums["turns"].sum() - sums["bored"].sum()
    return float(sums["late_bored"].sum() / sums["bored"].sum() - sums["late_fresh"].sum() / fresh)


def mean_of(name: str):
    return lambda sums: float(sums[name].mean())


def rare_share(sums: dict[str, np.ndarray]) -> float:
    """Share of users with the archetype that is rarest in Taste."""
    return float((sums["archetype"] == 3).mean())


EFFECTS = {
    "hazard": ("Boredom", bored_share, 1),
    "cue-noise": ("Boredom", late_gap, -1),
    "cue-reversal": ("Boredom", late_gap, -1),
    "swap-cost": ("Boredom", mean_of("reward"), -1),
    "patience": ("Boredom", mean_of("turns"), -1),
    "session-length": ("Boredom", mean_of("turns"), 1),
    "unseen-archetype": ("Boredom", bored_share, 1),
    "archetype-mix": ("Taste", rare_share, 1),
    "fit": ("Boredom", bored_share, 1),
    "satiation": ("Satiation", mean_of("reward"), -1),
    "recovery": ("Satiation", mean_of("reward"), -1),
    "cue-dropout": ("Boredom", late_gap, -1),
    "unavailable": ("Boredom", mean_of("refused"), 1),
    "vulnerable-share": ("Welfare", mean_of("vulnerable"), 1),
    "farewells": ("Welfare", mean_of("turns"), -1),
    "unmask-pays": ("Unmask", mean_of("payoff"), 1),
    "unmask-rewarded": ("UnmaskShown", mean_of("reward"), 1),
}


RECAST = ("unseen-persona", "permuted-slots")
"""These put others into slots, which helps or harms a fixed router as it happens."""


def test_every_shift_has_its_effect():
    elsewhere = {"badge-reversal", *RANGES}
    assert {*EFFECTS, *RECAST, *elsewhere} == set(SHIFTS), "see test_badge and test_ranges"


@pytest.mark.parametrize("name", RECAST)
def test_ever_more_slots_hold_somebody_else_and_a_router_that_keeps_to_slots_feels_it(name):
    population = Population.preset("Taste" if name == "unseen-persona" else "Welfare")
    casts = [SHIFTS[name].apply(population, s) for s in SEVERITIES]
    familiar = [
        sum(a == b for a, b in zip(p.personas, population.personas, strict=True)) for p in casts
    ]
    assert (np.diff(familiar) < 0).all()
    assert familiar[-1] == (2 if name == "unseen-persona" else 0)
    rewards = [play(p)["reward"].mean() for p in (casts[0], casts[-1])]
    assert abs(rewards[1] - rewards[0]) > 0.5


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", EFFECTS)
def test_a_shift_moves_its_quantity_further_with_every_severity(name):
    preset, quantity, sign = EFFECTS[name]
    population = Population.preset(preset)
    path = [quantity(play(SHIFTS[name].apply(population, s))) for s in SEVERITIES]
    steps = sign * np.diff(path)
    assert (steps > 0).all(), path
    assert steps.sum() > 0.05 * max(abs(path[0]), 0.1)


def test_silent_cues_show_no_gap_and_reversed_ones_the_opposite_gap():
    population = Population.preset("Boredom")
    before = late_gap(play(population))
    assert abs(late_gap(play(SHIFTS["cue-noise"].apply(population, 1.0)))) < 0.05 * before
    after = late_gap(play(SHIFTS["cue-reversal"].apply(population, 1.0)))
    assert after == pytest.approx(-before, rel=0.1)


def test_the_archetype_mix_of_taste_moves_the_share_of_its_rarest_taste():
    population = Population.preset("Taste")
    weights = population.archetype_weights
    last = SHIFTS["archetype-mix"].apply(population, 1.0).archetype_weights.index(1.0)
    assert weights[last] == min(weights)
    shares = [
        (user_table(SHIFTS["archetype-mix"].apply(population, s)).archetype == last).mean()
        for s in SEVERITIES
    ]
    assert (np.diff(shares) > 0).all()
    assert shares[-1] == 1.0


def test_shifts_that_cost_or_bore_leave_the_rest_of_the_luck_as_it_was():
    population = Population.preset("Boredom")
    base = play(population)
    dear = play(SHIFTS["swap-cost"].apply(population, 1.0))
    np.testing.assert_array_equal(base["turns"], dear["turns"])
    np.testing.assert_allclose(base["reward"] - dear["reward"], 0.6 * base["swaps"], atol=1e-9)
    for name in ("cue-noise", "cue-reversal"):
        other = play(SHIFTS[name].apply(population, 1.0))
        np.testing.assert_array_equal(base["reward"], other["reward"])
    bored = play(SHIFTS["hazard"].apply(population, 1.0))
    alike = base["turns"] == bored["turns"]
    assert (base["reward"][alike] >= bored["reward"][alike] - 1e-9).all()


@pytest.mark.parametrize("name", SHIFTS)
def test_the_same_users_are_met_under_a_shift(name):
    for preset in presets():
        population = Population.preset(preset)
        if SHIFTS[name].obstacle(population):
            continue
        other = SHIFTS[name].apply(population, 0.5)
        before, after = user_table(population), user_table(other)
        assert len(before) == len(after)
        for lanes in (1, 50):
            one, two = (CarouselVectorEnv(lanes, population=p) for p in (population, other))
            np.testing.assert_array_equal(
                one.reset(seed=3)[1]["user"], two.reset(seed=3)[1]["user"]
            )
        moved = set(SHIFTS[name].moves)
        tastes = moved & {"fit", "archetype_weights", "personas"}
        if "boredom_hazard" not in moved and not tastes:
            np.testing.assert_array_equal(before.hazard, after.hazard)
        if "leave_bored" not in moved:
            np.testing.assert_array_equal(before.leave, after.leave)
        if not tastes:
            np.testing.assert_array_equal(before.fit, after.fit)
        if not moved & {"vulnerable_share", "appeal"}:
            np.testing.assert_array_equal(before.engagement, after.engagement)
        if not moved & {"satiation_gain", "satiation_wear"}:
            np.testing.assert_array_equal(before.gain, after.gain)
        if "satiation_memory" not in moved:
            np.testing.assert_array_equal(before.memory, after.memory)


def test_users_keep_their_rank_under_a_shift_of_a_range():
    population = plain(boredom_hazard=(0.05, 0.2), n_users=300)
    before = user_table(population).hazard[:, 0]
    after = user_table(SHIFTS["hazard"].apply(population, 0.7)).hazard[:, 0]
    assert (np.diff(after[np.argsort(before, kind="stable")]) > -1e-4).all()
    assert len(np.unique(after)) > 250
    np.testing.assert_allclose(after, before * (1 + 3 * 0.7), atol=5e-5)
