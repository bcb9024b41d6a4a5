"""Rollouts: session i plays user i (around) with the stream of seed + i, whatever else plays."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import CarouselError, CarouselVectorEnv, Population
from carousel_envs.reference.acting.open_loop import UniformPolicy
from carousel_envs.rollout import LANES, rollout
from carousel_envs.users.observation import Columns
from support.env_helpers import busy

POPULATION = busy()
POLICY = UniformPolicy(Columns.of(POPULATION))
FIGURES = ("engagement", "length", "left", "swaps", "refused")


def alone(session: int, seed: int) -> tuple:
    """The figures of one session, played by itself."""
    env = CarouselVectorEnv(1, population=POPULATION, reward="mean")
    user = session % POPULATION.n_users
    obs, _ = env.reset(seed=seed + session, options={"user": user})
    state = POLICY.initial_state(1, seed + session)
    engagement, length, swaps, refused, over = 0.0, 0, 0, 0, False
    while not over:
        actions, state = POLICY.act(obs, state)
        obs, reward, terminated, truncated, info = env.step(actions)
        engagement += reward[0]
        length += 1
        swaps += info["swapped"][0]
        refused += info["refused"][0]
        over = terminated[0] or truncated[0]
    return engagement, length, terminated[0], swaps, refused


@pytest.mark.parametrize("session", [0, 1, 57, LANES - 1, LANES, LANES + 33, 2 * LANES + 7])
def test_any_session_replays_alone(session):
    sessions = rollout(POPULATION, POLICY, 2 * LANES + 8, seed=5)
    played = tuple(getattr(sessions, name)[session] for name in FIGURES)
    assert played == alone(session, 5)


def test_a_longer_rollout_begins_with_the_shorter_one():
    seen: list[int] = []
    few = rollout(POPULATION, POLICY, 3000, seed=5)
    many = rollout(POPULATION, POLICY, 9000, seed=5, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 9000
    for name in FIGURES:
        assert len(getattr(many, name)) == 9000
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:3000])
    assert many.mean == many.engagement.mean()
    assert many.standard_error == pytest.approx(many.engagement.std(ddof=1) / np.sqrt(9000))
    assert np.isnan(rollout(POPULATION, POLICY, 1).standard_error)


def test_a_policy_may_keep_what_it_was_shown():
    class Keeping:
        def initial_state(self, lanes, seed):
            return POLICY.initial_state(lanes, seed), []

        def act(self, observation, state):
            own, kept = state
            for before, copied in kept:
                np.testing.assert_array_equal(before, copied)
            picks, own = POLICY.act(observation, own)
            return picks, (own, [*kept, (observation, observation.copy())])

    played, expected = (rollout(POPULATION, policy, 20, seed=5) for policy in (Keeping(), POLICY))
    np.testing.assert_array_equal(played.engagement, expected.engagement)


def test_figures_hang_together():
    sessions = rollout(POPULATION, POLICY, 5000, seed=1)
    assert (sessions.length >= 1).all()
    assert (sessions.length <= POPULATION.session_length).all()
    assert sessions.left[sessions.length < POPULATION.session_length].all()
    assert (sessions.swaps < sessions.length).all()
    assert (sessions.refused == 0).all(), "the uniform policy picks who is available"
    assert (sessions.engagement <= sessions.length - POPULATION.swap_cost * sessions.swaps).all()
    assert 0.0 < sessions.left.mean() < 1.0


def kept_by(population: Population) -> tuple[str, ...]:
    return ("unmasked", "payoff") if population.unmask else ("welfare", "kept")


@pytest.mark.parametrize("population", [Population.preset("Welfare"), Population.preset("Unmask")])
def test_totals_add_up_what_the_reward_does_not_see(population):
    policy = UniformPolicy(Columns.of(population))
    sessions = rollout(population, policy, 300, seed=5)
    env = CarouselVectorEnv(300, population=population)
    obs, info = env.reset(seed=5, options={"user": np.arange(300)})
    np.testing.assert_array_equal(sessions.user, info["user"])
    state = policy.initial_state(300, 5)
    alive, sums = np.ones(300, dtype=bool), dict.fromkeys(kept_by(population), 0.0)
    while alive.any():
        actions, state = policy.act(obs, state)
        obs, _, terminated, truncated, info = env.step(actions)
        for name in sums:
            sums[name] = sums[name] + np.where(alive, info[name], 0.0).astype(np.float64)
        alive &= ~(terminated | truncated)
    assert list(sums) == list(sessions.totals)
    for name, total in sums.items():
        np.testing.assert_array_equal(sessions.totals[name], total)
    assert any(total.any() for total in sums.values())


def test_no_totals_where_none_are_kept():
    assert (
        rollout("Boredom", UniformPolicy(Columns.of(Population.preset("Boredom"))), 5).totals == {}
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda n: np.zeros(n, np.int64), "it must return a pair"),
        (lambda n: (np.zeros(1, np.int64), None), r"of shape \(1,\); they must have shape \(50,\)"),
        (lambda n: (0, None), r"of shape \(\); they must have shape \(50,\)"),
        (lambda n: (np.zeros(n), None), "actions have dtype float64; they must be integers"),
    ],
)
def test_a_policy_picks_a_persona_for_each_lane(answer, said):
    class Odd:
        name = "odd"

        def initial_state(self, lanes, seed):
            return None

        def act(self, observation, state):
            return answer(len(observation))

    with pytest.raises(CarouselError, match=said):
        rollout(POPULATION, Odd(), 50)
