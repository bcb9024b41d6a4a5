"""Frequencies in many sessions against the probabilities of the population."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import CarouselVectorEnv, Population, user_table
from carousel_envs.users.cues import cue_table
from support.env_helpers import CUES, frequency_fits, plain, within

LANES = 40_000

MIXED = {
    "fit": 0.6,
    "boredom_hazard": 0.15,
    "engagement_fresh": 0.8,
    "engagement_bored": 0.3,
    "leave_fresh": 0.05,
    "leave_bored": 0.2,
}


def turns(population: Population, schedule: list[int], seed: int = 0, lanes: int = LANES):
    """Play a schedule; per turn: info, obs, terminated, the mood after it and who was there."""
    env = CarouselVectorEnv(lanes, population=population)
    env.reset(seed=seed)
    there = np.ones(lanes, dtype=bool)
    for pick in schedule:
        obs, reward, terminated, truncated, info = env.step(np.full(lanes, pick))
        yield obs, reward, terminated, info, env.hidden()["mood"], there.copy()
        there &= ~(terminated | truncated)


def test_a_new_persona_finds_the_user_fresh_with_the_probability_of_the_fit():
    for t, (_, _, _, info, _, there) in enumerate(turns(plain(**MIXED), [0, 1, 1, 2, 0])):
        if t != 2:
            assert frequency_fits((info["mood"][there] == 0).sum(), there.sum(), 0.6)


def test_fit_depends_on_the_taste_and_the_persona():
    tastes = ((0.9, -0.4, 0.3, -0.7), (0.2, 0.9, -0.6, 0.8))
    population = plain(
        fit="traits", archetypes=tastes, archetype_weights=(0.5, 0.5), taste_sharpness=2.0
    )
    expected = population.fit_matrix()
    archetype = user_table(population).archetype
    for pick in range(3):
        for _, _, _, info, _, _ in turns(population, [pick]):
            kind = archetype[info["user"]]
            for a in range(2):
                fresh = info["mood"][kind == a] == 0
                assert frequency_fits(fresh.sum(), fresh.size, expected[a, pick])


def test_fresh_users_become_bored_with_the_hazard_and_bored_ones_stay_so():
    seen = 0
    for _, _, _, info, after, there in turns(plain(**MIXED), [1] * 6):
        fresh = there & (info["mood"] == 0)
        assert frequency_fits(after[fresh].sum(), fresh.sum(), 0.15)
        assert (after[there & (info["mood"] == 1)] == 1).all()
        seen += fresh.sum()
    assert seen > LANES


def test_a_good_fit_lowers_the_hazard_of_its_persona():
    population = plain(fit=0.5, boredom_hazard=0.4, hazard_relief=0.8)
    for _, _, _, info, after, there in turns(population, [0, 0, 0]):
        fresh = there & (info["mood"] == 0)
        assert frequency_fits(after[fresh].sum(), fresh.sum(), 0.4 * (1 - 0.8 * 0.5))


def test_users_engage_and_leave_with_the_probabilities_of_their_mood():
    population = plain(**MIXED)
    engagement = len(population.cues)
    for obs, _, terminated, info, _, there in turns(population, [2] * 5):
        for mood, (engages, leaves) in enumerate([(0.8, 0.05), (0.3, 0.2)]):
            who = there & (info["mood"] == mood)
            assert frequency_fits(obs[who, engagement].sum(), who.sum(), engages)
            assert frequency_fits(terminated[who].sum(), who.sum(), leaves)
            np.testing.assert_allclose(info["engagement_mean"][who], engages, atol=1e-5)


def test_users_say_goodbye_by_mood_and_then_go_unless_they_are_kept():
    hook = (0.3, 0.0, 1.0)
    population = plain(
        **MIXED, farewell_fresh=0.1, farewell_bored=0.4, hook=hook, shows=("farewell",)
    )
    column, engagement = len(population.cues) + 1 + 2 * 3 + 2, len(population.cues)
    said, met = np.zeros(LANES, dtype=bool), 0
    for t, turn in enumerate(turns(population, [0, 0, 1, 2, 0, 2, 1])):
        obs, _, terminated, info, _, there = turn
        pick = (0, 0, 1, 2, 0, 2, 1)[t]
        who, kept = there & said, info["kept"]
        for mood, chance in enumerate((0.1, 0.4)):
            stays = there & ~(said & ~kept) & (info["mood"] == mood)
            assert frequency_fits(obs[stays, column].sum(), stays.sum(), chance)
        assert frequency_fits(kept[who].sum(), who.sum(), hook[pick])
        assert not kept[there & ~said].any()
        goes = who & ~kept
        assert terminated[goes].all()
        assert (info["engagement_mean"][goes] == 0.0).all()
        assert (obs[goes, engagement] == 0.0).all()
        for mood, (engages, leaves) in enumerate([(0.8, 0.05), (0.3, 0.2)]):
            stays = who & kept & (info["mood"] == mood)
            assert frequency_fits(obs[stays, engagement].sum(), stays.sum(), engages)
            assert frequency_fits(terminated[stays].sum(), stays.sum(), leaves)
        said = obs[:, column] == 1
        met += kept[who].sum()
    assert met > 1000


def test_what_a_turn_brings_is_independent_of_a_goodbye_given_the_mood():
    population = plain(
        **MIXED, farewell_fresh=0.3, farewell_bored=0.3, hook=1.0, shows=("farewell",)
    )
    n_cues, events = len(population.cues), []
    for obs, _, terminated, info, after, there in turns(population, [0, 0, 0, 0]):
        who = there & (info["mood"] == 0)
        shown = (obs[who, : n_cues + 1], obs[who, -1:])
        events.append(np.column_stack([*shown, terminated[who], after[who]]))
    events = np.concatenate(events)
    correlations = np.corrcoef(events.T)[~np.eye(events.shape[1], dtype=bool)]
    assert np.abs(correlations).max() < 5 / np.sqrt(len(events))


@pytest.mark.parametrize("cues", [CUES, (CUES[0],), (((0.0, 0.3, 0.7), (1.0, 0.0, 0.0)),)])
def test_cues_appear_with_the_joint_probabilities_of_the_mood(cues):
    population = plain(**MIXED, cues=cues)
    table = cue_table(population)
    for obs, _, _, info, _, there in turns(population, [0, 0, 0]):
        symbols = obs[:, : len(cues)].astype(int) @ table.strides
        for mood in range(2):
            who = there & (info["mood"] == mood)
            counts = np.bincount(symbols[who], minlength=len(table.levels))
            for symbol, levels in enumerate(table.levels.astype(int)):
                chance = np.prod([cue[mood][x] for cue, x in zip(cues, levels, strict=True)])
                assert frequency_fits(counts[symbol], who.sum(), chance)


def test_what_happens_in_a_turn_is_independent_given_the_mood():
    population = plain(**MIXED)
    n_cues, events = len(population.cues), []
    for obs, _, terminated, info, after, there in turns(population, [0, 0, 0, 0]):
        who = there & (info["mood"] == 0)
        events.append(np.column_stack([obs[who, : n_cues + 1], terminated[who], after[who]]))
    events = np.concatenate(events)
    correlations = np.corrcoef(events.T)[~np.eye(events.shape[1], dtype=bool)]
    assert np.abs(correlations).max() < 5 / np.sqrt(len(events))


def test_turns_lanes_and_episodes_are_independent():
    population = plain(engagement_fresh=0.5, session_length=8)
    env = CarouselVectorEnv(20_000, population=population, autoreset_mode="SameStep")
    env.reset(seed=0)
    picks = np.zeros(20_000, dtype=np.int64)
    columns = [env.step(picks)[1] for _ in range(24)]
    engaged = np.column_stack(columns)
    correlations = np.corrcoef(engaged.T)[~np.eye(24, dtype=bool)]
    assert np.abs(correlations).max() < 5 / np.sqrt(20_000)
    neighbours = np.corrcoef(engaged[:-1].ravel(), engaged[1:].ravel())[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(engaged.size)


def test_every_user_is_met_equally_often():
    env = CarouselVectorEnv(LANES, population=plain(n_users=7, session_length=1))
    for episode in range(3):
        _, info = env.reset(seed=0 if episode == 0 else None)
        for count in np.bincount(info["user"], minlength=7):
            assert frequency_fits(count, LANES, 1 / 7)


@pytest.mark.parametrize("satiation", [{}, {"satiation_gain": 0.2, "satiation_memory": 0.7}])
def test_sampled_and_mean_rewards_agree_on_average(satiation):
    population = plain(**MIXED, **satiation, swap_cost=0.3)
    schedule = [0, 0, 1, 1, 1, 0, 2, 2, 0, 0]
    totals = {}
    for reward in ("sampled", "mean"):
        env = CarouselVectorEnv(LANES, population=population, reward=reward)
        env.reset(seed=0)
        there, total = np.ones(LANES, dtype=bool), np.zeros(LANES)
        for pick in schedule:
            _, paid, terminated, truncated, _ = env.step(np.full(LANES, pick))
            total += paid * there
            there &= ~(terminated | truncated)
        totals[reward] = total
    assert within(totals["sampled"] - totals["mean"], 0.0, 4)
    assert totals["sampled"].std() > 1.02 * totals["mean"].std(), "the mean pays with less noise"
    assert not np.array_equal(totals["sampled"], totals["mean"])
