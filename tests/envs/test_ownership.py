"""What an environment returns belongs to the caller; a copy of an environment stands alone."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from env_helpers import NOBODY_LEAVES, busy, sticky_actions
from gymnasium.vector import AutoresetMode

from carousel_envs import CarouselEnv, CarouselVectorEnv


def collect(env: CarouselVectorEnv, actions: np.ndarray) -> list[np.ndarray]:
    """Every array that one step returns, however deep."""
    obs, reward, terminated, truncated, info = env.step(actions)
    return [obs, reward, terminated, truncated, *arrays_of(info)]


def arrays_of(info: dict) -> list[np.ndarray]:
    found = []
    for value in info.values():
        found += arrays_of(value) if isinstance(value, dict) else [value]
    return found


@pytest.mark.parametrize("made", [lambda env: env, copy.deepcopy], ids=["new", "copied"])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_returned_arrays_are_the_callers(mode, made):
    env = made(CarouselVectorEnv(20, population=busy(), autoreset_mode=mode))
    twin = CarouselVectorEnv(20, population=busy(), autoreset_mode=mode)
    obs, info = env.reset(seed=0)
    twin.reset(seed=0)
    kept = [obs, *arrays_of(info)]
    copies = [array.copy() for array in kept]
    for actions in sticky_actions(0, 40, 20, 4):
        for array, value in zip(kept, copies, strict=True):
            np.testing.assert_array_equal(array, value, err_msg="a later step changed it")
        for array in kept:
            if array.flags.writeable:
                array[...] = 0
        expected = collect(twin, actions)
        kept = collect(env, actions)
        copies = [array.copy() for array in kept]
        for array, value in zip(kept, expected, strict=True):
            np.testing.assert_array_equal(array, value, err_msg="writing to it changed the env")


def test_what_was_hidden_is_the_callers_too():
    env = CarouselVectorEnv(50, population=busy(boredom_hazard=0.9))
    twin = CarouselVectorEnv(50, population=busy(boredom_hazard=0.9))
    env.reset(seed=0)
    twin.reset(seed=0)
    for t in range(4):
        kept = env.hidden()
        copies = {key: value.copy() for key, value in kept.items()}
        step, expected = (e.step(np.full(50, t % 2)) for e in (env, twin))
        np.testing.assert_array_equal(step[0], expected[0])
        for key, value in kept.items():
            np.testing.assert_array_equal(value, copies[key])
            value[...] = 3
        for key, value in twin.hidden().items():
            np.testing.assert_array_equal(env.hidden()[key], value)
    assert twin.hidden()["mood"].any()


def test_what_the_scalar_environment_returns_is_the_callers_too():
    env, twin = CarouselEnv(population=busy()), CarouselEnv(population=busy())
    obs, info = env.reset(seed=1)
    twin.reset(seed=1)
    for _ in range(3):
        before = obs.copy(), info["action_mask"].copy()
        expected = twin.step(1)
        step = env.step(1)
        np.testing.assert_array_equal(obs, before[0])
        np.testing.assert_array_equal(info["action_mask"], before[1])
        np.testing.assert_array_equal(step[0], expected[0])
        obs, info = step[0], step[-1]
        env.action_masks()[:] = False
        np.testing.assert_array_equal(env.action_masks(), twin.action_masks())
        for key, value in env.hidden().items():
            if isinstance(value, np.ndarray):
                value[...] = -5
                np.testing.assert_array_equal(env.hidden()[key], twin.hidden()[key])
        for array in (obs, info["action_mask"]):
            array[...] = 0


def pickled(env: CarouselVectorEnv) -> CarouselVectorEnv:
    return pickle.loads(pickle.dumps(env))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickled])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_copy_of_a_running_environment_goes_on_alike_and_alone(duplicate, mode):
    env = CarouselVectorEnv(6, population=busy(**NOBODY_LEAVES), autoreset_mode=mode)
    env.reset(seed=2)
    picks = sticky_actions(1, 12, 6, 4)
    for actions in picks[:6]:
        env.step(actions)
    other = duplicate(env)
    for actions in picks[6:]:
        one = collect(env, actions)
        for a, b in zip(one, collect(other, actions), strict=True):
            np.testing.assert_array_equal(a, b)
    one, two = env.reset(), other.reset()
    np.testing.assert_array_equal(one[0], two[0])
    other.step(picks[0])
    assert (other.hidden()["satiation"].sum(axis=1) > 0).all()
    assert (env.hidden()["satiation"] == 0).all(), "the copy stands alone"


def test_a_copy_of_a_scalar_environment_goes_on_alike():
    env = CarouselEnv(population=busy(), render_mode="ansi")
    env.reset(seed=4)
    env.step(0)
    other = pickle.loads(pickle.dumps(env))
    np.testing.assert_array_equal(env.step(1)[0], other.step(1)[0])
    assert env.render() == other.render()


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_observations_in_place_hold_the_same_and_are_the_same_array(mode):
    env = CarouselVectorEnv(20, population=busy(), autoreset_mode=mode, copy=False)
    twin = CarouselVectorEnv(20, population=busy(), autoreset_mode=mode)
    first, _ = env.reset(seed=0)
    np.testing.assert_array_equal(first, twin.reset(seed=0)[0])
    for actions in sticky_actions(0, 40, 20, 4):
        obs, *_, info = env.step(actions)
        expected, *_, expected_info = twin.step(actions)
        assert obs is first
        np.testing.assert_array_equal(obs, expected)
        for key in ("action_mask", "user"):
            np.testing.assert_array_equal(info[key], expected_info[key])
