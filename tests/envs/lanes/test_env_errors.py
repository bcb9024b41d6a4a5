"""Wrong use is refused in one sentence, and leaves no trace."""

from __future__ import annotations

import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.vector import AutoresetMode

from carousel_envs import CarouselEnv, CarouselError, CarouselVectorEnv
from carousel_envs.rollout import rollout
from support.env_helpers import busy, plain


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        ({"num_envs": 0}, ("num_envs is 0", "from 1 to")),
        ({"num_envs": -1}, ("num_envs is -1", "from 1 to")),
        ({"num_envs": 2.0}, ("num_envs is 2.0", "whole number")),
        ({"num_envs": True}, ("num_envs is True", "whole number")),
        ({"num_envs": "two"}, ("num_envs is 'two'", "whole number")),
        ({"num_envs": None}, ("num_envs is None", "whole number")),
        ({"num_envs": np.array(2.0)}, ("num_envs is array(2.)", "whole number")),
        ({"num_envs": np.array([2, 3])}, ("num_envs is array([2, 3])", "whole number")),
        ({"num_envs": 2**25}, ("num_envs is 33554432", "16777216")),
        ({"reward": "both"}, ("reward is 'both'", "'sampled' or 'mean'")),
        ({"reward": None}, ("reward is None", "'sampled' or 'mean'")),
        ({"reward": np.array(["mean"])}, ("reward is array(['mean']", "'sampled' or 'mean'")),
        ({"render_mode": np.array([1, 2])}, ("render_mode is array([1, 2])", "None, 'ansi'")),
        ({"render_mode": 0}, ("render_mode is 0", "None, 'ansi'")),
        ({"copy": "no"}, ("copy is 'no'", "True or False")),
        ({"copy": None}, ("copy is None", "True or False")),
        ({"copy": np.array([1, 2])}, ("copy is array([1, 2])", "True or False")),
        ({"autoreset_mode": np.array(["NextStep"])}, ("autoreset_mode is array", "'SameStep'")),
        ({"render_mode": "human"}, ("render_mode is 'human'", "None, 'ansi' or 'rgb_array'")),
        ({"autoreset_mode": "never"}, ("autoreset_mode is 'never'", "NextStep", "Disabled")),
        ({"autoreset_mode": None}, ("autoreset_mode is None", "SameStep")),
        ({"population": "boreddom"}, ("'boreddom'", "Boredom", "Taste")),
        ({"population": 5}, ("population is 5", "must be Population, its JSON")),
        (
            {"population": {"cues": 5}},
            ("cues is 5",),
        ),
    ],
    ids=str,
)
def test_bad_arguments_are_named(arguments, fragments):
    with pytest.raises(CarouselError) as caught:
        CarouselVectorEnv(**arguments)
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)
    if not {"num_envs", "autoreset_mode", "copy"} & set(arguments):
        with pytest.raises(CarouselError, match=re.escape(fragments[0])):
            CarouselEnv(**arguments)


BAD_ACTIONS = {
    "float": np.array([0.0, 1.0, 2.0]),
    "bool": np.array([True, False, True]),
    "object": np.array([0, None, 1], dtype=object),
    "text": np.array(["0", "1", "2"]),
    "too few": np.array([0, 1]),
    "too many": np.array([0, 1, 2, 3]),
    "two-dimensional": np.array([[0, 1, 2]]),
    "scalar": np.int64(1),
    "none": None,
    "too large": np.array([0, 1, 4]),
    "negative": np.array([0, -1, 1]),
    "far too large": np.array([0, 2**62, 1]),
    "beyond 64 bits": [0, 2**70, 1],
    "wraps around": np.array([0, 2**64 - 4, 1], dtype=np.uint64),
}

BAD_SCALARS = {
    "float": 1.0,
    "numpy float": np.float64(1.0),
    "bool": True,
    "numpy bool": np.True_,
    "text": "1",
    "none": None,
    "float array": np.array(1.0),
    "two actions": np.array([0, 1]),
    "too large": 4,
    "negative": -1,
    "beyond 64 bits": 2**70,
    "far negative": -(2**70),
    "wraps around": np.uint64(2**64 - 1),
}


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("case", BAD_ACTIONS)
def test_bad_actions_are_refused_and_nothing_is_played(case, mode):
    env, twin = (CarouselVectorEnv(3, population=busy(), autoreset_mode=mode) for _ in range(2))
    env.reset(seed=1)
    twin.reset(seed=1)
    for env_ in (env, twin):
        env_.step([0, 1, 2])
    with pytest.raises(CarouselError, match="action") as caught:
        env.step(BAD_ACTIONS[case])
    assert "\n" not in str(caught.value)
    for key, value in twin.hidden().items():
        np.testing.assert_array_equal(env.hidden()[key], value)
    for one, other in zip(env.step([1, 1, 1])[:4], twin.step([1, 1, 1])[:4], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("case", BAD_SCALARS)
def test_a_bad_action_is_refused_and_nothing_is_played(case):
    stays = busy(leave_fresh=0.0, leave_bored=0.0)
    env, twin = CarouselEnv(population=stays), CarouselEnv(population=stays)
    for env_ in (env, twin):
        env_.reset(seed=1)
        env_.step(2)
    with pytest.raises(CarouselError, match="action") as caught:
        env.step(BAD_SCALARS[case])
    assert "\n" not in str(caught.value)
    one, other = env.step(1), twin.step(1)
    np.testing.assert_array_equal(one[0], other[0])
    assert one[1:4] == other[1:4]


def test_the_message_about_an_action_names_lane_value_and_range():
    env = CarouselVectorEnv(3, population=busy())
    env.reset(seed=0)
    with pytest.raises(CarouselError, match=r"action 7 in lane 1 .* 0 to 3"):
        env.step([0, 7, 9])


@pytest.mark.parametrize("action", [1, np.int64(1), np.uint8(1), np.array(1), np.array([1])])
def test_whole_numbers_of_every_make_are_actions(action):
    env, twin = CarouselEnv(population=busy()), CarouselEnv(population=busy())
    env.reset(seed=1)
    twin.reset(seed=1)
    np.testing.assert_array_equal(env.step(action)[0], twin.step(1)[0])


BAD_SEEDS = (-1, 2**64, True, 1.5, "abc", [1, 2, -3], [1, 2], [1, 2, 3.5], [0, 1, True], np.True_)


@pytest.mark.parametrize("seed", BAD_SEEDS, ids=str)
def test_bad_seeds_are_refused_and_the_sessions_go_on(seed):
    env, twin = (CarouselVectorEnv(3, population=busy()) for _ in range(2))
    env.reset(seed=1)
    twin.reset(seed=1)
    with pytest.raises(CarouselError, match="seed"):
        env.reset(seed=seed)
    np.testing.assert_array_equal(env.step([0, 1, 2])[0], twin.step([0, 1, 2])[0])
    scalar = CarouselEnv()
    with pytest.raises(CarouselError, match="seed"):
        scalar.reset(seed=seed)


BAD_OPTIONS = (
    {"users": 3},
    {"user": 40},
    {"user": -2},
    {"user": 1.0},
    {"user": True},
    {"user": [1, 2]},
    {"user": [1, 2, 40]},
    {"user": "bob"},
    {"reset_mask": np.ones(3)},
    {"reset_mask": np.ones(4, dtype=bool)},
    {"reset_mask": np.zeros(3, dtype=bool)},
    {"reset_mask": True},
)


@pytest.mark.parametrize("options", BAD_OPTIONS, ids=str)
def test_bad_options_are_refused_and_the_sessions_go_on(options):
    env, twin = (
        CarouselVectorEnv(3, population=busy(), autoreset_mode="Disabled") for _ in range(2)
    )
    env.reset(seed=1)
    twin.reset(seed=1)
    with pytest.raises(CarouselError, match=next(iter(options))) as caught:
        env.reset(options=options)
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(env.step([0, 1, 2])[0], twin.step([0, 1, 2])[0])


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_reset_mask_needs_autoreset_to_be_disabled(mode):
    env = CarouselVectorEnv(2, population=busy(), autoreset_mode=mode)
    env.reset(seed=0)
    with pytest.raises(CarouselError, match=f"reset_mask .* Disabled; it is {mode.value}"):
        env.reset(options={"reset_mask": np.array([True, False])})


def test_the_first_reset_must_start_every_lane():
    env = CarouselVectorEnv(2, population=busy(), autoreset_mode="Disabled")
    with pytest.raises(CarouselError, match="first reset"):
        env.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(ResetNeeded):
        env.step([0, 0])


@pytest.mark.parametrize("render_mode", [None, "ansi", "rgb_array"])
def test_nothing_can_be_played_before_the_first_reset(render_mode):
    for env, action in (
        (CarouselEnv(population=busy(), render_mode=render_mode), 0),
        (gym.make("Carousel/Boredom-v0", render_mode=render_mode), 0),
        (CarouselVectorEnv(2, population=busy(), render_mode=render_mode), [0, 0]),
    ):
        with pytest.raises(ResetNeeded):
            env.step(action)
        if render_mode:
            with pytest.raises(ResetNeeded):
                env.render()


def test_nothing_can_be_done_once_closed():
    for env, action in ((CarouselEnv(), 0), (CarouselVectorEnv(2), [0, 0])):
        env.reset(seed=0)
        env.close()
        for call in (lambda e=env, a=action: e.step(a), env.reset, env.render):
            with pytest.raises(ClosedEnvironmentError):
                call()
        env.close()


def test_a_session_that_is_over_waits_for_its_reset():
    env = CarouselEnv(population=plain(session_length=2))
    env.reset(seed=0)
    env.step(0)
    assert env.step(0)[3]
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset()
    env.step(0)
    vector = CarouselVectorEnv(2, population=plain(session_length=1), autoreset_mode="Disabled")
    vector.reset(seed=0)
    vector.step([0, 0])
    vector.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(ResetNeeded, match="lane 1"):
        vector.step([0, 0])


@pytest.mark.parametrize(
    "arguments", [{"sessions": 0}, {"sessions": 2.5}, {"sessions": 3, "seed": -1}], ids=str
)
def test_rollout_names_what_it_cannot_do(arguments):
    with pytest.raises(CarouselError, match=list(arguments)[-1]):
        rollout(plain(), None, **arguments)
