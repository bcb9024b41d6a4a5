"""Every registered id keeps the contracts of Gymnasium and of Stable-Baselines3."""

from __future__ import annotations

import itertools

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from carousel_envs import CarouselEnv, Columns, Population, Questions, column_names, environment_ids
from carousel_envs.lanes.scalar import LaneEnv
from carousel_envs.lanes.vector import LaneVectorEnv
from support.matrix import most_later
from support.presets import presets
from support.vector_steps import assert_same

IDS = environment_ids()
OF_USERS = tuple(f"Carousel/{name}-v0" for name in presets())
RENDER_MODES = (None, "ansi", "rgb_array")


def test_there_is_one_id_per_preset():
    assert tuple(f"Carousel/{name}-v0" for name in (*presets(), *Questions.presets())) == IDS
    for name in presets():
        population = gym.make(f"Carousel/{name}-v0").unwrapped.population
        assert population == Population.preset(name)
    for name in Questions.presets():
        population = gym.make(f"Carousel/{name}-v0").unwrapped.population
        assert population == Questions.preset(name)


@pytest.mark.parametrize("render_mode", RENDER_MODES)
@pytest.mark.parametrize("id_", IDS)
def test_gymnasiums_checker_has_nothing_to_say(id_, render_mode):
    env = gym.make(id_, render_mode=render_mode)
    assert isinstance(env.unwrapped, LaneEnv)
    check_env(env.unwrapped)


@pytest.mark.parametrize("id_", IDS)
def test_stable_baselines_checker_has_nothing_to_say(id_):
    # the environments do not need it
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(gym.make(id_).unwrapped, warn=True)


@pytest.mark.parametrize("id_", IDS)
def test_gymnasiums_wrappers_let_whole_episodes_through(id_):
    env = gym.make(id_)
    env.action_space.seed(0)
    for episode in range(3):
        obs, info = env.reset(seed=0 if episode == 0 else None)
        over = False
        while not over:
            action = env.action_space.sample(mask=info["action_mask"])
            obs, _, terminated, truncated, info = env.step(action)
            assert obs in env.observation_space
            over = terminated or truncated
    env.close()


@pytest.mark.parametrize("id_", IDS)
def test_make_vec_makes_the_native_environment(id_):
    env = gym.make_vec(id_, num_envs=5)
    assert isinstance(env.unwrapped, LaneVectorEnv)
    assert env.num_envs == 5
    assert env.observation_space.shape == (5, *env.single_observation_space.shape)
    assert env.action_space.shape == (5,)
    assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    obs, _ = env.reset(seed=3)
    assert obs in env.observation_space
    env.action_space.seed(0)
    for _ in range(100):
        obs, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        assert obs in env.observation_space
        assert reward.dtype == np.float64
        assert terminated.dtype == truncated.dtype == np.bool_
        assert reward.shape == terminated.shape == truncated.shape == (5,)
    env.close()


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("id_", IDS)
def test_make_vec_passes_arguments_on(id_, mode):
    arguments = {"reward": "mean"} if id_ in OF_USERS else {}
    env = gym.make_vec(id_, num_envs=2, autoreset_mode=mode, render_mode="ansi", **arguments)
    assert env.metadata["autoreset_mode"] == mode
    assert all(getattr(env.unwrapped, name) == value for name, value in arguments.items())
    assert env.render_mode == "ansi"
    by_value = gym.make_vec(id_, num_envs=2, autoreset_mode=mode.value)
    assert by_value.unwrapped.autoreset_mode is mode


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("id_", "mode"),
    most_later(
        itertools.product(IDS, AutoresetMode),
        lambda id_, mode: mode == AutoresetMode.SAME_STEP or "Welfare" in id_,
    ),
)
def test_the_native_environment_speaks_as_gymnasiums_own_vector_of_scalars(id_, mode):
    lanes = 7
    native = gym.make_vec(id_, num_envs=lanes, autoreset_mode=mode)
    sync = SyncVectorEnv([lambda: gym.make(id_)] * lanes, autoreset_mode=mode)
    assert native.single_observation_space == sync.single_observation_space
    assert native.single_action_space == sync.single_action_space
    assert_same(native.reset(seed=11), sync.reset(seed=11))
    rng = np.random.default_rng(0)
    for _ in range(130):
        actions = rng.integers(native.single_action_space.n, size=lanes)
        one, other = native.step(actions), sync.step(actions)
        assert_same(one, other)
        over = one[2] | one[3]
        if mode == AutoresetMode.DISABLED and over.any():
            assert_same(
                native.reset(options={"reset_mask": over}),
                sync.reset(options={"reset_mask": over}),
            )


@pytest.mark.parametrize("name", presets())
def test_columns_cover_an_observation_once_and_in_order(name):
    population = Population.preset(name)
    columns, names = Columns.of(population), column_names(population)
    assert len(names) == len(set(names)) == columns.width
    assert CarouselEnv(population=population).observation_space.shape == (columns.width,)
    k = population.n_actions
    assert names[columns.cues] == ("reply_latency", "reply_length", "sentiment", "asks_question")
    assert names[columns.engagement] == "engagement"
    assert names[columns.persona] == tuple(f"persona_{x}" for x in population.actions)
    assert names[columns.available] == tuple(f"available_{x}" for x in population.actions)
    assert names[columns.streak] == "turns_with_persona"
    assert names[columns.elapsed] == "session_gone"
    places = [*range(columns.width)]
    signs = [columns.vulnerable, columns.farewell, columns.payoff]
    for place, sign in zip(signs, ("vulnerable", "farewell", "payoff"), strict=True):
        assert (place is not None) == (sign in population.shows)
        assert place is None or names[place] == sign
    assert [
        *places[columns.cues],
        columns.engagement,
        *places[columns.persona],
        *places[columns.available],
        columns.streak,
        columns.elapsed,
        *(place for place in signs if place is not None),
    ] == places
    assert len(places[columns.persona]) == len(places[columns.available]) == k


def test_cues_beyond_the_fourth_are_numbered():
    cue = ((0.5, 0.5), (0.5, 0.5))
    population = Population(cues=(cue,) * 6)
    assert column_names(population)[3:7] == ("asks_question", "cue_5", "cue_6", "engagement")
    assert column_names(Population(cues=()))[0] == "engagement"


def test_the_observation_space_is_tight():
    space = CarouselEnv(population=Population(cues=(((0.5, 0.3, 0.2),) * 2,))).observation_space
    columns = Columns(1, 4)
    assert space.dtype == np.float32
    assert space.high[columns.cues] == 2
    assert space.low[columns.cues] == space.low[columns.engagement] == -1
    assert space.high[columns.streak] == 40
    assert (np.delete(space.high, [0, columns.streak]) == 1).all()
    assert (space.low[2:] == 0).all()
