"""Rules that hold turn by turn: refused picks, satiation, rewards, and what never happens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselEnv, CarouselVectorEnv, Population, user_table
from support.env_helpers import busy, plain, sticky_actions
from support.properties import examples
from support.strategies import populations


def user_with(population, present: list[bool]) -> int:
    """A user to whom exactly these personas are available."""
    rows = np.flatnonzero((user_table(population).available == present).all(axis=1))
    assert len(rows), "the population must hold such a user"
    return int(rows[0])


GAPS = plain(unavailability=0.5, n_users=500, swap_cost=0.4, session_length=20)


def test_an_unavailable_pick_keeps_the_current_persona_and_costs_nothing():
    env = CarouselEnv(population=GAPS)
    env.reset(seed=0, options={"user": user_with(GAPS, [True, False, True])})
    columns = env.columns
    env.step(2)
    obs, reward, _, _, info = env.step(1)
    assert info["refused"]
    assert not info["swapped"]
    assert reward == 1.0
    assert obs[columns.persona].tolist() == [0, 0, 1]
    assert obs[columns.streak] == 2
    obs, reward, _, _, info = env.step(0)
    assert not info["refused"]
    assert info["swapped"]
    assert reward == pytest.approx(1.0 - 0.4)
    assert obs[columns.persona].tolist() == [1, 0, 0]
    assert obs[columns.streak] == 1


@pytest.mark.parametrize(
    ("present", "pick", "speaks"),
    [
        ([True, False, True], 1, 2),
        ([True, False, False], 1, 0),
        ([True, False, False], 2, 0),
        ([False, True, False], 2, 1),
        ([False, True, True], 0, 1),
        ([False, False, True], 0, 2),
        ([False, True, True], 2, 2),
    ],
)
def test_an_unavailable_first_pick_goes_to_the_next_available_around(present, pick, speaks):
    env = CarouselEnv(population=GAPS)
    env.reset(seed=0, options={"user": user_with(GAPS, present)})
    obs, reward, _, _, info = env.step(pick)
    assert obs[env.columns.persona].argmax() == speaks
    assert info["refused"] == (pick != speaks)
    assert not info["swapped"]
    assert reward == 1.0


def test_a_refused_pick_does_not_redraw_the_mood():
    population = plain(
        fit=0.5, unavailability=0.5, n_users=500, session_length=200, engagement_fresh=1.0
    )
    env = CarouselVectorEnv(700, population=population)
    env.reset(seed=0, options={"user": user_with(population, [True, False, True])})
    *_, info = env.step(np.zeros(700, dtype=np.int64))
    start = info["mood"]
    assert 0 < start.sum() < 700
    for _ in range(20):
        *_, info = env.step(np.ones(700, dtype=np.int64))
        assert info["refused"].all()
        np.testing.assert_array_equal(info["mood"], start)


def test_the_first_pick_costs_nothing_and_a_swap_back_costs_again():
    env = CarouselEnv(population=plain(swap_cost=0.25))
    env.reset(seed=0)
    assert [env.step(a)[1] for a in (1, 1, 0, 1, 1, 2)] == [1.0, 1.0, 0.75, 0.75, 1.0, 0.75]


@pytest.mark.parametrize("gain", [0.05, (0.05, 0.3)])
def test_satiation_follows_its_recursion_and_lowers_engagement(gain):
    population = busy(satiation_gain=gain, satiation_memory=(0.3, 0.9), session_length=40)
    table = user_table(population)
    env = CarouselVectorEnv(50, population=population, autoreset_mode="NextStep")
    env.reset(seed=0)
    expected = np.zeros((50, 4))
    over, said = np.zeros(50, dtype=bool), np.zeros(50, dtype=bool)
    for actions in sticky_actions(0, 60, 50, 4):
        user = env.hidden()["user"]
        obs, _, terminated, truncated, info = env.step(actions)
        spoke = obs[:, env.columns.persona]
        speaks = spoke.argmax(axis=1)
        bare = table.engagement[user, speaks, info["mood"]]
        lost = (table.gain[user] * expected * spoke).sum(axis=1)
        goes = said & ~info["kept"]
        chance = np.where(over | goes, 0.0, np.maximum(bare - lost, 0.0))
        np.testing.assert_allclose(info["engagement_mean"], chance, atol=1e-5)
        expected = table.memory[user][:, None] * (expected + spoke)
        expected[over] = 0.0
        np.testing.assert_allclose(env.hidden()["satiation"], expected, rtol=1e-12)
        over = terminated | truncated
        said = obs[:, env.columns.farewell] == 1
    assert expected.max() > 1.0


def test_satiation_can_take_all_engagement_but_no_more():
    env = CarouselEnv(population=plain(satiation_gain=1.0, satiation_memory=0.9), reward="mean")
    env.reset(seed=0)
    assert [env.step(0)[1] for _ in range(4)] == pytest.approx([1.0, 0.1, 0.0, 0.0], abs=1e-5)
    assert env.step(1)[1] == 1.0


@pytest.mark.parametrize("reward", ["sampled", "mean"])
def test_rewards_are_engagement_less_swap_costs(reward):
    population = busy(swap_cost=0.37, persona_cost=0.0)
    env = CarouselVectorEnv(100, population=population, reward=reward)
    env.reset(seed=0)
    over = np.zeros(100, dtype=np.bool_)
    for actions in sticky_actions(1, 40, 100, 4):
        played = ~over
        obs, paid, terminated, truncated, info = env.step(actions)
        over = terminated | truncated
        earned = obs[:, env.columns.engagement] if reward == "sampled" else info["engagement_mean"]
        expected = earned - 0.37 * info["swapped"]
        np.testing.assert_allclose(paid[played], expected[played], atol=1e-7)
        assert (paid[~played] == 0).all()


@given(populations(), st.integers(0, 2**32), st.data())
@examples(80)
def test_whole_episodes_keep_every_invariant(population, seed, data):
    env = CarouselEnv(population=population, reward=data.draw(st.sampled_from(["sampled", "mean"])))
    columns, k = env.columns, population.n_actions
    picks = np.random.default_rng(seed)
    for episode in range(2):
        obs, info = env.reset(seed=seed if episode == 0 else None)
        available, user = info["action_mask"], info["user"]
        assert obs in env.observation_space
        assert 0 <= user < population.n_users
        current, streak, over, t = None, 0, False, 0
        while not over:
            action = int(picks.integers(k))
            said_goodbye = columns.farewell is not None and obs[columns.farewell] == 1.0
            obs, reward, terminated, truncated, info = env.step(action)
            t += 1
            assert obs in env.observation_space
            assert not (terminated and truncated)
            over = terminated or truncated
            assert over or t < population.session_length
            # whoever goes at a goodbye meets nobody
            goes = said_goodbye and not info["kept"]
            paid = 0.0 if goes else population.pays[int(obs[columns.persona].argmax())]
            rounding = 1e-12 * abs(paid)
            assert -population.swap_cost - rounding <= reward - paid <= 1.0 + rounding
            speaks = int(obs[columns.persona].argmax())
            assert obs[columns.persona].sum() == 1
            assert available[speaks]
            assert info["refused"] == (not available[action])
            assert info["refused"] or speaks == action
            assert info["swapped"] == (current is not None and speaks != current)
            streak = streak + 1 if speaks == current else 1
            assert obs[columns.streak] == streak
            assert obs[columns.elapsed] == pytest.approx(t / population.session_length, rel=1e-6)
            assert 0.0 <= info["engagement_mean"] <= 1.0
            assert info["mood"] in (0, 1)
            assert info["user"] == user
            np.testing.assert_array_equal(info["action_mask"], available)
            np.testing.assert_array_equal(obs[columns.available], available)
            current = speaks
        assert t <= population.session_length
        assert truncated == (t == population.session_length and not terminated)


def test_the_welfare_of_a_goodbye_is_zero_without_a_sign():
    population = Population.preset("Welfare").replace(
        welfare=-1.0, vulnerable_share=0.0, farewell_fresh=0.5, farewell_bored=0.5, hook=0.0
    )
    env = CarouselVectorEnv(200, population=population)
    env.reset(seed=0)
    seen = 0
    for _ in range(20):
        info = env.step(np.zeros(200, dtype=np.int64))[4]
        nothing = info["welfare"] == 0.0
        assert not np.signbit(info["welfare"][nothing]).any()
        seen += int(nothing.sum())
    assert seen > 100
