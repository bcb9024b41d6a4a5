"""What an environment returns belongs to the caller; a copy of an environment stands alone."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from carousel_envs import CarouselEnv, CarouselVectorEnv
from carousel_envs.registry import any_population, vector_env
from support.env_helpers import NOBODY_LEAVES, busy, sticky_actions


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


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("name", ["busy", "Unmask", "Recall"])
def test_without_copies_everything_is_the_same_and_in_the_same_arrays(name, mode):
    population = busy() if name == "busy" else any_population(name)
    env, twin = (
        vector_env(population, 20, autoreset_mode=mode, copy=copied) for copied in (False, True)
    )
    first, _ = env.reset(seed=0)
    np.testing.assert_array_equal(first, twin.reset(seed=0)[0])
    before = None
    for actions in sticky_actions(0, 40, 20, 2):
        *arrays, info = env.step(actions)
        *expected, expected_info = twin.step(actions)
        assert arrays[0] is first
        if mode != AutoresetMode.SAME_STEP:
            assert before is None or all(a is b for a, b in zip(arrays, before, strict=True))
        before = arrays
        for array, other in zip(arrays, expected, strict=True):
            np.testing.assert_array_equal(array, other)
        assert info.keys() == expected_info.keys()
        for key in expected_info.keys() - {"final_info", "final_obs"}:
            np.testing.assert_array_equal(info[key], expected_info[key], err_msg=key)
        info["added"] = 1
        if mode == AutoresetMode.DISABLED and (arrays[2] | arrays[3]).any():
            over = {"reset_mask": arrays[2] | arrays[3]}
            np.testing.assert_array_equal(env.reset(options=over)[0], twin.reset(options=over)[0])


def test_a_copy_of_an_environment_without_copies_stands_alone():
    env = CarouselVectorEnv(4, copy=False)
    env.reset(seed=0)
    seen, *_ = env.step(np.zeros(4, dtype=np.int64))
    kept, other = seen.copy(), copy.deepcopy(env)
    shown, reward, *_ = other.step(np.ones(4, dtype=np.int64))
    assert shown is not seen
    np.testing.assert_array_equal(seen, kept)
    expected, paid, *_ = env.step(np.ones(4, dtype=np.int64))
    np.testing.assert_array_equal(shown, expected)
    np.testing.assert_array_equal(reward, paid)
