"""Whatever the users, every wrapper shows what its space says, in every stack."""

from __future__ import annotations

import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselEnv, CarouselVectorEnv, Population
from carousel_envs.wrappers import (
    BeliefFeatures,
    VisibleContext,
)
from support.env_helpers import busy
from support.properties import examples
from support.strategies import populations
from support.wrapped import FEATURES, assert_keeps_its_space, stacks, wrapped


@examples(30)
@given(populations(), stacks(), st.sampled_from(list(AutoresetMode)), st.integers(0, 1000))
def test_whatever_the_users_every_stack_keeps_its_space(population, names, mode, seed):
    env = CarouselVectorEnv(6, population=population, autoreset_mode=mode)
    assert_keeps_its_space(wrapped(env, names), 12, seed)


@examples(20)
@given(populations(), stacks(), st.integers(0, 1000))
def test_so_does_every_stack_of_one_session(population, names, seed):
    env = wrapped(CarouselEnv(population=population), names)
    for session in range(2):
        observation, _ = env.reset(seed=seed if session == 0 else None)
        over = False
        while not over:
            assert observation in env.observation_space
            observation, _, terminated, truncated, _ = env.step(1)
            over = terminated or truncated
        assert observation in env.observation_space


def test_a_gain_that_wears_off_fast_is_within_its_space():
    population = Population.preset("Satiation").replace(satiation_gain=10.0, satiation_wear=10.0)
    env = VisibleContext(CarouselVectorEnv(3, population=population))
    observation, _ = env.reset(seed=0)
    column = env.column_names.index("satiation_gain_alice")
    assert (observation[:, column] == 100.0).all()
    assert_keeps_its_space(env, 5, 0)


@pytest.mark.parametrize("believed", [{}, {"leave_bored": 1.0, "leave_fresh": 1.0}])
def test_beliefs_are_probabilities_where_a_level_is_impossible_in_one_mood(believed):
    """In the second case every turn after which the user stays is impossible, too."""
    certain = busy(
        cues=(((1.0, 0.0), (0.0, 1.0)), ((0.5, 0.5), (1.0, 0.0))),
        engagement_fresh=1.0,
        engagement_bored=(0.1, 0.4),
        boredom_hazard=(0.05, 0.3),
        session_length=30,
    )
    env = CarouselVectorEnv(200, population=certain)
    features = BeliefFeatures(env, FEATURES, population=certain.replace(**believed), kinds=8)
    assert_keeps_its_space(features, 60, 0)
    assert (features.belief.joint >= 0.0).all()
