"""Stacks of wrappers, and the space that each says it has."""

from __future__ import annotations

import numpy as np
from gymnasium.vector import AutoresetMode
from hypothesis import strategies as st

from carousel_envs.wrappers import (
    BeliefFeatures,
    Clairvoyance,
    ContentFilter,
    History,
    VisibleContext,
    Yoked,
)
from support.env_helpers import sticky_actions

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
    "yoked": Yoked,
}


@st.composite
def stacks(draw: st.DrawFn) -> list[str]:
    """Wrappers in any order; what reads the environment's own columns stands below `replace`, and
    what changes them below all."""
    names = draw(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=4, unique=True))
    if "belief" in names and "merged" in names:
        names.remove("belief")
    return sorted(names, key=lambda name: (name != "yoked", name == "merged"))


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
