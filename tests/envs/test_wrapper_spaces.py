"""Whatever the users, every wrapper shows what its space says, in every stack."""

from __future__ import annotations

import numpy as np
import pytest
from env_helpers import busy, sticky_actions
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import populations

from carousel_envs import CarouselEnv, CarouselVectorEnv, Population
from carousel_envs.wrappers import (
    BeliefFeatures,
    Clairvoyance,
    ContentFilter,
    History,
    VisibleContext,
)

FEATURES = ("bored", "kind", "joint")
EVERY_FIELD = (
    *("fit", "hazard", "engagement", "leave", "satiation_gain", "satiation_memory"),
    *("swap_cost", "session_length"),
)
LAYERS = {
    "block": lambda env: ContentFilter(env, blocked=0, replacement=1),
    "rule": lambda env: ContentFilter(env, rule=lambda seen, picks: 1 - (picks > 0)),
    "context": lambda env: VisibleContext(env, EVERY_FIELD),
    "history": lambda env: History(env, 2),
    "belief": lambda env: BeliefFeatures(env, FEATURES),
    "merged": lambda env: BeliefFeatures(env, FEATURES, kinds=1, replace=True),
    "clairvoyance": Clairvoyance,
}


@st.composite
def stacks(draw: st.DrawFn) -> list[str]:
    """Wrappers in any order; what reads the environment's own columns stands below `replace`."""
    names = draw(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=4, unique=True))
    if "belief" in names and "merged" in names:
        names.remove("belief")
    return sorted(names, key=lambda name: name == "merged")


def wrapped(env, names):
    for name in names:
        env = LAYERS[name](env)
    return env


def assert_keeps_its_space(env, turns: int, seed: int) -> None:
    """Play a vector environment: first, later and final observations lie in its space."""
    space, single = env.observation_space, env.single_observation_space
    observation, _ = env.reset(seed=seed)
    assert observation in space
    for actions in sticky_actions(seed, turns, env.num_envs, 2):
        observation, *_, terminated, truncated, info = env.step(actions)
        over = terminated | truncated
        assert observation in space, outside(observation, env)
        for lane in np.flatnonzero(over) if "final_obs" in info else ():
            assert info["final_obs"][lane] in single
        if env.metadata["autoreset_mode"] == AutoresetMode.DISABLED and over.any():
            observation, _ = env.reset(options={"reset_mask": over})
            assert observation in space


def outside(observation: np.ndarray, env) -> str:
    """Which columns leave their space, and how far."""
    space = env.single_observation_space
    wrong = ((observation < space.low) | (observation > space.high)).any(axis=0)
    names = np.array(env.column_names)[wrong]
    return str(dict(zip(names, observation[:, wrong].T.tolist(), strict=True)))


@settings(deadline=None, max_examples=30)
@given(populations(), stacks(), st.sampled_from(list(AutoresetMode)), st.integers(0, 1000))
def test_whatever_the_users_every_stack_keeps_its_space(population, names, mode, seed):
    env = CarouselVectorEnv(6, population=population, autoreset_mode=mode)
    assert_keeps_its_space(wrapped(env, names), 12, seed)


@settings(deadline=None, max_examples=20)
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
